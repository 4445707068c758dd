package client

import (
	"context"
	"iter"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// Providers walks sign-in providers.
func (c *Client) Providers(ctx context.Context, q Query) iter.Seq2[resource.SignInProvider, error] {
	return All[resource.SignInProvider](ctx, c, "sign-in-providers", q)
}

// Provider reads one.
func (c *Client) Provider(ctx context.Context, id core.ProviderID) (*resource.SignInProvider, error) {
	return get[resource.SignInProvider](ctx, c, at("sign-in-providers", id), nil)
}

// CreateProvider adds one, disabled.
func (c *Client) CreateProvider(ctx context.Context, p resource.NewSignInProvider) (*resource.SignInProvider, error) {
	return post[resource.SignInProvider](ctx, c, "/sign-in-providers", p)
}

// UpdateProvider replaces what is said of one.
func (c *Client) UpdateProvider(ctx context.Context, id core.ProviderID, p resource.SignInProviderUpdate) (*resource.SignInProvider, error) {
	return put[resource.SignInProvider](ctx, c, at("sign-in-providers", id), p)
}

// SetProviderState switches one on or off.
func (c *Client) SetProviderState(ctx context.Context, id core.ProviderID, on bool) (*resource.SignInProvider, error) {
	return post[resource.SignInProvider](ctx, c, at("sign-in-providers", id, switchWord(on)), nil)
}

// TestProvider tries one.
func (c *Client) TestProvider(ctx context.Context, id core.ProviderID) (*resource.ProviderTest, error) {
	return post[resource.ProviderTest](ctx, c, at("sign-in-providers", id, "test"), nil)
}

// DeleteProvider removes one.
func (c *Client) DeleteProvider(ctx context.Context, id core.ProviderID) error {
	return c.remove(ctx, at("sign-in-providers", id))
}

// UserIdentities reads whom of sign-in providers a user is.
func (c *Client) UserIdentities(ctx context.Context, user core.UserID) (*resource.ExternalIdentities, error) {
	return get[resource.ExternalIdentities](ctx, c, at("users", user, "identities"), nil)
}

// LinkIdentity says that somebody of a provider is a user.
func (c *Client) LinkIdentity(ctx context.Context, user core.UserID, l resource.IdentityLink) (*resource.ExternalIdentities, error) {
	return post[resource.ExternalIdentities](ctx, c, at("users", user, "identities", "link"), l)
}

// UnlinkIdentity undoes that.
func (c *Client) UnlinkIdentity(ctx context.Context, user core.UserID, l resource.IdentityLink) (*resource.ExternalIdentities, error) {
	return post[resource.ExternalIdentities](ctx, c, at("users", user, "identities", "unlink"), l)
}
