package resource

import (
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Domain is a DNS name of an organisation or group, with the proof that its
// owner controls it.
type Domain struct {
	ID           core.DomainID       `json:"id"`
	Number       int64               `json:"number"`
	Name         string              `json:"name" doc:"A-labels, lower case"`
	Organisation core.OrganisationID `json:"organisation,omitempty" doc:"owner; a domain without one belongs to the group"`
	Group        core.GroupID        `json:"group,omitempty"`
	State        core.DomainState    `json:"state" enum:"active,inactive"`
	Control      core.ControlState   `json:"control" enum:"pending,verified,rejected,expired"`
	Method       string              `json:"method" enum:"dns-txt,dns-cname,http-url,email,dns-contact" doc:"that is asked for now, or by which control was proven"`
	ProvenBy     string              `json:"proven_by,omitempty" doc:"method of the present proof; one by http-url covers the very name only"`
	VerifiedAt   time.Time           `json:"verified_at,omitzero"`
	ValidUntil   time.Time           `json:"valid_until,omitzero" doc:"end of the proof"`
	CAA          core.CAAState       `json:"caa,omitempty" enum:"passed,failed,skipped" doc:"outcome of the last look at CAA records"`
	TokenUntil   time.Time           `json:"token_until,omitzero" doc:"end of the open challenge"`
	NextCheck    time.Time           `json:"next_check,omitzero" doc:"when it is looked at by itself"`
	User         core.UserID         `json:"user,omitempty" doc:"who registered it"`
	CreatedAt    time.Time           `json:"created_at"`
	UpdatedAt    time.Time           `json:"updated_at"`
}

// DomainDetail is one domain with what has to be published.
type DomainDetail struct {
	Domain
	Challenge *DomainChallenge `json:"challenge,omitempty" doc:"missing once control is proven"`
}

// DomainChallenge is what has to be published, and where.
type DomainChallenge struct {
	Method     string    `json:"method" enum:"dns-txt,dns-cname,http-url,email,dns-contact"`
	Token      string    `json:"token,omitempty" doc:"record value or file content"`
	RecordName string    `json:"record_name,omitempty" doc:"dns-txt, dns-cname: full name"`
	RecordType string    `json:"record_type,omitempty" enum:"TXT,CNAME"`
	Value      string    `json:"value,omitempty" doc:"dns-txt, dns-cname: what the record must hold"`
	FileName   string    `json:"file_name,omitempty" doc:"http-url"`
	FileURL    string    `json:"file_url,omitempty" doc:"http-url: where the file is fetched first"`
	Emails     []string  `json:"emails,omitempty" nullable:"false" doc:"email, dns-contact: addresses that a mail may go to"`
	SentTo     string    `json:"sent_to,omitempty" doc:"email, dns-contact: where the last mail went"`
	Until      time.Time `json:"until,omitzero"`
}

// NewDomain is the wish to register a domain.
type NewDomain struct {
	Name         string              `json:"name" minLength:"1" maxLength:"1024" doc:"any case, U-labels allowed"`
	Organisation core.OrganisationID `json:"organisation,omitempty" doc:"owner; with neither, the caller's own"`
	Group        core.GroupID        `json:"group,omitempty"`
	Method       string              `json:"method,omitempty" enum:"dns-txt,dns-cname,http-url,email,dns-contact" doc:"dns-txt unless given"`
	SkipCAA      bool                `json:"skip_caa,omitempty" doc:"register although CAA records forbid to issue now"`
}

// DomainMethod chooses how control is proven.
type DomainMethod struct {
	Method string `json:"method,omitempty" enum:"dns-txt,dns-cname,http-url,email,dns-contact" doc:"the present one unless given"`
}

// DomainVerify asks to look at the challenge now.
type DomainVerify struct {
	Method  string `json:"method,omitempty" enum:"dns-txt,dns-cname,http-url,email,dns-contact" doc:"the present one unless given"`
	Address string `json:"address,omitempty" maxLength:"254" doc:"email, dns-contact: where the mail goes; one of the challenge's emails"`
}

// DomainOutcome is what a look at a challenge found.
type DomainOutcome struct {
	Domain  DomainDetail   `json:"domain"`
	Already bool           `json:"already" doc:"control was proven before; no look was taken"`
	Sent    bool           `json:"sent" doc:"a mail is on its way; the answer comes with its link"`
	Attempt *DomainAttempt `json:"attempt,omitempty"`
}

// DomainAttempt is one look at a challenge.
type DomainAttempt struct {
	ID           core.AttemptID `json:"id"`
	Method       string         `json:"method"`
	Background   bool           `json:"background" doc:"made by the server by itself"`
	Passed       bool           `json:"passed"`
	Failure      *core.Failure  `json:"failure,omitempty" doc:"missing and not passed: a mail was sent"`
	Expected     string         `json:"expected" doc:"what was looked for"`
	Next         string         `json:"next,omitempty" doc:"what to do now"`
	Perspectives int            `json:"perspectives" doc:"how many places were to look"`
	Agreed       int            `json:"agreed" doc:"how many of them saw the proof"`
	Quorum       int            `json:"quorum" doc:"how many had to"`
	Records      []core.Record  `json:"records" nullable:"false" doc:"what was asked, where, and what was seen"`
	At           time.Time      `json:"at"`
}

// DomainAttempts is a page of attempts, newest first.
type DomainAttempts struct {
	Items []DomainAttempt `json:"items" nullable:"false"`
	Total int             `json:"total" doc:"how many are kept"`
}
