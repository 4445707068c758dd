package federation

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/secret"
)

// Sign-in states about signing out (OpenID Connect RP-Initiated Logout 1.0).
const (
	stateSession = "oidc-session" // which provider a session came from, until it ends
	stateExit    = "oidc-exit"    // a browser that is signed out at the provider
)

// maxHint is the longest ID token that is sent back as a hint: it becomes part of a URL,
// and servers take URLs of some 8,000 octets. Without it the client and the login are named.
const maxHint = 6000

// SignedOutURL is the post-logout redirect URI to be registered with an OpenID provider.
func (s *Service) SignedOutURL() string { return s.BaseURL() + "/signed-out" }

// Exit is the provider that a session came from.
type Exit struct {
	Account  core.AccountID
	Provider core.ProviderID
	hint     hint
}

// hint tells the provider whose session is meant.
type hint struct {
	Token string `json:"token,omitempty"` // ID token
	Login string `json:"login,omitempty"`
}

// kept is an Exit in the database. The ID token holds data of a person and is sealed.
type kept struct {
	Provider core.ProviderID `json:"provider"`
	Sealed   []byte          `json:"sealed"`
}

func exitHash(kind, key string) []byte {
	sum := sha256.Sum256([]byte("certwright exit " + kind + "\x00" + key))
	return sum[:]
}

func exitPlace(hash []byte) string { return "signin-exit:" + hex.EncodeToString(hash) }

// exitKey is where the exit of a session, or of a sign-in whose second step is to come,
// is kept, and how long.
func (s *Service) exitKey(in *identity.SignedIn) ([]byte, time.Time) {
	if in.Session != nil {
		return exitHash("session", string(in.Session.ID)), in.Session.ExpiresAt
	}
	return exitHash("pending", in.Pending.Reveal()), s.Now().Add(stateTime)
}

// keepExit remembers the provider of a sign-in, if people are signed out there, too. That
// it fails is no reason to refuse the sign-in.
func (s *Service) keepExit(ctx context.Context, p *core.SignInProvider, h hint, in *identity.SignedIn) {
	if p.Config.OIDC == nil || !p.Config.OIDC.Logout {
		return
	}
	if len(h.Token) > maxHint {
		h.Token = ""
	}
	hash, until := s.exitKey(in)
	err := s.storeExit(ctx, &Exit{Account: p.Account, Provider: p.ID, hint: h}, in.User.ID, hash, until)
	if err != nil {
		s.Log.WarnContext(ctx, "the provider of a session was not kept: it is not signed out there", "provider", p.Label, "error", err)
	}
}

func (s *Service) storeExit(ctx context.Context, x *Exit, user core.UserID, hash []byte, until time.Time) error {
	plain, err := json.Marshal(x.hint)
	if err != nil {
		return err
	}
	sealed, err := s.Sealer.Seal(plain, exitPlace(hash))
	if err != nil {
		return err
	}
	data, err := json.Marshal(kept{x.Provider, sealed})
	if err != nil {
		return err
	}
	st := &core.SignInState{SecretHash: hash, Kind: stateSession, Account: x.Account, User: user, Data: data, ExpiresAt: until}
	return s.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error { return s.Storage.InsertSignInState(ctx, tx, st) })
}

// takeExit reads what was kept and forgets it; nil: nothing.
func (s *Service) takeExit(ctx context.Context, account core.AccountID, hash []byte) (*Exit, error) {
	st, err := s.take(ctx, stateSession, hash)
	if err != nil || st == nil || st.Account != account {
		return nil, err
	}
	var k kept
	if err := json.Unmarshal(st.Data, &k); err != nil {
		return nil, err
	}
	plain, err := s.Sealer.Open(k.Sealed, exitPlace(hash))
	if err != nil {
		return nil, err
	}
	x := &Exit{Account: st.Account, Provider: k.Provider}
	return x, json.Unmarshal(plain, &x.hint)
}

// MoveExit ties what was kept of a sign-in to the session that its second step began.
func (s *Service) MoveExit(ctx context.Context, pending string, in *identity.SignedIn) {
	if pending == "" || len(pending) > 64 || in.Session == nil {
		return
	}
	x, err := s.takeExit(ctx, in.User.Account, exitHash("pending", pending))
	if err == nil && x != nil {
		hash, until := s.exitKey(in)
		err = s.storeExit(ctx, x, in.User.ID, hash, until)
	}
	if err != nil {
		s.Log.WarnContext(ctx, "the provider of a session was not kept: it is not signed out there", "error", err)
	}
}

// Exit takes what was kept of the session that p uses and is about to leave; nil: it is
// not to be signed out anywhere else.
func (s *Service) Exit(ctx context.Context, p *core.Principal) *Exit {
	if p == nil || p.Session == "" {
		return nil
	}
	x, err := s.takeExit(ctx, p.Account, exitHash("session", string(p.Session)))
	if err != nil {
		s.Log.WarnContext(ctx, "the provider of a session cannot be read: it is not signed out there", "error", err)
		return nil
	}
	return x
}

// LeaveOIDC says where a browser, whose session here has ended, is signed out at the
// provider, and what the provider is called (section 2). The journey is nil when the
// provider offers no such thing, or it is switched off. Error: unavailable, with the name.
func (s *Service) LeaveOIDC(ctx context.Context, x *Exit) (*Journey, string, error) {
	p, err := s.Storage.SignInProvider(ctx, nil, x.Account, x.Provider)
	switch {
	case core.Is(err, core.KindNotFound):
		return nil, "", nil
	case err != nil:
		return nil, "", err
	case !p.Enabled || p.Config.OIDC == nil || !p.Config.OIDC.Logout:
		return nil, p.Name, nil
	}
	op, err := s.discover(ctx, p)
	if err != nil {
		return nil, p.Name, core.Wrap(core.KindUnavailable, err, "%s cannot be reached at present", p.Name)
	}
	end := endSession(op)
	if end == nil {
		return nil, p.Name, nil
	}
	cookie, err := s.leave(ctx, stateExit, p, "")
	if err != nil {
		return nil, p.Name, err
	}
	q := end.Query()
	q.Set("client_id", p.Config.OIDC.ClientID)
	q.Set("post_logout_redirect_uri", s.SignedOutURL())
	q.Set("state", derive(cookie, "logout"))
	if x.hint.Token != "" {
		q.Set("id_token_hint", x.hint.Token)
	} else if x.hint.Login != "" {
		q.Set("logout_hint", x.hint.Login)
	}
	end.RawQuery = q.Encode()
	return &Journey{end.String(), secret.Redacted(cookie)}, p.Name, nil
}

// endSession is the provider's end_session_endpoint; nil: it has none that is an https URL.
func endSession(op *oidc.Provider) *url.URL {
	var more struct {
		End string `json:"end_session_endpoint"`
	}
	if err := op.Claims(&more); err != nil || httpsURL("endpoint", more.End) != nil {
		return nil
	}
	u, err := url.Parse(more.End)
	if err != nil {
		return nil
	}
	return u
}

// Left takes a browser back from LeaveOIDC, and names the provider that it was signed out
// of; "": it does not come from there. Nobody is signed in or out by this.
func (s *Service) Left(ctx context.Context, cookie, state string) (string, error) {
	if cookie == "" || len(cookie) > 64 || subtle.ConstantTimeCompare([]byte(state), []byte(derive(cookie, "logout"))) != 1 {
		return "", nil
	}
	st, err := s.take(ctx, stateExit, stateHash(cookie))
	if err != nil || st == nil {
		return "", err
	}
	var j journey
	if err := json.Unmarshal(st.Data, &j); err != nil {
		return "", err
	}
	p, err := s.Storage.SignInProvider(ctx, nil, st.Account, j.Provider)
	if core.Is(err, core.KindNotFound) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	return p.Name, nil
}
