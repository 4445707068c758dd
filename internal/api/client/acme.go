package client

import (
	"context"
	"iter"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// ACMEAccounts walks accounts of ACME clients.
func (c *Client) ACMEAccounts(ctx context.Context, q Query) iter.Seq2[resource.ACMEAccount, error] {
	return All[resource.ACMEAccount](ctx, c, "acme-accounts", q)
}

// ACMEAccount reads one.
func (c *Client) ACMEAccount(ctx context.Context, id core.ACMEAccountID) (*resource.ACMEAccount, error) {
	return get[resource.ACMEAccount](ctx, c, at("acme-accounts", id), nil)
}

// RevokeACMEAccount shuts an account out.
func (c *Client) RevokeACMEAccount(ctx context.Context, id core.ACMEAccountID, reason string) (*resource.ACMEAccount, error) {
	return post[resource.ACMEAccount](ctx, c, at("acme-accounts", id, "revoke"), resource.Reasoned{Reason: reason})
}

// RestoreACMEAccount lets a revoked account in again.
func (c *Client) RestoreACMEAccount(ctx context.Context, id core.ACMEAccountID, reason string) (*resource.ACMEAccount, error) {
	return post[resource.ACMEAccount](ctx, c, at("acme-accounts", id, "restore"), resource.Reasoned{Reason: reason})
}

// ACMEOrders walks orders of ACME clients.
func (c *Client) ACMEOrders(ctx context.Context, q Query) iter.Seq2[resource.ACMEOrder, error] {
	return All[resource.ACMEOrder](ctx, c, "acme-orders", q)
}

// ACMEOrder reads one with its authorizations and what was tried.
func (c *Client) ACMEOrder(ctx context.Context, id core.ACMEOrderID) (*resource.ACMEOrderDetail, error) {
	return get[resource.ACMEOrderDetail](ctx, c, at("acme-orders", id), nil)
}

// ACMEAuthorizations walks authorizations of ACME clients.
func (c *Client) ACMEAuthorizations(ctx context.Context, q Query) iter.Seq2[resource.ACMEAuthorization, error] {
	return All[resource.ACMEAuthorization](ctx, c, "acme-authorizations", q)
}

// ACMEAuthorization reads one with what was tried.
func (c *Client) ACMEAuthorization(ctx context.Context, id core.AuthorizationID) (*resource.ACMEAuthorizationDetail, error) {
	return get[resource.ACMEAuthorizationDetail](ctx, c, at("acme-authorizations", id), nil)
}

// RevokeACMEAuthorization takes an authorization away.
func (c *Client) RevokeACMEAuthorization(ctx context.Context, id core.AuthorizationID, reason string) (*resource.ACMEAuthorizationDetail, error) {
	return post[resource.ACMEAuthorizationDetail](ctx, c, at("acme-authorizations", id, "revoke"), resource.Reasoned{Reason: reason})
}

// RenewalPulls walks the early renewals that ACME clients are asked for.
func (c *Client) RenewalPulls(ctx context.Context, q Query) iter.Seq2[resource.RenewalPull, error] {
	return All[resource.RenewalPull](ctx, c, "renewal-pulls", q)
}

// RenewalPull reads one.
func (c *Client) RenewalPull(ctx context.Context, id core.PullID) (*resource.RenewalPull, error) {
	return get[resource.RenewalPull](ctx, c, at("renewal-pulls", id), nil)
}

// CreateRenewalPull asks ACME clients to renew early.
func (c *Client) CreateRenewalPull(ctx context.Context, n resource.NewRenewalPull) (*resource.RenewalPull, error) {
	return post[resource.RenewalPull](ctx, c, "/renewal-pulls", n)
}

// CancelRenewalPull ends a pull.
func (c *Client) CancelRenewalPull(ctx context.Context, id core.PullID) (*resource.RenewalPull, error) {
	return post[resource.RenewalPull](ctx, c, at("renewal-pulls", id, "cancel"), nil)
}

// AddChain adds a chain to another root to an issuer.
func (c *Client) AddChain(ctx context.Context, id core.IssuerID, certificates string) (*resource.IssuerDetail, error) {
	return post[resource.IssuerDetail](ctx, c, at("issuers", id, "chains"), resource.NewChain{Certificates: certificates})
}

// RemoveChains removes all chains to other roots of an issuer.
func (c *Client) RemoveChains(ctx context.Context, id core.IssuerID) (*resource.IssuerDetail, error) {
	return post[resource.IssuerDetail](ctx, c, at("issuers", id, "chains", "remove"), nil)
}
