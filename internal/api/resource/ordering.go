package resource

import (
	"time"

	"github.com/certwright/certwright/internal/core"
)

// NewOrderRequest is the wish for an order that is put together step by step.
// The product is named, by product or code, or found by family and variant.
type NewOrderRequest struct {
	Product         string              `json:"product,omitempty" maxLength:"64" doc:"id or code word"`
	Code            int64               `json:"code,omitempty" minimum:"0" doc:"numeric product code of the catalogue"`
	Family          core.Family         `json:"family,omitempty" enum:"dv,ov,ev,document-signer-natural-person,document-signer-legal-person,document-signer-legal-entity,smime,private-pki"`
	Variant         string              `json:"variant,omitempty" maxLength:"63" doc:"of private PKI"`
	Organisation    core.OrganisationID `json:"organisation,omitempty" maxLength:"36" doc:"required for products that show a vetted organisation"`
	PreVettingToken string              `json:"pre_vetting_token,omitempty" maxLength:"200"`
	Group           core.GroupID        `json:"group,omitempty" maxLength:"36" doc:"the group that owns the order; may be left out where there is no choice"`
	Domain          string              `json:"domain,omitempty" maxLength:"255" doc:"primary name"`
	Additional      []string            `json:"additional,omitempty" nullable:"false" maxItems:"1000" doc:"further DNS names and addresses"`
	AutoWWW         bool                `json:"auto_www,omitempty" doc:"also the name with www. in front"`
	Names           []string            `json:"names,omitempty" nullable:"false" maxItems:"1000" doc:"names of other kinds, as kind:value"`
	Subject         core.DN             `json:"subject,omitempty" nullable:"false" maxItems:"50" doc:"not for TLS, whose subject follows from domain and organisation"`
	Years           int                 `json:"years,omitempty" minimum:"0" maximum:"10" doc:"subscription; 1 unless given"`
	AutoRenew       bool                `json:"auto_renew,omitempty" doc:"renew by itself while the subscription lasts, if the key pair is made here"`
	RenewDays       int                 `json:"renew_days,omitempty" minimum:"0" maximum:"365" doc:"so many days before the end; 30 unless given"`
	Generate        string              `json:"generate,omitempty" maxLength:"30" doc:"make the key pair on the server: RSA 3072, ECDSA P-256 …; for products whose keys can be exported"`
	CSR             string              `json:"csr,omitempty" maxLength:"200000" doc:"PKCS#10, PEM or base64 of DER; may follow later"`
	Agreement       *Signature          `json:"agreement,omitempty"`
	Requestor       core.Contact        `json:"requestor,omitzero"`
	Technical       *core.Contact       `json:"technical,omitempty"`
	Recipients      []string            `json:"recipients,omitempty" nullable:"false" maxItems:"50"`
	Tags            []string            `json:"tags,omitempty" nullable:"false" maxItems:"50"`
	Fields          []core.FieldValue   `json:"fields,omitempty" nullable:"false" maxItems:"50" doc:"answers to the product's own questions"`
	Remarks         string              `json:"remarks,omitempty" maxLength:"2000"`
	Draft           bool                `json:"draft,omitempty" doc:"keep it without handing it in"`
	Promote         int64               `json:"promote,omitempty" minimum:"0" doc:"request number of a draft that this hands in; its content is replaced"`
}

// Signature is the subscriber's signature under the agreement.
type Signature struct {
	SignerName  string `json:"signer_name" minLength:"1" maxLength:"200"`
	SignerPlace string `json:"signer_place,omitempty" maxLength:"200"`
	// Text guards against a text that changed under the reader's eyes.
	Text core.AgreementTextID `json:"text,omitempty" maxLength:"36" doc:"the version that was read; when it is not the present one, nothing is signed (conflict)"`
}

// AgreementRef is the text of an order's subscriber agreement.
type AgreementRef struct {
	ID      core.AgreementTextID `json:"id"`
	Version int                  `json:"version"`
	Digest  string               `json:"digest" doc:"SHA-256 of the text, hex"`
	Present bool                 `json:"present" doc:"it is in force; false: it was signed and has been replaced since"`
}

// AgreementText is one version of a subscriber agreement. Lists leave out the body.
type AgreementText struct {
	ID           core.AgreementTextID `json:"id"`
	Product      core.ProductID       `json:"product" doc:"empty: for all products that have none of their own"`
	Version      int                  `json:"version"`
	Present      bool                 `json:"present" doc:"this version is in force"`
	Body         string               `json:"body,omitempty" doc:"plain text; empty: there is none from this version on"`
	Size         int                  `json:"size" doc:"octets"`
	Digest       string               `json:"digest" doc:"SHA-256 of the text, hex"`
	Author       core.UserID          `json:"author"`
	CreatedAt    time.Time            `json:"created_at"`
	SupersededAt time.Time            `json:"superseded_at,omitzero" doc:"when another version came into force"`
}

// NewAgreementText publishes a version.
type NewAgreementText struct {
	Product core.ProductID `json:"product,omitempty" maxLength:"36" doc:"the product that gets a text of its own; empty: the account"`
	Version int            `json:"version" minimum:"0" doc:"the version in force that this one replaces; 0: there is none"`
	Body    string         `json:"body" maxLength:"262144" doc:"plain text, at most 256 KiB of UTF-8; empty: no text any more, a product has the account's again"`
}

// OrderKey brings the key of an order.
type OrderKey struct {
	CSR string `json:"csr" minLength:"1" maxLength:"200000" doc:"PKCS#10, PEM or base64 of DER"`
}

// OrderSteps is what was gathered step by step for an order.
type OrderSteps struct {
	Request          int64               `json:"request" doc:"public number of the request"`
	Family           core.Family         `json:"family"`
	Shape            core.Shape          `json:"shape,omitempty"`
	Code             int64               `json:"code" doc:"numeric product code"`
	Organisation     core.OrganisationID `json:"organisation,omitempty"`
	OrganisationName string              `json:"organisation_name,omitempty"`
	Domain           string              `json:"domain,omitempty"`
	Years            int                 `json:"years"`
	Until            time.Time           `json:"until" doc:"end of the subscription"`
	AutoRenew        bool                `json:"auto_renew"`
	Generate         string              `json:"generate,omitempty" doc:"the key pair is made here"`
	KeyGiven         bool                `json:"key_given" doc:"there is a key, or it will be made here"`
	CSR              string              `json:"csr,omitempty" doc:"PEM; the key as given, also while the order is open"`
	Agreement        *core.Agreement     `json:"agreement,omitempty"`
	AgreementText    *AgreementRef       `json:"agreement_text,omitempty" doc:"what was signed, or is to be signed; missing: there is no text"`
	Requestor        core.Contact        `json:"requestor"`
	Technical        *core.Contact       `json:"technical,omitempty"`
	Recipients       []string            `json:"recipients" nullable:"false"`
	Tags             []string            `json:"tags" nullable:"false"`
	Fields           []core.FieldValue   `json:"fields" nullable:"false"`
	Remarks          string              `json:"remarks,omitempty" doc:"of the requester"`
	Note             string              `json:"note,omitempty" doc:"why it was sent back, cancelled, rejected or revoked"`
	Mode             string              `json:"mode,omitempty" enum:"rekey,update-sans,renew" doc:"of an order that follows another"`
	Reissues         core.CertificateID  `json:"reissues,omitempty"`
	Reason           string              `json:"reason,omitempty"`
	Domains          []OrderDomain       `json:"domains" nullable:"false"`
	Vetting          *Vetting            `json:"vetting,omitempty"`
	Consent          *Consent            `json:"consent,omitempty"`
	Documents        []Document          `json:"documents" nullable:"false"`
}

// OrderDomain is a domain that an order needs.
type OrderDomain struct {
	ID         core.DomainID     `json:"id"`
	Name       string            `json:"name"`
	Control    core.ControlState `json:"control" enum:"pending,verified,rejected,expired"`
	Method     string            `json:"method"`
	ValidUntil time.Time         `json:"valid_until,omitzero"`
}

// Reissue asks for an issued order's certificate once more.
type Reissue struct {
	Mode           string   `json:"mode" enum:"rekey,update-sans"`
	Reason         string   `json:"reason" minLength:"1" maxLength:"2000"`
	CSR            string   `json:"csr,omitempty" maxLength:"200000" doc:"without it the new order waits for one"`
	Additional     []string `json:"additional,omitempty" nullable:"false" maxItems:"1000" doc:"update-sans: the whole list of additional names"`
	RevokePrevious bool     `json:"revoke_previous,omitempty" doc:"revoke the old certificate once the new one stands"`
	RevokeAll      bool     `json:"revoke_all,omitempty" doc:"and all before it"`
	RevokeReason   int      `json:"revoke_reason,omitempty" minimum:"0" maximum:"10" doc:"code of RFC 5280 section 5.3.1"`
}

// OrderRenewal asks for the renewal of an issued order.
type OrderRenewal struct {
	CSR string `json:"csr,omitempty" maxLength:"200000" doc:"without it the old key is used again where the product allows that, else the new order waits for one"`
}

// OrderRevocation revokes an order's certificate.
type OrderRevocation struct {
	Reason  int    `json:"reason" minimum:"0" maximum:"10" doc:"code of RFC 5280 section 5.3.1; 6 suspends"`
	Remarks string `json:"remarks,omitempty" maxLength:"2000"`
}

// Offer is one line of the catalogue.
type Offer struct {
	Code      int64              `json:"code"`
	Name      string             `json:"name"`
	Product   core.ProductID     `json:"product"`
	Family    core.Family        `json:"family"`
	Shape     core.Shape         `json:"shape,omitempty"`
	Variant   string             `json:"variant,omitempty"`
	Agreement bool               `json:"agreement" doc:"the subscriber agreement must be accepted"`
	Documents int                `json:"documents" doc:"least number of documents"`
	MaxYears  int                `json:"max_years"`
	Fields    []core.CustomField `json:"fields" nullable:"false"`
}

// Catalogue is what may be ordered.
type Catalogue struct {
	Items []Offer `json:"items" nullable:"false"`
}

// OrderReport is a page of the report of orders.
type OrderReport struct {
	Total int              `json:"total" doc:"rows in all"`
	Items []OrderReportRow `json:"items" nullable:"false"`
}

// OrderReportRow is one line.
type OrderReportRow struct {
	Order            Order                 `json:"order"`
	Request          int64                 `json:"request,omitempty"`
	Code             int64                 `json:"code,omitempty"`
	Organisation     string                `json:"organisation,omitempty"`
	Country          string                `json:"country,omitempty"`
	Requestor        string                `json:"requestor,omitempty" doc:"e-mail address"`
	Tags             []string              `json:"tags" nullable:"false"`
	CertificateState core.CertificateState `json:"certificate_state,omitempty"`
	Serial           string                `json:"serial,omitempty"`
	NotAfter         time.Time             `json:"not_after,omitzero"`
}
