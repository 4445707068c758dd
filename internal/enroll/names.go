package enroll

import (
	"context"
	"slices"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/policy"
)

// CheckNames judges names by product and credential before there is a key, for
// protocols that agree on the names first. The reasons name what is refused;
// the names are those of the certificate, brought into normal form.
//
// Errors: those of Submit about product and issuer.
func (s *Service) CheckNames(ctx context.Context, p *core.Principal, product core.ProductID, names core.Names) (core.Names, []core.Reason, error) {
	t, reasons, err := s.content(ctx, p, product, policy.Ask{Names: names}, "san")
	if err != nil {
		return names, nil, err
	}
	return t.Names, reasons, nil
}

// CheckContent is CheckNames for subject and names.
func (s *Service) CheckContent(ctx context.Context, p *core.Principal, product core.ProductID, subject core.DN, names core.Names) (core.Names, []core.Reason, error) {
	t, reasons, err := s.content(ctx, p, product, policy.Ask{Subject: subject, Names: names}, "san", "subject")
	if err != nil {
		return names, nil, err
	}
	return t.Names, reasons, nil
}

// content judges an ask without key; only reasons about the fields given count.
func (s *Service) content(ctx context.Context, p *core.Principal, product core.ProductID, a policy.Ask, fields ...string) (core.Template, []core.Reason, error) {
	w := &wish{req: &Request{Principal: p, Product: product}, now: s.d.Now()}
	if err := s.load(ctx, w); err != nil {
		return core.Template{}, nil, err
	}
	if p.Credential != nil {
		a.AllowedNames = p.Credential.AllowedNames
	}
	t, reasons := w.product.Evaluate(a, w.now)
	reasons = slices.DeleteFunc(reasons, func(r core.Reason) bool {
		return !slices.ContainsFunc(fields, func(f string) bool { return strings.HasPrefix(r.Field, f) })
	})
	return t, reasons, nil
}
