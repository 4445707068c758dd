package core

import "time"

// IssuerState is the state of an issuing CA.
type IssuerState string

// The states of an issuer.
const (
	IssuerPending  IssuerState = "pending" // waits for its certificate from a foreign root
	IssuerActive   IssuerState = "active"
	IssuerDisabled IssuerState = "disabled" // signs no certificates; CRL and OCSP go on
)

// Issuer is a CA that can be named by a product: the built-in CA's or one
// behind a connector.
type Issuer struct {
	ID           IssuerID
	Account      AccountID
	Slug         string // part of the status URLs, [a-z0-9-], unique
	Name         string
	Connector    string // "builtin", "acmeca", …
	Parent       IssuerID
	Root         bool // self-signed
	State        IssuerState
	Config       []byte     // JSON of the connector, secrets sealed inside
	Certificate  []byte     // DER; empty while pending
	Chain        [][]byte   // DER, from this certificate's issuer up to the root
	Alternates   [][][]byte // further chains to other roots: DER, beginning with a cross-certificate of this issuer
	CSR          []byte     // DER, while pending
	Key          string     // key URI or sealed-key id, see package ca
	KeySealed    []byte     // software key, PKCS#8, sealed
	Algorithm    string     // "ECDSA P-256", "RSA 3072"
	CRLNumber    int64      // of the last CRL
	CRL          []byte     // DER of the last full CRL
	CRLThis      time.Time
	CRLNext      time.Time
	Responder    []byte // DER of the delegated OCSP responder certificate
	ResponderKey []byte // its key, sealed
	Version      int
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// Revocation is one line of a CRL.
type Revocation struct {
	Serial    string // hex
	RevokedAt time.Time
	Reason    int
	Invalid   time.Time
	NotAfter  time.Time
}
