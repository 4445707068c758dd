package identity

import (
	"context"
	"crypto/sha256"
	"net/netip"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// touchEvery is how often last-seen and last-used are written at most.
const touchEvery = time.Minute

// SessionPrincipal returns who asks with a session cookie. An unknown, ended
// or idle session, or one of a disabled user: unauthenticated. Somebody who
// must change a one-time password gets a principal that can do only that, see
// [RolePasswordChange]; somebody who needs a second factor and has none, one
// that can set it up, see [RoleFactorSetup].
func (s *Service) SessionPrincipal(ctx context.Context, cookie string, addr netip.Addr) (*core.Principal, error) {
	return s.sessionPrincipal(ctx, cookie, addr, true)
}

// PeekSession is SessionPrincipal without counting as use of the session.
func (s *Service) PeekSession(ctx context.Context, cookie string, addr netip.Addr) (*core.Principal, error) {
	return s.sessionPrincipal(ctx, cookie, addr, false)
}

func (s *Service) sessionPrincipal(ctx context.Context, cookie string, addr netip.Addr, touch bool) (*core.Principal, error) {
	ended := core.Errorf(core.KindUnauthenticated, "you are not signed in, or no longer")
	if cookie == "" || len(cookie) > 64 {
		return nil, ended
	}
	sum := sha256.Sum256([]byte(cookie))
	ses, u, err := s.storage.SessionByHash(ctx, sum[:])
	now := s.now()
	switch {
	case core.Is(err, core.KindNotFound):
		return nil, ended
	case err != nil:
		return nil, err
	case !now.Before(ses.ExpiresAt), now.Sub(ses.LastSeen) >= s.idle, u.State != core.UserActive:
		return nil, ended
	}
	if touch && now.Sub(ses.LastSeen) >= min(touchEvery, s.idle/2) {
		err := s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
			return s.storage.TouchSession(ctx, tx, ses.ID, now)
		})
		if err != nil {
			return nil, err
		}
	}
	p := &core.Principal{Account: u.Account, User: u.ID, Login: u.Login, Grants: effective(u, nil), Session: ses.ID, Address: addr}
	if u.MustChange {
		p.Grants = []core.Grant{{Role: RolePasswordChange, Group: noGroup}}
	}
	if !u.MustChange && u.FactorDue && !ses.Vouched {
		p.Grants = []core.Grant{{Role: RoleFactorSetup, Group: noGroup}}
	}
	return p, nil
}

// Sessions lists sessions: everybody's for those who manage users, else one's
// own.
func (s *Service) Sessions(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Session], error) {
	q.Account = p.Account
	if err := own(p, SessionOwn, &q); err != nil {
		return core.Page[core.Session]{}, err
	}
	return s.storage.Sessions(ctx, q)
}

// own restricts a list to the rows of p unless p manages users.
func own(p *core.Principal, a Action, q *core.ListQuery) error {
	if Can(p, UserManage, "") == nil {
		return nil
	}
	if err := Can(p, a, ""); err != nil {
		return err
	}
	q.Filter = append(q.Filter[:len(q.Filter):len(q.Filter)], core.Cond{Column: "user", Op: core.OpEquals, Values: []string{string(p.User)}})
	return nil
}

// mine checks that p may act on an object of user: his own by a, others' by
// managing users. Objects that p may not see do not exist for him.
func mine(p *core.Principal, a Action, user core.UserID, what string) error {
	if p.User != "" && p.User == user {
		return Can(p, a, "")
	}
	if Can(p, UserManage, "") != nil {
		return notFound(what)
	}
	return nil
}

// SessionColumns describes the list of sessions.
func (s *Service) SessionColumns() []core.Column { return s.storage.SessionColumns() }

// EndSession signs a session off: one's own or, for those who manage users,
// anybody's.
func (s *Service) EndSession(ctx context.Context, p *core.Principal, id core.SessionID) error {
	if err := known(id, "session"); err != nil {
		return err
	}
	ses, err := s.storage.Session(ctx, p.Account, id)
	if err != nil {
		return err
	}
	// The limited session of a one-time password can be left, too.
	if p.Session != id {
		if err := mine(p, SessionOwn, ses.User, "session"); err != nil {
			return err
		}
	}
	return s.change(ctx, p, "session.end", object("session", id), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		e.Detail["user"] = string(ses.User)
		return s.storage.DeleteSession(ctx, tx, p.Account, id)
	})
}

// EndSessions ends all sessions of a user but the one that p uses himself, and
// returns how many.
func (s *Service) EndSessions(ctx context.Context, p *core.Principal, user core.UserID) (int, error) {
	if err := known(user, "user"); err != nil {
		return 0, err
	}
	if err := mine(p, SessionOwn, user, "user"); err != nil {
		return 0, err
	}
	n := 0
	err := s.change(ctx, p, "session.end-all", object("user", user), func(ctx context.Context, tx core.Tx, e *core.Event) (err error) {
		n, err = s.storage.DeleteSessions(ctx, tx, p.Account, user, p.Session)
		e.Detail["sessions_ended"] = n
		return err
	})
	return n, err
}

// Sweep removes sessions that have ended or been idle too long, for a
// schedule. They are refused without it; it only keeps the table small.
func (s *Service) Sweep(ctx context.Context) (int, error) {
	n, now := 0, s.now()
	err := s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) (err error) {
		if err = s.storage.PurgeSignInStates(ctx, tx, now); err != nil {
			return err
		}
		if err = s.storage.PurgeResets(ctx, tx, now.Add(-24*time.Hour)); err != nil {
			return err
		}
		n, err = s.storage.PurgeSessions(ctx, tx, now, now.Add(-s.idle))
		return err
	})
	return n, err
}
