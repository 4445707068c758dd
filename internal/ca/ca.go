// Package ca is the built-in certificate authority: key handles, hierarchy,
// signing, lint, CRLs (RFC 5280) and OCSP (RFC 6960, RFC 9654). The private
// keys of its CAs never leave the package: it hands out certificates, CRLs and
// answers, never signers.
package ca

import (
	"context"
	"sync"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// ConnectorType is the word in core.Issuer.Connector of this package's issuers.
const ConnectorType = "builtin"

// Defaults of Deps.
const (
	DefaultCRLValidity  = 7 * 24 * time.Hour
	DefaultCRLInterval  = time.Hour
	DefaultOCSPValidity = 4 * time.Hour
)

// Deps are what a CA stands on.
type Deps struct {
	Storage Storage
	Sealer  Sealer
	// StatusURL is the base of the plain HTTP addresses that certificates name
	// for CRL, OCSP and issuer certificate ("http://pki.example"), without a
	// slash at its end. When it returns "" certificates name none.
	StatusURL func() string
	Now       func() time.Time
	// Record writes an audit entry in the transaction of the change; nil
	// records nothing.
	Record func(ctx context.Context, tx core.Tx, e core.Event) error

	CRLValidity  time.Duration // thisUpdate to nextUpdate; 0: DefaultCRLValidity
	CRLInterval  time.Duration // PublishDue renews CRLs older than this; 0: DefaultCRLInterval
	OCSPValidity time.Duration // thisUpdate to nextUpdate of an answer; 0: DefaultOCSPValidity
}

// CA is the built-in certificate authority. It is safe for concurrent use.
type CA struct {
	d     Deps
	lints linters

	mu         sync.Mutex
	loaded     map[core.IssuerID]*loading
	responders map[core.IssuerID]*responder
	renewing   map[core.IssuerID]*sync.Mutex // one maker of responder certificates per issuer
}

// New makes a CA.
func New(d Deps) *CA {
	if d.CRLValidity == 0 {
		d.CRLValidity = DefaultCRLValidity
	}
	if d.CRLInterval == 0 {
		d.CRLInterval = DefaultCRLInterval
	}
	if d.OCSPValidity == 0 {
		d.OCSPValidity = DefaultOCSPValidity
	}
	if d.StatusURL == nil {
		d.StatusURL = func() string { return "" }
	}
	return &CA{
		d:          d,
		loaded:     map[core.IssuerID]*loading{},
		responders: map[core.IssuerID]*responder{},
		renewing:   map[core.IssuerID]*sync.Mutex{},
	}
}

// now is the present second in UTC: X.509 times have no fractions.
func (c *CA) now() time.Time { return c.d.Now().UTC().Truncate(time.Second) }

// record writes an audit entry by p about the issuer.
func (c *CA) record(ctx context.Context, tx core.Tx, p *core.Principal, i *core.Issuer, action string, detail map[string]any) error {
	if c.d.Record == nil {
		return nil
	}
	e := core.EventOf(p, c.d.Now(), action, "issuer:"+string(i.ID))
	e.Account, e.Detail = i.Account, detail
	return c.d.Record(ctx, tx, e)
}

// system is the principal of what the CA does by itself.
func system(account core.AccountID) *core.Principal {
	return &core.Principal{Account: account, System: "ca"}
}
