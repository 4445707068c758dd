package app

import (
	"context"
	"time"
)

// statusOf is the built-in CA as the status protocol sees it.
type statusOf struct{ p *parts }

// CRL returns the latest CRL of an issuer.
func (s statusOf) CRL(ctx context.Context, slug string) (der []byte, number int64, this, next time.Time, err error) {
	c, err := s.p.ca.LatestCRL(ctx, slug)
	if err != nil {
		return nil, 0, time.Time{}, time.Time{}, err
	}
	return c.DER, c.Number, c.ThisUpdate, c.NextUpdate, nil
}

// Certificate returns the certificate of an issuer.
func (s statusOf) Certificate(ctx context.Context, slug string) ([]byte, error) {
	return s.p.ca.IssuerCertificate(ctx, slug)
}

// Chain returns the certificates from an issuer's own up to the root.
func (s statusOf) Chain(ctx context.Context, slug string) ([][]byte, error) {
	i, err := s.p.db.IssuerBySlug(ctx, slug)
	if err != nil {
		return nil, err
	}
	return append([][]byte{i.Certificate}, i.Chain...), nil
}

// Roots returns the root certificates of the built-in CA.
func (s statusOf) Roots(ctx context.Context) ([][]byte, error) {
	list, err := s.p.builtinIssuers(ctx, "")
	if err != nil {
		return nil, err
	}
	var out [][]byte
	seen := map[string]bool{}
	add := func(der []byte) {
		if len(der) > 0 && !seen[string(der)] {
			seen[string(der)] = true
			out = append(out, der)
		}
	}
	for _, i := range list {
		switch {
		case i.Root:
			add(i.Certificate)
		case len(i.Chain) > 0:
			add(i.Chain[len(i.Chain)-1])
		}
	}
	return out, nil
}

// OCSP answers a request.
func (s statusOf) OCSP(ctx context.Context, slug string, der []byte) (answer []byte, this, next time.Time, cacheable bool, err error) {
	a, err := s.p.ca.Respond(ctx, slug, der)
	if err != nil {
		return nil, time.Time{}, time.Time{}, false, err
	}
	if a.Cause != nil {
		s.p.log.WarnContext(ctx, "OCSP answer is an error", "issuer", slug, "status", int(a.Status), "error", a.Cause)
	}
	return a.DER, a.ThisUpdate, a.NextUpdate, a.Cacheable, nil
}
