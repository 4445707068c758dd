package resource

import (
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Product is what may be issued.
type Product struct {
	ID          core.ProductID    `json:"id"`
	Number      int64             `json:"number" doc:"public number, for vendor APIs"`
	Code        string            `json:"code"`
	Name        string            `json:"name"`
	Description string            `json:"description"`
	Issuer      core.IssuerID     `json:"issuer"`
	IssuerName  string            `json:"issuer_name"`
	State       core.ProductState `json:"state" enum:"active,disabled"`
	Profile     core.Profile      `json:"profile"`
	Version     int               `json:"version" doc:"grows with each change"`
	CreatedAt   time.Time         `json:"created_at"`
	UpdatedAt   time.Time         `json:"updated_at"`
}

// NewProduct is a product to be made.
type NewProduct struct {
	Code        string        `json:"code" pattern:"^[a-z0-9][a-z0-9-]{0,62}$" patternDescription:"lower-case letters, digits and hyphens, at most 63"`
	Name        string        `json:"name" minLength:"1" maxLength:"200"`
	Description string        `json:"description,omitempty" maxLength:"4000"`
	Issuer      core.IssuerID `json:"issuer"`
	Profile     core.Profile  `json:"profile"`
}

// ProductUpdate replaces a product. Version is the one that was read; when the
// product has another by now nothing is changed (kind conflict).
type ProductUpdate struct {
	Version     int               `json:"version" minimum:"1"`
	Code        string            `json:"code,omitempty" maxLength:"63" doc:"the old one unless given"`
	Name        string            `json:"name" minLength:"1" maxLength:"200"`
	Description string            `json:"description,omitempty" maxLength:"4000"`
	Issuer      core.IssuerID     `json:"issuer"`
	State       core.ProductState `json:"state" enum:"active,disabled"`
	Profile     core.Profile      `json:"profile"`
}

// Verdict says whether a request would be issued.
type Verdict struct {
	Allowed  bool           `json:"allowed"`
	Approval bool           `json:"approval" doc:"people would be asked first"`
	Kind     core.Kind      `json:"kind,omitempty" doc:"of the refusal"`
	Detail   string         `json:"detail,omitempty" doc:"of the refusal"`
	Reasons  []core.Reason  `json:"reasons" nullable:"false"`
	Template *core.Template `json:"template,omitempty" doc:"what the certificate would contain"`
}

// DraftDryRun is a request to be judged by a product that is not saved.
type DraftDryRun struct {
	Product core.ProductID `json:"product,omitempty" doc:"the product that would be changed; absent for a new one"`
	Issuer  core.IssuerID  `json:"issuer"`
	Profile core.Profile   `json:"profile"`
	Request DryRun         `json:"request"`
}

// DryRun is a request to be judged; as NewOrder without consequences.
type DryRun struct {
	CSR          string    `json:"csr,omitempty" maxLength:"200000" doc:"PKCS#10, PEM or base64 of DER"`
	Generate     string    `json:"generate,omitempty" maxLength:"30" doc:"key algorithm to judge without a CSR: RSA 3072, ECDSA P-256 …"`
	Subject      core.DN   `json:"subject,omitempty" nullable:"false" maxItems:"50"`
	Names        []string  `json:"names,omitempty" nullable:"false" maxItems:"1000"`
	ValidityDays int       `json:"validity_days,omitempty" minimum:"1" maximum:"36500"`
	NotAfter     time.Time `json:"not_after,omitzero"`
}
