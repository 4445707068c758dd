package identity

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/secret"
)

// NewUser is what an administrator says of a new user.
type NewUser struct {
	Login  string
	Name   string
	Email  string
	Grants []core.Grant
	Groups []core.GroupID
	// SignIn gives the user a one-time password. Without it he cannot sign in
	// by password and only lends his name to credentials.
	SignIn bool
}

// CreateUser makes a user and returns the one-time password if he gets one. A
// taken login gives kind exists.
func (s *Service) CreateUser(ctx context.Context, p *core.Principal, n NewUser) (*core.User, secret.Redacted, error) {
	if err := Can(p, UserManage, ""); err != nil {
		return nil, "", err
	}
	n.Login = strings.ToLower(n.Login)
	if err := checkLogin(n.Login); err != nil {
		return nil, "", err
	}
	now := s.now()
	u := &core.User{
		ID: core.NewID[core.UserID](now), Account: p.Account, Login: n.Login, Name: n.Name, Email: n.Email, State: core.UserActive,
		Grants: byHand(n.Grants), Groups: slices.Clone(n.Groups), CreatedAt: now, UpdatedAt: now,
	}
	if err := checkPerson(u); err != nil {
		return nil, "", err
	}
	password := ""
	if n.SignIn {
		password = newOneTimePassword()
		phc, err := s.passwords.hash(ctx, password)
		if err != nil {
			return nil, "", err
		}
		u.PasswordHash, u.MustChange = phc, true
	}
	err := s.change(ctx, p, "user.create", object("user", u.ID), func(ctx context.Context, tx core.Tx, e *core.Event) (err error) {
		e.Detail["login"], e.Detail["grants"], e.Detail["groups"] = u.Login, u.Grants, u.Groups
		if err := s.checkGroupsOf(ctx, tx, u); err != nil {
			return err
		}
		if u.Number, err = s.number(ctx, tx, u.Account, "user"); err != nil {
			return err
		}
		if err := s.storage.InsertUser(ctx, tx, u); err != nil {
			return err
		}
		return s.storage.SetMembership(ctx, tx, u.Account, u.ID, u.Groups)
	})
	if err != nil {
		return nil, "", err
	}
	return withoutHash(u), secret.Redacted(password), nil
}

// withoutHash returns u without its password hash, which stays in here.
func withoutHash(u *core.User) *core.User {
	if u == nil {
		return nil
	}
	c := *u
	c.PasswordHash = ""
	return &c
}

// checkPerson verifies the words of a user and brings grants and groups into
// order, each once.
func checkPerson(u *core.User) error {
	if err := checkText("name", u.Name, 0, 200); err != nil {
		return err
	}
	if err := checkEmail("email", u.Email); err != nil {
		return err
	}
	if u.State != core.UserActive && u.State != core.UserDisabled {
		return core.Errorf(core.KindInvalid, "a user is active or disabled").At("state")
	}
	if len(u.Grants) > 200 || len(u.Groups) > 200 {
		return core.Errorf(core.KindInvalid, "there are more than 200 grants or groups").At("grants")
	}
	for _, g := range u.Grants {
		if !slices.Contains(core.Roles, g.Role) {
			return core.Errorf(core.KindInvalid, "there is no role %q", g.Role).At("grants")
		}
	}
	slices.SortFunc(u.Grants, func(a, b core.Grant) int {
		return strings.Compare(string(a.Role)+"/"+string(a.Group)+"/"+string(a.Provider), string(b.Role)+"/"+string(b.Group)+"/"+string(b.Provider))
	})
	u.Grants = slices.Compact(u.Grants)
	slices.Sort(u.Groups)
	u.Groups = slices.Compact(u.Groups)
	return nil
}

// checkGroupsOf verifies that the groups and the groups of grants exist.
func (s *Service) checkGroupsOf(ctx context.Context, tx core.Tx, u *core.User) error {
	want := map[core.GroupID]string{}
	for _, g := range u.Groups {
		want[g] = "groups"
	}
	for _, g := range u.Grants {
		if g.Group != "" {
			want[g.Group] = "grants"
		}
	}
	for id, field := range want {
		if _, err := s.storage.Group(ctx, tx, u.Account, id); err != nil {
			return named(err, field)
		}
	}
	return nil
}

// UserChange says what to change; nil leaves a field alone.
type UserChange struct {
	Name   *string
	Email  *string
	State  *core.UserState
	Grants *[]core.Grant
	Groups *[]core.GroupID
}

// UpdateUser changes a user. Disabling ends his sessions, and his tokens and
// credentials are refused while he is disabled. The last active administrator
// of the account can be neither disabled nor demoted.
func (s *Service) UpdateUser(ctx context.Context, p *core.Principal, id core.UserID, ch UserChange) (*core.User, error) {
	if err := Can(p, UserManage, ""); err != nil {
		return nil, err
	}
	if err := known(id, "user"); err != nil {
		return nil, err
	}
	var u *core.User
	err := s.change(ctx, p, "user.update", object("user", id), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		if err := s.storage.LockAccount(ctx, tx, p.Account); err != nil {
			return err
		}
		old, err := s.storage.User(ctx, tx, p.Account, id)
		if err != nil {
			return err
		}
		c := *old
		u = &c
		e.Detail["login"], e.Detail["fields"] = u.Login, ch.apply(u)
		if err := checkPerson(u); err != nil {
			return err
		}
		return s.saveUser(ctx, tx, old, u, e)
	})
	if err != nil {
		return nil, err
	}
	return withoutHash(u), nil
}

func (ch UserChange) apply(u *core.User) (fields []string) {
	u.Grants, u.Groups = slices.Clone(u.Grants), slices.Clone(u.Groups)
	fields = set(fields, "name", &u.Name, ch.Name)
	fields = set(fields, "email", &u.Email, ch.Email)
	fields = set(fields, "state", &u.State, ch.State)
	if ch.Grants != nil {
		provided := slices.DeleteFunc(u.Grants, func(g core.Grant) bool { return g.Provider == "" })
		u.Grants, fields = append(byHand(*ch.Grants), provided...), append(fields, "grants")
	}
	if ch.Groups != nil {
		u.Groups, fields = slices.AppendSeq(slices.Clone(*ch.Groups), maps.Keys(u.Provided)), append(fields, "groups")
	}
	return fields
}

// byHand returns the grants that come from no sign-in provider: those that do
// are changed there.
func byHand(grants []core.Grant) []core.Grant {
	return slices.DeleteFunc(slices.Clone(grants), func(g core.Grant) bool { return g.Provider != "" })
}

// saveUser writes a changed user inside tx, which holds the account's lock.
func (s *Service) saveUser(ctx context.Context, tx core.Tx, old, u *core.User, e *core.Event) error {
	if err := s.checkGroupsOf(ctx, tx, u); err != nil {
		return err
	}
	if administers(old) && !administers(u) {
		if err := s.keepAdministrator(ctx, tx, u); err != nil {
			return err
		}
	}
	u.UpdatedAt = s.now()
	if err := s.storage.UpdateUser(ctx, tx, u); err != nil {
		return err
	}
	if !slices.Equal(old.Groups, u.Groups) {
		e.Detail["groups"] = u.Groups
		if err := s.storage.SetMembership(ctx, tx, u.Account, u.ID, u.Groups); err != nil {
			return err
		}
	}
	if !slices.Equal(old.Grants, u.Grants) {
		e.Detail["grants"] = u.Grants
	}
	if u.State == old.State {
		return nil
	}
	e.Detail["state"] = string(u.State)
	if u.State == core.UserActive {
		return nil
	}
	_, err := s.storage.DeleteSessions(ctx, tx, u.Account, u.ID, "")
	return err
}

// administers reports whether u counts as an administrator of the account. One
// by grace of a sign-in provider does not: the account must be administered
// even if the provider is gone.
func administers(u *core.User) bool {
	return u.State == core.UserActive && slices.Contains(u.Grants, core.Grant{Role: core.RoleAdministrator})
}

// keepAdministrator refuses when nobody but u administers the account.
func (s *Service) keepAdministrator(ctx context.Context, tx core.Tx, u *core.User) error {
	admins, err := s.storage.Administrators(ctx, tx, u.Account)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(admins, func(a *core.User) bool { return a.ID != u.ID && administers(a) }) {
		return nil
	}
	return core.Errorf(core.KindConflict, "%s is the last active administrator of the account", u.Login)
}

// DeleteUser removes a disabled user to whom nothing refers. A user who owns
// credentials, orders, certificates or approvals stays disabled instead, so
// that it remains known who they were: that gives a conflict.
func (s *Service) DeleteUser(ctx context.Context, p *core.Principal, id core.UserID) error {
	if err := Can(p, UserManage, ""); err != nil {
		return err
	}
	if err := known(id, "user"); err != nil {
		return err
	}
	use, err := s.storage.UserUse(ctx, p.Account, id)
	if err != nil {
		return err
	}
	return s.change(ctx, p, "user.delete", object("user", id), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		u, err := s.storage.User(ctx, tx, p.Account, id)
		if err != nil {
			return err
		}
		e.Detail["login"] = u.Login
		switch {
		case u.State != core.UserDisabled:
			return core.Errorf(core.KindConflict, "only a disabled user can be deleted")
		case use != "":
			return core.Errorf(core.KindConflict, "the user owns %s; he stays disabled instead", use)
		}
		return s.storage.DeleteUser(ctx, tx, p.Account, id)
	})
}

// User returns one: oneself, or somebody in a group that p may view.
func (s *Service) User(ctx context.Context, p *core.Principal, id core.UserID) (*core.User, error) {
	if err := known(id, "user"); err != nil {
		return nil, err
	}
	u, err := s.storage.User(ctx, nil, p.Account, id)
	if err != nil {
		return nil, err
	}
	seen := p.User == id && p.Credential == nil || Can(p, UserView, "") == nil ||
		slices.ContainsFunc(u.Groups, func(g core.GroupID) bool { return Can(p, UserView, g) == nil })
	if !seen {
		return nil, notFound("user")
	}
	return withoutHash(u), nil
}

// UserByLogin finds a user by login, for the host's command line and for
// people who may view all users.
func (s *Service) UserByLogin(ctx context.Context, p *core.Principal, login string) (*core.User, error) {
	if err := Can(p, UserView, ""); err != nil {
		return nil, err
	}
	u, err := s.storage.UserByLogin(ctx, p.Account, strings.ToLower(login))
	return withoutHash(u), err
}

// Users lists users: all, or the members of the groups that p may view.
func (s *Service) Users(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.User], error) {
	q.Account = p.Account
	all, groups := VisibleGroups(p, UserView)
	return s.storage.Users(ctx, q, within(all, groups))
}

// UserColumns describes the list of users.
func (s *Service) UserColumns() []core.Column { return s.storage.UserColumns() }
