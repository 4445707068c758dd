package resource

import (
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Order is an order in a list.
type Order struct {
	ID          core.OrderID       `json:"id"`
	Number      int64              `json:"number" doc:"public number; addresses the order, too"`
	State       core.OrderState    `json:"state" enum:"draft,pending-organization-verification,pending-documents,pending-dcv,pending-csr,pending-agreement,pending-approval,issuing,pending-ca,issued,rejected,cancelled,failed"`
	Subject     string             `json:"subject"`
	Names       []string           `json:"names" nullable:"false" doc:"kind:value, such as dns:a.example"`
	Product     core.ProductID     `json:"product"`
	ProductCode string             `json:"product_code"`
	Issuer      core.IssuerID      `json:"issuer"`
	IssuerName  string             `json:"issuer_name"`
	Credential  core.CredentialID  `json:"credential,omitempty"`
	User        core.UserID        `json:"user"`
	Group       core.GroupID       `json:"group,omitempty"`
	Protocol    string             `json:"protocol"`
	Certificate core.CertificateID `json:"certificate,omitempty"`
	Replaces    core.CertificateID `json:"replaces,omitempty"`
	Failure     string             `json:"failure,omitempty" doc:"why it failed or was rejected or cancelled"`
	Comment     string             `json:"comment,omitempty"`
	CreatedAt   time.Time          `json:"created_at"`
	UpdatedAt   time.Time          `json:"updated_at"`
}

// OrderDetail is one order with what was asked.
type OrderDetail struct {
	Order
	CSR       string        `json:"csr,omitempty" doc:"PEM"`
	Template  core.Template `json:"template" doc:"what the certificate shall contain, by the product's rules"`
	Approvals []Approval    `json:"approvals" nullable:"false"`
	Needed    int           `json:"approvals_needed" doc:"how many people must agree; 0: none"`
	Steps     *OrderSteps   `json:"steps,omitempty" doc:"of an order that is put together step by step"`
}

// Approval is one person's word on an order.
type Approval struct {
	User     core.UserID `json:"user"`
	Approved bool        `json:"approved"`
	Comment  string      `json:"comment,omitempty"`
	At       time.Time   `json:"at"`
}

// NewOrder asks for a certificate: with a CSR, or with names and a key pair
// made by the server.
type NewOrder struct {
	Product      string       `json:"product" minLength:"1" maxLength:"64" doc:"id or code"`
	CSR          string       `json:"csr,omitempty" maxLength:"200000" doc:"PKCS#10, PEM or base64 of DER"`
	Generate     string       `json:"generate,omitempty" maxLength:"30" doc:"make the key pair on the server: RSA 3072, ECDSA P-256, Ed25519 …; then no CSR is needed"`
	Subject      core.DN      `json:"subject,omitempty" nullable:"false" maxItems:"50" doc:"replaces the subject of the CSR"`
	Names        []string     `json:"names,omitempty" nullable:"false" maxItems:"1000" doc:"replace the names of the CSR; dns:a.example, ip:192.0.2.1, email:…, uri:…, upn:…, or without the kind where it is clear"`
	ValidityDays int          `json:"validity_days,omitempty" minimum:"1" maximum:"36500" doc:"shorter than the product's"`
	NotAfter     time.Time    `json:"not_after,omitzero" doc:"instead of validity_days"`
	Group        core.GroupID `json:"group,omitempty" doc:"the group that owns the certificate; may be left out where there is no choice"`
	Comment      string       `json:"comment,omitempty" maxLength:"2000" doc:"for the people who approve"`
	Replaces     string       `json:"replaces,omitempty" maxLength:"40" doc:"id or number of the certificate that this one renews"`
}

// IssuedOrder is the answer to an order. PrivateKey is there only when the key
// pair was made for this very request, and only this once unless the product
// allows export.
type IssuedOrder struct {
	Order       Order        `json:"order"`
	Certificate *Certificate `json:"certificate,omitempty" doc:"once issued"`
	PEM         string       `json:"pem,omitempty" doc:"the certificate"`
	Chain       []string     `json:"chain" nullable:"false" doc:"PEM of the CA certificates, issuer first, root last"`
	PrivateKey  string       `json:"private_key,omitempty" doc:"PKCS#8 PEM, in clear; shown this once"`
	RetryAfter  int          `json:"retry_after,omitempty" doc:"seconds until asking again makes sense, while the order is open"`
}

// Decision is a person's word on an order, or the reason for a cancellation.
type Decision struct {
	Comment string `json:"comment,omitempty" maxLength:"2000"`
}
