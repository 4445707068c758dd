package ordering

import (
	"context"
	"slices"
	"strings"

	"github.com/certwright/certwright/internal/core"
)

// Order returns an order that p may see: a credential those of its group and
// products. Looking also takes the order on if nothing is missing any more.
func (s *Service) Order(ctx context.Context, p *core.Principal, id core.OrderID) (*View, error) {
	j, err := s.load(ctx, p, id)
	if err != nil {
		return nil, err
	}
	return s.look(ctx, j.o, j.d)
}

// ByNumber is Order by the public order number. Drafts have none.
func (s *Service) ByNumber(ctx context.Context, p *core.Principal, number int64) (*View, error) {
	o, err := s.d.Storage.OrderByNumber(ctx, p.Account, number)
	if err != nil {
		return nil, err
	}
	if o.State == core.OrderDraft {
		return nil, unseen()
	}
	return s.Order(ctx, p, o.ID)
}

// ByRequest is Order by the public request number.
func (s *Service) ByRequest(ctx context.Context, p *core.Principal, number int64) (*View, error) {
	d, err := s.d.Storage.DetailsByRequest(ctx, p.Account, number)
	if err != nil {
		return nil, err
	}
	return s.Order(ctx, p, d.Order)
}

// look takes an order on in the name of nobody and shows it.
func (s *Service) look(ctx context.Context, o *core.Order, _ *core.OrderDetails) (*View, error) {
	j, err := s.job(ctx, o)
	if err != nil {
		return nil, err
	}
	return s.shown(ctx, onlooker(o.Account), j)
}

// reload shows an order that p has just changed, after taking it on in p's name.
func (s *Service) reload(ctx context.Context, p *core.Principal, id core.OrderID) (*View, error) {
	o, err := s.d.Storage.Order(ctx, p.Account, id)
	if err != nil {
		return nil, err
	}
	j, err := s.job(ctx, o)
	if err != nil {
		return nil, err
	}
	return s.shown(ctx, p, j)
}

func (s *Service) shown(ctx context.Context, p *core.Principal, j *job) (*View, error) {
	j, err := s.take(ctx, p, j)
	if err != nil {
		return nil, err
	}
	if err := s.settle(ctx, j.o, j.d); err != nil { // it is issued all the same, and due
		s.d.Logger.Warn("what an issued order leaves to do was not done yet", "order", string(j.o.ID), "error", err)
	}
	return s.view(ctx, j)
}

// view gathers what belongs to an order.
func (s *Service) view(ctx context.Context, j *job) (*View, error) {
	v := &View{Order: j.o, Details: j.d, Product: j.product}
	var err error
	if j.o.State == core.OrderIssued || j.o.State == core.OrderIssuing {
		r, err := s.d.Enroll.Look(ctx, background(j.o.Account), j.o)
		switch {
		case err == nil:
			v.Order, v.Certificate, v.Chain, v.Root = r.Order, r.Certificate, r.Chain, r.Root
		case j.o.State == core.OrderIssued:
			return nil, err
		default: // it could not be issued, and says so
			if v.Order, err = s.d.Storage.Order(ctx, j.o.Account, j.o.ID); err != nil {
				return nil, err
			}
		}
	}
	if v.Approvals, err = s.d.Storage.Approvals(ctx, j.o.Account, j.o.ID); err != nil || j.d == nil {
		return v, err
	}
	if v.Documents, err = s.d.Storage.OrderDocuments(ctx, j.o.Account, j.o.ID); err != nil {
		return nil, err
	}
	if v.Domains, err = s.domains(ctx, j); err != nil {
		return nil, err
	}
	if v.Text, err = s.text(ctx, j); err != nil {
		return nil, err
	}
	return v, s.viewOrganisation(ctx, j, v)
}

// text is the agreement of an order: what was signed, or what would be signed now. An
// order whose product asks for no signature has none.
func (s *Service) text(ctx context.Context, j *job) (*core.AgreementText, error) {
	switch a := j.d.Agreement; {
	case a != nil && a.Text != "":
		return s.d.Agreements.Version(ctx, j.d.Account, a.Text)
	case a != nil || !j.terms.Agreement:
		return nil, nil
	}
	return s.d.Agreements.Standing(ctx, j.d.Account, j.o.Product)
}

func (s *Service) viewOrganisation(ctx context.Context, j *job, v *View) (err error) {
	if j.d.Organisation == "" {
		return nil
	}
	if v.Organisation, err = s.d.Storage.Organisation(ctx, nil, j.d.Account, j.d.Organisation); err != nil {
		if core.Is(err, core.KindNotFound) {
			return nil
		}
		return err
	}
	if purpose := j.terms.Family.Purpose(); purpose != "" {
		if v.Vetting, err = s.d.Vetting.Standing(ctx, j.d.Account, j.d.Organisation, purpose); err != nil && !core.Is(err, core.KindNotFound) {
			return err
		}
	}
	if v.Consent, err = s.d.Vetting.ConsentOf(ctx, j.d.Account, j.o.ID); err != nil && !core.Is(err, core.KindNotFound) {
		return err
	}
	return nil
}

// domains are the rows of the hosts of the order's names, or of a name above
// when a host has none of its own.
func (s *Service) domains(ctx context.Context, j *job) ([]core.Domain, error) {
	var out []core.Domain
	if s.d.DomainRows == nil || !j.product.Profile.ValidateNames {
		return nil, nil
	}
	for _, n := range j.d.Ask.Names.Strings() {
		for name := host(n); name != ""; {
			d, err := s.d.DomainRows.OwnedDomain(ctx, nil, j.d.Account, ownerOf(j), name)
			if err != nil && !core.Is(err, core.KindNotFound) {
				return nil, err
			}
			if err == nil {
				if !slices.ContainsFunc(out, func(x core.Domain) bool { return x.ID == d.ID }) {
					out = append(out, *d)
				}
				break
			}
			if !j.product.Profile.Ancestors {
				break
			}
			_, name, _ = strings.Cut(name, ".")
		}
	}
	return out, nil
}
