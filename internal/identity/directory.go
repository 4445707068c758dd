package identity

import (
	"context"
	"slices"

	"github.com/certwright/certwright/internal/core"
)

// Directory asks sign-in providers that take a password; package federation
// implements it.
type Directory interface {
	// Directories lists the enabled ones of an account in the order in which
	// they are asked.
	Directories(ctx context.Context, account core.AccountID) ([]*core.SignInProvider, error)
	// Authenticate looks somebody up in one directory and checks his password.
	// o is nil when he is not there; ok says that the password was right. Error:
	// unavailable.
	Authenticate(ctx context.Context, provider *core.SignInProvider, login, password string) (o *Outside, ok bool, err error)
}

// directoryChecks is how many passwords are checked with directories at once.
const directoryChecks = 8

// signInDirectory signs in somebody who has no password here. u is the user of
// the login, nil when there is none. tried is false when no directory may be
// asked for him.
func (s *Service) signInDirectory(ctx context.Context, p *core.Principal, u *core.User, in SignIn) (out *SignedIn, tried bool, err error) {
	if s.directory == nil || p.Account == "" || u != nil && u.PasswordHash != "" {
		return nil, false, nil
	}
	asked, err := s.directoriesFor(ctx, p, u)
	if err != nil || len(asked) == 0 {
		return nil, err != nil, err
	}
	select {
	case s.directorySlots <- struct{}{}:
		defer func() { <-s.directorySlots }()
	case <-ctx.Done():
		return nil, true, ctx.Err()
	}
	if locked, err := s.lockedOut(ctx, p, u, in); locked || err != nil {
		return nil, true, err
	}
	if in.Password == "" || len(in.Password) > maxPassword { // an empty one would be an unauthenticated bind: RFC 4513 section 5.1.2
		return nil, true, s.wrongAtDirectory(ctx, p, u, in)
	}
	var away error
	for _, d := range asked {
		o, ok, err := s.directory.Authenticate(ctx, d, in.Login, in.Password)
		switch {
		case err != nil:
			away = err
			if err := s.recordRefusal(ctx, p, "session.create", object("provider", d.ID), "the directory could not be asked"); err != nil {
				return nil, true, err
			}
			continue
		case o == nil:
			continue
		case !ok:
			if u == nil { // he may have typed another name of his
				u, err = s.storage.ExternalUser(ctx, nil, p.Account, d.ID, o.Subject)
				if err != nil && !core.Is(err, core.KindNotFound) {
					return nil, true, err
				}
			}
			return nil, true, s.wrongAtDirectory(ctx, p, u, in)
		}
		out, err := s.SignInOutside(ctx, in, o)
		return out, true, err
	}
	if away != nil { // whether the password is right is not known: nothing is counted
		return nil, true, away
	}
	return nil, true, s.wrongAtDirectory(ctx, p, u, in)
}

// directoriesFor lists the directories that may see the password: all for a
// login that is nobody's here; for a user those that he is linked to, or could
// be by his login or mail address.
func (s *Service) directoriesFor(ctx context.Context, p *core.Principal, u *core.User) ([]*core.SignInProvider, error) {
	all, err := s.directory.Directories(ctx, p.Account)
	if err != nil || u == nil || len(all) == 0 {
		return all, err
	}
	ids, err := s.storage.Identities(ctx, nil, p.Account, u.ID)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(d *core.SignInProvider) bool {
		linked := slices.ContainsFunc(ids, func(i core.ExternalIdentity) bool { return i.Provider == d.ID })
		return !linked && d.Config.Link != core.LinkLogin && d.Config.Link != core.LinkEmail
	}), nil
}

// lockedOut refuses somebody who typed too many wrong passwords.
func (s *Service) lockedOut(ctx context.Context, p *core.Principal, u *core.User, in SignIn) (bool, error) {
	now := s.now()
	if u == nil {
		if until := s.strangers.lockedUntil(strangerKey(p, in), now); !until.IsZero() {
			return true, s.refuseStranger(ctx, p, in)
		}
		return false, nil
	}
	fresh, err := s.storage.User(ctx, nil, p.Account, u.ID) // others may have guessed meanwhile
	if err != nil || !now.Before(fresh.LockedUntil) {
		return false, err
	}
	return true, s.refuseLocked(ctx, p, u.ID, "session.create", wrongPassword(fresh.LockedUntil.Sub(now)))
}

// wrongAtDirectory counts a wrong password as one of a local user is counted.
func (s *Service) wrongAtDirectory(ctx context.Context, p *core.Principal, u *core.User, in SignIn) error {
	if u == nil {
		return s.refuseStranger(ctx, p, in)
	}
	return s.countFailure(ctx, p, u, "session.create")
}
