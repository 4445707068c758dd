package core

import "time"

// Further methods by which control of a domain is proven. They are those of
// the domain service; the ACME ones stand in authorization.go.
const (
	MethodDNSTXT     = "dns-txt"     // a TXT record with the token (CA/B BR 3.2.2.4.7)
	MethodDNSCNAME   = "dns-cname"   // a CNAME record that the token decides (BR 3.2.2.4.7)
	MethodHTTPFile   = "http-url"    // a file with the token (BR 3.2.2.4.18); proves exactly one name
	MethodEmail      = "email"       // a link sent to one of the five constructed addresses (BR 3.2.2.4.4)
	MethodDNSContact = "dns-contact" // a link sent to the address that DNS names (BR 3.2.2.4.13, 3.2.2.4.14)
)

// DomainMethods lists the methods of the domain service.
var DomainMethods = []string{MethodDNSTXT, MethodDNSCNAME, MethodHTTPFile, MethodEmail, MethodDNSContact}

// DomainState says whether a domain may be used at all.
type DomainState string

// The states of a domain.
const (
	DomainActive   DomainState = "active"
	DomainInactive DomainState = "inactive" // taken out of use by a person; no longer covers anything
)

// ControlState says how far the proof of control of a domain is.
type ControlState string

// The states of a proof of control. Expiry follows from ValidUntil.
const (
	ControlPending  ControlState = "pending"
	ControlVerified ControlState = "verified"
	ControlRejected ControlState = "rejected" // an administrator refused or withdrew it
	ControlExpired  ControlState = "expired"  // shown, never stored
)

// CAAState is the outcome of the last look at CAA records.
type CAAState string

// The outcomes.
const (
	CAAUnknown CAAState = ""
	CAAPassed  CAAState = "passed"
	CAAFailed  CAAState = "failed"
	CAASkipped CAAState = "skipped" // the product does not look at CAA
)

// Domain is a DNS name of an organisation (or, without one, of a group) and
// the present proof that its owner controls it. One row stands per owner and
// name: the proof of one organisation says nothing about another.
type Domain struct {
	ID           DomainID
	Account      AccountID
	Number       int64
	Organisation OrganisationID // owner; else:
	Group        GroupID        // owner when Organisation is empty
	Name         string         // A-labels, lower case, without "*."
	State        DomainState
	Control      ControlState
	Method       string    // the one that is asked for now, or by which control was proven
	ProvenBy     string    // method of the present proof; empty: as Method
	Token        string    // of the last challenge; public by nature once published
	TokenUntil   time.Time // end of the challenge; zero: none is open
	Email        string    // address the present e-mail challenge went to
	EmailHash    []byte    // SHA-256 of the secret in that mail
	VerifiedAt   time.Time
	ValidUntil   time.Time // of the proof
	CAA          CAAState
	Auto         bool      // the background looks again until the token ends
	NextCheck    time.Time // when; zero: not
	User         UserID    // who registered it
	Version      int
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// Shown is the state of the proof with expiry taken into account.
func (d *Domain) Shown(now time.Time) ControlState {
	if d.Control == ControlVerified && !now.Before(d.ValidUntil) {
		return ControlExpired
	}
	return d.Control
}

// Proof is the method of the present proof. It differs from Method while
// control is proven anew in another way.
func (d *Domain) Proof() string {
	if d.ProvenBy != "" {
		return d.ProvenBy
	}
	return d.Method
}

// Covers reports whether the proof of d covers the DNS name (with "*." for a
// wildcard) at now. ancestors: names below d's are covered too. A proof by
// file covers d's very name only (CA/B BR 3.2.2.4.18).
func (d *Domain) Covers(name string, ancestors bool, now time.Time) bool {
	if d.State != DomainActive || d.Shown(now) != ControlVerified {
		return false
	}
	if name == d.Name {
		return true
	}
	if d.Proof() == MethodHTTPFile || len(name) <= len(d.Name)+1 || name[len(name)-len(d.Name)-1:] != "."+d.Name {
		return false
	}
	return ancestors || name == "*."+d.Name
}

// DomainAttempt is one look at a domain's challenge, kept so that people see
// what was asked where and what came back.
type DomainAttempt struct {
	ID         AttemptID
	Account    AccountID
	Domain     DomainID
	Method     string
	Background bool // made by the background re-check
	Passed     bool
	Failure    *Failure // nil and not passed: a mail was sent, the answer comes with its link
	Records    []Record
	Expected   string // the record or file content looked for, or the address of a mail
	Next       string // what to do now; for people
	// Perspectives, Agreed and Quorum are the consensus of vantage points: how
	// many looked, how many of them saw the proof, how many had to.
	Perspectives, Agreed, Quorum int
	At                           time.Time
}
