package domain

import (
	"context"
	"slices"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// OwnerIn is the owner of a row.
func OwnerIn(d *core.Domain) Owner {
	if d.Organisation != "" {
		return Owner{Organisation: d.Organisation}
	}
	return Owner{Group: d.Group}
}

// OwnerOf is the owner for a principal that names no organisation: that of its
// credential, else that of its group, else the group itself. A person has a
// group only when he is granted something in exactly one.
func (s *Service) OwnerOf(ctx context.Context, p *core.Principal) (Owner, error) {
	if p.Credential != nil && p.Credential.Organisation != "" {
		return Owner{Organisation: p.Credential.Organisation}, nil
	}
	group := p.Group
	if group == "" {
		if _, groups := identity.VisibleGroups(p, identity.DomainManage); len(groups) == 1 {
			group = groups[0]
		}
	}
	if group == "" {
		return Owner{}, core.Errorf(core.KindInvalid, "name the organisation or group that the domain belongs to").At("organisation")
	}
	return s.settle(ctx, p.Account, Owner{Group: group})
}

// may returns nil when p may do a to domains of o: somebody with a grant for
// the account, or for the group, or for a group of the organisation. A
// credential also acts for the organisation that it names.
func (s *Service) may(ctx context.Context, p *core.Principal, a identity.Action, o Owner) error {
	err := identity.Can(p, a, o.Group)
	if o.Organisation == "" {
		return err
	}
	if err = identity.Can(p, a, ""); err == nil {
		return nil
	}
	v, verr := s.visible(ctx, p, a)
	if verr != nil {
		return verr
	}
	if v == nil || slices.Contains(v.Organisations, o.Organisation) {
		return nil
	}
	return err
}

// visible is what p may do a to; nil: everything in the account.
func (s *Service) visible(ctx context.Context, p *core.Principal, a identity.Action) (*Visible, error) {
	all, groups := identity.VisibleGroups(p, a)
	if all {
		return nil, nil
	}
	v := &Visible{Groups: groups}
	if v.Groups == nil {
		v.Groups = []core.GroupID{}
	}
	var err error
	if v.Organisations, err = s.d.Storage.OrganisationsOf(ctx, p.Account, groups); err != nil {
		return nil, err
	}
	if p.Credential != nil && p.Credential.Organisation != "" && len(groups) > 0 {
		v.Organisations = append(v.Organisations, p.Credential.Organisation)
	}
	return v, nil
}

// settle is the owner as it is stored: what a group of an organisation has
// belongs to the organisation.
func (s *Service) settle(ctx context.Context, account core.AccountID, o Owner) (Owner, error) {
	if o.Organisation != "" {
		return Owner{Organisation: o.Organisation}, nil
	}
	g, err := s.d.Storage.Group(ctx, nil, account, o.Group)
	if err != nil {
		return o, err
	}
	if g.Organisation != "" {
		return Owner{Organisation: g.Organisation}, nil
	}
	return Owner{Group: g.ID}, nil
}

// mayOwn settles an owner and refuses one that does not exist or for which p may
// not act.
func (s *Service) mayOwn(ctx context.Context, p *core.Principal, o Owner) (Owner, error) {
	o, err := s.settle(ctx, p.Account, o)
	if err != nil {
		return o, missing(err, "group")
	}
	if o.Organisation != "" {
		if _, err := s.d.Storage.Organisation(ctx, nil, p.Account, o.Organisation); err != nil {
			return o, missing(err, "organisation")
		}
	}
	return o, s.may(ctx, p, identity.DomainManage, o)
}

// missing turns the not-found of an owner into a fault of the request.
func missing(err error, field string) error {
	if core.Is(err, core.KindNotFound) {
		return core.Wrap(core.KindInvalid, err, "there is no such %s", field).At(field)
	}
	return err
}

// mine reads a domain for an action. What p may not see does not exist for him.
func (s *Service) mine(ctx context.Context, p *core.Principal, a identity.Action, id core.DomainID) (*core.Domain, error) {
	gone := core.Errorf(core.KindNotFound, "there is no such domain")
	if !core.ValidID(id) {
		return nil, gone
	}
	d, err := s.d.Storage.FindDomain(ctx, nil, p.Account, id)
	if err != nil {
		return nil, err
	}
	err = s.may(ctx, p, identity.DomainView, OwnerIn(d))
	if core.Is(err, core.KindForbidden) {
		return nil, gone
	}
	if err == nil && a != identity.DomainView {
		err = s.may(ctx, p, a, OwnerIn(d))
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Domain returns one that p may see.
func (s *Service) Domain(ctx context.Context, p *core.Principal, id core.DomainID) (*core.Domain, error) {
	return s.mine(ctx, p, identity.DomainView, id)
}

// Domains lists what p may see.
func (s *Service) Domains(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Domain], error) {
	v, err := s.visible(ctx, p, identity.DomainView)
	if err != nil {
		return core.Page[core.Domain]{}, err
	}
	q.Account = p.Account
	return s.d.Storage.ListDomains(ctx, q, v)
}

// Columns describes that list.
func (s *Service) Columns() []core.Column { return s.d.Storage.DomainColumns() }

// Count counts what a filter selects, for APIs that show totals.
func (s *Service) Count(ctx context.Context, p *core.Principal, f core.Filter) (int, error) {
	v, err := s.visible(ctx, p, identity.DomainView)
	if err != nil {
		return 0, err
	}
	return s.d.Storage.CountDomains(ctx, p.Account, f, v)
}

// At returns rows offset … offset+limit-1 of a filtered list in the given
// order, for APIs that page by number.
func (s *Service) At(ctx context.Context, p *core.Principal, q core.ListQuery, offset int) ([]core.Domain, error) {
	v, err := s.visible(ctx, p, identity.DomainView)
	if err != nil {
		return nil, err
	}
	q.Account = p.Account
	return s.d.Storage.DomainsAt(ctx, q, offset, v)
}

// Attempts lists what was seen, newest first.
func (s *Service) Attempts(ctx context.Context, p *core.Principal, id core.DomainID, offset, limit int) (*Attempts, error) {
	d, err := s.Domain(ctx, p, id)
	if err != nil {
		return nil, err
	}
	if offset < 0 || limit < 0 {
		return nil, core.Errorf(core.KindInvalid, "offset and limit are not negative").At("offset")
	}
	if limit == 0 {
		limit = core.DefaultPage
	}
	items, total, err := s.d.Storage.Attempts(ctx, d.Account, d.ID, offset, min(limit, core.MaxPage))
	if err != nil {
		return nil, err
	}
	return &Attempts{Items: items, Total: total}, nil
}

// Attempt returns one attempt.
func (s *Service) Attempt(ctx context.Context, p *core.Principal, id core.DomainID, attempt core.AttemptID) (*core.DomainAttempt, error) {
	d, err := s.Domain(ctx, p, id)
	if err != nil {
		return nil, err
	}
	if !core.ValidID(attempt) {
		return nil, core.Errorf(core.KindNotFound, "there is no such attempt")
	}
	return s.d.Storage.Attempt(ctx, d.Account, d.ID, attempt)
}
