package identity

import (
	"context"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/secret"
)

const (
	// proofTime is how long ago a person may have shown who he is before he
	// adds or removes a passkey.
	proofTime = 5 * time.Minute
	// maxPasskeys is how many one user can have.
	maxPasskeys = 20
)

// justProven refuses a session in which its owner has not shown who he is
// within proofTime. Error: forbidden at proof.
func (s *Service) justProven(ctx context.Context, p *core.Principal) error {
	ses, err := s.storage.Session(ctx, p.Account, p.Session)
	if err != nil {
		return err
	}
	if s.now().Sub(ses.ProvenAt) > proofTime {
		return core.Errorf(core.KindForbidden, "confirm first that it is you").At("proof")
	}
	return nil
}

// Proven reports whether the principal has shown within five minutes that it is
// he, in this session.
func (s *Service) Proven(ctx context.Context, p *core.Principal) (bool, error) {
	if p.Session == "" {
		return false, nil
	}
	err := s.justProven(ctx, p)
	if core.Is(err, core.KindForbidden) {
		return false, nil
	}
	return err == nil, err
}

// Confirm has a signed-in person show by password, or by a code when that is
// given, that it is he. Error: invalid at password or code.
func (s *Service) Confirm(ctx context.Context, p *core.Principal, password, code string) error {
	if err := inSession(p); err != nil {
		return err
	}
	if code != "" {
		if err := s.checkCode(ctx, p, "session.confirm", code); err != nil {
			return err
		}
	} else if _, err := s.verify(ctx, p, p.User, password, "session.confirm"); core.Is(err, core.KindUnauthenticated) {
		return core.Wrap(core.KindInvalid, err, "the password is wrong").At("password").After(core.AsError(err).RetryAfter)
	} else if err != nil {
		return err
	}
	return s.change(ctx, p, "session.confirm", object("session", p.Session), func(ctx context.Context, tx core.Tx, _ *core.Event) error {
		return s.storage.ProveSession(ctx, tx, p.Account, p.Session, s.now())
	})
}

// BeginPasskeyConfirm is Confirm by a passkey.
func (s *Service) BeginPasskeyConfirm(ctx context.Context, p *core.Principal) (*Ceremony, error) {
	if err := inSession(p); err != nil {
		return nil, err
	}
	return s.beginFor(ctx, stateKeyConfirm, p.Account, p.User, string(p.Session), protocol.VerificationRequired)
}

// FinishPasskeyConfirm takes the answer. Errors: invalid at passkey, expired.
func (s *Service) FinishPasskeyConfirm(ctx context.Context, p *core.Principal, plain string, answer []byte) error {
	if err := inSession(p); err != nil {
		return err
	}
	c, err := s.close(ctx, stateKeyConfirm, plain, p.User, string(p.Session))
	if err != nil {
		return err
	}
	_, err = s.assert(ctx, p, "session.confirm", c, answer, p.User, func(ctx context.Context, tx core.Tx, _ *core.Passkey) error {
		s.audit.Write(tx, core.EventOf(p, s.now(), "session.confirm", object("session", p.Session)))
		return s.storage.ProveSession(ctx, tx, p.Account, p.Session, s.now())
	})
	if core.Is(err, core.KindUnauthenticated) {
		return refusedKey(core.KindInvalid) // the session is good
	}
	return err
}

// BeginPasskey begins the creation of a passkey. Errors: forbidden at proof when
// the person has to show first who he is; conflict when passkeys are off or he
// has too many.
func (s *Service) BeginPasskey(ctx context.Context, p *core.Principal) (*Ceremony, error) {
	if err := inSession(p); err != nil {
		return nil, err
	}
	party, err := s.party()
	if err != nil {
		return nil, err
	}
	if err := s.justProven(ctx, p); err != nil {
		return nil, err
	}
	keys, err := s.keysHere(ctx, p.User)
	if err != nil {
		return nil, err
	}
	if len(keys) >= maxPasskeys {
		return nil, core.Errorf(core.KindConflict, "nobody has more than %d passkeys: remove one first", maxPasskeys)
	}
	owner := &keyOwner{id: p.User, login: p.Login, keys: keys}
	yes := true
	made, ses, err := party.BeginRegistration(owner,
		webauthn.WithAuthenticatorSelection(protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: &yes, UserVerification: protocol.VerificationRequired}),
		webauthn.WithExclusions(webauthn.Credentials(owner.WebAuthnCredentials()).CredentialDescriptors()))
	if err != nil {
		return nil, err
	}
	return s.open(ctx, stateKeyRegister, p.Account, p.User, ceremony{Session: *ses, For: string(p.Session)}, made.Response)
}

// FinishPasskey keeps the new passkey under a name, ends the user's other
// sessions, and returns recovery codes when it is his first second factor.
// Errors: invalid at passkey or name, expired, exists.
func (s *Service) FinishPasskey(ctx context.Context, p *core.Principal, plain, name string, answer []byte) (*core.Passkey, []secret.Redacted, error) {
	if err := inSession(p); err != nil {
		return nil, nil, err
	}
	if name = strings.TrimSpace(name); name == "" {
		name = "Passkey of " + s.now().Format("02-Jan-2006")
	}
	if err := checkText("name", name, 1, 100); err != nil {
		return nil, nil, err
	}
	party, err := s.party()
	if err != nil {
		return nil, nil, err
	}
	c, err := s.close(ctx, stateKeyRegister, plain, p.User, string(p.Session))
	if err != nil {
		return nil, nil, err
	}
	got, err := parseCreation(answer)
	if err != nil {
		return nil, nil, err
	}
	made, err := party.CreateCredential(&keyOwner{id: p.User, login: p.Login}, c.Session, got)
	if err != nil {
		if err := s.recordRefusal(ctx, p, "passkey.create", object("user", p.User), whyRefused(err)); err != nil {
			return nil, nil, err
		}
		return nil, nil, refusedKey(core.KindInvalid)
	}
	k := &core.Passkey{ID: core.NewID[core.PasskeyID](s.now()), Account: p.Account, User: p.User, CredentialID: made.ID, PublicKey: made.PublicKey,
		Name: name, Host: party.Config.RPID, SignCount: made.Authenticator.SignCount, BackupEligible: made.Flags.BackupEligible, BackedUp: made.Flags.BackupState, CreatedAt: s.now()}
	for _, t := range made.Transport[:min(len(made.Transport), 10)] {
		k.Transports = append(k.Transports, clip(string(t), 32))
	}
	var codes []secret.Redacted
	err = s.change(ctx, p, "passkey.create", object("passkey", k.ID), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		e.Detail["name"], e.Detail["user"], e.Detail["host"], e.Detail["backup_eligible"] = k.Name, string(k.User), k.Host, k.BackupEligible
		if codes, err = s.firstCodes(ctx, tx, p); err != nil {
			return err
		}
		if err := s.storage.InsertPasskey(ctx, tx, k); err != nil {
			return err
		}
		n, err := s.storage.DeleteSessions(ctx, tx, p.Account, p.User, p.Session)
		e.Detail["sessions_ended"] = n
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return k, codes, nil
}

// Passkeys lists passkeys: everybody's for those who manage users, else one's
// own.
func (s *Service) Passkeys(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Passkey], error) {
	q.Account = p.Account
	if err := own(p, FactorOwn, &q); err != nil {
		return core.Page[core.Passkey]{}, err
	}
	return s.storage.Passkeys(ctx, q)
}

// PasskeyColumns describes the list of passkeys.
func (s *Service) PasskeyColumns() []core.Column { return s.storage.PasskeyColumns() }

// RenamePasskey gives a passkey of one's own, or for those who manage users
// anybody's, another name.
func (s *Service) RenamePasskey(ctx context.Context, p *core.Principal, id core.PasskeyID, name string) (*core.Passkey, error) {
	k, err := s.passkeyFor(ctx, p, id)
	if err != nil {
		return nil, err
	}
	name = strings.TrimSpace(name)
	if err := checkText("name", name, 1, 100); err != nil {
		return nil, err
	}
	err = s.change(ctx, p, "passkey.rename", object("passkey", id), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		e.Detail["name"], e.Detail["before"], e.Detail["user"] = name, k.Name, string(k.User)
		return s.storage.RenamePasskey(ctx, tx, p.Account, id, name)
	})
	k.Name = name
	return k, err
}

func (s *Service) passkeyFor(ctx context.Context, p *core.Principal, id core.PasskeyID) (*core.Passkey, error) {
	if err := known(id, "passkey"); err != nil {
		return nil, err
	}
	k, err := s.storage.Passkey(ctx, nil, p.Account, id)
	if err != nil {
		return nil, err
	}
	return k, mine(p, FactorOwn, k.User, "passkey")
}

// RemovePasskey removes a passkey. One's own needs a session in which one has
// shown within five minutes who one is (error: forbidden at proof); those who
// manage users remove other people's.
func (s *Service) RemovePasskey(ctx context.Context, p *core.Principal, id core.PasskeyID) error {
	k, err := s.passkeyFor(ctx, p, id)
	if err != nil {
		return err
	}
	if k.User == p.User {
		if err := inSession(p); err != nil {
			return err
		}
		if err := s.justProven(ctx, p); err != nil {
			return err
		}
	}
	return s.change(ctx, p, "passkey.remove", object("passkey", id), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		e.Detail["name"], e.Detail["user"] = k.Name, string(k.User)
		if err := s.storage.DeletePasskey(ctx, tx, p.Account, id); err != nil {
			return err
		}
		return s.dropCodes(ctx, tx, p.Account, k.User)
	})
}
