package resource

import (
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Vetting is one examination of an organisation by a validator.
type Vetting struct {
	ID           core.VettingID      `json:"id"`
	Organisation core.OrganisationID `json:"organisation"`
	Purpose      core.Purpose        `json:"purpose" enum:"ov,ev,smime"`
	State        core.VettingState   `json:"state" enum:"pending,validated,rejected,cancelled,discrepancy,expired"`
	AskedBy      core.UserID         `json:"asked_by,omitempty" doc:"who asked, in person or through a credential; he does not decide"`
	AskedAs      string              `json:"asked_as" doc:"user:, credential: or system: and an id or name"`
	Validator    core.UserID         `json:"validator,omitempty" doc:"who decided"`
	Method       string              `json:"method,omitempty"`
	Source       string              `json:"source,omitempty"`
	Comment      string              `json:"comment,omitempty"`
	Evidence     []core.DocumentID   `json:"evidence" nullable:"false" doc:"documents of the organisation"`
	DecidedAt    time.Time           `json:"decided_at,omitzero"`
	ExpiresAt    time.Time           `json:"expires_at,omitzero"`
	Version      int                 `json:"version" doc:"grows with each change, also of the organisation's data"`
	CreatedAt    time.Time           `json:"created_at"`
	UpdatedAt    time.Time           `json:"updated_at"`
}

// NewVetting asks for a vetting.
type NewVetting struct {
	Organisation core.OrganisationID `json:"organisation" minLength:"1" maxLength:"36"`
	Purpose      core.Purpose        `json:"purpose" enum:"ov,ev,smime" doc:"ev covers ov"`
}

// VettingDecision is a validator's word.
type VettingDecision struct {
	State     core.VettingState `json:"state" enum:"validated,rejected,discrepancy"`
	Method    string            `json:"method,omitempty" enum:"register,site-visit,attestation-letter,reliable-data-source,face-to-face,other" doc:"required to validate"`
	Source    string            `json:"source,omitempty" maxLength:"500" doc:"which register, letter and so on; validating needs this or evidence"`
	Comment   string            `json:"comment,omitempty" maxLength:"2000" doc:"required unless validated"`
	Evidence  []core.DocumentID `json:"evidence,omitempty" nullable:"false" maxItems:"50" doc:"documents of the organisation"`
	ExpiresAt time.Time         `json:"expires_at,omitzero" doc:"at most 398 days from now for ov and ev, 825 for smime; that when it is not given"`
	Version   int               `json:"version,omitempty" minimum:"0" doc:"the version that was looked at: another one is a conflict"`
}

// VettingCancellation ends an open vetting.
type VettingCancellation struct {
	Comment string `json:"comment,omitempty" maxLength:"2000"`
}

// Document is a file that belongs to an order or organisation, without its octets.
type Document struct {
	ID           core.DocumentID     `json:"id"`
	Order        core.OrderID        `json:"order,omitempty"`
	Organisation core.OrganisationID `json:"organisation,omitempty"`
	Name         string              `json:"name"`
	Description  string              `json:"description,omitempty"`
	Type         string              `json:"type"`
	Size         int                 `json:"size" doc:"octets"`
	SHA256       string              `json:"sha256"`
	Uploader     string              `json:"uploader"`
	CreatedAt    time.Time           `json:"created_at"`
}

// Documents are all of an order or organisation, oldest first.
type Documents struct {
	Items []Document `json:"items" nullable:"false"`
}

// Representative is a person who may speak for an organisation.
type Representative struct {
	ID           core.RepresentativeID `json:"id"`
	Number       int64                 `json:"number"`
	Organisation core.OrganisationID   `json:"organisation"`
	Name         string                `json:"name"`
	Email        string                `json:"email"`
	Phone        string                `json:"phone,omitempty"`
	Designation  string                `json:"designation,omitempty"`
	CreatedAt    time.Time             `json:"created_at"`
	UpdatedAt    time.Time             `json:"updated_at"`
}

// RepresentativeFields are what can be said of a representative.
type RepresentativeFields struct {
	Name        string `json:"name" minLength:"1" maxLength:"200"`
	Email       string `json:"email" minLength:"1" maxLength:"254"`
	Phone       string `json:"phone,omitempty" maxLength:"16" doc:"E.164"`
	Designation string `json:"designation,omitempty" maxLength:"128"`
}

// Representatives are all of an organisation, by number.
type Representatives struct {
	Items []Representative `json:"items" nullable:"false"`
}

// Consent is a link that was mailed to a representative, and the answer.
type Consent struct {
	ID             core.ConsentID        `json:"id"`
	Organisation   core.OrganisationID   `json:"organisation"`
	Representative core.RepresentativeID `json:"representative"`
	Order          core.OrderID          `json:"order,omitempty" doc:"what for; without it the organisation as such"`
	Statement      string                `json:"statement"`
	State          core.ConsentState     `json:"state" enum:"pending,given,refused,replaced"`
	SentTo         string                `json:"sent_to"`
	ExpiresAt      time.Time             `json:"expires_at" doc:"until when the link can be answered"`
	AnsweredAt     time.Time             `json:"answered_at,omitzero"`
	AnsweredFrom   string                `json:"answered_from,omitempty" doc:"address of the network"`
	CreatedAt      time.Time             `json:"created_at"`
}

// NewConsent asks a representative for consent.
type NewConsent struct {
	Representative core.RepresentativeID `json:"representative" minLength:"1" maxLength:"36"`
	Order          core.OrderID          `json:"order,omitempty" maxLength:"36"`
}

// PreVettingToken is by what orders refer to an organisation's standing vetting.
type PreVettingToken struct {
	Organisation core.OrganisationID `json:"organisation"`
	Token        string              `json:"token"`
}
