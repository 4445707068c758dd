// Package domain is domain control validation as a service of its own: domains
// that belong to organisations (or groups), the challenges by which their
// control is proven, what was seen when somebody looked, and how long a proof
// carries. Order APIs, ACME, vendor APIs and the portal share it; package
// validation does the looking.
package domain

import (
	"time"

	"github.com/certwright/certwright/internal/core"
)

// TokenLife is how long a challenge can be answered.
const TokenLife = 48 * time.Hour

// Owner is whose a domain is: an organisation, or a group without one. Where a
// group of an organisation is named, the organisation is meant.
type Owner struct {
	Organisation core.OrganisationID
	Group        core.GroupID // looked at only when Organisation is empty
}

// New is the wish to register a domain.
type New struct {
	Name    string // any case, U-labels allowed, "*." in front ignored
	Owner   Owner
	Method  string // empty: core.MethodDNSTXT
	SkipCAA bool   // do not refuse because of CAA records now; they are looked at again before issuing
}

// Challenge is what has to be published, and where. Every field that a method
// does not use is empty.
type Challenge struct {
	Method     string
	Domain     string
	Token      string    // what the method is about: record value or file content
	RecordName string    // dns-txt, dns-cname: full name, without a final dot
	RecordType string    // "TXT", "CNAME"
	Value      string    // dns-txt, dns-cname: what the record must hold
	FileName   string    // http-url
	FileURL    string    // http-url: where the file is fetched first
	Emails     []string  // email, dns-contact: addresses that a mail may go to
	SentTo     string    // email, dns-contact: where the present mail went; empty: not sent
	Until      time.Time // end of the challenge; zero once verified
	Verified   bool
}

// Outcome is what a look at a challenge found.
type Outcome struct {
	Domain *core.Domain
	// Attempt is what was looked at, where, what was seen and what to do next
	// (its Next). Nil: control was proven before and still is (no look was taken).
	Attempt *core.DomainAttempt
	Already bool // was verified before this call
	// Perspectives, Agreed and Quorum are the consensus of vantage points.
	Perspectives, Agreed, Quorum int
	Sent                         bool // email methods: a mail is on its way, the answer comes with its link
}

// Attempts is a page of attempts, newest first.
type Attempts struct {
	Items []*core.DomainAttempt
	Total int
}
