package enrolltest

import (
	"testing"

	"github.com/certwright/certwright/internal/policy"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// Limit returns a function that does what every issuance must do at least:
// parse the CSR, check its signature, judge it by the product, build, lint and
// sign. Nothing is kept. It is the in-process limit of the benchmarks.
func Limit(t testing.TB, w *World, code string) (func(csr []byte) ([]byte, error), error) {
	p := w.Product(t, code)
	compiled, err := policy.Compile(*p)
	if err != nil {
		return nil, err
	}
	issuer, err := w.DB.Issuer(t.Context(), w.Account, p.Issuer)
	if err != nil {
		return nil, err
	}
	ctx := t.Context()
	return func(der []byte) ([]byte, error) {
		csr, err := x509x.ParseCSR(der)
		if err != nil {
			return nil, err
		}
		if err := csr.CheckSignature(); err != nil {
			return nil, err
		}
		ask, err := policy.FromCSR(csr)
		if err != nil {
			return nil, err
		}
		template, reasons := compiled.Evaluate(ask, w.Now())
		if err := policy.Refusal(reasons); err != nil {
			return nil, err
		}
		prepared, err := w.CA.Prepare(ctx, issuer, template)
		if err != nil {
			return nil, err
		}
		return prepared.Sign(ctx)
	}, nil
}
