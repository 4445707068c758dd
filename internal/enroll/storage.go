package enroll

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Terms are the versions of a product and of its issuer, read for each request
// so that a change acts at once; the bodies are cached by version.
type Terms struct {
	ProductVersion int
	ProductState   core.ProductState
	Issuer         core.IssuerID
	IssuerVersion  int
	IssuerState    core.IssuerState
}

// Storage is what enroll needs from the database.
type Storage interface {
	core.Transactor
	Terms(ctx context.Context, account core.AccountID, product core.ProductID) (Terms, error)
	Product(ctx context.Context, account core.AccountID, id core.ProductID) (*core.Product, error)
	Issuer(ctx context.Context, account core.AccountID, id core.IssuerID) (*core.Issuer, error)
	// IssuerVersion grows with every change of an issuer but those of its CRL
	// and its responder.
	IssuerVersion(ctx context.Context, account core.AccountID, id core.IssuerID) (int, error)
	// Number allots the next public number of a kind ("order", "certificate").
	// Numbers grow, are never given twice, and may have gaps.
	Number(ctx context.Context, kind string) (int64, error)

	// InsertOrder adds an order; false when its idempotency key is taken.
	InsertOrder(ctx context.Context, tx core.Tx, o *core.Order) (bool, error)
	// UpdateOrder writes state, failure, lease, attempt, certificate,
	// reference and request if the order still has the state and attempt
	// given; else it answers conflict.
	UpdateOrder(ctx context.Context, tx core.Tx, o *core.Order, from core.OrderState, attempt int) error
	// FillOrder writes product, issuer, subject, names, request, key,
	// idempotency key, replaces, state, lease and attempt of an order that was
	// open, if it still has the state and attempt given; else it answers
	// conflict. Kind exists: the idempotency key is another order's.
	FillOrder(ctx context.Context, tx core.Tx, o *core.Order, from core.OrderState, attempt int) error
	// ReleaseKey takes the idempotency key from an order that holds it.
	ReleaseKey(ctx context.Context, tx core.Tx, id core.OrderID, key string) error
	Order(ctx context.Context, account core.AccountID, id core.OrderID) (*core.Order, error)
	OrderByKey(ctx context.Context, key string) (*core.Order, error)
	// StaleOrders lists orders that are being issued by nobody any more.
	StaleOrders(ctx context.Context, before time.Time, limit int) ([]*core.Order, error)

	// ReserveCertificate adds a row in state reserved. Its serial must be new
	// for the issuer (kind exists otherwise).
	ReserveCertificate(ctx context.Context, tx core.Tx, c *core.Certificate) error
	// FinishCertificate turns reserved into active and stores the DER.
	FinishCertificate(ctx context.Context, tx core.Tx, c *core.Certificate) error
	// AbandonReserved turns what is still reserved for the order into abandoned.
	AbandonReserved(ctx context.Context, tx core.Tx, id core.OrderID, at time.Time) error
	// SetCertificateState writes state, revocation and hold data if the state
	// is still from; else it answers conflict.
	SetCertificateState(ctx context.Context, tx core.Tx, c *core.Certificate, from core.CertificateState) error
	MarkReplaced(ctx context.Context, tx core.Tx, old, by core.CertificateID) error
	// Certificate reads one, with its DER.
	Certificate(ctx context.Context, account core.AccountID, id core.CertificateID) (*core.Certificate, error)
	CertificateBySKI(ctx context.Context, account core.AccountID, credential core.CredentialID, ski []byte) (*core.Certificate, error)
	// CertificatesByName finds active certificates of the credential, newest
	// first, with DER, at most 50: those with the common name (when not empty)
	// or with one of the names, both without regard to letter case.
	CertificatesByName(ctx context.Context, account core.AccountID, credential core.CredentialID, commonName string, names []string) ([]*core.Certificate, error)
	// CountValid counts reserved, active and held certificates of a product
	// and credential that end after now, inside tx.
	CountValid(ctx context.Context, tx core.Tx, product core.ProductID, credential core.CredentialID, now time.Time) (int, error)
	// DropKey forgets the sealed private key of an order; conflict when it is
	// gone already.
	DropKey(ctx context.Context, tx core.Tx, id core.OrderID) error

	// AddApproval records one person's word; kind exists when he spoke before.
	AddApproval(ctx context.Context, tx core.Tx, a *core.Approval) error
	// CountApprovals counts the agreeing words inside tx.
	CountApprovals(ctx context.Context, tx core.Tx, id core.OrderID) (int, error)
}

// Audit is the part of the audit log that enroll writes to.
type Audit interface {
	Write(tx core.Tx, e ...core.Event)
	Record(ctx context.Context, e core.Event) error
}

// Domains tells which names the domain service knows to be controlled by
// whoever asks, as far as the profile lets proofs carry.
type Domains interface {
	ProvenFor(ctx context.Context, p *core.Principal, profile *core.Profile, names []string) ([]string, error)
}

// Sealer encrypts private keys made here.
type Sealer interface {
	Seal(plain []byte, context string) ([]byte, error)
	Open(sealed []byte, context string) ([]byte, error)
}

// Followup starts what comes after, in the transaction of the change.
type Followup interface {
	// Revoked asks for a new CRL of the issuer.
	Revoked(ctx context.Context, tx core.Tx, account core.AccountID, issuer core.IssuerID) error
}
