package api

import (
	"context"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/federation"
	"github.com/certwright/certwright/internal/secret"
)

// Providers manages sign-in providers; package federation implements it. Its
// methods check the access table themselves.
type Providers interface {
	Providers(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.SignInProvider], error)
	Columns() []core.Column
	Provider(ctx context.Context, p *core.Principal, id core.ProviderID) (*core.SignInProvider, error)
	Create(ctx context.Context, p *core.Principal, d federation.Data) (*core.SignInProvider, error)
	Update(ctx context.Context, p *core.Principal, id core.ProviderID, version int, d federation.Data) (*core.SignInProvider, error)
	SetEnabled(ctx context.Context, p *core.Principal, id core.ProviderID, on bool) (*core.SignInProvider, error)
	Delete(ctx context.Context, p *core.Principal, id core.ProviderID) error
	Test(ctx context.Context, p *core.Principal, id core.ProviderID) ([]federation.Step, error)
	CallbackURL(p *core.SignInProvider) string
	SignedOutURL() string
	MetadataURL(p *core.SignInProvider) string
	ACSURL(p *core.SignInProvider) string
}

// ExternalIdentities links users to whom providers know; identity implements it.
type ExternalIdentities interface {
	Identities(ctx context.Context, p *core.Principal, user core.UserID) ([]core.ExternalIdentity, error)
	LinkIdentity(ctx context.Context, p *core.Principal, user core.UserID, provider core.ProviderID, subject string) error
	UnlinkIdentity(ctx context.Context, p *core.Principal, user core.UserID, provider core.ProviderID, subject string) error
}

const providerTag = "sign-in providers"

func (a *API) providerRoutes() {
	addList(a, get(providerTag, "list-sign-in-providers", "/sign-in-providers", "List sign-in providers", identity.ProviderView),
		"sign-in-providers", a.d.Providers.Columns, a.d.Providers.Providers, a.providerResource)
	register(a, post(providerTag, "create-sign-in-provider", "/sign-in-providers", "Add a sign-in provider", identity.ProviderManage).created().
		says("It is disabled at first. Its secret is never shown again."),
		func(ctx context.Context, p *core.Principal, in *in[resource.NewSignInProvider]) (*out[resource.SignInProvider], error) {
			b := in.Body
			d := federation.Data{Label: b.Label, Kind: b.Kind, Name: b.Name, Config: b.Config}
			if b.Secret != "" {
				s := secret.Redacted(b.Secret)
				d.Secret = &s
			}
			got, err := a.d.Providers.Create(ctx, p, d)
			return shaped(got, err, a.providerResource)
		})
	register(a, get(providerTag, "get-sign-in-provider", "/sign-in-providers/{id}", "Read a sign-in provider", identity.ProviderView),
		func(ctx context.Context, p *core.Principal, in *ByID[core.ProviderID]) (*out[resource.SignInProvider], error) {
			got, err := a.d.Providers.Provider(ctx, p, in.ID)
			return shaped(got, err, a.providerResource)
		})
	register(a, put(providerTag, "update-sign-in-provider", "/sign-in-providers/{id}", "Change a sign-in provider", identity.ProviderManage).
		says("The version must be the present one, else nothing is changed (conflict)."),
		func(ctx context.Context, p *core.Principal, in *struct {
			ByID[core.ProviderID]
			Body resource.SignInProviderUpdate
		}) (*out[resource.SignInProvider], error) {
			d := federation.Data{Name: in.Body.Name, Config: in.Body.Config, Secret: (*secret.Redacted)(in.Body.Secret)}
			got, err := a.d.Providers.Update(ctx, p, in.ID, in.Body.Version, d)
			return shaped(got, err, a.providerResource)
		})
	register(a, remove(providerTag, "delete-sign-in-provider", "/sign-in-providers/{id}", "Delete a sign-in provider", identity.ProviderManage).
		says("What its rules gave is taken, and the sessions of all who are linked to it end. The users stay."),
		func(ctx context.Context, p *core.Principal, in *ByID[core.ProviderID]) (*none, error) {
			return nil, a.d.Providers.Delete(ctx, p, in.ID)
		})
	register(a, post(providerTag, "enable-sign-in-provider", "/sign-in-providers/{id}/enable", "Let people sign in through a provider", identity.ProviderManage), a.providerState(true))
	register(a, post(providerTag, "disable-sign-in-provider", "/sign-in-providers/{id}/disable", "Let nobody sign in through a provider any more", identity.ProviderManage).
		says("The sessions of all who are linked to it end."), a.providerState(false))
	register(a, post(providerTag, "test-sign-in-provider", "/sign-in-providers/{id}/test", "Try a sign-in provider", identity.ProviderManage).
		says("As far as that goes without a person: its configuration and keys, or a bind and a search. Nothing is changed."), a.testProvider)
	a.identityRoutes()
}

func (a *API) identityRoutes() {
	register(a, get("users", "list-user-identities", "/users/{id}/identities", "List whom of sign-in providers a user is", identity.UserView),
		func(ctx context.Context, p *core.Principal, in *ByID[core.UserID]) (*out[resource.ExternalIdentities], error) {
			return a.identities(ctx, p, in.ID)
		})
	type link struct {
		ByID[core.UserID]
		Body resource.IdentityLink
	}
	register(a, post("users", "link-user-identity", "/users/{id}/identities/link", "Say that somebody of a sign-in provider is this user", identity.UserManage),
		func(ctx context.Context, p *core.Principal, in *link) (*out[resource.ExternalIdentities], error) {
			if err := a.d.Identity.LinkIdentity(ctx, p, in.ID, in.Body.Provider, in.Body.Subject); err != nil {
				return nil, err
			}
			return a.identities(ctx, p, in.ID)
		})
	register(a, post("users", "unlink-user-identity", "/users/{id}/identities/unlink", "Undo that", identity.UserManage).
		says("What the user has from the provider is taken, and his sessions end."),
		func(ctx context.Context, p *core.Principal, in *link) (*out[resource.ExternalIdentities], error) {
			if err := a.d.Identity.UnlinkIdentity(ctx, p, in.ID, in.Body.Provider, in.Body.Subject); err != nil {
				return nil, err
			}
			return a.identities(ctx, p, in.ID)
		})
}

func (a *API) identities(ctx context.Context, p *core.Principal, user core.UserID) (*out[resource.ExternalIdentities], error) {
	ids, err := a.d.Identity.Identities(ctx, p, user)
	if err != nil {
		return nil, err
	}
	r := resource.ExternalIdentities{Items: []resource.ExternalIdentity{}}
	for _, i := range ids {
		r.Items = append(r.Items, resource.ExternalIdentity{Provider: i.Provider, ProviderName: i.ProviderName, Subject: i.Subject, Login: i.Login, LinkedAt: i.LinkedAt, LastSignIn: i.LastSignIn})
	}
	return &out[resource.ExternalIdentities]{r}, nil
}

// providerState makes the handler that switches a provider on or off.
func (a *API) providerState(on bool) handler[ByID[core.ProviderID], out[resource.SignInProvider]] {
	return func(ctx context.Context, p *core.Principal, in *ByID[core.ProviderID]) (*out[resource.SignInProvider], error) {
		got, err := a.d.Providers.SetEnabled(ctx, p, in.ID, on)
		return shaped(got, err, a.providerResource)
	}
}

func (a *API) testProvider(ctx context.Context, p *core.Principal, in *ByID[core.ProviderID]) (*out[resource.ProviderTest], error) {
	steps, err := a.d.Providers.Test(ctx, p, in.ID)
	if err != nil {
		return nil, err
	}
	r := resource.ProviderTest{OK: len(steps) > 0, Steps: []resource.ProviderStep{}}
	for _, s := range steps {
		r.OK = r.OK && s.OK
		r.Steps = append(r.Steps, resource.ProviderStep{Name: s.Name, OK: s.OK, Detail: s.Detail})
	}
	return &out[resource.ProviderTest]{r}, nil
}

func (a *API) providerResource(p *core.SignInProvider) resource.SignInProvider {
	r := resource.SignInProvider{ID: p.ID, Label: p.Label, Name: p.Name, Kind: p.Kind, Enabled: p.Enabled, Config: p.Config, HasSecret: p.HasSecret,
		Version: p.Version, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt}
	switch p.Kind {
	case core.ProviderOIDC:
		r.CallbackURL, r.SignedOut = a.d.Providers.CallbackURL(p), a.d.Providers.SignedOutURL()
	case core.ProviderSAML:
		r.MetadataURL, r.ACSURL = a.d.Providers.MetadataURL(p), a.d.Providers.ACSURL(p)
	}
	return r
}
