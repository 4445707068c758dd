// Package enroll is the issuing service: it checks principal, product and
// policy, asks a connector for the certificate, and records order, certificate
// and audit entry in one transaction.
package enroll

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Request is what a protocol makes of its wire format. Either CSR (DER PKCS#10
// whose proof of possession the protocol has checked or leaves to Submit, see
// ProofChecked) or SPKI with Subject and Names.
type Request struct {
	Principal *core.Principal
	Product   core.ProductID // empty: the principal's default
	CSR       []byte         // DER
	SPKI      []byte         // DER; with CSR: empty
	// Subject and Names, when not nil, replace what the CSR says (order APIs).
	Subject core.DN
	Names   *core.Names
	// Validity shortens the product's validity; zero: the product's.
	Validity  time.Duration
	NotBefore time.Time // not before that; zero: now
	NotAfter  time.Time
	// KeyGen makes the key pair here: "RSA 3072", "ECDSA P-256", …; then CSR
	// gives names only and its own key is ignored.
	KeyGen string
	// Proofs are identifiers whose control the protocol has proven ("dns:a.example").
	Proofs []string
	// CAAChecked: the protocol has looked at CAA records itself.
	CAAChecked bool
	// ProofChecked: the protocol verified possession of the key itself.
	ProofChecked bool
	// IdempotencyKey makes repeats of the request answer with the first
	// outcome; unique per credential (or per user without one). Empty: Submit
	// derives one from the request's content, valid for a day.
	IdempotencyKey string
	// Replaces is the certificate that this one renews.
	Replaces core.CertificateID
	// Anew: Replaces is only recorded; the product's rules for renewals do not
	// apply, because the same request without Replaces would pass (ACME).
	Anew bool
	// New makes a new order whatever was answered to the same request before.
	// It is for callers that tell repeats by an IdempotencyKey or not at all.
	New bool
	// Judged: the caller has judged that the principal may order the product
	// and renew what Replaces names.
	Judged bool
	// Open hands over an order that stands already, see [Open].
	Open *Open
	// Begin, when set, runs in the transaction that records the order, before
	// there is a signature; for Open: in the one that takes it over. It is not
	// run for a repeat.
	Begin func(ctx context.Context, tx core.Tx, o *core.Order) error
	// With, when set, runs in the transaction that records the outcome of a new
	// order, so that what a protocol keeps of it costs no commit of its own. It
	// is not run for a repeat. The order's state is then issued or waiting.
	With    func(ctx context.Context, tx core.Tx, o *core.Order) error
	Comment string
	Origin  core.Origin
}

// Open names an order that was put together step by step and lacks nothing
// any more. Submit fills its row instead of adding one, so that it keeps id,
// number, owner and idempotency key. If the order has not the state and attempt
// given any more, somebody else was faster and Submit answers with what became
// of it.
type Open struct {
	Order   core.OrderID
	State   core.OrderState // one that is open, or pending-approval
	Attempt int
	// AllowedNames are the name rules of the credential that ordered; those of
	// the principal do not count.
	AllowedNames []string
	// Approved: people agreed before the order had a key.
	Approved bool
}

// Result is the state of an order.
type Result struct {
	Order       *core.Order
	Certificate *core.Certificate // with DER, once issued
	Chain       [][]byte          // DER, issuer first, up to but without the root unless the root issued
	Root        []byte            // DER of the root, when known
	// Alternates are further chains in the form of Chain, to other roots; an
	// answer to Poll has them.
	Alternates [][][]byte
	// Key is the PKCS#8 private key when the key pair was made here for this
	// very call; only the first answer of an order carries it unless the
	// product allows export.
	Key        []byte
	RetryAfter time.Duration // while not final
}
