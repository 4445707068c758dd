// Package protocol is what all wire protocols share: the interface by which
// app mounts them and the services they stand on. A protocol turns somebody's
// wire format into one enroll.Request and the answer back into the wire
// format. It decides nothing.
package protocol

import (
	"context"
	"net/http"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/identity"
)

// Listener says on which listener a route is served.
type Listener int

// The listeners; docs/operate/listeners.md is the map for administrators.
const (
	Main  Listener = 1 << iota // HTTPS without client certificates: portal, management API, vendor APIs
	MTLS                       // HTTPS that asks for an optional client certificate
	Plain                      // HTTP
)

// Route is one pattern of a protocol (net/http ServeMux syntax).
type Route struct {
	Pattern string // "POST /.well-known/est/{label}/simpleenroll"
	On      Listener
	Handler http.Handler
	MaxBody int64 // octets, default 64 KiB
}

// Protocol is one wire protocol.
type Protocol interface {
	Name() string // "est"; also the metrics label
	Routes() []Route
}

// Proof is what a client showed to prove itself.
type Proof = identity.Proof

// Authenticator is the part of identity that protocols use.
type Authenticator interface {
	// Credential finds an active or inactive credential by type and label; the
	// empty label is the type's default. Not found: kind not-found.
	Credential(ctx context.Context, typ core.CredentialType, label string) (*core.Credential, error)
	// Authenticate checks state, expiry, source address and the proof by the
	// credential's kind and returns who asks. Wrong proof: unauthenticated.
	Authenticate(ctx context.Context, c *core.Credential, p Proof) (*core.Principal, error)
	// ByCertificate returns the principal of a client that shows a certificate
	// which this credential's issuers made for it (re-enrolment): the
	// certificate must be ours, active, within validity (or the product's
	// grace), and bound to the credential. The second result is that
	// certificate.
	ByCertificate(ctx context.Context, c *core.Credential, p Proof) (*core.Principal, *core.Certificate, error)
}

// Enroller is the part of enroll that protocols use.
type Enroller interface {
	Submit(ctx context.Context, r enroll.Request) (*enroll.Result, error)
	// Poll returns the present state of an order of the principal's credential.
	Poll(ctx context.Context, p *core.Principal, id core.OrderID) (*enroll.Result, error)
	// Revoke revokes one of the principal's certificates.
	Revoke(ctx context.Context, p *core.Principal, id core.CertificateID, reason int) error
	// Chain returns the CA certificates behind a product, issuing CA first,
	// root last, DER.
	Chain(ctx context.Context, account core.AccountID, product core.ProductID) ([][]byte, error)
	// Product returns a product by id.
	Product(ctx context.Context, account core.AccountID, id core.ProductID) (*core.Product, error)
	// CertificateBySKI finds an active certificate of the credential by its
	// subjectKeyIdentifier, with DER.
	CertificateBySKI(ctx context.Context, c *core.Credential, ski []byte) (*core.Certificate, error)
	// CertificatesByName lists active certificates of the credential, newest
	// first, with DER, at most 50: those whose common name is commonName
	// (when not empty) or that carry one of names (Names.Strings form). None
	// is no error.
	CertificatesByName(ctx context.Context, c *core.Credential, commonName string, names []string) ([]*core.Certificate, error)
}

// Auditor records what a protocol refuses before enroll hears of it.
type Auditor interface {
	Record(ctx context.Context, e core.Event) error
}
