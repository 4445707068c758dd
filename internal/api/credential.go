package api

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

func (a *API) credentialRoutes() {
	register(a, get("credentials", "list-credential-types", "/credential-types", "Which kinds of API credentials are offered", identity.CredentialView), a.credentialTypes)
	addList(a, get("credentials", "list-credentials", "/credentials", "List API credentials", identity.CredentialView),
		"credentials", a.d.Identity.CredentialColumns, a.d.Identity.Credentials, a.credentialResource)
	register(a, get("credentials", "export-credentials", "/credentials/export", "Export the list as CSV or JSON, all pages", identity.CredentialView).
		streams("text/csv"), a.exportCredentials)
	register(a, get("credentials", "get-credential", "/credentials/{id}", "Read an API credential", identity.CredentialView),
		func(ctx context.Context, p *core.Principal, in *ByID[core.CredentialID]) (*out[resource.CredentialDetail], error) {
			c, err := a.d.Identity.CredentialByID(ctx, p, in.ID)
			return a.credentialAnswer(c, err)
		})
	register(a, patch("credentials", "update-credential", "/credentials/{id}", "Change an API credential", identity.CredentialUpdate).
		says("The version must be the present one, else nothing is changed (conflict)."), a.updateCredential)
	usage := get("credentials", "list-credential-usage", "/credentials/{id}/usage", "What the audit log says about an API credential", identity.CredentialView)
	register(a, usage.says("Columns as in the list audit."), a.credentialUsage)
}

func (a *API) credentialTypes(context.Context, *core.Principal, *struct{}) (*out[resource.CredentialTypes], error) {
	r := resource.CredentialTypes{Items: []resource.CredentialType{}}
	for _, t := range a.d.Identity.Types() {
		ct := resource.CredentialType{Name: t.Name, Title: t.Title, Served: t.Unserved == "", Auth: []core.AuthKind{}}
		for _, o := range t.Auth {
			ct.Auth = append(ct.Auth, o.Kind)
		}
		r.Items = append(r.Items, ct)
	}
	return &out[resource.CredentialTypes]{r}, nil
}

// credentialAnswer makes the detailed answer of a service's result.
func (a *API) credentialAnswer(c *core.Credential, err error) (*out[resource.CredentialDetail], error) {
	if err != nil {
		return nil, err
	}
	d, err := a.credentialDetail(c)
	return &out[resource.CredentialDetail]{d}, err
}

func (a *API) credentialDetail(c *core.Credential) (resource.CredentialDetail, error) {
	d := resource.CredentialDetail{Credential: a.credentialResource(c)}
	e, err := a.d.Identity.Endpoint(c)
	if core.Is(err, core.KindInvalid) {
		return d, nil // its protocol is not offered any more
	}
	if err != nil {
		return d, err
	}
	d.URL, d.BareURL, d.Commands = e.URL, e.BareURL, e.Commands
	return d, nil
}

type credentialPatch struct {
	ByID[core.CredentialID]
	Body resource.CredentialChange
}

func (a *API) updateCredential(ctx context.Context, p *core.Principal, in *credentialPatch) (*out[resource.CredentialDetail], error) {
	b := &in.Body
	ch := identity.CredentialChange{Version: b.Version, Default: b.Default, Description: b.Description, Tags: b.Tags, ExpiresAt: b.ExpiresAt,
		Sources: b.Sources, AllowedNames: b.AllowedNames, ProvenNames: b.ProvenNames, Options: b.Options}
	if b.NoExpiry {
		if b.ExpiresAt != nil {
			return nil, core.Errorf(core.KindInvalid, "no_expiry and expires_at exclude each other").At("no_expiry")
		}
		ch.ExpiresAt = new(time.Time)
	}
	if b.Trust != nil {
		trust := []byte(*b.Trust)
		ch.Trust = &trust
	}
	if b.Products != nil {
		ids, err := a.productIDs(ctx, p, *b.Products)
		if err != nil {
			return nil, err
		}
		ch.Products = &ids
	}
	if b.Product != nil {
		id, err := a.productID(ctx, p, *b.Product, "product")
		if err != nil {
			return nil, err
		}
		ch.Product = &id
	}
	c, err := a.d.Identity.UpdateCredential(ctx, p, in.ID, ch)
	return a.credentialAnswer(c, err)
}

// productIDs finds products by id or code.
func (a *API) productIDs(ctx context.Context, p *core.Principal, words []string) ([]core.ProductID, error) {
	ids := make([]core.ProductID, 0, len(words))
	for _, w := range words {
		id, err := a.productID(ctx, p, w, "products")
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// productID finds a product by id or code; "" stays.
func (a *API) productID(ctx context.Context, p *core.Principal, word, field string) (core.ProductID, error) {
	if word == "" {
		return "", nil
	}
	prod, err := a.d.Products.Get(ctx, p.Account, word)
	if core.Is(err, core.KindNotFound) {
		return "", core.Errorf(core.KindInvalid, "there is no product %q", word).At(field)
	}
	if err != nil {
		return "", err
	}
	return prod.ID, nil
}

type credentialUsageRequest struct {
	ByID[core.CredentialID]
	ListParams
}

// credentialUsage is the audit log, filtered. Who may view the credential may
// see what was done with it, also without the right to view the whole log.
func (a *API) credentialUsage(ctx context.Context, p *core.Principal, in *credentialUsageRequest) (*page[resource.Entry], error) {
	c, err := a.d.Identity.CredentialByID(ctx, p, in.ID)
	if err != nil {
		return nil, err
	}
	read := func(ctx context.Context, _ *core.Principal, q core.ListQuery) (auditPage, error) {
		q.Filter = append(identity.UsageFilter(c.ID), q.Filter...)
		return a.d.Audit.List(ctx, q)
	}
	return list(a, "audit", auditColumns, read, entryResource)(ctx, p, &in.ListParams)
}

func (a *API) credentialResource(c *core.Credential) resource.Credential {
	return resource.Credential{ID: c.ID, Number: c.Number, Type: c.Type, Auth: c.Auth, Label: c.Label, Default: c.Default, Description: c.Description,
		Tags: list0(c.Tags), State: c.State, Status: a.credentialStatus(c), Expired: !c.ExpiresAt.IsZero() && !a.d.Now().Before(c.ExpiresAt), User: c.User, Group: c.Group,
		Organisation: c.Organisation, Products: list0(c.Products), Product: c.Product, PublicID: c.PublicID, SecretSetAt: c.SecretSetAt,
		Trust: string(c.Trust), ExpiresAt: c.ExpiresAt, Sources: list0(c.Sources), AllowedNames: list0(c.AllowedNames), ProvenNames: list0(c.ProvenNames),
		Options: c.Options, Version: c.Version, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt, RevokedAt: c.RevokedAt, RevokedReason: c.RevokedReason}
}

// credentialStatus is what the list's column of that name says.
func (a *API) credentialStatus(c *core.Credential) string {
	switch {
	case c.State == core.CredentialRevoked:
		return "revoked"
	case !c.ExpiresAt.IsZero() && !a.d.Now().Before(c.ExpiresAt):
		return "expired"
	}
	return "active"
}
