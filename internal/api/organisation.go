package api

import (
	"context"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

func (a *API) accountRoutes() {
	register(a, get("account", "get-account", "/account", "Read the account", identity.AccountView),
		func(ctx context.Context, p *core.Principal, _ *struct{}) (*out[resource.Account], error) {
			return a.account(ctx, p)
		})
	register(a, patch("account", "update-account", "/account", "Rename the account", identity.AccountManage),
		func(ctx context.Context, p *core.Principal, in *in[resource.AccountUpdate]) (*out[resource.Account], error) {
			if err := a.d.Identity.RenameAccount(ctx, p, in.Body.Name); err != nil {
				return nil, err
			}
			return a.account(ctx, p)
		})
}

func (a *API) account(ctx context.Context, p *core.Principal) (*out[resource.Account], error) {
	acc, err := a.d.Identity.Account(ctx, p)
	if err != nil {
		return nil, err
	}
	return &out[resource.Account]{accountResource(acc)}, nil
}

func accountResource(a *core.Account) resource.Account {
	return resource.Account{ID: a.ID, Number: a.Number, Name: a.Name, CreatedAt: a.CreatedAt}
}

func (a *API) organisationRoutes() {
	addList(a, get("organisations", "list-organisations", "/organisations", "List organisations", identity.OrganisationView),
		"organisations", a.d.Identity.OrganisationColumns, a.d.Identity.Organisations, organisationResource)
	register(a, post("organisations", "create-organisation", "/organisations", "Add an organisation", identity.OrganisationManage).created(),
		func(ctx context.Context, p *core.Principal, in *in[resource.OrganisationFields]) (*out[resource.Organisation], error) {
			o, err := a.d.Identity.CreateOrganisation(ctx, p, identity.OrganisationData(in.Body))
			return shaped(o, err, organisationResource)
		})
	register(a, get("organisations", "get-organisation", "/organisations/{id}", "Read an organisation", identity.OrganisationView),
		func(ctx context.Context, p *core.Principal, in *ByID[core.OrganisationID]) (*out[resource.Organisation], error) {
			o, err := a.d.Identity.Organisation(ctx, p, in.ID)
			return shaped(o, err, organisationResource)
		})
	register(a, put("organisations", "update-organisation", "/organisations/{id}", "Change an organisation", identity.OrganisationManage),
		func(ctx context.Context, p *core.Principal, in *struct {
			ByID[core.OrganisationID]
			Body resource.OrganisationFields
		}) (*out[resource.Organisation], error) {
			o, err := a.d.Identity.UpdateOrganisation(ctx, p, in.ID, identity.OrganisationData(in.Body))
			return shaped(o, err, organisationResource)
		})
	register(a, remove("organisations", "delete-organisation", "/organisations/{id}", "Delete an organisation that nothing refers to", identity.OrganisationManage),
		func(ctx context.Context, p *core.Principal, in *ByID[core.OrganisationID]) (*none, error) {
			return nil, a.d.Identity.DeleteOrganisation(ctx, p, in.ID)
		})
}

func organisationResource(o *core.Organisation) resource.Organisation {
	return resource.Organisation{ID: o.ID, Number: o.Number, Name: o.Name, Country: o.Country, State: o.State, Locality: o.Locality,
		Email: o.Email, Legal: o.Legal, CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt}
}

// shaped makes the answer of a service's result.
func shaped[C, T any](c *C, err error, shape func(*C) T) (*out[T], error) {
	if err != nil {
		return nil, err
	}
	return &out[T]{shape(c)}, nil
}
