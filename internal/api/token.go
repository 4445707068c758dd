package api

import (
	"context"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

func (a *API) tokenRoutes() {
	addList(a, get("tokens", "list-tokens", "/tokens", "List personal API tokens: my own, or everybody's for administrators", identity.TokenOwn),
		"tokens", a.d.Identity.TokenColumns, a.d.Identity.Tokens, a.tokenResource)
	register(a, post("tokens", "create-token", "/tokens", "Make a personal API token", identity.TokenOwn).created().
		says("Needs a session: a token cannot make tokens. The secret is shown this once."),
		func(ctx context.Context, p *core.Principal, in *in[resource.NewToken]) (*out[resource.IssuedToken], error) {
			t, text, err := a.d.Identity.CreateToken(ctx, p, identity.NewToken{Name: in.Body.Name, Roles: in.Body.Roles, ExpiresAt: in.Body.ExpiresAt})
			if err != nil {
				return nil, err
			}
			return &out[resource.IssuedToken]{resource.IssuedToken{Token: a.tokenResource(t), Secret: text.Reveal()}}, nil
		})
	register(a, remove("tokens", "revoke-token", "/tokens/{id}", "Revoke a personal API token", identity.TokenOwn),
		func(ctx context.Context, p *core.Principal, in *ByID[core.TokenID]) (*none, error) {
			return nil, a.d.Identity.RevokeToken(ctx, p, in.ID)
		})
}

func (a *API) tokenResource(t *core.Token) resource.Token {
	status := "active"
	switch {
	case !t.RevokedAt.IsZero():
		status = "revoked"
	case !t.ExpiresAt.IsZero() && !a.d.Now().Before(t.ExpiresAt):
		status = "expired"
	}
	return resource.Token{ID: t.ID, User: t.User, Name: t.Name, Prefix: t.Prefix, Roles: list0(t.Roles),
		ExpiresAt: t.ExpiresAt, LastUsed: t.LastUsed, RevokedAt: t.RevokedAt, Status: status, CreatedAt: t.CreatedAt}
}
