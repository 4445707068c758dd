package identity

import (
	"context"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/secret"
)

// First is what a new account begins with.
type First struct {
	Account      *core.Account
	Organisation *core.Organisation
	Group        *core.Group
	User         *core.User
	// Password is the one-time password of User; empty when the account was
	// there already.
	Password secret.Redacted
}

// NewAccount says what a new account is called.
type NewAccount struct {
	Name  string
	Login string // of its first administrator; empty: "admin"
	Email string // of its first administrator; optional
}

// Names that a new account begins with.
const (
	firstLogin = "admin"
	firstGroup = "default"
)

// Bootstrap makes the first account with an organisation, the group "default"
// and the user "admin" with a one-time password, unless there is an account.
// It may run at every start, on several replicas at once: one makes the
// account, the others find it.
func (s *Service) Bootstrap(ctx context.Context, name string) (*First, error) {
	if f, err := s.first(ctx); err == nil || !core.Is(err, core.KindNotFound) {
		return f, err
	}
	f, err := s.createAccount(ctx, NewAccount{Name: name}, true)
	if core.Is(err, core.KindExists) {
		return s.first(ctx)
	}
	return f, err
}

// first reads what Bootstrap once made, as far as it is still there under
// those names.
func (s *Service) first(ctx context.Context) (*First, error) {
	a, err := s.storage.AccountByNumber(ctx, 0)
	if err != nil {
		return nil, err
	}
	f := &First{Account: a}
	if f.User, err = s.storage.UserByLogin(ctx, a.ID, firstLogin); err != nil && !core.Is(err, core.KindNotFound) {
		return nil, err
	}
	f.User = withoutHash(f.User)
	q := core.ListQuery{Account: a.ID, Limit: 1, Filter: core.Filter{{Column: "name", Op: core.OpEquals, Values: []string{firstGroup}}}}
	groups, err := s.storage.Groups(ctx, q, nil)
	if err != nil {
		return nil, err
	}
	if len(groups.Items) == 1 {
		f.Group = &groups.Items[0]
		if f.Group.Organisation != "" {
			f.Organisation, err = s.storage.Organisation(ctx, nil, a.ID, f.Group.Organisation)
		}
	}
	return f, err
}

// CreateAccount makes a further account, with its own first administrator.
// Only the host's command line may.
func (s *Service) CreateAccount(ctx context.Context, p *core.Principal, n NewAccount) (*First, error) {
	if p == nil || p.System == "" {
		return nil, core.Errorf(core.KindForbidden, "accounts are made on the host's command line")
	}
	return s.createAccount(ctx, n, false)
}

func (s *Service) createAccount(ctx context.Context, n NewAccount, mustBeFirst bool) (*First, error) {
	if n.Login == "" {
		n.Login = firstLogin
	}
	if err := checkText("name", n.Name, 1, 200); err != nil {
		return nil, err
	}
	if err := checkLogin(n.Login); err != nil {
		return nil, err
	}
	if err := checkEmail("email", n.Email); err != nil {
		return nil, err
	}
	password := newOneTimePassword()
	phc, err := s.passwords.hash(ctx, password)
	if err != nil {
		return nil, err
	}
	f := s.newFirst(n, phc)
	f.Password = secret.Redacted(password)
	p := Host(f.Account.ID, "host")
	err = s.change(ctx, p, "account.create", object("account", f.Account.ID), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		e.Detail["name"], e.Detail["login"] = f.Account.Name, f.User.Login
		return s.insertFirst(ctx, tx, f, mustBeFirst)
	})
	if err != nil {
		return nil, err
	}
	f.User = withoutHash(f.User)
	return f, nil
}

func (s *Service) newFirst(n NewAccount, phc string) *First {
	now := s.now()
	a := &core.Account{ID: core.NewID[core.AccountID](now), Name: n.Name, CreatedAt: now}
	o := &core.Organisation{ID: core.NewID[core.OrganisationID](now), Account: a.ID, Name: n.Name, CreatedAt: now, UpdatedAt: now}
	g := &core.Group{ID: core.NewID[core.GroupID](now), Account: a.ID, Organisation: o.ID, Name: firstGroup, CreatedAt: now, UpdatedAt: now}
	u := &core.User{
		ID: core.NewID[core.UserID](now), Account: a.ID, Login: n.Login, Name: "Administrator", Email: n.Email, State: core.UserActive,
		Grants: []core.Grant{{Role: core.RoleAdministrator}}, Groups: []core.GroupID{g.ID}, PasswordHash: phc, MustChange: true,
		CreatedAt: now, UpdatedAt: now,
	}
	return &First{Account: a, Organisation: o, Group: g, User: u}
}

// insertFirst writes the rows of a new account. The counter of account numbers
// makes creators wait for each other, so the check behind it sees what another
// replica did.
func (s *Service) insertFirst(ctx context.Context, tx core.Tx, f *First, mustBeFirst bool) (err error) {
	if f.Account.Number, err = s.storage.NextNumber(ctx, tx, "", "account", firstAccount); err != nil {
		return err
	}
	if mustBeFirst {
		any, err := s.storage.AnyAccount(ctx, tx)
		if err != nil {
			return err
		}
		if any {
			return core.Errorf(core.KindExists, "there is an account already")
		}
	}
	if err := s.storage.InsertAccount(ctx, tx, f.Account); err != nil {
		return err
	}
	for kind, n := range map[string]*int64{"organisation": &f.Organisation.Number, "group": &f.Group.Number, "user": &f.User.Number} {
		if *n, err = s.number(ctx, tx, f.Account.ID, kind); err != nil {
			return err
		}
	}
	if err := s.storage.InsertOrganisation(ctx, tx, f.Organisation); err != nil {
		return err
	}
	if err := s.storage.InsertGroup(ctx, tx, f.Group); err != nil {
		return err
	}
	if err := s.storage.InsertUser(ctx, tx, f.User); err != nil {
		return err
	}
	return s.storage.SetMembership(ctx, tx, f.Account.ID, f.User.ID, f.User.Groups)
}

// Account returns the principal's account.
func (s *Service) Account(ctx context.Context, p *core.Principal) (*core.Account, error) {
	if err := Can(p, AccountView, ""); err != nil {
		return nil, err
	}
	return s.storage.Account(ctx, p.Account)
}

// AccountByNumber finds an account for the host's command line; 0 means the
// first one.
func (s *Service) AccountByNumber(ctx context.Context, number int64) (*core.Account, error) {
	return s.storage.AccountByNumber(ctx, number)
}

// Accounts lists every account, for the host's command line and for schedules.
func (s *Service) Accounts(ctx context.Context) ([]core.Account, error) {
	return s.storage.Accounts(ctx)
}

// RenameAccount changes the name of the principal's account.
func (s *Service) RenameAccount(ctx context.Context, p *core.Principal, name string) error {
	if err := Can(p, AccountManage, ""); err != nil {
		return err
	}
	if err := checkText("name", name, 1, 200); err != nil {
		return err
	}
	return s.change(ctx, p, "account.update", object("account", p.Account), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		e.Detail["name"] = name
		return s.storage.RenameAccount(ctx, tx, p.Account, name)
	})
}
