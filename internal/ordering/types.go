// Package ordering puts orders together step by step: draft, organisation,
// documents, control of domains, key, agreement, approval. It decides what an
// order waits for and hands it to enroll once nothing is missing. Order APIs,
// vendor APIs, the management API and the portal stand on it.
package ordering

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// New is the wish for an order.
type New struct {
	// Product is named by Code, or by id, or left to be found among the
	// principal's products by Ask.Family, Ask.Shape (or Ask.Variant for private PKI). Code
	// and family that contradict each other are refused.
	Product core.ProductID
	Code    int64
	Ask     core.OrderAsk // Shape and Code are filled in
	// Organisation is needed for families with a Purpose; else optional. PreVettingToken, when
	// given, must be the organisation's.
	Organisation    core.OrganisationID
	PreVettingToken string
	Group           core.GroupID // empty: the principal's; a credential may name only its own
	CSR             []byte       // DER; optional
	Agreement       *core.Agreement
	Documents       []Upload
	Draft           bool
	Promote         int64 // public request number of a draft that this hands in; its content is replaced
	IdempotencyKey  string
	// With runs in the transaction that records the order.
	With   func(ctx context.Context, tx core.Tx, o *core.Order, d *core.OrderDetails) error
	Origin core.Origin
}

// Upload is a document to keep.
type Upload struct {
	Name        string
	Description string
	Body        []byte // PDF, at most core.MaxDocument octets
}

// View is an order with all that belongs to it.
type View struct {
	Order        *core.Order
	Details      *core.OrderDetails // nil for an order that came complete over another protocol
	Product      *core.Product
	Certificate  *core.Certificate // with DER, once issued
	Chain        [][]byte          // as enroll.Result
	Root         []byte
	Domains      []core.Domain // of its DNS names and mailboxes, in their order, a wildcard's without "*."; those that exist
	Organisation *core.Organisation
	Vetting      *core.Vetting // the standing or last one for the order's purpose
	Consent      *core.Consent
	Text         *core.AgreementText // the agreement that was signed, or else is to be; nil: none
	Documents    []core.Document
	Approvals    []core.Approval
	Repeat       bool // the answer of an earlier request with the same idempotency key
}

// Offer is one line of the catalogue: a product in one shape.
type Offer struct {
	Product *core.Product
	Family  core.Family
	Shape   core.Shape // empty unless the family is TLS
	Code    int64
	Name    string // product name, and the shape where there are several
}

// Reissue is the wish to issue an order's certificate again.
type Reissue struct {
	Mode           string // "rekey", "update-sans"
	Reason         string
	CSR            []byte   // DER; optional: the new order waits for it
	Additional     []string // update-sans: the whole list of additional names
	RevokePrevious bool
	RevokeReason   int
	RevokeAll      bool
	IdempotencyKey string
	With           func(ctx context.Context, tx core.Tx, o *core.Order, d *core.OrderDetails) error
	Origin         core.Origin
}

// Query selects orders for a report. Zero fields select everything.
type Query struct {
	Groups       []core.GroupID
	Products     []core.ProductID
	States       []core.OrderState
	CertStates   []core.CertificateState
	Expired      *bool     // of the certificate
	From, Till   time.Time // of the order, both inclusive
	EndsFrom     time.Time // of the certificate
	EndsTill     time.Time
	Name         string // part of a name
	Number       int64
	Request      int64
	Organisation string // part of its name
	Requestor    string // e-mail, whole
	Issuers      []core.IssuerID
	Tags         []string
	AllTags      bool
	Issued       bool // only those with a certificate (ledger, inventory)
	Offset       int
	Limit        int // 1 to 100
}

// Row is one line of a report.
type Row struct {
	Order        core.Order
	Details      *core.OrderDetails
	Certificate  *core.Certificate // without DER
	Organisation string
	Country      string
	Issuer       string // name
}
