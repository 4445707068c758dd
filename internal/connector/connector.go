// Package connector is the door to the CAs that issue: the built-in one and
// those behind their own APIs. A connector imports neither a protocol nor
// package enroll.
package connector

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Request asks an issuer for one certificate.
type Request struct {
	Issuer   *core.Issuer
	Order    core.OrderID
	Template core.Template
	CSR      []byte // DER; for remote CAs that want the requester's own PKCS#10
}

// Issued is a finished certificate.
type Issued struct {
	DER   []byte
	Chain [][]byte // DER, from the issuer's certificate up to the root, as far as known
}

// Result is the answer of a remote CA: Issued when it is done, else Reference
// names the order there and RetryAfter says when to ask again.
type Result struct {
	Issued     *Issued
	Reference  string
	RetryAfter time.Duration
}

// Connector is one kind of CA. Type is the word in core.Issuer.Connector.
type Connector interface {
	Type() string
	// Revoke tells the CA. reason is an RFC 5280 reason code; hold and release
	// come as ReasonCertificateHold and -1 where the CA can suspend.
	Revoke(ctx context.Context, issuer *core.Issuer, cert *core.Certificate, reason int) error
}

// Local is a connector that signs in this process. The serial is known before
// the signature, so that enroll records it durably in between.
type Local interface {
	Connector
	// Prepare builds and lints the to-be-signed certificate and draws its
	// serial. Errors of kind lint carry the lints as reasons.
	Prepare(ctx context.Context, r Request) (Prepared, error)
}

// Prepared is a to-be-signed certificate.
type Prepared interface {
	Serial() string // hex, as in core.Certificate
	SKI() []byte
	NotAfter() time.Time // may lie before the template's, at the end of the issuer's own validity
	// Sign makes the certificate. It must be called only after the serial is
	// on disk.
	Sign(ctx context.Context) (*Issued, error)
}

// Remote is a connector to a CA elsewhere.
type Remote interface {
	Connector
	Submit(ctx context.Context, r Request) (Result, error)
	Poll(ctx context.Context, issuer *core.Issuer, reference string) (Result, error)
}
