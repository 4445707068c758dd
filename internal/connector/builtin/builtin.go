// Package builtin is the connector to the built-in CA.
package builtin

import (
	"context"

	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/connector"
	"github.com/certwright/certwright/internal/core"
)

// Deps are what the connector stands on.
type Deps struct {
	CA *ca.CA
}

// Connector implements connector.Local over package ca.
type Connector struct{ ca *ca.CA }

var _ connector.Local = (*Connector)(nil)

// New makes the connector.
func New(d Deps) *Connector { return &Connector{ca: d.CA} }

// Type implements connector.Connector.
func (*Connector) Type() string { return ca.ConnectorType }

// Prepare implements connector.Local; see ca.CA.Prepare for its errors.
func (c *Connector) Prepare(ctx context.Context, r connector.Request) (connector.Prepared, error) {
	if r.Issuer == nil {
		return nil, core.Errorf(core.KindInvalid, "no issuer").At("issuer")
	}
	p, err := c.ca.Prepare(ctx, r.Issuer, r.Template)
	if err != nil {
		return nil, err
	}
	return prepared{p}, nil
}

// prepared adds the chain to what package ca signs.
type prepared struct{ *ca.Prepared }

// Sign implements connector.Prepared.
func (p prepared) Sign(ctx context.Context) (*connector.Issued, error) {
	der, err := p.Prepared.Sign(ctx)
	if err != nil {
		return nil, err
	}
	return &connector.Issued{DER: der, Chain: p.Chain()}, nil
}

// Revoke has nobody to tell: CRLs and OCSP answers of the built-in CA are made
// from the same rows in which enroll records the revocation. It only refuses
// what could not be written into a CRL. -1 releases from hold.
func (c *Connector) Revoke(_ context.Context, issuer *core.Issuer, cert *core.Certificate, reason int) error {
	switch {
	case issuer == nil || cert == nil || cert.Issuer != issuer.ID:
		return core.Errorf(core.KindInvalid, "the certificate is not one of this issuer").At("certificate")
	case reason < -1 || reason > core.ReasonAACompromise || reason == 7 || reason == 8:
		return core.Errorf(core.KindInvalid, "there is no revocation reason %d", reason).At("reason")
	}
	return nil
}
