package core

import "time"

// Purpose says for what kind of certificates an organisation is vetted.
type Purpose string

// The purposes.
const (
	PurposeOV    Purpose = "ov"    // TLS, organisation validated
	PurposeEV    Purpose = "ev"    // TLS, extended validation; covers OV too
	PurposeSMIME Purpose = "smime" // S/MIME with an organisation, document signers
)

// Purposes lists the purposes.
var Purposes = []Purpose{PurposeOV, PurposeEV, PurposeSMIME}

// VettingState is the state of one vetting of an organisation.
type VettingState string

// The states of a vetting. Expiry follows from ExpiresAt.
const (
	VettingPending     VettingState = "pending"
	VettingValidated   VettingState = "validated"
	VettingRejected    VettingState = "rejected"
	VettingCancelled   VettingState = "cancelled"
	VettingDiscrepancy VettingState = "discrepancy" // the validator found a contradiction and waits for the organisation
	VettingExpired     VettingState = "expired"     // shown, never stored
)

var vettingMoves = map[VettingState][]VettingState{
	"":                 {VettingPending},
	VettingPending:     {VettingValidated, VettingRejected, VettingCancelled, VettingDiscrepancy},
	VettingDiscrepancy: {VettingPending, VettingValidated, VettingRejected, VettingCancelled},
	VettingValidated:   {VettingRejected, VettingDiscrepancy}, // withdrawn; what certificates show was changed
}

// Open reports whether a decision is still to come.
func (s VettingState) Open() bool { return s == VettingPending || s == VettingDiscrepancy }

// VettingStates lists the states that are stored.
var VettingStates = []VettingState{VettingPending, VettingValidated, VettingRejected, VettingCancelled, VettingDiscrepancy}

// VettingMethods lists how a validator can have examined an organisation.
var VettingMethods = []string{"register", "site-visit", "attestation-letter", "reliable-data-source", "face-to-face", "other"}

// Days is the longest that a decision for the purpose may stand, in days: BR
// 4.2.1 and EVG 3.2.2.14.3 for TLS, S/MIME BR 4.2.1.
func (p Purpose) Days() int {
	if p == PurposeSMIME {
		return 825
	}
	return 398
}

// To returns nil when a vetting may go from s to next, else a conflict.
func (s VettingState) To(next VettingState) error {
	for _, m := range vettingMoves[s] {
		if m == next {
			return nil
		}
	}
	return Errorf(KindConflict, "a vetting that is %s cannot become %s", s, next)
}

// Vetting is one examination of an organisation by a named validator. At most
// one per organisation and purpose is open (pending, discrepancy).
type Vetting struct {
	ID           VettingID
	Account      AccountID
	Organisation OrganisationID
	Purpose      Purpose
	State        VettingState
	AskedBy      UserID // who asked, in person or through a credential that acts for him; he does not decide
	AskedAs      string // Principal.Actor of that request
	Validator    UserID // who decided
	Method       string // how: "register", "site-visit", "attestation-letter", "reliable-data-source", "face-to-face", "other"
	Source       string // which register, letter, …: free text
	Comment      string
	Evidence     []DocumentID
	DecidedAt    time.Time
	ExpiresAt    time.Time
	Reminded     int // the smallest number of days before expiry that was announced; 0: none
	Version      int
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// Shown is the state with expiry taken into account.
func (v *Vetting) Shown(now time.Time) VettingState {
	if v.State == VettingValidated && !now.Before(v.ExpiresAt) {
		return VettingExpired
	}
	return v.State
}

// Covers reports whether a validated vetting serves purpose at now.
func (v *Vetting) Covers(purpose Purpose, now time.Time) bool {
	return v.Shown(now) == VettingValidated && (v.Purpose == purpose || v.Purpose == PurposeEV && purpose == PurposeOV)
}

// Representative is a person who may speak for an organisation.
type Representative struct {
	ID           RepresentativeID
	Account      AccountID
	Number       int64
	Organisation OrganisationID
	Name         string
	Email        string
	Phone        string // E.164
	Designation  string
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// ConsentState is the answer to a consent link.
type ConsentState string

// The states of a consent.
const (
	ConsentPending  ConsentState = "pending"
	ConsentGiven    ConsentState = "given"
	ConsentRefused  ConsentState = "refused"
	ConsentReplaced ConsentState = "replaced" // a newer link was sent
)

// Consent is a link that was mailed to a representative, and the answer. The
// link's secret is known by hash only.
type Consent struct {
	ID             ConsentID
	Account        AccountID
	Organisation   OrganisationID
	Representative RepresentativeID
	Order          OrderID // what for; empty: the organisation as such
	Statement      string  // what is consented to
	State          ConsentState
	SentTo         string
	SecretHash     []byte
	ExpiresAt      time.Time
	AnsweredAt     time.Time
	AnsweredFrom   string // address
	CreatedAt      time.Time
}

// Document is a file that belongs to an order or organisation. Its octets are
// sealed and only read when asked for.
type Document struct {
	ID          DocumentID
	Account     AccountID
	Order       OrderID        // owner: the order
	Owner       OrganisationID // owner: the organisation
	Group       GroupID        // of the order
	Name        string         // file name, without folders
	Description string
	Type        string // always application/pdf
	Size        int    // octets
	SHA256      []byte
	Uploader    string // Principal.Actor
	CreatedAt   time.Time
	Sealed      []byte // loaded only when asked for
}

// MaxDocument is the largest document in octets.
const MaxDocument = 3 << 20
