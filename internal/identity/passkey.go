package identity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/secret"
)

// Kinds of [core.SignInState] for the ceremonies of WebAuthn level 3.
const (
	stateKeyRegister = "passkey-register"
	stateKeySignIn   = "passkey-sign-in"
	stateKeyStep     = "passkey-step"
	stateKeyConfirm  = "passkey-confirm"
)

// maxPasskeyAnswer is how many octets of a browser's answer are looked at: with
// attestation "none" it has one or two kilobytes.
const maxPasskeyAnswer = 32 << 10

// Ceremony is what a browser needs to create or use a passkey.
type Ceremony struct {
	// Options is the value of publicKey in navigator.credentials.create or get,
	// with octets in base64url.
	Options json.RawMessage
	// Secret is for a cookie: it brings the answer back to this ceremony.
	Secret secret.Redacted
}

// ceremony is what is kept of one until its answer comes.
type ceremony struct {
	Session webauthn.SessionData `json:"session"`
	For     string               `json:"for,omitempty"` // session, or hash of the pending sign-in
}

// PasskeysOff says why nobody can use passkeys here; "" when they can. The
// relying party is the host of the base URL, which WebAuthn section 5.1.2 wants
// to be a domain, and browsers only offer passkeys where nobody can have changed
// the page on its way.
func (s *Service) PasskeysOff() string {
	_, _, why := s.passkeyHost()
	return why
}

func (s *Service) passkeyHost() (host, origin, why string) {
	u, err := url.Parse(s.baseURL())
	if err != nil || u.Hostname() == "" {
		return "", "", "the base URL has no host"
	}
	host = u.Hostname()
	if _, err := netip.ParseAddr(host); err == nil {
		return "", "", "passkeys need a base URL with a host name; this one has an IP address"
	}
	if u.Scheme != "https" && host != "localhost" {
		return "", "", "passkeys need a base URL with https"
	}
	if err := protocol.ValidateRPID(host); err != nil {
		return "", "", "passkeys need a base URL whose host is a domain name"
	}
	return host, u.Scheme + "://" + u.Host, ""
}

// party is the relying party under the base URL of now. Error: conflict when
// there can be none.
func (s *Service) party() (*webauthn.WebAuthn, error) {
	host, origin, why := s.passkeyHost()
	if why != "" {
		return nil, core.Errorf(core.KindConflict, "%s", why)
	}
	return webauthn.New(&webauthn.Config{RPID: host, RPDisplayName: totpIssuer, RPOrigins: []string{origin}, AttestationPreference: protocol.PreferNoAttestation})
}

// keyOwner is a user as the library wants him: his user handle is his id.
type keyOwner struct {
	id    core.UserID
	login string
	keys  []core.Passkey
}

func (o *keyOwner) WebAuthnID() []byte          { return []byte(o.id) }
func (o *keyOwner) WebAuthnName() string        { return o.login }
func (o *keyOwner) WebAuthnDisplayName() string { return o.login }

func (o *keyOwner) WebAuthnCredentials() []webauthn.Credential {
	out := []webauthn.Credential{}
	for _, k := range o.keys {
		c := webauthn.Credential{ID: k.CredentialID, PublicKey: k.PublicKey,
			Flags:         webauthn.CredentialFlags{BackupEligible: k.BackupEligible, BackupState: k.BackedUp},
			Authenticator: webauthn.Authenticator{SignCount: k.SignCount}}
		for _, t := range k.Transports {
			c.Transport = append(c.Transport, protocol.AuthenticatorTransport(t))
		}
		out = append(out, c)
	}
	return out
}

// keysHere returns a user's passkeys that work under the host of now.
func (s *Service) keysHere(ctx context.Context, user core.UserID) ([]core.Passkey, error) {
	host, _, why := s.passkeyHost()
	all, err := s.storage.PasskeysOf(ctx, user)
	if err != nil || why != "" {
		return nil, err
	}
	var out []core.Passkey
	for _, k := range all {
		if k.Host == host && k.ClonedAt.IsZero() {
			out = append(out, k)
		}
	}
	return out, nil
}

// open keeps a ceremony and returns what the browser needs.
func (s *Service) open(ctx context.Context, kind string, account core.AccountID, user core.UserID, c ceremony, options any) (*Ceremony, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	opts, err := json.Marshal(options)
	if err != nil {
		return nil, err
	}
	plain, hash := newSessionSecret()
	now := s.now()
	st := &core.SignInState{SecretHash: hash, Kind: kind, Account: account, User: user, Data: data, ExpiresAt: now.Add(stepTime)}
	err = s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if user == "" { // anybody can begin these, so nothing of them stays
			if err := s.storage.PurgeSignInStates(ctx, tx, now); err != nil {
				return err
			}
		}
		return s.storage.InsertSignInState(ctx, tx, st)
	})
	if err != nil {
		return nil, err
	}
	return &Ceremony{Options: opts, Secret: secret.Redacted(plain)}, nil
}

// close takes a ceremony, which is there once whatever the answer is worth.
// Error: expired.
func (s *Service) close(ctx context.Context, kind, plain string, user core.UserID, bound string) (*ceremony, error) {
	hash := stateHash(plain)
	var c ceremony
	err := s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		st, err := s.storage.SignInState(ctx, tx, kind, hash, s.now())
		if err != nil {
			return err
		}
		there, err := s.storage.TakeSignInState(ctx, tx, hash)
		if err != nil {
			return err
		}
		c = ceremony{}
		if err := json.Unmarshal(st.Data, &c); err != nil {
			return err
		}
		if !there || st.User != user || c.For != bound {
			return notFound("ceremony")
		}
		return nil
	})
	if core.Is(err, core.KindNotFound) {
		return nil, core.Errorf(core.KindExpired, "that took too long, or was answered in another window: begin anew")
	}
	return &c, err
}

// parse functions answer invalid for what no browser sends.
func parseAssertion(answer []byte) (*protocol.ParsedCredentialAssertionData, error) {
	if len(answer) > maxPasskeyAnswer {
		return nil, core.Errorf(core.KindInvalid, "the browser's answer is too long").At("passkey")
	}
	got, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return nil, core.Wrap(core.KindInvalid, err, "the browser's answer cannot be read").At("passkey")
	}
	return got, nil
}

func parseCreation(answer []byte) (*protocol.ParsedCredentialCreationData, error) {
	if len(answer) > maxPasskeyAnswer {
		return nil, core.Errorf(core.KindInvalid, "the browser's answer is too long").At("passkey")
	}
	got, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return nil, core.Wrap(core.KindInvalid, err, "the browser's answer cannot be read").At("passkey")
	}
	return got, nil
}

// why is what the library says, for the audit log. It holds no secret: a
// challenge is used up by then.
func whyRefused(err error) string {
	var e *protocol.Error
	if errors.As(err, &e) {
		return clip(e.Details, 300)
	}
	return clip(err.Error(), 300)
}

func refusedKey(k core.Kind) error {
	return core.Errorf(k, "this passkey was not accepted").At("passkey")
}

// assert checks an answer against one user's passkeys, and uses the passkey up
// to its new counter together with what f does. A refusal is in the audit log.
// user "" finds the owner by the passkey.
func (s *Service) assert(ctx context.Context, p *core.Principal, action string, c *ceremony, answer []byte, user core.UserID, f func(ctx context.Context, tx core.Tx, k *core.Passkey) error) (*core.Passkey, error) {
	party, err := s.party()
	if err != nil {
		return nil, err
	}
	got, err := parseAssertion(answer)
	if err != nil {
		return nil, err
	}
	k, err := s.storage.PasskeyByCredential(ctx, got.RawID)
	if core.Is(err, core.KindNotFound) || err == nil && user != "" && k.User != user {
		return nil, s.refuseKey(ctx, p, action, user, "unknown passkey")
	} else if err != nil {
		return nil, err
	}
	if p.Account == "" {
		p.Account = k.Account
	}
	owner := &keyOwner{id: k.User, keys: []core.Passkey{*k}}
	var used *webauthn.Credential
	if user != "" {
		// Only one passkey answers: the list that the browser chose from says no more.
		c.Session.AllowedCredentialIDs = nil
		used, err = party.ValidateLogin(owner, c.Session, got)
	} else {
		_, used, err = party.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return owner, nil }, c.Session, got)
	}
	switch {
	case err != nil:
		return nil, s.refuseKey(ctx, p, action, k.User, whyRefused(err))
	case !k.ClonedAt.IsZero():
		return nil, s.refuseKey(ctx, p, action, k.User, "the passkey's counter went back once")
	case used.Authenticator.CloneWarning:
		return nil, s.refuseClone(ctx, p, action, k, got.Response.AuthenticatorData.Counter)
	}
	err = s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		ok, err := s.storage.UsePasskey(ctx, tx, k.ID, k.SignCount, used.Authenticator.SignCount, used.Flags.BackupState, s.now())
		if err != nil {
			return err
		}
		if !ok {
			return refusedKey(core.KindUnauthenticated)
		}
		return f(ctx, tx, k)
	})
	return k, err
}

func (s *Service) refuseKey(ctx context.Context, p *core.Principal, action string, user core.UserID, why string) error {
	who := "user:unknown"
	if user != "" {
		who = object("user", user)
	}
	if p.Account != "" {
		if err := s.recordRefusal(ctx, p, action, who, "passkey: "+why); err != nil {
			return err
		}
	}
	return refusedKey(core.KindUnauthenticated)
}

// refuseClone takes a passkey out of use whose counter went back: there may be
// two of it (WebAuthn section 6.1.1).
func (s *Service) refuseClone(ctx context.Context, p *core.Principal, action string, k *core.Passkey, counter uint32) error {
	err := s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		e := core.EventOf(p, s.now(), "passkey.cloned", object("user", k.User))
		e.Outcome = core.Refused
		e.Detail = map[string]any{"passkey": string(k.ID), "name": k.Name, "counter": counter, "before": k.SignCount, "during": action}
		s.audit.Write(tx, e)
		return s.storage.RefusePasskey(ctx, tx, k.ID, s.now())
	})
	if err != nil {
		return err
	}
	return refusedKey(core.KindUnauthenticated)
}

// BeginPasskeySignIn begins a sign-in without a name: the browser offers the
// passkeys it has for this host. Error: conflict when passkeys are off.
func (s *Service) BeginPasskeySignIn(ctx context.Context) (*Ceremony, error) {
	party, err := s.party()
	if err != nil {
		return nil, err
	}
	a, ses, err := party.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, err
	}
	return s.open(ctx, stateKeySignIn, "", "", ceremony{Session: *ses}, a.Response)
}

// FinishPasskeySignIn starts the session of the passkey's owner. It counts as
// both factors, because the authenticator has verified the person. A lock after
// wrong passwords does not keep him out. Of in, where the request comes from is
// used. Errors: unauthenticated at passkey, expired.
func (s *Service) FinishPasskeySignIn(ctx context.Context, plain string, answer []byte, in SignIn) (*SignedIn, error) {
	c, err := s.close(ctx, stateKeySignIn, plain, "", "")
	if err != nil {
		return nil, err
	}
	p := &core.Principal{Address: in.Address, RequestID: in.RequestID}
	k, err := s.assert(ctx, p, "session.create", c, answer, "", func(ctx context.Context, tx core.Tx, k *core.Passkey) error {
		ok, err := s.storage.CountPasskeySignIn(ctx, tx, k.User, s.now())
		if err == nil && !ok {
			err = refusedKey(core.KindUnauthenticated)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	u, err := s.storage.User(ctx, nil, k.Account, k.User)
	if err != nil {
		return nil, err
	}
	p.User, p.Login, in.method = u.ID, u.Login, "passkey"
	return s.start(ctx, p, u, in)
}

// StepPasskeys reports whether a pending sign-in can be finished by a passkey.
func (s *Service) StepPasskeys(ctx context.Context, pending string) (bool, error) {
	st, err := s.storage.SignInState(ctx, nil, stateSecondStep, stateHash(pending), s.now())
	if core.Is(err, core.KindNotFound) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	keys, err := s.keysHere(ctx, st.User)
	return len(keys) > 0, err
}

// BeginPasskeyStep begins the second step of a pending sign-in with one of the
// user's passkeys. Errors: expired, conflict when he has none here.
func (s *Service) BeginPasskeyStep(ctx context.Context, pending string) (*Ceremony, error) {
	st, err := s.storage.SignInState(ctx, nil, stateSecondStep, stateHash(pending), s.now())
	if core.Is(err, core.KindNotFound) {
		return nil, ended()
	} else if err != nil {
		return nil, err
	}
	return s.beginFor(ctx, stateKeyStep, st.Account, st.User, pendingName(pending), protocol.VerificationPreferred)
}

// pendingName ties a ceremony to a pending sign-in.
func pendingName(pending string) string {
	return base64.RawURLEncoding.EncodeToString(stateHash(pending))
}

// beginFor begins a ceremony with one of a user's own passkeys.
func (s *Service) beginFor(ctx context.Context, kind string, account core.AccountID, user core.UserID, bound string, uv protocol.UserVerificationRequirement) (*Ceremony, error) {
	party, err := s.party()
	if err != nil {
		return nil, err
	}
	keys, err := s.keysHere(ctx, user)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, core.Errorf(core.KindConflict, "there is no passkey for this host")
	}
	a, ses, err := party.BeginLogin(&keyOwner{id: user, keys: keys}, webauthn.WithUserVerification(uv))
	if err != nil {
		return nil, err
	}
	return s.open(ctx, kind, account, user, ceremony{Session: *ses, For: bound}, a.Response)
}

// FinishPasskeyStep finishes a pending sign-in. Errors: unauthenticated at
// passkey, expired.
func (s *Service) FinishPasskeyStep(ctx context.Context, pending, plain string, answer []byte, in SignIn) (*SignedIn, error) {
	hash := stateHash(pending)
	st, err := s.storage.SignInState(ctx, nil, stateSecondStep, hash, s.now())
	if core.Is(err, core.KindNotFound) {
		return nil, ended()
	} else if err != nil {
		return nil, err
	}
	c, err := s.close(ctx, stateKeyStep, plain, st.User, pendingName(pending))
	if err != nil {
		return nil, err
	}
	u, err := s.storage.User(ctx, nil, st.Account, st.User)
	if err != nil {
		return nil, err
	}
	p := &core.Principal{Account: u.Account, Login: u.Login, Address: in.Address, RequestID: in.RequestID}
	_, err = s.assert(ctx, p, "session.create", c, answer, u.ID, func(ctx context.Context, tx core.Tx, _ *core.Passkey) error {
		return s.passStep(ctx, tx, p, u, "passkey", hash)
	})
	if err != nil {
		return nil, err
	}
	p.User, in.method = u.ID, "password and passkey"
	return s.start(ctx, p, u, in)
}
