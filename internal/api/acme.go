package api

import (
	"context"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

func (a *API) acmeRoutes() {
	addList(a, get("acme", "list-acme-accounts", "/acme-accounts", "List accounts of ACME clients", identity.CredentialView), "acme-accounts",
		a.d.Storage.ACMEAccountColumns, ofGroups(a.d.Storage.ListACMEAccounts), acmeAccountResource)
	register(a, get("acme", "get-acme-account", "/acme-accounts/{id}", "Read an account of an ACME client", identity.CredentialView),
		func(ctx context.Context, p *core.Principal, in *ByID[core.ACMEAccountID]) (*out[resource.ACMEAccount], error) {
			got, _, err := a.acmeAccount(ctx, p, in.ID, identity.CredentialView)
			if err != nil {
				return nil, err
			}
			return &out[resource.ACMEAccount]{acmeAccountResource(got)}, nil
		})
	register(a, post("acme", "revoke-acme-account", "/acme-accounts/{id}/revoke", "Shut an account out; it can be restored", identity.CredentialUpdate).
		says("Its requests are refused at once. Certificates stay as they are."),
		a.acmeAccountState("acme.account.revoke", core.ACMEAccountValid, core.ACMEAccountRevoked))
	register(a, post("acme", "restore-acme-account", "/acme-accounts/{id}/restore", "Let a revoked account in again", identity.CredentialUpdate),
		a.acmeAccountState("acme.account.restore", core.ACMEAccountRevoked, core.ACMEAccountValid))

	addList(a, get("acme", "list-acme-orders", "/acme-orders", "List orders of ACME clients", identity.CredentialView), "acme-orders",
		a.d.Storage.ACMEOrderColumns, ofGroups(a.d.Storage.ListACMEOrders), a.acmeOrderResource)
	register(a, get("acme", "get-acme-order", "/acme-orders/{id}", "Read an order of an ACME client with its authorizations and what was tried", identity.CredentialView), a.getACMEOrder)

	addList(a, get("acme", "list-acme-authorizations", "/acme-authorizations", "List authorizations of ACME clients", identity.CredentialView), "acme-authorizations",
		a.d.Storage.AuthorizationColumns, ofGroups(a.d.Storage.ListAuthorizations), a.authorizationResource)
	register(a, get("acme", "get-acme-authorization", "/acme-authorizations/{id}", "Read an authorization with what was tried", identity.CredentialView),
		func(ctx context.Context, p *core.Principal, in *ByID[core.AuthorizationID]) (*out[resource.ACMEAuthorizationDetail], error) {
			got, _, err := a.authorization(ctx, p, in.ID, identity.CredentialView)
			if err != nil {
				return nil, err
			}
			return &out[resource.ACMEAuthorizationDetail]{a.authorizationDetail(got)}, nil
		})
	register(a, post("acme", "revoke-acme-authorization", "/acme-authorizations/{id}/revoke", "Take an authorization away: control must be proven anew", identity.CredentialUpdate).
		says("Orders that wait for it fail. Certificates stay as they are."), a.revokeAuthorization)
}

// ofGroups reads a list as far as the caller may view its credentials.
func ofGroups[T any](read func(context.Context, core.ListQuery, []core.GroupID) (core.Page[T], error)) func(context.Context, *core.Principal, core.ListQuery) (core.Page[T], error) {
	return func(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[T], error) {
		all, groups := identity.VisibleGroups(p, identity.CredentialView)
		if all {
			return read(ctx, q, nil)
		}
		return read(ctx, q, list0(groups))
	}
}

// within checks the action on something of a credential; what belongs to one
// that the caller may not view does not exist for him.
func (a *API) within(ctx context.Context, p *core.Principal, id core.CredentialID, action identity.Action, what string) (*core.Credential, error) {
	c, err := a.d.Identity.CredentialByID(ctx, p, id)
	if core.Is(err, core.KindNotFound) {
		return nil, core.Errorf(core.KindNotFound, "there is no such %s", what)
	}
	if err != nil {
		return nil, err
	}
	return c, identity.Can(p, action, c.Group)
}

func (a *API) acmeAccount(ctx context.Context, p *core.Principal, id core.ACMEAccountID, action identity.Action) (*core.ACMEAccount, *core.Credential, error) {
	got, err := a.d.Storage.FindACMEAccount(ctx, p.Account, id)
	if err != nil {
		return nil, nil, err
	}
	c, err := a.within(ctx, p, got.Credential, action, "ACME account")
	return got, c, err
}

func (a *API) authorization(ctx context.Context, p *core.Principal, id core.AuthorizationID, action identity.Action) (*core.Authorization, *core.Credential, error) {
	got, err := a.d.Storage.FindAuthorization(ctx, p.Account, id)
	if err != nil {
		return nil, nil, err
	}
	c, err := a.within(ctx, p, got.Credential, action, "authorization")
	return got, c, err
}

// reasonedRequest names a thing and says why something is done with it.
type reasonedRequest[T ~string] struct {
	ByID[T]
	Body *resource.Reasoned
}

func (r *reasonedRequest[T]) reason() string {
	if r.Body == nil {
		return ""
	}
	return r.Body.Reason
}

// acmeAccountState makes a handler that takes an account from one state to
// another.
func (a *API) acmeAccountState(action string, from, to core.ACMEAccountState) handler[reasonedRequest[core.ACMEAccountID], out[resource.ACMEAccount]] {
	return func(ctx context.Context, p *core.Principal, in *reasonedRequest[core.ACMEAccountID]) (*out[resource.ACMEAccount], error) {
		got, c, err := a.acmeAccount(ctx, p, in.ID, identity.CredentialUpdate)
		if err != nil {
			return nil, err
		}
		switch got.State {
		case from:
		case core.ACMEAccountDeactivated:
			return nil, core.Errorf(core.KindConflict, "its owner has deactivated the account, which is final")
		default:
			return nil, core.Errorf(core.KindConflict, "the account is %s already", to)
		}
		e := core.EventOf(p, a.d.Now(), action, "acme-account:"+string(got.ID))
		e.Credential = c.ID
		e.Detail = map[string]any{"label": c.Label, "thumbprint": got.Thumbprint, "reason": in.reason()}
		err = a.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
			a.d.Audit.Write(tx, e)
			return a.d.Storage.SetACMEAccountState(ctx, tx, p.Account, got.ID, from, to)
		})
		if err != nil {
			return nil, err
		}
		if got, err = a.d.Storage.FindACMEAccount(ctx, p.Account, got.ID); err != nil {
			return nil, err
		}
		return &out[resource.ACMEAccount]{acmeAccountResource(got)}, nil
	}
}

func (a *API) revokeAuthorization(ctx context.Context, p *core.Principal, in *reasonedRequest[core.AuthorizationID]) (*out[resource.ACMEAuthorizationDetail], error) {
	got, c, err := a.authorization(ctx, p, in.ID, identity.CredentialUpdate)
	if err != nil {
		return nil, err
	}
	now := a.d.Now()
	if state := got.Shown(now); state != core.AuthorizationPending && state != core.AuthorizationValid {
		return nil, core.Errorf(core.KindConflict, "the authorization is %s already", state)
	}
	e := core.EventOf(p, now, "acme.authorization.revoke", "acme-authorization:"+string(got.ID))
	e.Credential = c.ID
	e.Detail = map[string]any{"label": c.Label, "identifier": got.Identifier.String(), "acme_account": string(got.ACMEAccount), "reason": in.reason()}
	gone := &core.ACMEProblem{Type: "unauthorized", Detail: "an authorization of the order was revoked", Status: 403}
	err = a.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		a.d.Audit.Write(tx, e)
		if err := a.d.Storage.RevokeAuthorization(ctx, tx, p.Account, got.ID, now); err != nil {
			return err
		}
		return a.d.Storage.SettleACMEOrders(ctx, tx, got.ID, gone, now)
	})
	if err != nil {
		return nil, err
	}
	if got, err = a.d.Storage.FindAuthorization(ctx, p.Account, got.ID); err != nil {
		return nil, err
	}
	return &out[resource.ACMEAuthorizationDetail]{a.authorizationDetail(got)}, nil
}

func (a *API) getACMEOrder(ctx context.Context, p *core.Principal, in *ByID[core.ACMEOrderID]) (*out[resource.ACMEOrderDetail], error) {
	o, err := a.d.Storage.FindACMEOrder(ctx, p.Account, in.ID)
	if err != nil {
		return nil, err
	}
	if _, err := a.within(ctx, p, o.Credential, identity.CredentialView, "ACME order"); err != nil {
		return nil, err
	}
	all, err := a.d.Storage.Authorizations(ctx, o.Authorizations)
	if err != nil {
		return nil, err
	}
	byID := map[core.AuthorizationID]*core.Authorization{}
	for _, z := range all {
		byID[z.ID] = z
	}
	d := resource.ACMEOrderDetail{ACMEOrder: a.acmeOrderResource(o), Authorizations: []resource.ACMEAuthorizationDetail{}}
	for _, id := range o.Authorizations { // in the order's own order, each once
		if z := byID[id]; z != nil {
			d.Authorizations = append(d.Authorizations, a.authorizationDetail(z))
			delete(byID, id)
		}
	}
	return &out[resource.ACMEOrderDetail]{d}, nil
}

func acmeAccountResource(c *core.ACMEAccount) resource.ACMEAccount {
	return resource.ACMEAccount{ID: c.ID, Credential: c.Credential, State: c.State, Thumbprint: c.Thumbprint, Contacts: list0(c.Contacts), Terms: c.Terms,
		External: c.External, Address: c.Address, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt}
}

func (a *API) acmeOrderResource(o *core.ACMEOrder) resource.ACMEOrder {
	r := resource.ACMEOrder{ID: o.ID, Credential: o.Credential, ACMEAccount: o.ACMEAccount, State: o.Shown(a.d.Now()), Product: o.Product, Profile: o.Profile,
		Identifiers: list0(o.Identifiers), NotBefore: o.NotBefore, NotAfter: o.NotAfter, Replaces: o.Replaces, Order: o.Order, Certificate: o.Certificate,
		ExpiresAt: o.ExpiresAt, CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt}
	if o.Problem != nil {
		r.Problem = &resource.ACMEProblem{Type: o.Problem.Type, Detail: o.Problem.Detail, Reasons: o.Problem.About}
	}
	return r
}

func (a *API) authorizationResource(z *core.Authorization) resource.ACMEAuthorization {
	return resource.ACMEAuthorization{ID: z.ID, Credential: z.Credential, ACMEAccount: z.ACMEAccount, Identifier: z.Identifier, Wildcard: z.Wildcard,
		Subdomains: z.Subdomains, State: z.Shown(a.d.Now()), Method: z.Method, ExpiresAt: z.ExpiresAt, CreatedAt: z.CreatedAt, UpdatedAt: z.UpdatedAt}
}

// authorizationDetail leaves tokens and attestations out: they are the
// client's affair.
func (a *API) authorizationDetail(z *core.Authorization) resource.ACMEAuthorizationDetail {
	d := resource.ACMEAuthorizationDetail{ACMEAuthorization: a.authorizationResource(z), Challenges: []resource.ACMEChallenge{}}
	for _, c := range z.Challenges {
		d.Challenges = append(d.Challenges, resource.ACMEChallenge{Method: c.Method, State: c.State, Failure: c.Failure, Records: list0(c.Records),
			Tries: c.Tries, ValidatedAt: c.ValidatedAt})
	}
	return d
}
