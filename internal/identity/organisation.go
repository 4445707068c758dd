package identity

import (
	"context"

	"github.com/certwright/certwright/internal/core"
)

// OrganisationData are the editable fields of an organisation.
type OrganisationData struct {
	Name     string
	Country  string // ISO 3166-1 alpha-2, upper case; may be empty
	State    string
	Locality string
	Email    string
	Legal    *core.LegalData // nil: as it is
}

func (d OrganisationData) check() error {
	if err := checkText("name", d.Name, 1, 200); err != nil {
		return err
	}
	if err := checkText("state", d.State, 0, 128); err != nil {
		return err
	}
	if err := checkText("locality", d.Locality, 0, 128); err != nil {
		return err
	}
	if c := d.Country; c != "" && (len(c) != 2 || c[0] < 'A' || c[0] > 'Z' || c[1] < 'A' || c[1] > 'Z') {
		return core.Errorf(core.KindInvalid, "%q is not a country code of two capital letters", c).At("country")
	}
	if d.Legal != nil {
		if err := d.Legal.Check(); err != nil {
			return err
		}
	}
	return checkEmail("email", d.Email)
}

func (d OrganisationData) into(o *core.Organisation) {
	o.Name, o.Country, o.State, o.Locality, o.Email = d.Name, d.Country, d.State, d.Locality, d.Email
	if d.Legal != nil {
		o.Legal = *d.Legal
	}
}

// CreateOrganisation makes an organisation. A taken name gives kind exists.
func (s *Service) CreateOrganisation(ctx context.Context, p *core.Principal, d OrganisationData) (*core.Organisation, error) {
	if err := Can(p, OrganisationManage, ""); err != nil {
		return nil, err
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	now := s.now()
	o := &core.Organisation{ID: core.NewID[core.OrganisationID](now), Account: p.Account, CreatedAt: now, UpdatedAt: now}
	d.into(o)
	err := s.change(ctx, p, "organisation.create", object("organisation", o.ID), func(ctx context.Context, tx core.Tx, e *core.Event) (err error) {
		e.Detail["name"] = o.Name
		if o.Number, err = s.number(ctx, tx, o.Account, "organisation"); err != nil {
			return err
		}
		return s.storage.InsertOrganisation(ctx, tx, o)
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}

// UpdateOrganisation replaces the editable fields.
func (s *Service) UpdateOrganisation(ctx context.Context, p *core.Principal, id core.OrganisationID, d OrganisationData) (*core.Organisation, error) {
	if err := Can(p, OrganisationManage, ""); err != nil {
		return nil, err
	}
	if err := known(id, "organisation"); err != nil {
		return nil, err
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	var o *core.Organisation
	err := s.change(ctx, p, "organisation.update", object("organisation", id), func(ctx context.Context, tx core.Tx, e *core.Event) (err error) {
		before, err := s.storage.LockOrganisation(ctx, tx, p.Account, id)
		if err != nil {
			return err
		}
		c := *before
		o = &c
		d.into(o)
		o.UpdatedAt = s.now()
		e.Detail["name"] = o.Name
		if d.Legal != nil {
			e.Detail["legal"] = o.Legal
		}
		if err := s.storage.UpdateOrganisation(ctx, tx, o); err != nil || s.changed == nil {
			return err
		}
		return s.changed(ctx, tx, p, before, o)
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}

// DeleteOrganisation removes an organisation that nothing refers to; else it
// gives a conflict.
func (s *Service) DeleteOrganisation(ctx context.Context, p *core.Principal, id core.OrganisationID) error {
	if err := Can(p, OrganisationManage, ""); err != nil {
		return err
	}
	if err := known(id, "organisation"); err != nil {
		return err
	}
	return s.change(ctx, p, "organisation.delete", object("organisation", id), func(ctx context.Context, tx core.Tx, _ *core.Event) error {
		return s.storage.DeleteOrganisation(ctx, tx, p.Account, id)
	})
}

// Organisation returns one.
func (s *Service) Organisation(ctx context.Context, p *core.Principal, id core.OrganisationID) (*core.Organisation, error) {
	if err := Can(p, OrganisationView, ""); err != nil {
		return nil, err
	}
	if err := known(id, "organisation"); err != nil {
		return nil, err
	}
	return s.storage.Organisation(ctx, nil, p.Account, id)
}

// Organisations lists organisations.
func (s *Service) Organisations(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Organisation], error) {
	if err := Can(p, OrganisationView, ""); err != nil {
		return core.Page[core.Organisation]{}, err
	}
	q.Account = p.Account
	return s.storage.Organisations(ctx, q)
}

// OrganisationColumns describes the list of organisations.
func (s *Service) OrganisationColumns() []core.Column { return s.storage.OrganisationColumns() }
