package ca

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Storage is what the CA keeps. Things that are not there give an error of kind
// not-found. Package catest has a small implementation in memory.
type Storage interface {
	core.Transactor

	// Issuer returns an issuer of the account. Its CRL field may be empty; see CRL.
	Issuer(ctx context.Context, account core.AccountID, id core.IssuerID) (*core.Issuer, error)
	// IssuerBySlug finds an issuer of any account by the word in its status
	// URLs. Its CRL field may be empty.
	IssuerBySlug(ctx context.Context, slug string) (*core.Issuer, error)
	// ListIssuers lists the issuers of the account, oldest first; of all
	// accounts when account is "". CRL fields may be empty.
	ListIssuers(ctx context.Context, account core.AccountID) ([]*core.Issuer, error)
	// PutIssuer inserts an issuer whose Version is 0 and else updates the one
	// with the same id and Version, which it then raises by one, in i when tx commits.
	// Kind exists when the slug is taken, kind conflict when the stored Version
	// is another. An update does not write the CRL and responder fields: these
	// belong to SaveCRL and SaveResponder, which leave Version alone.
	PutIssuer(ctx context.Context, tx core.Tx, i *core.Issuer) error

	// NextCRLNumber returns a number that is higher than every one that it
	// returned for this issuer in a transaction that committed. The CA uses a
	// number only after tx committed, and not every number becomes a CRL.
	NextCRLNumber(ctx context.Context, tx core.Tx, issuer core.IssuerID) (int64, error)
	// SaveCRL keeps a CRL unless one with a higher number is kept already.
	SaveCRL(ctx context.Context, tx core.Tx, issuer core.IssuerID, crl CRL) error
	// CRL returns the CRL kept last.
	CRL(ctx context.Context, issuer core.IssuerID) (*CRL, error)
	// SaveResponder keeps the certificate and sealed key of the OCSP responder.
	SaveResponder(ctx context.Context, tx core.Tx, issuer core.IssuerID, certificate, sealedKey []byte) error

	// PutCertificate inserts a certificate that the CA made for itself: issuing
	// CAs and OCSP responders. Kind exists when the issuer used the serial.
	PutCertificate(ctx context.Context, tx core.Tx, cert *core.Certificate) error
	// CertificateStatus returns what OCSP says about a serial (hex as in
	// core.Certificate).
	CertificateStatus(ctx context.Context, issuer core.IssuerID, serial string) (*CertificateStatus, error)
	// Revocations calls f for each certificate of the issuer that is revoked, on
	// hold or abandoned and whose NotAfter is not before since, in the order of
	// serials as texts. It reads what is committed when it is called and returns
	// f's error when f fails. An abandoned certificate counts as revoked at the
	// moment it was given up, and one on hold has the reason 6.
	Revocations(ctx context.Context, issuer core.IssuerID, since time.Time, f func(core.Revocation) error) error
}

// CRL is a finished CRL.
type CRL struct {
	Number     int64
	DER        []byte
	ThisUpdate time.Time
	NextUpdate time.Time
}

// CertificateStatus is the state of one issued certificate.
type CertificateStatus struct {
	State     core.CertificateState
	RevokedAt time.Time
	Reason    int
	Invalid   time.Time // invalidityDate; zero: not given
	NotAfter  time.Time
}

// Sealer encrypts what must be read back; package secret has one. Context binds
// the sealed octets to their place: opening with another context fails.
type Sealer interface {
	Seal(plain []byte, context string) ([]byte, error)
	Open(sealed []byte, context string) ([]byte, error)
}
