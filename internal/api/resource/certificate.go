package resource

import (
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Certificate is a certificate in a list.
type Certificate struct {
	ID           core.CertificateID    `json:"id"`
	Number       int64                 `json:"number" doc:"public number; addresses the certificate, too"`
	State        core.CertificateState `json:"state" enum:"reserved,active,on-hold,revoked,abandoned"`
	Expired      bool                  `json:"expired" doc:"not_after has passed"`
	CommonName   string                `json:"common_name"`
	Subject      string                `json:"subject"`
	Names        []string              `json:"names" nullable:"false" doc:"kind:value, such as dns:a.example"`
	Serial       string                `json:"serial" doc:"hex"`
	KeyAlgorithm string                `json:"key_algorithm" doc:"RSA 3072, ECDSA P-256 …"`
	Fingerprint  string                `json:"fingerprint" doc:"SHA-256 of the DER, hex"`
	NotBefore    time.Time             `json:"not_before"`
	NotAfter     time.Time             `json:"not_after"`
	Issuer       core.IssuerID         `json:"issuer"`
	IssuerName   string                `json:"issuer_name"`
	IssuerDN     string                `json:"issuer_dn,omitempty" doc:"name of the issuer when it is no CA of this installation: such a certificate is neither revoked nor renewed here"`
	CA           bool                  `json:"ca" doc:"an imported CA certificate"`
	Product      core.ProductID        `json:"product"`
	ProductCode  string                `json:"product_code"`
	Order        core.OrderID          `json:"order,omitempty"`
	Credential   core.CredentialID     `json:"credential,omitempty"`
	User         core.UserID           `json:"user"`
	Group        core.GroupID          `json:"group,omitempty"`
	Protocol     string                `json:"protocol"`
	Replaces     core.CertificateID    `json:"replaces,omitempty"`
	ReplacedBy   core.CertificateID    `json:"replaced_by,omitempty"`
	Replaced     bool                  `json:"replaced" doc:"there is a successor"`
	RevokedAt    time.Time             `json:"revoked_at,omitzero"`
	Reason       string                `json:"reason,omitempty" doc:"why it was revoked, RFC 5280 name"`
	KeyStored    bool                  `json:"key_stored" doc:"the private key was made here and is kept"`
	Tags         []string              `json:"tags" nullable:"false"`
	CreatedAt    time.Time             `json:"created_at"`
}

// CertificateDetail is one certificate with its contents.
type CertificateDetail struct {
	Certificate
	PEM     string    `json:"pem,omitempty" doc:"absent while no signature exists"`
	Chain   []string  `json:"chain" nullable:"false" doc:"PEM of the CA certificates, issuer first, root last"`
	Decoded *Contents `json:"decoded,omitempty"`
}

// Contents are the fields of a decoded certificate.
type Contents struct {
	Version            int                `json:"version"`
	Serial             string             `json:"serial" doc:"hex"`
	SignatureAlgorithm string             `json:"signature_algorithm"`
	Issuer             string             `json:"issuer"`
	Subject            []core.Attribute   `json:"subject" nullable:"false"`
	NotBefore          time.Time          `json:"not_before"`
	NotAfter           time.Time          `json:"not_after"`
	KeyAlgorithm       string             `json:"key_algorithm"`
	Names              []string           `json:"names" nullable:"false"`
	KeyUsage           []string           `json:"key_usage" nullable:"false"`
	ExtKeyUsage        []string           `json:"ext_key_usage" nullable:"false"`
	CA                 bool               `json:"ca"`
	PathLength         int                `json:"path_length" doc:"-1: no limit, or no CA"`
	Policies           []string           `json:"policies" nullable:"false"`
	SubjectKeyID       string             `json:"subject_key_id,omitempty" doc:"hex"`
	AuthorityKeyID     string             `json:"authority_key_id,omitempty" doc:"hex"`
	CRL                []string           `json:"crl" nullable:"false" doc:"distribution points"`
	OCSP               []string           `json:"ocsp" nullable:"false"`
	IssuerURLs         []string           `json:"issuer_urls" nullable:"false"`
	Extensions         []DecodedExtension `json:"extensions" nullable:"false"`
	SHA256             string             `json:"sha256" doc:"fingerprint, hex"`
	SHA1               string             `json:"sha1" doc:"fingerprint, hex"`
}

// DecodedExtension is one extension of a certificate.
type DecodedExtension struct {
	OID      string `json:"oid"`
	Name     string `json:"name,omitempty"`
	Critical bool   `json:"critical"`
	Value    []byte `json:"value" doc:"DER"`
}

// Renewal asks for a successor of a certificate.
type Renewal struct {
	CSR string `json:"csr,omitempty" maxLength:"200000" doc:"PKCS#10, PEM or base64 of DER, with a new key; absent: the key is made here anew if it was made here, or kept where the product allows it"`
}

// Revocation says why a certificate is revoked.
type Revocation struct {
	Reason  string `json:"reason,omitempty" maxLength:"40" doc:"RFC 5280 name or code: unspecified (0), keyCompromise (1), affiliationChanged (3), superseded (4), cessationOfOperation (5), certificateHold (6, can be released), privilegeWithdrawn (9)"`
	Comment string `json:"comment,omitempty" maxLength:"500"`
}

// Tags are the tags of a thing.
type Tags struct {
	Tags []string `json:"tags" nullable:"false" maxItems:"50"`
}

// Export asks for a keystore with private key.
type Export struct {
	Format   string `json:"format" enum:"p12,p12-legacy,jks,pem" doc:"p12-legacy: RC2 and 3DES for old Windows and Java; pem: private key and certificates in clear, or encrypted when a password is given"`
	Password string `json:"password,omitempty" maxLength:"256" doc:"of the keystore; required except for pem"`
	Alias    string `json:"alias,omitempty" maxLength:"100" doc:"name of the entry; the common name unless given"`
	Chain    string `json:"chain,omitempty" enum:"none,intermediates,full" doc:"full unless given"`
}
