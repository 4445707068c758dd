package enroll

import (
	"context"
	"strings"
	"sync"

	"github.com/certwright/certwright/internal/core"
)

// caaAtOnce is how many names are looked up at the same time.
const caaAtOnce = 8

// caa looks at the CAA records of the DNS names when the product names issuer
// domains (RFC 8659). It is asked right before an order is recorded or the last
// person agrees, so that what was found is fresh when the certificate is signed.
func (s *Service) caa(ctx context.Context, product core.Product, names core.Names) error {
	issuers := product.Profile.CAA
	if s.d.CAA == nil || len(issuers) == 0 || len(names.DNS) == 0 {
		return nil
	}
	found := make([]*core.Failure, len(names.DNS))
	slots := make(chan struct{}, caaAtOnce)
	var wg sync.WaitGroup
	for i, name := range names.DNS {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			base, wildcard := strings.CutPrefix(name, "*.")
			found[i] = s.d.CAA(ctx, base, wildcard, issuers)
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	var reasons []core.Reason
	for i, f := range found {
		if f != nil {
			reasons = append(reasons, core.Reason{Code: ReasonCAA, Field: "san.dns", Value: names.DNS[i], Detail: f.Detail})
		}
	}
	if len(reasons) == 0 {
		return nil
	}
	return core.Errorf(core.KindNotValidated, "CAA records do not let this CA issue: %s", reasons[0].Detail).Because(reasons...)
}

// ReasonCAA is the code of a refusal because of CAA records.
const ReasonCAA = "name.caa"
