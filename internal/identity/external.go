package identity

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Outside is somebody whom a sign-in provider vouches for.
type Outside struct {
	Provider      *core.SignInProvider
	Subject       string // unique and unchanging at the provider
	Login         string
	Name          string
	Email         string
	EmailVerified bool // by the provider
	Groups        []string
}

// ExternalStorage keeps what links users to sign-in providers.
type ExternalStorage interface {
	// ExternalUser finds the user who is linked to a provider's subject; tx may
	// be nil.
	ExternalUser(ctx context.Context, tx core.Tx, account core.AccountID, provider core.ProviderID, subject string) (*core.User, error)
	// UserByEmail finds the user of a mail address, whatever its case; not-found
	// when there are none or several.
	UserByEmail(ctx context.Context, tx core.Tx, account core.AccountID, email string) (*core.User, error)
	UserByLoginIn(ctx context.Context, tx core.Tx, account core.AccountID, login string) (*core.User, error)
	// LinkIdentity answers exists when the subject is linked already.
	LinkIdentity(ctx context.Context, tx core.Tx, i *core.ExternalIdentity) error
	// UseIdentity notes a sign-in.
	UseIdentity(ctx context.Context, tx core.Tx, i *core.ExternalIdentity) error
	UnlinkIdentity(ctx context.Context, tx core.Tx, account core.AccountID, user core.UserID, provider core.ProviderID, subject string) error
	// Identities lists those of a user; tx may be nil.
	Identities(ctx context.Context, tx core.Tx, account core.AccountID, user core.UserID) ([]core.ExternalIdentity, error)
	// SetProvided makes groups those that a provider puts the user into.
	SetProvided(ctx context.Context, tx core.Tx, account core.AccountID, user core.UserID, provider core.ProviderID, groups []core.GroupID) error
	// CountOutside records a sign-in that no password was asked for; false when
	// the user is not active.
	CountOutside(ctx context.Context, tx core.Tx, id core.UserID, at time.Time) (bool, error)
	// SignInProvider reads one; tx may be nil.
	SignInProvider(ctx context.Context, tx core.Tx, account core.AccountID, id core.ProviderID) (*core.SignInProvider, error)
}

// refusal is why somebody whom a provider vouches for does not get in.
type refusal struct{ error }

func refusef(format string, args ...any) error {
	return refusal{core.Errorf(core.KindForbidden, format, args...)}
}

// SignInOutside signs somebody in for whom a provider vouches. A user is found
// by the provider's subject, else linked or made as the provider's settings
// say, and gets what the rules give for his groups now. Of in, where the
// request comes from and the code are used. Errors: forbidden with a reason that
// may be shown.
func (s *Service) SignInOutside(ctx context.Context, in SignIn, o *Outside) (*SignedIn, error) {
	p := &core.Principal{Account: o.Provider.Account, Login: clip(o.Login, 128), Address: in.Address, RequestID: in.RequestID}
	var u *core.User
	err := s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) (err error) {
		if err := s.storage.LockAccount(ctx, tx, p.Account); err != nil {
			return err
		}
		now, err := s.storage.SignInProvider(ctx, tx, p.Account, o.Provider.ID)
		if core.Is(err, core.KindNotFound) || err == nil && !now.Enabled {
			return refusef("signing in through %s is switched off", o.Provider.Name)
		} else if err != nil {
			return err
		}
		if u, err = s.admit(ctx, tx, p, o); err != nil {
			return err
		}
		return s.provide(ctx, tx, p, u, o)
	})
	var r refusal
	switch {
	case errors.As(err, &r):
		return nil, s.refuseOutside(ctx, p, o, r.error)
	case core.Is(err, core.KindUnauthenticated):
		if err := s.recordRefusal(ctx, p, "session.create", object("provider", o.Provider.ID), "locked"); err != nil {
			return nil, err
		}
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	// A directory only compares passwords: the sign-in policy holds for it as for
	// passwords of ours. Other providers see to second factors themselves, unless
	// ours is asked for.
	password, ours := o.Provider.Kind == core.ProviderLDAP, o.Provider.Config.SecondFactor
	in.via, in.vouched = o.Provider.Label, !password && !ours
	if u.SecondFactor && (ours || password && u.FactorWanted) {
		if in.Code == "" {
			return s.suspend(ctx, u)
		}
		if err := s.attempt(ctx, p, u.ID, "session.create", in.Code, nil); err != nil {
			return nil, err
		}
	}
	p.User, p.Login = u.ID, u.Login
	return s.start(ctx, p, u, in)
}

func (s *Service) refuseOutside(ctx context.Context, p *core.Principal, o *Outside, why error) error {
	e := core.EventOf(p, s.now(), "session.create", object("provider", o.Provider.ID))
	e.Outcome, e.Detail = core.Refused, map[string]any{"reason": core.AsError(why).Detail, "provider": o.Provider.Label, "subject": clip(o.Subject, 256)}
	if err := s.audit.Record(ctx, e); err != nil {
		return err
	}
	return why
}

// admit finds, links or makes the user.
func (s *Service) admit(ctx context.Context, tx core.Tx, p *core.Principal, o *Outside) (*core.User, error) {
	now := s.now()
	id := &core.ExternalIdentity{Provider: o.Provider.ID, Subject: o.Subject, Account: p.Account, Login: clip(o.Login, 256), LinkedAt: now, LastSignIn: now}
	u, err := s.storage.ExternalUser(ctx, tx, p.Account, o.Provider.ID, o.Subject)
	known := err == nil
	if core.Is(err, core.KindNotFound) {
		u, err = s.linkable(ctx, tx, p, o)
	}
	if core.Is(err, core.KindNotFound) {
		if !o.Provider.Config.Create {
			return nil, refusef("%s knows you, but there is no user for you here: ask an administrator", o.Provider.Name)
		}
		u, err = s.arrive(ctx, tx, p, o)
	}
	if err != nil {
		return nil, err
	}
	id.User = u.ID
	if known {
		err = s.storage.UseIdentity(ctx, tx, id)
	} else if err = s.storage.LinkIdentity(ctx, tx, id); err == nil {
		e := core.EventOf(p, now, "identity.link", object("user", u.ID))
		e.Detail = map[string]any{"provider": o.Provider.Label, "subject": clip(o.Subject, 256), "login": u.Login}
		s.audit.Write(tx, e)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case o.Provider.Kind == core.ProviderLDAP && now.Before(u.LockedUntil):
		return nil, wrongPassword(u.LockedUntil.Sub(now)) // a lock hides whether the password was right
	case o.Provider.Kind == core.ProviderLDAP:
		known, err = s.storage.CountSignIn(ctx, tx, u.ID, u.PasswordHash, now)
	default:
		known, err = s.storage.CountOutside(ctx, tx, u.ID, now)
	}
	if err == nil && !known {
		return nil, refusef("user %s is disabled", u.Login)
	}
	return u, err
}

// linkable finds a user that an administrator made, when the provider's settings
// say that he is the same person. One whom the provider knows under another
// subject is not.
func (s *Service) linkable(ctx context.Context, tx core.Tx, p *core.Principal, o *Outside) (u *core.User, err error) {
	switch o.Provider.Config.Link {
	case core.LinkLogin:
		u, err = s.storage.UserByLoginIn(ctx, tx, p.Account, strings.ToLower(o.Login))
	case core.LinkEmail:
		if o.Email == "" || !o.EmailVerified {
			return nil, notFound("user")
		}
		u, err = s.storage.UserByEmail(ctx, tx, p.Account, o.Email)
	default:
		return nil, notFound("user")
	}
	if err != nil {
		return nil, err
	}
	ids, err := s.storage.Identities(ctx, tx, p.Account, u.ID)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(ids, func(i core.ExternalIdentity) bool { return i.Provider == o.Provider.ID }) {
		return nil, refusef("user %s is linked to somebody else of %s", u.Login, o.Provider.Name)
	}
	return u, nil
}

// arrive makes a user at his first sign-in. He has no password, and so no use
// of the password form's local side.
func (s *Service) arrive(ctx context.Context, tx core.Tx, p *core.Principal, o *Outside) (*core.User, error) {
	now := s.now()
	u := &core.User{ID: core.NewID[core.UserID](now), Account: p.Account, Login: strings.ToLower(o.Login), State: core.UserActive, CreatedAt: now, UpdatedAt: now}
	if err := checkLogin(u.Login); err != nil {
		return nil, refusef("the user name that %s has for you cannot be used here: %s", o.Provider.Name, core.AsError(err).Detail)
	}
	u.Name, u.Email = profile(o)
	if _, err := s.storage.UserByLoginIn(ctx, tx, p.Account, u.Login); err == nil {
		return nil, refusef("there is a user %q already who is not linked to %s: ask an administrator", u.Login, o.Provider.Name)
	} else if !core.Is(err, core.KindNotFound) {
		return nil, err
	}
	var err error
	if u.Number, err = s.number(ctx, tx, u.Account, "user"); err != nil {
		return nil, err
	}
	if err := s.storage.InsertUser(ctx, tx, u); err != nil {
		return nil, err
	}
	e := core.EventOf(p, now, "user.create", object("user", u.ID))
	e.Detail = map[string]any{"login": u.Login, "provider": o.Provider.Label}
	s.audit.Write(tx, e)
	return u, nil
}

// profile returns name and mail address as they may be kept: what the provider
// says is no reason to refuse a sign-in.
func profile(o *Outside) (name, email string) {
	if name = strings.TrimSpace(o.Name); checkText("name", name, 0, 200) != nil {
		name = ""
	}
	if email = strings.TrimSpace(o.Email); checkEmail("email", email) != nil {
		email = ""
	}
	return name, email
}

// given are the grants and groups that a provider's rules give.
func (s *Service) given(ctx context.Context, tx core.Tx, o *Outside) (grants []core.Grant, groups []core.GroupID, err error) {
	for _, r := range o.Provider.Config.Rules {
		if r.External != "*" && !slices.ContainsFunc(o.Groups, func(g string) bool { return strings.EqualFold(g, r.External) }) {
			continue
		}
		if r.Group != "" {
			if _, err := s.storage.Group(ctx, tx, o.Provider.Account, r.Group); core.Is(err, core.KindNotFound) {
				continue // deleted since
			} else if err != nil {
				return nil, nil, err
			}
		}
		if g := (core.Grant{Role: r.Role, Group: r.Group, Provider: o.Provider.ID}); r.Role != "" && !slices.Contains(grants, g) {
			grants = append(grants, g)
		}
		if r.Member && r.Group != "" && !slices.Contains(groups, r.Group) {
			groups = append(groups, r.Group)
		}
	}
	return grants, groups, nil
}

// provide brings what a user has from the provider to what his groups there
// give now. What was given by hand or comes from another provider stays.
func (s *Service) provide(ctx context.Context, tx core.Tx, p *core.Principal, u *core.User, o *Outside) error {
	grants, groups, err := s.given(ctx, tx, o)
	if err != nil {
		return err
	}
	if o.Provider.Config.Matched && len(grants)+len(groups) == 0 {
		return refusef("no group that %s names you a member of gives you access here", o.Provider.Name)
	}
	old := *u
	u.Grants = append(slices.DeleteFunc(slices.Clone(u.Grants), func(g core.Grant) bool { return g.Provider == o.Provider.ID }), grants...)
	if u.PasswordHash == "" { // else an administrator made him and keeps his data
		name, email := profile(o)
		if name != "" {
			u.Name = name
		}
		if email != "" {
			u.Email = email
		}
	}
	if err := checkPerson(u); err != nil {
		return err
	}
	if !slices.Equal(old.Grants, u.Grants) || old.Name != u.Name || old.Email != u.Email {
		u.UpdatedAt = s.now()
		if err := s.storage.UpdateUser(ctx, tx, u); err != nil {
			return err
		}
	}
	if err := s.storage.SetProvided(ctx, tx, u.Account, u.ID, o.Provider.ID, groups); err != nil {
		return err
	}
	fresh, err := s.storage.User(ctx, tx, u.Account, u.ID)
	if err != nil {
		return err
	}
	if !slices.Equal(old.Grants, fresh.Grants) || !slices.Equal(old.Groups, fresh.Groups) {
		e := core.EventOf(p, s.now(), "user.update", object("user", u.ID))
		e.Detail = map[string]any{"login": u.Login, "provider": o.Provider.Label, "grants": fresh.Grants, "groups": fresh.Groups}
		s.audit.Write(tx, e)
	}
	*u = *fresh
	return nil
}

// Identities lists whom of sign-in providers a user is.
func (s *Service) Identities(ctx context.Context, p *core.Principal, user core.UserID) ([]core.ExternalIdentity, error) {
	if _, err := s.User(ctx, p, user); err != nil {
		return nil, err
	}
	return s.storage.Identities(ctx, nil, p.Account, user)
}

// LinkIdentity says that somebody of a provider is a user; subject is what the
// provider calls him for good. Errors: exists when the subject is linked.
func (s *Service) LinkIdentity(ctx context.Context, p *core.Principal, user core.UserID, provider core.ProviderID, subject string) error {
	if err := Can(p, UserManage, ""); err != nil {
		return err
	}
	if err := known(user, "user"); err != nil {
		return err
	}
	if err := checkText("subject", subject, 1, 256); err != nil {
		return err
	}
	return s.change(ctx, p, "identity.link", object("user", user), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		u, err := s.storage.User(ctx, tx, p.Account, user)
		if err != nil {
			return err
		}
		pr, err := s.storage.SignInProvider(ctx, tx, p.Account, provider)
		if err != nil {
			return named(err, "provider")
		}
		e.Detail["login"], e.Detail["provider"], e.Detail["subject"] = u.Login, pr.Label, subject
		return s.storage.LinkIdentity(ctx, tx, &core.ExternalIdentity{Provider: provider, Subject: subject, Account: p.Account, User: user, LinkedAt: s.now()})
	})
}

// UnlinkIdentity undoes that, takes what the user has from the provider, and
// ends his sessions.
func (s *Service) UnlinkIdentity(ctx context.Context, p *core.Principal, user core.UserID, provider core.ProviderID, subject string) error {
	if err := Can(p, UserManage, ""); err != nil {
		return err
	}
	if err := known(user, "user"); err != nil {
		return err
	}
	return s.change(ctx, p, "identity.unlink", object("user", user), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		if err := s.storage.LockAccount(ctx, tx, p.Account); err != nil {
			return err
		}
		u, err := s.storage.User(ctx, tx, p.Account, user)
		if err != nil {
			return err
		}
		if err := s.storage.UnlinkIdentity(ctx, tx, p.Account, user, provider, subject); err != nil {
			return err
		}
		u.Grants = slices.DeleteFunc(u.Grants, func(g core.Grant) bool { return g.Provider == provider })
		u.UpdatedAt = s.now()
		if err := s.storage.UpdateUser(ctx, tx, u); err != nil {
			return err
		}
		if err := s.storage.SetProvided(ctx, tx, p.Account, user, provider, nil); err != nil {
			return err
		}
		n, err := s.storage.DeleteSessions(ctx, tx, p.Account, user, p.Session)
		e.Detail["login"], e.Detail["subject"], e.Detail["sessions_ended"] = u.Login, subject, n
		return err
	})
}
