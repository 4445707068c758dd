package core

import (
	"slices"
	"time"
)

// Family is a kind of product in the words of order APIs.
type Family string

// The families.
const (
	FamilyDV         Family = "dv"
	FamilyOV         Family = "ov"
	FamilyEV         Family = "ev"
	FamilyNatural    Family = "document-signer-natural-person"
	FamilyLegal      Family = "document-signer-legal-person"
	FamilyEntity     Family = "document-signer-legal-entity"
	FamilySMIME      Family = "smime"
	FamilyPrivatePKI Family = "private-pki"
)

// Families lists the families.
var Families = []Family{FamilyDV, FamilyOV, FamilyEV, FamilyNatural, FamilyLegal, FamilyEntity, FamilySMIME, FamilyPrivatePKI}

// TLS reports whether the family is public-style TLS (DV, OV, EV).
func (f Family) TLS() bool { return f == FamilyDV || f == FamilyOV || f == FamilyEV }

// Signer reports whether the family is document signing.
func (f Family) Signer() bool {
	return f == FamilyNatural || f == FamilyLegal || f == FamilyEntity
}

// Purpose is what an organisation must be vetted for; empty: nothing.
func (f Family) Purpose() Purpose {
	switch f {
	case FamilyOV:
		return PurposeOV
	case FamilyEV:
		return PurposeEV
	case FamilyLegal, FamilyEntity:
		return PurposeSMIME
	}
	return ""
}

// Shape says how many names of what kind a TLS order has.
type Shape string

// The shapes.
const (
	ShapeSingle      Shape = "single"
	ShapeWildcard    Shape = "wildcard"
	ShapeUCC         Shape = "ucc" // several names
	ShapeWildcardUCC Shape = "wildcard-ucc"
)

// Shapes lists the shapes.
var Shapes = []Shape{ShapeSingle, ShapeWildcard, ShapeUCC, ShapeWildcardUCC}

// ShapeOf is the shape of an order for names, the automatic "www." twin of the
// first not counted (leave it out).
func ShapeOf(names []string) Shape {
	wild := slices.ContainsFunc(names, func(n string) bool { return len(n) > 2 && n[:2] == "*." })
	switch {
	case wild && len(names) > 1:
		return ShapeWildcardUCC
	case wild:
		return ShapeWildcard
	case len(names) > 1:
		return ShapeUCC
	}
	return ShapeSingle
}

// OrderTerms are what order APIs ask for before a certificate of a product is
// issued. A product without them is of family dv when control of its names must
// be proven, else private-pki; needs nothing more than the CSR; and has its
// public number as its only code.
type OrderTerms struct {
	Family Family `json:"family" enum:"dv,ov,ev,document-signer-natural-person,document-signer-legal-person,document-signer-legal-entity,smime,private-pki"`
	// Codes are the numeric codes under which clients order, by shape; a shape
	// without one is ordered under the product's public number. Unique in the
	// account.
	Codes     map[Shape]int64 `json:"codes,omitempty" doc:"numeric product codes by shape: single, wildcard, ucc, wildcard-ucc"`
	Shapes    []Shape         `json:"shapes,omitempty" doc:"the shapes that may be ordered; all when empty"`
	Variant   string          `json:"variant,omitempty" doc:"private-pki: intranet-ssl, igtf-host, igtf-personal, device, vpn or a word of one's own"`
	Agreement bool            `json:"agreement,omitempty" doc:"the subscriber agreement must be accepted"`
	Documents int             `json:"documents,omitempty" doc:"least number of PDF documents that an order needs"`
	MaxYears  int             `json:"max_years,omitempty" doc:"longest subscription in years, 0 for 1; each certificate lives as long as the profile says"`
	Fields    []CustomField   `json:"fields,omitempty" doc:"further questions to the requester"`
}

// CustomField is a question of a product to the requester.
type CustomField struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Type      string   `json:"type" enum:"text,dropdown,datePicker,checkbox"`
	Section   string   `json:"section,omitempty" enum:"certificate,additional"`
	MaxLength int      `json:"max_length,omitempty"`
	Required  bool     `json:"required,omitempty"`
	Values    []string `json:"values,omitempty"`
}

// OrderTerms returns the product's terms or those that hold without.
func (p *Product) OrderTerms() OrderTerms {
	if p.Profile.Terms != nil {
		return *p.Profile.Terms
	}
	if p.Profile.ValidateNames {
		return OrderTerms{Family: FamilyDV}
	}
	return OrderTerms{Family: FamilyPrivatePKI}
}

// CodeOf is the numeric code of the product in a shape; an empty shape stands
// for ShapeSingle.
func (p *Product) CodeOf(s Shape) int64 {
	if s == "" {
		s = ShapeSingle
	}
	if c := p.OrderTerms().Codes[s]; c > 0 {
		return c
	}
	return p.Number
}

// Contact is a person named in an order.
type Contact struct {
	Name        string `json:"name,omitempty"`
	Email       string `json:"email,omitempty"`
	Phone       string `json:"phone,omitempty"` // E.164
	Designation string `json:"designation,omitempty"`
	EmployeeID  string `json:"employee_id,omitempty"`
}

// Agreement is the subscriber's signature under the agreement.
type Agreement struct {
	SignerName  string    `json:"signer_name"`
	SignerPlace string    `json:"signer_place,omitempty"`
	Address     string    `json:"address"` // of the peer that sent it
	SignedAt    time.Time `json:"signed_at"`
	// What was signed; empty when there was no text. In a request Text is the version
	// that the signer read, empty: the present one.
	Text    AgreementTextID `json:"text,omitempty"`
	Version int             `json:"text_version,omitempty"`
	Digest  string          `json:"text_digest,omitempty"` // SHA-256 in hex
}

// FieldValue answers a custom field.
type FieldValue struct {
	ID    string `json:"id"`
	Value string `json:"value"`
}

// OrderAsk is what the requester of a step-by-step order asked for. While the
// order is open the certificate's content comes from here, never from the CSR:
// that gives the key only.
type OrderAsk struct {
	Family        Family       `json:"family"`
	Shape         Shape        `json:"shape,omitempty"`
	Code          int64        `json:"code"`              // numeric product code as resolved
	Variant       string       `json:"variant,omitempty"` // as the client wrote it
	Subject       DN           `json:"subject,omitempty"`
	Names         Names        `json:"names"`
	Domain        string       `json:"domain,omitempty"` // primary name as shown
	Additional    []string     `json:"additional,omitempty"`
	AutoWWW       bool         `json:"auto_www,omitempty"`
	Years         int          `json:"years,omitempty"`
	AutoRenew     bool         `json:"auto_renew,omitempty"`
	RenewDays     int          `json:"renew_days,omitempty"`
	KeyGen        string       `json:"key_gen,omitempty"` // make the key here: "RSA 3072", …
	PreVetted     bool         `json:"pre_vetted,omitempty"`
	Requestor     Contact      `json:"requestor"`
	Delegation    *Contact     `json:"delegation,omitempty"`
	Technical     *Contact     `json:"technical,omitempty"`
	Signer        *Contact     `json:"contract_signer,omitempty"` // EV
	Approver      *Contact     `json:"certificate_approver,omitempty"`
	Recipients    []string     `json:"recipients,omitempty"`
	Tags          []string     `json:"tags,omitempty"`
	Fields        []FieldValue `json:"fields,omitempty"`
	Remarks       string       `json:"remarks,omitempty"`
	Notifications string       `json:"notifications,omitempty"` // "all", "0" …, as sent
	Extra         []FieldValue `json:"extra,omitempty"`         // what a wire format must give back and nothing else looks at
}

// OrderDetails is what is gathered step by step for an order, and how it ended.
// Orders that arrived complete over another protocol have none.
type OrderDetails struct {
	Order        OrderID
	Account      AccountID
	Request      int64 // public number of the request; drafts have no order number to show
	Organisation OrganisationID
	Owner        OrganisationID // whose proofs of control of domains serve the order; empty: those of its group
	Ask          OrderAsk
	CSR          []byte // DER; the order's key, once given
	Agreement    *Agreement
	Approved     bool          // people agreed before there was a key (document signers)
	Reissues     CertificateID // the certificate that this order reissues
	Mode         string        // "rekey" or "update-sans" of a reissue; "renew" of a renewal
	Reason       string        // of a reissue
	// RevokeOld: once issued, the certificate that was reissued is revoked with
	// RevokeReason; with RevokeAll all earlier ones of its line.
	RevokeOld    bool
	RevokeAll    bool
	RevokeReason int
	Remarks      string // why it was cancelled, rejected or revoked
	Digest       string // of what was asked, to tell a repeat from a clash
	// DocumentsAfter: people asked for other documents; only later ones count.
	DocumentsAfter time.Time
	Until          time.Time // end of the subscription
	DueAt          time.Time // when the background shall look at the order; zero: not
	Version        int       // grows with each change; changes compare and set it
	CreatedAt      time.Time
	UpdatedAt      time.Time
}
