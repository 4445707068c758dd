package core

import "time"

// KeyRule allows keys of one algorithm.
type KeyRule struct {
	Algorithm string   `json:"algorithm" doc:"RSA, ECDSA, Ed25519 or another name of an open list"`
	MinBits   int      `json:"min_bits,omitempty" doc:"RSA modulus bits"`
	MaxBits   int      `json:"max_bits,omitempty"`
	Curves    []string `json:"curves,omitempty" doc:"P-256, P-384, P-521"`
}

// SubjectRule says what happens with one subject attribute type.
type SubjectRule struct {
	Type    string   `json:"type" doc:"short name (CN, O, OU …) or dotted OID"`
	Mode    string   `json:"mode" enum:"required,optional,fixed" doc:"an attribute without a rule is refused or dropped, see unknown_subject"`
	Values  []string `json:"values,omitempty" doc:"fixed: the values written; else: the values allowed, empty for any"`
	Pattern string   `json:"pattern,omitempty" doc:"RE2 expression that the whole value must match"`
}

// NameRule allows subject alternative names of one kind.
type NameRule struct {
	Kind      string   `json:"kind" enum:"dns,ip,email,uri,upn,other"`
	Required  bool     `json:"required,omitempty" doc:"at least one name of this kind"`
	Suffixes  []string `json:"suffixes,omitempty" doc:"dns, email and upn: the domain or a parent; uri: its host; empty for any"`
	Patterns  []string `json:"patterns,omitempty" doc:"RE2 expressions; one must match the whole name"`
	Ranges    []string `json:"ranges,omitempty" doc:"ip: CIDR ranges, empty for any"`
	OIDs      []string `json:"oids,omitempty" doc:"other: type ids allowed"`
	Wildcards bool     `json:"wildcards,omitempty" doc:"dns: the left-most label may be *"`
	Max       int      `json:"max,omitempty" doc:"most names of this kind, 0 for 100"`
}

// ExtensionRule adds an extension to each certificate.
type ExtensionRule struct {
	OID      string `json:"oid"`
	Critical bool   `json:"critical,omitempty"`
	Value    []byte `json:"value" doc:"DER, base64 in JSON"`
}

// Profile is what a product lets a certificate contain.
type Profile struct {
	ValidityAmount int    `json:"validity_amount" doc:"longest and default validity"`
	ValidityUnit   string `json:"validity_unit" enum:"hours,days,months,years"`
	Backdate       int    `json:"backdate_minutes,omitempty" doc:"notBefore lies this far in the past, for clients with a slow clock"`

	Keys           []KeyRule     `json:"keys"`
	Subject        []SubjectRule `json:"subject,omitempty"`
	UnknownSubject string        `json:"unknown_subject,omitempty" enum:"drop,refuse" doc:"what happens to subject attributes without a rule; drop by default"`
	Names          []NameRule    `json:"names,omitempty"`
	UnknownNames   string        `json:"unknown_names,omitempty" enum:"drop,refuse" doc:"names of a kind without a rule; refuse by default"`
	CommonName     string        `json:"common_name,omitempty" enum:"as-is,from-san,in-san,none" doc:"as-is: whatever was asked; from-san: the first name that fits replaces it; in-san: it must be one of the names and is added when missing; none: never written"`

	KeyUsage    []string        `json:"key_usage" doc:"RFC 5280 names: digitalSignature, keyEncipherment … (keyEncipherment is left out for keys that cannot)"`
	ExtKeyUsage []string        `json:"ext_key_usage,omitempty" doc:"serverAuth, clientAuth, emailProtection, codeSigning … or dotted OIDs"`
	Policies    []string        `json:"policies,omitempty" doc:"certificate policy OIDs"`
	Extensions  []ExtensionRule `json:"extensions,omitempty"`
	PassThrough []string        `json:"pass_through,omitempty" doc:"extension OIDs copied from the request"`

	Lint        string   `json:"lint" enum:"private,public-tls,public-smime,none" doc:"which lint sources judge the certificate before it is signed"`
	LintExclude []string `json:"lint_exclude,omitempty" doc:"lints of that source that do not apply here"`

	Approval       string   `json:"approval" enum:"automatic,manual"`
	Approvals      int      `json:"approvals,omitempty" doc:"manual: how many different people must agree, 0 for 1"`
	ValidateNames  bool     `json:"validate_names,omitempty" doc:"control of every DNS name and address must be proven or pre-proven"`
	CAA            []string `json:"caa,omitempty" doc:"issuer domain names of which a CAA record must name one (RFC 8659); none: CAA records are not looked at"`
	RenewDays      int      `json:"renew_days" doc:"a certificate may be renewed this many days before it ends"`
	RenewSameKey   bool     `json:"renew_same_key,omitempty" doc:"a renewal may use the old key"`
	RenewGraceDays int      `json:"renew_grace_days,omitempty" doc:"an expired certificate still authorises its renewal this long"`
	ServerKeys     bool     `json:"server_keys,omitempty" doc:"this server may generate the key pair"`
	KeyExport      bool     `json:"key_export,omitempty" doc:"a key made here may be fetched again later"`
	Quota          int      `json:"quota,omitempty" doc:"most certificates valid at the same time per credential, 0 for no limit"`
	Notify         []string `json:"notify,omitempty" doc:"mail addresses told about expiry besides the owner"`

	// Terms are what an order API asks for on top; see OrderTerms for what holds
	// without them.
	Terms *OrderTerms `json:"terms,omitempty" doc:"how order APIs and the portal sell the product"`
	// ReuseDays and Ancestors say how far a proof of control carries.
	ReuseDays int  `json:"reuse_days,omitempty" doc:"a proof of control of a domain serves orders this many days, 0 for 200"`
	Ancestors bool `json:"ancestors,omitempty" doc:"the proof for a domain covers the names below it (not when it was made by file)"`
}

// ProductState is the state of a product.
type ProductState string

// The states of a product.
const (
	ProductActive   ProductState = "active"
	ProductDisabled ProductState = "disabled"
)

// Product is what may be issued: a profile and the issuer that signs.
type Product struct {
	ID          ProductID
	Account     AccountID
	Number      int64  // public number, for vendor APIs
	Code        string // unique word, [a-z0-9-]: "tls-server"
	Name        string
	Description string
	Issuer      IssuerID
	State       ProductState
	Profile     Profile
	Version     int
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Extension is one X.509 extension.
type Extension struct {
	OID      string `json:"oid"`
	Critical bool   `json:"critical,omitempty"`
	Value    []byte `json:"value"`
}

// Template is what policy decided a certificate shall contain. A connector
// adds what only the issuer knows: serial, issuer, key identifiers, AIA, CDP.
type Template struct {
	Subject     DN          `json:"subject,omitempty"`
	Names       Names       `json:"names"`
	SPKI        []byte      `json:"spki"` // DER SubjectPublicKeyInfo
	NotBefore   time.Time   `json:"not_before"`
	NotAfter    time.Time   `json:"not_after"` // inclusive, RFC 5280 section 4.1.2.5
	KeyUsage    []string    `json:"key_usage,omitempty"`
	ExtKeyUsage []string    `json:"ext_key_usage,omitempty"`
	Policies    []string    `json:"policies,omitempty"`
	Extensions  []Extension `json:"extensions,omitempty"`
	Lint        string      `json:"lint"`
	LintExclude []string    `json:"lint_exclude,omitempty"`
}
