package resource

import (
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Issuer is an issuing CA.
type Issuer struct {
	ID        core.IssuerID    `json:"id"`
	Slug      string           `json:"slug" doc:"part of the status URLs"`
	Name      string           `json:"name"`
	Connector string           `json:"connector" doc:"builtin, or the CA behind it"`
	Parent    core.IssuerID    `json:"parent,omitempty"`
	Root      bool             `json:"root" doc:"self-signed"`
	State     core.IssuerState `json:"state" enum:"pending,active,disabled"`
	Algorithm string           `json:"algorithm" doc:"of its key"`
	KeyPlace  string           `json:"key_place,omitempty" enum:"database,pkcs11" doc:"where its private key is; absent: not here"`
	Subject   string           `json:"subject,omitempty"`
	NotAfter  time.Time        `json:"not_after,omitzero"`
	CRLNumber int64            `json:"crl_number,omitempty"`
	CRLThis   time.Time        `json:"crl_this,omitzero" doc:"when the last CRL was made"`
	CRLNext   time.Time        `json:"crl_next,omitzero" doc:"when the last CRL ends"`
	Version   int              `json:"version"`
	CreatedAt time.Time        `json:"created_at"`
	UpdatedAt time.Time        `json:"updated_at"`
}

// IssuerDetail is one issuer with its certificate.
type IssuerDetail struct {
	Issuer
	PEM   string   `json:"pem,omitempty" doc:"absent while pending"`
	Chain []string `json:"chain" nullable:"false" doc:"PEM of the CA certificates above it, root last"`
	// Alternates lead to other roots.
	Alternates [][]string `json:"alternates,omitempty" nullable:"false" doc:"PEM of further chains to other roots, each beginning with a certificate for this issuer"`
	CSR        string     `json:"csr,omitempty" doc:"PEM, while pending"`
	CRLURL     string     `json:"crl_url,omitempty" doc:"where its CRL is served"`
	OCSPURL    string     `json:"ocsp_url,omitempty" doc:"where OCSP requests about its certificates are answered"`
	OCSPSigner time.Time  `json:"ocsp_signer_not_after,omitzero" doc:"when the certificate that signs its OCSP answers ends; a new one is made before"`
	Decoded    *Contents  `json:"decoded,omitempty"`
}

// NewIssuer is a CA to be made by the built-in connector.
type NewIssuer struct {
	Kind          string        `json:"kind" enum:"root,issuing,pending" doc:"root: self-signed; issuing: signed by parent; pending: gives a CSR for a foreign root to sign"`
	Slug          string        `json:"slug" pattern:"^[a-z0-9][a-z0-9-]{0,62}$" patternDescription:"lower-case letters, digits and hyphens, at most 63"`
	Name          string        `json:"name" minLength:"1" maxLength:"200"`
	Subject       core.DN       `json:"subject" nullable:"false" minItems:"1" maxItems:"20"`
	Algorithm     string        `json:"algorithm" maxLength:"300" doc:"ECDSA P-256, ECDSA P-384, RSA 3072 …, or the pkcs11: URI of a key that exists"`
	Parent        core.IssuerID `json:"parent,omitempty" doc:"issuing: who signs"`
	ValidityYears int           `json:"validity_years,omitempty" minimum:"1" maximum:"50" doc:"root: 20, issuing: 10 unless given; a pending issuer's is the foreign root's affair"`
	PathLength    *int          `json:"path_length,omitempty" minimum:"0" maximum:"10" doc:"issuing: how many further CAs may stand below it; 0 unless given"`
}

// InstallCertificate brings the certificate of a pending issuer.
type InstallCertificate struct {
	PEM string `json:"pem" minLength:"1" maxLength:"200000" doc:"the issuer's certificate and those above it, in any order"`
}

// NewChain is a further chain of an issuer, to another root.
type NewChain struct {
	Certificates string `json:"certificates" minLength:"1" maxLength:"200000" doc:"PEM: a certificate for the issuer's name and key, then those above it in order"`
}
