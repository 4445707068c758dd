package identity

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/secret"
)

// The parameters of RFC 6238 that every app knows, and that of RFC 4226 section
// 5.2 for clocks that differ: one step back and one ahead.
const (
	totpPeriod    = 30 * time.Second
	totpSkew      = 1
	totpIssuer    = "Certwright"
	recoveryCodes = 10
	// stepTime is how long a sign-in waits for its second step.
	stepTime = 5 * time.Minute
)

// stateSecondStep is the kind of a sign-in that waits for its second step.
const stateSecondStep = "second-step"

// TOTPPlace names where a user's secret is sealed for.
func TOTPPlace(u core.UserID) string { return "totp/" + string(u) }

// NewTOTP is a secret that an app is to learn.
type NewTOTP struct {
	Secret secret.Redacted // base32
	URL    secret.Redacted // otpauth://totp/…, for a QR code
}

// BeginTOTP makes a secret for the principal's app. It is asked for only after
// ConfirmTOTP; another call replaces it. Error: conflict when codes are asked
// for already.
func (s *Service) BeginTOTP(ctx context.Context, p *core.Principal) (*NewTOTP, error) {
	if err := inSession(p); err != nil {
		return nil, err
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: totpIssuer, AccountName: strings.ReplaceAll(p.Login, ":", "_")})
	if err != nil {
		return nil, err
	}
	sealed, err := s.sealer.Seal([]byte(key.Secret()), TOTPPlace(p.User))
	if err != nil {
		return nil, err
	}
	f := &core.TOTP{User: p.User, Account: p.Account, SecretSealed: sealed, CreatedAt: s.now()}
	err = s.change(ctx, p, "factor.begin", object("user", p.User), func(ctx context.Context, tx core.Tx, _ *core.Event) error {
		return s.storage.PutTOTP(ctx, tx, f)
	})
	if err != nil {
		return nil, err
	}
	return &NewTOTP{Secret: secret.Redacted(key.Secret()), URL: secret.Redacted(key.URL())}, nil
}

// inSession refuses everybody but a person in a full session.
func inSession(p *core.Principal) error {
	if err := Can(p, FactorOwn, ""); err != nil {
		return err
	}
	if p.Session == "" {
		return core.Errorf(core.KindForbidden, "a second factor is changed by its owner in a signed-in session only")
	}
	return nil
}

// PendingTOTP returns the secret that waits for confirmation. Error: not-found.
func (s *Service) PendingTOTP(ctx context.Context, p *core.Principal) (*NewTOTP, error) {
	if err := inSession(p); err != nil {
		return nil, err
	}
	f, err := s.storage.TOTP(ctx, nil, p.User)
	if err != nil {
		return nil, err
	}
	if !f.ConfirmedAt.IsZero() {
		return nil, notFound("unconfirmed second factor")
	}
	plain, err := s.sealer.Open(f.SecretSealed, TOTPPlace(p.User))
	if err != nil {
		return nil, err
	}
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(string(plain))
	if err != nil {
		return nil, err
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: totpIssuer, AccountName: strings.ReplaceAll(p.Login, ":", "_"), Secret: raw})
	if err != nil {
		return nil, err
	}
	return &NewTOTP{Secret: secret.Redacted(key.Secret()), URL: secret.Redacted(key.URL())}, nil
}

// ConfirmTOTP has the codes asked for from now on, once the app has shown a
// right one, ends the user's other sessions, and returns the recovery codes,
// which are shown this once; none when he has some of another factor. Error:
// invalid at code.
func (s *Service) ConfirmTOTP(ctx context.Context, p *core.Principal, code string) ([]secret.Redacted, error) {
	if err := inSession(p); err != nil {
		return nil, err
	}
	f, err := s.storage.TOTP(ctx, nil, p.User)
	if err != nil {
		return nil, err
	}
	step, err := s.totpStep(f, code)
	if err != nil {
		return nil, err
	}
	if step == 0 {
		return nil, wrongCode(core.KindInvalid, 0)
	}
	var codes []secret.Redacted
	err = s.change(ctx, p, "factor.enable", object("user", p.User), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		if codes, err = s.firstCodes(ctx, tx, p); err != nil {
			return err
		}
		now, err := s.storage.TOTP(ctx, tx, p.User)
		if err != nil {
			return err
		}
		ok := string(now.SecretSealed) == string(f.SecretSealed) // else it was begun anew in another window
		if ok {
			ok, err = s.storage.ConfirmTOTP(ctx, tx, p.User, step, s.now())
		}
		if err != nil {
			return err
		}
		if !ok {
			return core.Errorf(core.KindConflict, "codes of an app are asked for already, or another secret was made meanwhile")
		}
		n, err := s.storage.DeleteSessions(ctx, tx, p.Account, p.User, p.Session)
		e.Detail["factor"], e.Detail["sessions_ended"] = "totp", n
		return err
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// firstCodes makes recovery codes for the first factor of a user, inside tx
// before the factor is set up; none when there is another one.
func (s *Service) firstCodes(ctx context.Context, tx core.Tx, p *core.Principal) ([]secret.Redacted, error) {
	u, err := s.storage.User(ctx, tx, p.Account, p.User)
	if err != nil || u.SecondFactor {
		return nil, err
	}
	codes, hashes := s.newRecoveryCodes(p.User)
	return codes, s.storage.SetRecoveryCodes(ctx, tx, p.User, hashes)
}

// newRecoveryCodes makes codes of 50 random bits and their hashes.
func (s *Service) newRecoveryCodes(user core.UserID) (codes []secret.Redacted, hashes [][]byte) {
	for range recoveryCodes {
		text := randomText(labelAlphabet, 5) + "-" + randomText(labelAlphabet, 5)
		codes, hashes = append(codes, secret.Redacted(text)), append(hashes, s.recoveryHash(user, text))
	}
	return codes, hashes
}

func (s *Service) recoveryHash(user core.UserID, code string) []byte {
	sum := s.recoveryMAC([]byte(string(user) + "/" + code))
	return sum[:]
}

// wrongCode is the answer to a code that is wrong, used, or not looked at
// because of a lock.
func wrongCode(k core.Kind, lock time.Duration) error {
	return core.Errorf(k, "the code is wrong or was used before").At("code").After(lock)
}

// totpStep returns the number of the time step whose code it is, 0 for none.
func (s *Service) totpStep(f *core.TOTP, code string) (int64, error) {
	code = strings.ReplaceAll(strings.TrimSpace(code), " ", "")
	if len(code) != int(otp.DigitsSix) {
		return 0, nil
	}
	plain, err := s.sealer.Open(f.SecretSealed, TOTPPlace(f.User))
	if err != nil {
		return 0, err
	}
	step := s.now().Unix() / int64(totpPeriod.Seconds())
	for d := int64(-totpSkew); d <= totpSkew; d++ {
		ok, err := hotp.ValidateCustom(code, uint64(step+d), string(plain), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, err
		}
		if ok && step+d > f.LastStep {
			return step + d, nil
		}
	}
	return 0, nil
}

// suspend keeps a sign-in whose password was right until its second step.
func (s *Service) suspend(ctx context.Context, u *core.User) (*SignedIn, error) {
	plain, hash := newSessionSecret()
	st := &core.SignInState{SecretHash: hash, Kind: stateSecondStep, Account: u.Account, User: u.ID, Data: []byte("{}"), ExpiresAt: s.now().Add(stepTime)}
	err := s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error { return s.storage.InsertSignInState(ctx, tx, st) })
	if err != nil {
		return nil, err
	}
	return &SignedIn{User: withoutHash(u), Pending: secret.Redacted(plain)}, nil
}

// ended is the answer when a sign-in waited for too long, or was finished.
func ended() error {
	return core.Errorf(core.KindExpired, "this sign-in has ended: begin anew")
}

func stateHash(pending string) []byte {
	sum := sha256.Sum256([]byte(pending))
	return sum[:]
}

// SecondStep finishes a pending sign-in with a code of the app or a recovery
// code. Of in, where the request comes from is used. Errors: unauthenticated at
// code, with the time to wait while the user is locked; expired.
func (s *Service) SecondStep(ctx context.Context, pending string, in SignIn) (*SignedIn, error) {
	st, err := s.storage.SignInState(ctx, nil, stateSecondStep, stateHash(pending), s.now())
	if core.Is(err, core.KindNotFound) {
		return nil, ended()
	} else if err != nil {
		return nil, err
	}
	u, err := s.storage.User(ctx, nil, st.Account, st.User)
	if err != nil {
		return nil, err
	}
	p := &core.Principal{Account: u.Account, Login: u.Login, Address: in.Address, RequestID: in.RequestID}
	if err := s.attempt(ctx, p, u.ID, "session.create", in.Code, st.SecretHash); err != nil {
		return nil, err
	}
	p.User = u.ID
	return s.start(ctx, p, u, in)
}

// attempt checks a code with the lock-out that passwords have. Each attempt
// first counts as a failure, which makes attempts of one user wait for each
// other; a right code forgets all of them. state, if any, is used up with it.
func (s *Service) attempt(ctx context.Context, p *core.Principal, id core.UserID, action, code string, state []byte) error {
	now, answer := s.now(), error(nil)
	err := s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		answer = nil
		n, err := s.storage.CountFailure(ctx, tx, id)
		if err != nil {
			return err
		}
		u, err := s.storage.User(ctx, tx, p.Account, id)
		if err != nil {
			return err
		}
		if now.Before(u.LockedUntil) {
			answer = wrongCode(core.KindUnauthenticated, u.LockedUntil.Sub(now))
			return answer // nothing is counted while it is locked
		}
		used, err := s.useCode(ctx, tx, u, code)
		if err != nil {
			return err
		}
		if used != "" && u.State == core.UserActive {
			return s.passStep(ctx, tx, p, u, used, state)
		}
		e := core.EventOf(p, now, action, object("user", id))
		e.Outcome, e.Detail = core.Refused, map[string]any{"reason": "wrong code", "failures": n}
		lock := lockFor(n)
		if lock > 0 {
			e.Detail["locked_seconds"] = int(lock.Seconds())
			if err := s.storage.LockUser(ctx, tx, id, now.Add(lock)); err != nil {
				return err
			}
		}
		answer = wrongCode(core.KindUnauthenticated, lock)
		s.audit.Write(tx, e)
		return nil
	})
	if answer != nil {
		if err != nil { // locked
			return s.refuseLocked(ctx, p, id, action, answer)
		}
		return answer
	}
	return err
}

func (s *Service) refuseLocked(ctx context.Context, p *core.Principal, id core.UserID, action string, answer error) error {
	if err := s.recordRefusal(ctx, p, action, object("user", id), "locked"); err != nil {
		return err
	}
	return answer
}

// passStep uses up the state of a sign-in and forgets failures.
func (s *Service) passStep(ctx context.Context, tx core.Tx, p *core.Principal, u *core.User, used string, state []byte) error {
	if state != nil {
		there, err := s.storage.TakeSignInState(ctx, tx, state)
		if err != nil {
			return err
		}
		if !there {
			return ended()
		}
	}
	if used == "recovery" {
		e := core.EventOf(p, s.now(), "factor.recovery-code", object("user", u.ID))
		s.audit.Write(tx, e)
	}
	good, err := s.storage.CountSignIn(ctx, tx, u.ID, u.PasswordHash, s.now())
	if err == nil && !good {
		return wrongCode(core.KindUnauthenticated, time.Second)
	}
	return err
}

// useCode uses a code up and says what it was: "totp", "recovery" or "".
func (s *Service) useCode(ctx context.Context, tx core.Tx, u *core.User, code string) (string, error) {
	f, err := s.storage.TOTP(ctx, tx, u.ID)
	if err != nil && !core.Is(err, core.KindNotFound) {
		return "", err
	}
	step := int64(0)
	if err == nil && !f.ConfirmedAt.IsZero() {
		if step, err = s.totpStep(f, code); err != nil {
			return "", err
		}
	}
	if step != 0 {
		if ok, err := s.storage.UseTOTPStep(ctx, tx, u.ID, step); err != nil || ok {
			return "totp", err
		}
		return "", nil
	}
	text := strings.ToLower(strings.TrimSpace(clip(code, 64)))
	ok, err := s.storage.UseRecoveryCode(ctx, tx, u.ID, s.recoveryHash(u.ID, text), s.now())
	if err != nil || !ok {
		return "", err
	}
	return "recovery", nil
}

// checkCode asks a signed-in person for a code, before what only he may do.
// Error: invalid at code.
func (s *Service) checkCode(ctx context.Context, p *core.Principal, action, code string) error {
	err := s.attempt(ctx, p, p.User, action, code, nil)
	if core.Is(err, core.KindUnauthenticated) {
		return wrongCode(core.KindInvalid, core.AsError(err).RetryAfter) // the session is good
	}
	return err
}

// DisableTOTP has no codes asked for any more. It needs a code, or a recovery
// code. Error: invalid at code.
func (s *Service) DisableTOTP(ctx context.Context, p *core.Principal, code string) error {
	if err := inSession(p); err != nil {
		return err
	}
	if err := s.checkCode(ctx, p, "factor.disable", code); err != nil {
		return err
	}
	return s.change(ctx, p, "factor.disable", object("user", p.User), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		e.Detail["factor"] = "totp"
		if _, err := s.storage.DeleteTOTP(ctx, tx, p.User); err != nil {
			return err
		}
		return s.dropCodes(ctx, tx, p.Account, p.User)
	})
}

// dropCodes removes the recovery codes of a user without a second factor.
func (s *Service) dropCodes(ctx context.Context, tx core.Tx, account core.AccountID, user core.UserID) error {
	u, err := s.storage.User(ctx, tx, account, user)
	if err != nil || u.SecondFactor {
		return err
	}
	return s.storage.SetRecoveryCodes(ctx, tx, user, nil)
}

// RenewRecoveryCodes replaces the recovery codes. It needs a code; of somebody
// with passkeys alone, that he has just shown who he is.
func (s *Service) RenewRecoveryCodes(ctx context.Context, p *core.Principal, code string) ([]secret.Redacted, error) {
	if err := inSession(p); err != nil {
		return nil, err
	}
	f, err := s.Factors(ctx, p)
	switch {
	case err != nil:
		return nil, err
	case !f.TOTP && len(f.Passkeys) == 0:
		return nil, core.Errorf(core.KindConflict, "there is no second factor that recovery codes could replace")
	case code == "" && !f.TOTP:
		err = s.justProven(ctx, p)
	default:
		err = s.checkCode(ctx, p, "factor.recovery-codes", code)
	}
	if err != nil {
		return nil, err
	}
	codes, hashes := s.newRecoveryCodes(p.User)
	err = s.change(ctx, p, "factor.recovery-codes", object("user", p.User), func(ctx context.Context, tx core.Tx, _ *core.Event) error {
		return s.storage.SetRecoveryCodes(ctx, tx, p.User, hashes)
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// Factors is what a person has beside his password.
type Factors struct {
	TOTP          bool
	Passkeys      []core.Passkey
	RecoveryCodes int // unused ones
}

// Factors returns the principal's own.
func (s *Service) Factors(ctx context.Context, p *core.Principal) (*Factors, error) {
	if err := Can(p, FactorOwn, ""); err != nil {
		return nil, err
	}
	out := &Factors{}
	f, err := s.storage.TOTP(ctx, nil, p.User)
	if err != nil && !core.Is(err, core.KindNotFound) {
		return nil, err
	}
	out.TOTP = err == nil && !f.ConfirmedAt.IsZero()
	if out.Passkeys, err = s.storage.PasskeysOf(ctx, p.User); err != nil {
		return nil, err
	}
	out.RecoveryCodes, err = s.storage.RecoveryCodesLeft(ctx, p.User)
	return out, err
}

// ResetSecondFactor removes everything that a user is asked for beside his
// password, and ends his sessions: he has lost it, or somebody else has it. It
// serves administrators and, with [Host], the command line.
func (s *Service) ResetSecondFactor(ctx context.Context, p *core.Principal, id core.UserID) error {
	if err := Can(p, UserManage, ""); err != nil {
		return err
	}
	if err := known(id, "user"); err != nil {
		return err
	}
	return s.change(ctx, p, "factor.reset", object("user", id), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		u, err := s.storage.User(ctx, tx, p.Account, id)
		if err != nil {
			return err
		}
		e.Detail["login"], e.Detail["had"] = u.Login, u.SecondFactor
		if _, err := s.storage.DeleteTOTP(ctx, tx, id); err != nil {
			return err
		}
		if e.Detail["passkeys"], err = s.storage.DeletePasskeys(ctx, tx, id); err != nil {
			return err
		}
		if err := s.storage.SetRecoveryCodes(ctx, tx, id, nil); err != nil {
			return err
		}
		if err := s.storage.DropSignInStates(ctx, tx, id); err != nil {
			return err
		}
		n, err := s.storage.DeleteSessions(ctx, tx, u.Account, id, p.Session)
		e.Detail["sessions_ended"] = n
		return err
	})
}
