package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/secret"
)

// SignIn is what a person typed, and from where.
type SignIn struct {
	Account   int64 // public number of the account; 0: the first one
	Login     string
	Password  string
	Code      string // of the second factor; empty: none was asked for yet
	Address   netip.Addr
	Agent     string
	RequestID string

	via     string // label of the sign-in provider
	vouched bool   // which sees to second factors itself
	method  string // how it was shown who it is: "" is by password
}

// SignedIn is the outcome of a sign-in.
type SignedIn struct {
	Session *core.Session // nil: the second step is to come
	User    *core.User
	// Pending is the secret of a sign-in whose second step is to come: see
	// [Service.SecondStep].
	Pending secret.Redacted
	// Secret is the value of the session's cookie.
	Secret secret.Redacted
	// MustChange says that the session can do nothing but set a new password.
	MustChange bool
	// MustSetUp says that the session can do little but set up a second factor.
	MustSetUp bool
}

// wrongPassword is one answer for an unknown login, a wrong password, a
// disabled and a locked user.
func wrongPassword(wait time.Duration) error {
	return core.Errorf(core.KindUnauthenticated, "wrong user name or password").After(max(wait, 0))
}

// SignIn checks login and password and starts a session. Whatever is wrong,
// the answer is the same and takes as long; while a login is locked it carries
// the time to wait, and the password is not looked at. Of somebody with a second
// factor the code is checked when there is one; else the sign-in is left
// pending. Who has no password here is asked for with the account's directories;
// a local user's password never goes there.
func (s *Service) SignIn(ctx context.Context, in SignIn) (*SignedIn, error) {
	in.Login = readable(strings.ToLower(strings.TrimSpace(in.Login)))
	p := &core.Principal{Login: clip(in.Login, 128), Address: in.Address, RequestID: in.RequestID}
	acc, err := s.storage.AccountByNumber(ctx, in.Account)
	if err != nil && !core.Is(err, core.KindNotFound) {
		return nil, err
	}
	var u *core.User
	if err == nil {
		p.Account = acc.ID
		if u, err = s.storage.UserByLogin(ctx, acc.ID, in.Login); err != nil && !core.Is(err, core.KindNotFound) {
			return nil, err
		}
	}
	if out, tried, err := s.signInDirectory(ctx, p, u, in); tried {
		return out, err
	}
	if u == nil {
		return nil, s.refuseStranger(ctx, p, in)
	}
	stale, err := s.verify(ctx, p, u.ID, in.Password, "session.create")
	if err != nil {
		return nil, err
	}
	if u.SecondFactor {
		if in.Code == "" {
			return s.suspend(ctx, u)
		}
		if err := s.attempt(ctx, p, u.ID, "session.create", in.Code, nil); err != nil {
			return nil, err
		}
	}
	p.User = u.ID // only now it is he
	out, err := s.start(ctx, p, u, in)
	if err != nil {
		return nil, err
	}
	if stale {
		s.rehash(ctx, u, in.Password)
	}
	return out, nil
}

// refuseStranger costs what a wrong password of a known user costs.
func (s *Service) refuseStranger(ctx context.Context, p *core.Principal, in SignIn) error {
	now := s.now()
	key := strangerKey(p, in)
	until := s.strangers.lockedUntil(key, now)
	if until.IsZero() {
		if err := s.passwords.acquire(ctx); err != nil {
			return err
		}
		s.passwords.matches(clip(in.Password, maxPassword), "")
		s.passwords.release()
		until = s.strangers.failed(key, now)
	}
	if p.Account != "" {
		if err := s.recordRefusal(ctx, p, "session.create", "user:unknown", "unknown login"); err != nil {
			return err
		}
	}
	return wrongPassword(wait(until, now))
}

func strangerKey(p *core.Principal, in SignIn) string {
	return string(p.Account) + "/" + clip(in.Login, 256)
}

func wait(until, now time.Time) time.Duration {
	if until.IsZero() {
		return 0
	}
	return until.Sub(now)
}

func (s *Service) recordRefusal(ctx context.Context, p *core.Principal, action, obj, why string) error {
	e := core.EventOf(p, s.now(), action, obj)
	e.Outcome, e.Detail = core.Refused, map[string]any{"reason": why}
	return s.audit.Record(ctx, e)
}

// verify checks a user's password with lock-out. The user is read once a slot
// for hashing is free, so that of many guesses at once no more than there are
// slots escape the lock. p names the user for the audit log.
func (s *Service) verify(ctx context.Context, p *core.Principal, id core.UserID, password, action string) (stale bool, err error) {
	if err := s.passwords.acquire(ctx); err != nil {
		return false, err
	}
	defer s.passwords.release()
	u, err := s.storage.User(ctx, nil, p.Account, id)
	if err != nil {
		return false, err
	}
	now := s.now()
	if now.Before(u.LockedUntil) {
		if err := s.recordRefusal(ctx, p, action, object("user", id), "locked"); err != nil {
			return false, err
		}
		return false, wrongPassword(u.LockedUntil.Sub(now))
	}
	ok, stale := s.passwords.matches(clip(password, maxPassword+1), u.PasswordHash)
	if !ok || u.State != core.UserActive {
		return false, s.countFailure(ctx, p, u, action)
	}
	if u.SecondFactor && action == "session.create" {
		return stale, nil // half of a sign-in forgets no failures: see attempt
	}
	good := false
	err = s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) (err error) {
		good, err = s.storage.CountSignIn(ctx, tx, id, u.PasswordHash, now)
		return err
	})
	if err != nil {
		return false, err
	}
	if !good { // locked, disabled or changed by somebody else in this moment
		return false, wrongPassword(time.Second)
	}
	return stale, nil
}

// countFailure records a wrong password, locks when there were too many, and
// returns the answer.
func (s *Service) countFailure(ctx context.Context, p *core.Principal, u *core.User, action string) error {
	now := s.now()
	var lock time.Duration
	err := s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		n, err := s.storage.CountFailure(ctx, tx, u.ID)
		if err != nil {
			return err
		}
		e := core.EventOf(p, now, action, object("user", u.ID))
		e.Outcome, e.Detail = core.Refused, map[string]any{"reason": "wrong password", "failures": n}
		if u.State != core.UserActive {
			e.Detail["reason"] = "user is disabled"
		}
		if lock = lockFor(n); lock > 0 {
			e.Detail["locked_seconds"] = int(lock.Seconds())
			if err := s.storage.LockUser(ctx, tx, u.ID, now.Add(lock)); err != nil {
				return err
			}
		}
		s.audit.Write(tx, e)
		return nil
	})
	if err != nil {
		return err
	}
	return wrongPassword(lock)
}

// start makes the session of a user whose password was right.
func (s *Service) start(ctx context.Context, p *core.Principal, u *core.User, in SignIn) (*SignedIn, error) {
	now := s.now()
	plain, hash := newSessionSecret()
	ses := &core.Session{
		ID: core.NewID[core.SessionID](now), Account: u.Account, User: u.ID, SecretHash: hash,
		Agent: clip(in.Agent, 200), CreatedAt: now, LastSeen: now, ProvenAt: now, Vouched: in.vouched, ExpiresAt: now.Add(s.max),
	}
	if in.Address.IsValid() {
		ses.Address = in.Address.Unmap().String()
	}
	err := s.change(ctx, p, "session.create", object("session", ses.ID), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		e.Detail["must_change"] = u.MustChange
		if in.via != "" {
			e.Detail["provider"] = in.via
		}
		if in.method != "" {
			e.Detail["method"] = in.method
		}
		return s.storage.InsertSession(ctx, tx, ses)
	})
	if err != nil {
		return nil, err
	}
	return &SignedIn{Session: ses, User: withoutHash(u), Secret: secret.Redacted(plain), MustChange: u.MustChange, MustSetUp: u.FactorDue && !in.vouched}, nil
}

// newSessionSecret makes a cookie value of 256 random bits and its hash.
func newSessionSecret() (plain string, hash []byte) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	plain = base64.RawURLEncoding.EncodeToString(b[:])
	sum := sha256.Sum256([]byte(plain))
	return plain, sum[:]
}

// rehash brings the hash of a password that was just right to today's
// parameters. That it fails is no reason to refuse the sign-in.
func (s *Service) rehash(ctx context.Context, u *core.User, password string) {
	phc, err := s.passwords.hash(ctx, password)
	if err != nil {
		return
	}
	_ = s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		return s.storage.Rehash(ctx, tx, u.ID, u.PasswordHash, phc)
	})
}

// readable replaces what no database keeps as text; nobody's login holds it.
func readable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

// clip cuts s to at most n octets, at the border of a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// ChangePassword sets the principal's own password. It needs a session and the
// old password, ends the user's other sessions, and lifts the limit of a
// one-time password.
func (s *Service) ChangePassword(ctx context.Context, p *core.Principal, old, fresh string) error {
	if err := Can(p, PasswordOwn, ""); err != nil {
		return err
	}
	if p.Session == "" {
		return core.Errorf(core.KindForbidden, "a password can be changed by its owner in a signed-in session only")
	}
	u, err := s.storage.User(ctx, nil, p.Account, p.User)
	if err != nil {
		return err
	}
	if err := CheckPassword(fresh, u); err != nil {
		return err
	}
	if fresh == old {
		return core.Errorf(core.KindInvalid, "the new password is the old one").At("password")
	}
	if _, err := s.verify(ctx, p, u.ID, old, "password.change"); core.Is(err, core.KindUnauthenticated) {
		// The session is good: a client must not take this for its end.
		return core.Wrap(core.KindInvalid, err, "the old password is wrong").At("old_password").After(core.AsError(err).RetryAfter)
	} else if err != nil {
		return err
	}
	return s.setPassword(ctx, p, u, fresh, false, "password.change", p.Session)
}

// ResetPassword gives a user a one-time password and returns it. All sessions
// of the user end and a lock is lifted; the next sign-in must set another
// password. It serves administrators and, with [Host], the command line.
func (s *Service) ResetPassword(ctx context.Context, p *core.Principal, id core.UserID) (secret.Redacted, error) {
	if err := Can(p, UserManage, ""); err != nil {
		return "", err
	}
	if err := known(id, "user"); err != nil {
		return "", err
	}
	u, err := s.storage.User(ctx, nil, p.Account, id)
	if err != nil {
		return "", err
	}
	fresh := newOneTimePassword()
	return secret.Redacted(fresh), s.setPassword(ctx, p, u, fresh, true, "password.reset", "")
}

func (s *Service) setPassword(ctx context.Context, p *core.Principal, u *core.User, fresh string, oneTime bool, action string, keep core.SessionID) error {
	phc, err := s.passwords.hash(ctx, fresh)
	if err != nil {
		return err
	}
	return s.change(ctx, p, action, object("user", u.ID), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		return s.putPassword(ctx, tx, u, phc, oneTime, keep, e)
	})
}

// putPassword stores a password and ends what the former one began.
func (s *Service) putPassword(ctx context.Context, tx core.Tx, u *core.User, phc string, oneTime bool, keep core.SessionID, e *core.Event) error {
	e.Detail["login"] = u.Login
	if err := s.storage.SetPassword(ctx, tx, u.ID, phc, oneTime, s.now()); err != nil {
		return err
	}
	if err := s.storage.DropSignInStates(ctx, tx, u.ID); err != nil {
		return err
	}
	if err := s.storage.DropResets(ctx, tx, u.ID); err != nil {
		return err
	}
	n, err := s.storage.DeleteSessions(ctx, tx, u.Account, u.ID, keep)
	e.Detail["sessions_ended"] = n
	return err
}
