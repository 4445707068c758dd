package rest

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// proofOf is what a request shows besides secrets.
func proofOf(ctx context.Context) identity.Proof {
	return identity.Proof{Address: httpx.ClientAddr(ctx), RequestID: httpx.RequestID(ctx)}
}

// unauthenticated is one answer for everything that is wrong with a token.
func unauthenticated() *core.Error {
	return core.Errorf(core.KindUnauthenticated, "the bearer token is missing, unknown, expired or revoked")
}

// bearer returns who asks by the token of the Authorization header.
func (s *Service) bearer(r *http.Request) (*core.Principal, error) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return nil, unauthenticated()
	}
	return s.byToken(r.Context(), strings.TrimSpace(token))
}

// byToken returns who asks by a bearer token. The credential is read at each
// use, so that its end, a new secret or another address count at once.
func (s *Service) byToken(ctx context.Context, token string) (*core.Principal, error) {
	if len(token) != tokenLength {
		return nil, unauthenticated()
	}
	t, err := s.d.Storage.RESTToken(ctx, hashToken(token))
	if core.Is(err, core.KindNotFound) {
		return nil, unauthenticated()
	}
	if err != nil {
		return nil, err
	}
	if !t.RevokedAt.IsZero() || !s.d.Now().Before(t.ExpiresAt) {
		return nil, unauthenticated()
	}
	return s.holder(ctx, t)
}

// holder is the principal of a token that is in force.
func (s *Service) holder(ctx context.Context, t *core.RESTToken) (*core.Principal, error) {
	c, err := s.credential(ctx, t.PublicID)
	if core.Is(err, core.KindNotFound) || err == nil && (c.ID != t.Credential || !c.SecretSetAt.Equal(t.SecretSetAt)) {
		return nil, unauthenticated()
	}
	if err != nil {
		return nil, err
	}
	return s.d.Auth.Vouch(c, proofOf(ctx))
}

// credential finds a credential of this API by account number.
func (s *Service) credential(ctx context.Context, publicID string) (*core.Credential, error) {
	return s.d.Auth.CredentialByPublicID(ctx, core.CredentialREST, publicID)
}

// vouch returns the principal of a credential whose proof was checked here.
func (s *Service) vouch(ctx context.Context, c *core.Credential) (*core.Principal, error) {
	return s.d.Auth.Vouch(c, proofOf(ctx))
}

// origin is the origin of an operation, for orders and the audit log.
func (s *Service) origin(ctx context.Context, operation string) core.Origin {
	return core.Origin{Protocol: s.Name(), Operation: operation, Address: httpx.ClientAddr(ctx).String(), RequestID: httpx.RequestID(ctx)}
}

// peer is the address of the client as text.
func peer(ctx context.Context) string { return httpx.ClientAddr(ctx).Unmap().String() }

// hashToken is how tokens are kept: they have 256 bits, so a plain hash does.
func hashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
