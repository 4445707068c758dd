package federation

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/secret"
)

// stateTime is how long a person may stay at the provider.
const stateTime = 10 * time.Minute

// Journey is a browser on its way to a provider.
type Journey struct {
	URL string // where it goes
	// Secret is the value of the cookie with which it comes back.
	Secret secret.Redacted
}

// journey is what is kept of a sign-in while the browser is away.
type journey struct {
	Provider core.ProviderID `json:"provider"`
	Next     string          `json:"next"`
}

// Of the secret in the browser's cookie all values of one sign-in are made that
// must be unguessable: the database then holds none of them.
func derive(secret, use string) string {
	sum := sha256.Sum256([]byte("certwright sign-in " + use + "\x00" + secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// requestID is derive as an XML ID, which begins with no digit.
func requestID(secret string) string {
	sum := sha256.Sum256([]byte("certwright sign-in request\x00" + secret))
	return "id-" + hex.EncodeToString(sum[:20])
}

func stateHash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// leave keeps what is needed when the browser comes back from a provider, as a state of
// kind, and returns the secret for its cookie.
func (s *Service) leave(ctx context.Context, kind string, p *core.SignInProvider, next string) (string, error) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	plain := base64.RawURLEncoding.EncodeToString(b[:])
	data, err := json.Marshal(journey{Provider: p.ID, Next: clip(next, 2000)})
	if err != nil {
		return "", err
	}
	st := &core.SignInState{SecretHash: stateHash(plain), Kind: kind, Account: p.Account, Data: data, ExpiresAt: s.Now().Add(stateTime)}
	return plain, s.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error { return s.Storage.InsertSignInState(ctx, tx, st) })
}

// ended is the answer to a browser that comes back with nothing, too late, or
// twice.
func ended() error {
	return core.Errorf(core.KindExpired, "this sign-in has ended: begin anew")
}

// back takes up what was kept; it is there once.
func (s *Service) back(ctx context.Context, p *core.SignInProvider, cookie string) (*journey, error) {
	if cookie == "" || len(cookie) > 64 {
		return nil, ended()
	}
	st, err := s.take(ctx, string(p.Kind), stateHash(cookie))
	if err != nil {
		return nil, err
	}
	if st == nil {
		return nil, ended()
	}
	var j journey
	if err := json.Unmarshal(st.Data, &j); err != nil {
		return nil, err
	}
	if j.Provider != p.ID {
		return nil, ended()
	}
	return &j, nil
}

// take reads a state of a kind and forgets it; nil when there is none, or somebody else has
// taken it.
func (s *Service) take(ctx context.Context, kind string, hash []byte) (*core.SignInState, error) {
	st, err := s.Storage.SignInState(ctx, nil, kind, hash, s.Now())
	if core.Is(err, core.KindNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	there := false
	err = s.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) (err error) {
		there, err = s.Storage.TakeSignInState(ctx, tx, hash)
		return err
	})
	if err != nil || !there {
		return nil, err
	}
	return st, nil
}

// refuse records why a provider's answer was refused, and returns what may be
// shown. cause is for the audit log alone: it may tell an attacker which check
// failed.
func (s *Service) refuse(ctx context.Context, p *core.SignInProvider, in identity.SignIn, reason string, cause error) error {
	by := &core.Principal{Account: p.Account, Address: in.Address, RequestID: in.RequestID}
	e := core.EventOf(by, s.Now(), "session.create", "provider:"+string(p.ID))
	e.Outcome, e.Detail = core.Refused, map[string]any{"reason": reason, "provider": p.Label}
	if cause != nil {
		e.Detail["cause"] = clip(cause.Error(), 300)
	}
	if err := s.Audit.Record(ctx, e); err != nil {
		return err
	}
	return core.Errorf(core.KindForbidden, "%s: %s", p.Name, reason)
}

// away records that a provider could not be asked.
func (s *Service) away(ctx context.Context, p *core.SignInProvider, in identity.SignIn, cause error) error {
	if err := s.refuse(ctx, p, in, "the provider could not be reached", cause); !core.Is(err, core.KindForbidden) {
		return err
	}
	return core.Wrap(core.KindUnavailable, cause, "%s cannot be reached at present: try again later", p.Name)
}
