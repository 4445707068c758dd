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
	w := &wish{req: &Request{Principal: p, Product: product}, now: s.d.Now()}
	if err := s.load(ctx, w); err != nil {
		return names, nil, err
	}
	a := policy.Ask{Names: names}
	if p.Credential != nil {
		a.AllowedNames = p.Credential.AllowedNames
	}
	t, reasons := w.product.Evaluate(a, w.now)
	reasons = slices.DeleteFunc(reasons, func(r core.Reason) bool { return !strings.HasPrefix(r.Field, "san") })
	return t.Names, reasons, nil
}
