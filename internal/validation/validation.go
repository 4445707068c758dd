// Package validation checks control of identifiers: DNS names, addresses,
// later mailboxes. It answers one question at a time and keeps no state; the
// protocols keep what comes of it. All of them use this one service.
package validation

import (
	"context"

	"github.com/certwright/certwright/internal/core"
)

// Check is one question: does whoever asks control the identifier?
type Check struct {
	Method     string // core.MethodHTTP01 and so on
	Identifier core.Identifier
	Wildcard   bool // the name is asked for as "*." + value
	Token      string
	// KeyAuthorization is token "." thumbprint (RFC 8555 section 8.1).
	KeyAuthorization string
	// AccountURL is the ACME account's, for dns-account-01, dns-persist-01 and
	// the accounturi parameter of CAA.
	AccountURL string
	// IssuerDomains are what dns-persist-01 and CAA records may name; with none
	// CAA is not looked at.
	IssuerDomains []string
	// CAA: the records are looked at too (RFC 8659, RFC 8657).
	CAA bool
	// Record is the DNS name looked at by dns-txt and dns-cname: below the
	// identifier, without a dot at the end.
	Record string
	// Value is what must be seen: the text (dns-txt), the target (dns-cname), the
	// content (http-url) or the address (dns-contact).
	Value string
	// FileName is what http-url fetches below /.well-known/pki-validation/.
	FileName string
}

// Result is the answer. Failure is nil when control is proven.
type Result struct {
	Failure *core.Failure
	Records []core.Record
	// Retry: a further attempt a little later may succeed (nothing answered, a
	// record was not there yet).
	Retry bool
	// Perspectives is how many places were to look, this server among them;
	// Agreed how many saw the proof before the matter was decided; Quorum how
	// many had to.
	Perspectives, Agreed, Quorum int
}

// Checker answers questions of control.
type Checker interface {
	// Check makes one attempt, from every vantage point that is configured.
	Check(ctx context.Context, c Check) Result
}
