package api

import (
	"context"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// credentialSecretRoutes are the operations that make or end a secret.
func (a *API) credentialSecretRoutes() {
	register(a, post("credentials", "create-credential", "/credentials", "Make an API credential", identity.CredentialCreate).created().
		says("The secret and the client commands with it are shown this once."), a.createCredential)
	register(a, post("credentials", "revoke-credential", "/credentials/{id}/revoke", "Revoke an API credential, for ever", identity.CredentialRevoke).
		says("Every protocol refuses the next request."),
		func(ctx context.Context, p *core.Principal, in *struct {
			ByID[core.CredentialID]
			Body *resource.Reasoned
		}) (*out[resource.CredentialDetail], error) {
			reason := ""
			if in.Body != nil {
				reason = in.Body.Reason
			}
			c, err := a.d.Identity.RevokeCredential(ctx, p, in.ID, reason)
			return a.credentialAnswer(c, err)
		})
	register(a, post("credentials", "regenerate-credential", "/credentials/{id}/regenerate", "Give an API credential a new secret", identity.CredentialRegenerate).
		says("The old secret is dead at once. The new one is shown this once."),
		func(ctx context.Context, p *core.Principal, in *ByID[core.CredentialID]) (*out[resource.IssuedCredential], error) {
			made, err := a.d.Identity.RegenerateCredential(ctx, p, in.ID)
			return a.issuedCredential(made, err)
		})
}

func (a *API) createCredential(ctx context.Context, p *core.Principal, in *in[resource.NewCredential]) (*out[resource.IssuedCredential], error) {
	b := &in.Body
	products, err := a.productIDs(ctx, p, b.Products)
	if err != nil {
		return nil, err
	}
	first, err := a.productID(ctx, p, b.Product, "product")
	if err != nil {
		return nil, err
	}
	made, err := a.d.Identity.CreateCredential(ctx, p, identity.NewCredential{
		Type: b.Type, Auth: b.Auth, Label: b.Label, Default: b.Default, Description: b.Description, Tags: b.Tags, User: b.User, Group: b.Group,
		Organisation: b.Organisation, Products: products, Product: first, PublicID: b.PublicID, Trust: []byte(b.Trust), ExpiresAt: b.ExpiresAt,
		Sources: b.Sources, AllowedNames: b.AllowedNames, ProvenNames: b.ProvenNames, Options: b.Options,
	})
	return a.issuedCredential(made, err)
}

// issuedCredential is the one answer that shows the secret.
func (a *API) issuedCredential(made *identity.Created, err error) (*out[resource.IssuedCredential], error) {
	if err != nil {
		return nil, err
	}
	d, err := a.credentialDetail(made.Credential)
	if err != nil {
		return nil, err
	}
	return &out[resource.IssuedCredential]{resource.IssuedCredential{Credential: d, Secret: made.Secret.Reveal(), Commands: made.Commands, Notice: made.Notice}}, nil
}
