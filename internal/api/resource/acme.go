package resource

import (
	"time"

	"github.com/certwright/certwright/internal/core"
)

// ACMEAccount is an account of an ACME client.
type ACMEAccount struct {
	ID         core.ACMEAccountID    `json:"id"`
	Credential core.CredentialID     `json:"credential"`
	State      core.ACMEAccountState `json:"state" enum:"valid,deactivated,revoked" doc:"deactivated: by its owner, for ever; revoked: by an administrator"`
	Thumbprint string                `json:"thumbprint" doc:"of its public key (RFC 7638)"`
	Contacts   []string              `json:"contacts" nullable:"false"`
	Terms      bool                  `json:"terms" doc:"terms of service were agreed to"`
	External   string                `json:"external,omitempty" doc:"id of the external account binding that it was made with"`
	Address    string                `json:"address,omitempty" doc:"where it was made from"`
	CreatedAt  time.Time             `json:"created_at"`
	UpdatedAt  time.Time             `json:"updated_at"`
}

// ACMEOrder is an order of an ACME client in a list.
type ACMEOrder struct {
	ID          core.ACMEOrderID    `json:"id"`
	Credential  core.CredentialID   `json:"credential"`
	ACMEAccount core.ACMEAccountID  `json:"acme_account"`
	State       core.ACMEOrderState `json:"state" enum:"pending,ready,processing,valid,invalid,expired"`
	Product     core.ProductID      `json:"product"`
	Profile     string              `json:"profile,omitempty" doc:"product code that the client named"`
	Identifiers []core.Identifier   `json:"identifiers" nullable:"false"`
	NotBefore   time.Time           `json:"not_before,omitzero" doc:"as asked"`
	NotAfter    time.Time           `json:"not_after,omitzero" doc:"as asked"`
	Replaces    core.CertificateID  `json:"replaces,omitempty"`
	Order       core.OrderID        `json:"order,omitempty" doc:"the order of the certificate, once finalized"`
	Certificate core.CertificateID  `json:"certificate,omitempty"`
	Problem     *ACMEProblem        `json:"problem,omitempty" doc:"why it failed"`
	ExpiresAt   time.Time           `json:"expires_at"`
	CreatedAt   time.Time           `json:"created_at"`
	UpdatedAt   time.Time           `json:"updated_at"`
}

// ACMEProblem is why an order failed, as the client saw it.
type ACMEProblem struct {
	Type    string        `json:"type" doc:"word of RFC 8555 section 6.7"`
	Detail  string        `json:"detail"`
	Reasons []core.Reason `json:"reasons,omitempty" nullable:"false"`
}

// ACMEOrderDetail is one order with its authorizations.
type ACMEOrderDetail struct {
	ACMEOrder
	Authorizations []ACMEAuthorizationDetail `json:"authorizations" nullable:"false"`
}

// ACMEAuthorization is the proof of control of a name, or the way to it.
type ACMEAuthorization struct {
	ID          core.AuthorizationID    `json:"id"`
	Credential  core.CredentialID       `json:"credential"`
	ACMEAccount core.ACMEAccountID      `json:"acme_account"`
	Identifier  core.Identifier         `json:"identifier" doc:"without *."`
	Wildcard    bool                    `json:"wildcard" doc:"made for the wildcard of the name"`
	Subdomains  bool                    `json:"subdomains" doc:"authorises every name below, too (RFC 9444)"`
	State       core.AuthorizationState `json:"state" enum:"pending,valid,invalid,deactivated,revoked,expired"`
	Method      string                  `json:"method,omitempty" doc:"by which it became valid"`
	ExpiresAt   time.Time               `json:"expires_at"`
	CreatedAt   time.Time               `json:"created_at"`
	UpdatedAt   time.Time               `json:"updated_at"`
}

// ACMEAuthorizationDetail is one authorization with what was tried.
type ACMEAuthorizationDetail struct {
	ACMEAuthorization
	Challenges []ACMEChallenge `json:"challenges" nullable:"false"`
}

// ACMEChallenge is one way to prove control and what came of it.
type ACMEChallenge struct {
	Method      string              `json:"method"`
	State       core.ChallengeState `json:"state" enum:"pending,processing,valid,invalid"`
	Failure     *core.Failure       `json:"failure,omitempty"`
	Records     []core.Record       `json:"records" nullable:"false" doc:"what was asked, where, and what was seen"`
	Tries       int                 `json:"tries" doc:"finished attempts of the present run"`
	ValidatedAt time.Time           `json:"validated_at,omitzero"`
}

// RenewalPull has ACME clients renew earlier than they would.
type RenewalPull struct {
	ID          core.PullID    `json:"id"`
	State       string         `json:"state" enum:"coming,running,past,cancelled"`
	Issuer      core.IssuerID  `json:"issuer,omitempty" doc:"absent: any"`
	Product     core.ProductID `json:"product,omitempty" doc:"absent: any"`
	Start       time.Time      `json:"start" doc:"renewals are spread between start"`
	End         time.Time      `json:"end" doc:"and end"`
	Explanation string         `json:"explanation,omitempty" doc:"URL shown to clients"`
	Reason      string         `json:"reason,omitempty"`
	CancelledAt time.Time      `json:"cancelled_at,omitzero"`
	CreatedAt   time.Time      `json:"created_at" doc:"it concerns what was issued before"`
}

// NewRenewalPull asks for early renewal of what an issuer or a product issued.
type NewRenewalPull struct {
	Issuer      core.IssuerID `json:"issuer,omitempty" maxLength:"64" doc:"issuer or product or both must be given"`
	Product     string        `json:"product,omitempty" maxLength:"64" doc:"id or code"`
	Start       time.Time     `json:"start,omitzero" doc:"now unless given"`
	End         time.Time     `json:"end,omitzero" doc:"at most 90 days after start; excludes within"`
	Within      string        `json:"within,omitempty" maxLength:"20" doc:"instead of end, counted from start: 24h, 7d" example:"24h"`
	Explanation string        `json:"explanation,omitempty" maxLength:"500" doc:"http or https URL shown to clients"`
	Reason      string        `json:"reason,omitempty" maxLength:"500"`
}
