package ca

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// IssuerStatus tells how an issuer of the built-in CA is.
type IssuerStatus struct {
	ID           core.IssuerID
	Account      core.AccountID
	Slug         string
	Name         string
	State        core.IssuerState
	Root         bool
	Algorithm    string
	NotAfter     time.Time // zero while pending
	CRLNumber    int64
	CRLThis      time.Time
	CRLNext      time.Time
	ResponderEnd time.Time // zero: no responder certificate yet
	KeyError     error     // why the key cannot be used now; nil: it can
}

// Ready reports whether the issuer can do its work at the time now: key at
// hand, certificate valid, CRL not stale.
func (s *IssuerStatus) Ready(now time.Time) bool {
	return s.State == core.IssuerPending ||
		s.KeyError == nil && now.Before(s.NotAfter) && (s.CRLNext.IsZero() || now.Before(s.CRLNext))
}

// Status describes the built-in issuers of an account, of all accounts for "".
func (c *CA) Status(ctx context.Context, account core.AccountID) ([]IssuerStatus, error) {
	list, err := c.d.Storage.ListIssuers(ctx, account)
	if err != nil {
		return nil, err
	}
	var out []IssuerStatus
	for _, i := range list {
		if i.Connector != ConnectorType {
			continue
		}
		s := IssuerStatus{ID: i.ID, Account: i.Account, Slug: i.Slug, Name: i.Name, State: i.State, Root: i.Root, Algorithm: i.Algorithm}
		if i.State != core.IssuerPending {
			if err := c.statusOf(ctx, i, &s); err != nil {
				return nil, err
			}
		}
		out = append(out, s)
	}
	return out, nil
}

func (c *CA) statusOf(ctx context.Context, i *core.Issuer, s *IssuerStatus) error {
	if cert, err := x509.ParseCertificate(i.Certificate); err == nil {
		s.NotAfter = cert.NotAfter.UTC()
	}
	if cert, err := x509.ParseCertificate(i.Responder); err == nil {
		s.ResponderEnd = cert.NotAfter.UTC()
	}
	_, s.KeyError = c.authority(ctx, i)
	crl, err := c.d.Storage.CRL(ctx, i.ID)
	switch {
	case core.Is(err, core.KindNotFound):
	case err != nil:
		return err
	default:
		s.CRLNumber, s.CRLThis, s.CRLNext = crl.Number, crl.ThisUpdate, crl.NextUpdate
	}
	return nil
}

// IssuerCertificate returns the DER certificate of the issuer with that slug,
// for the AIA address.
func (c *CA) IssuerCertificate(ctx context.Context, slug string) ([]byte, error) {
	i, err := c.d.Storage.IssuerBySlug(ctx, slug)
	if err != nil {
		return nil, err
	}
	if len(i.Certificate) == 0 {
		return nil, core.Errorf(core.KindNotFound, "the issuer %q has no certificate yet", slug)
	}
	return i.Certificate, nil
}

// Addresses are where the status of an issuer's certificates is served, as its
// certificates name them; all empty when they name none.
type Addresses struct{ CRL, OCSP, Certificate string }

// Addresses returns the addresses of the issuer with that slug.
func (c *CA) Addresses(slug string) Addresses {
	base := c.d.StatusURL()
	if base == "" {
		return Addresses{}
	}
	return Addresses{CRL: crlURL(base, slug), OCSP: ocspURL(base, slug), Certificate: issuerURL(base, slug)}
}

// LatestCRL returns the CRL of the issuer with that slug, and makes the first
// one when there is none yet.
func (c *CA) LatestCRL(ctx context.Context, slug string) (*CRL, error) {
	i, err := c.d.Storage.IssuerBySlug(ctx, slug)
	if err != nil {
		return nil, err
	}
	if i.Connector != ConnectorType || len(i.Certificate) == 0 {
		return nil, core.Errorf(core.KindNotFound, "the issuer %q has no CRL", slug)
	}
	crl, err := c.d.Storage.CRL(ctx, i.ID)
	if core.Is(err, core.KindNotFound) {
		return c.publish(ctx, i)
	}
	return crl, err
}
