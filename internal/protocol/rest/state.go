package rest

import (
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Order states of version 2.
const (
	v2Issued  = "issued"
	v2Revoked = "revoked"
	v2Expired = "expired"
	v2Unknown = "unknown"
)

// v2Status is the state of an order as version 2 says it: that of its
// certificate once there is one. An order that failed is "rejected"; what we or
// a remote CA still work on is "pending-approval", which clients poll. c may be nil.
func v2Status(state core.OrderState, c *core.Certificate, now time.Time) string {
	switch state {
	case core.OrderIssued:
		switch {
		case c == nil:
			return v2Issued
		case c.State == core.CertRevoked || c.State == core.CertAbandoned:
			return v2Revoked
		case now.After(c.NotAfter):
			return v2Expired
		}
		return v2Issued
	case core.OrderDraft, core.OrderCSR:
		return "pending-csr"
	case core.OrderIssuing, core.OrderUpstream:
		return "pending-approval"
	case core.OrderFailed:
		return "rejected"
	case core.OrderOrganisation, core.OrderDocuments, core.OrderDCV, core.OrderAgreement, core.OrderApproval,
		core.OrderRejected, core.OrderCancelled:
		return string(state)
	}
	return v2Unknown
}

// v2Filter says which orders a status of a report selects.
type v2Filter struct {
	states  []core.OrderState
	certs   []core.CertificateState
	expired *bool
}

// v2Statuses is the way back from a status, for filters.
func v2Statuses(status string) (v2Filter, bool) {
	yes, no := true, false
	switch status {
	case v2Issued:
		return v2Filter{states: []core.OrderState{core.OrderIssued}, certs: []core.CertificateState{core.CertActive, core.CertOnHold}, expired: &no}, true
	case v2Revoked:
		return v2Filter{states: []core.OrderState{core.OrderIssued}, certs: []core.CertificateState{core.CertRevoked, core.CertAbandoned}}, true
	case v2Expired:
		return v2Filter{states: []core.OrderState{core.OrderIssued}, certs: []core.CertificateState{core.CertActive, core.CertOnHold}, expired: &yes}, true
	case "pending-csr":
		return v2Filter{states: []core.OrderState{core.OrderCSR, core.OrderDraft}}, true
	case "pending-approval":
		return v2Filter{states: []core.OrderState{core.OrderApproval, core.OrderIssuing, core.OrderUpstream}}, true
	case "rejected":
		return v2Filter{states: []core.OrderState{core.OrderRejected, core.OrderFailed}}, true
	case string(core.OrderOrganisation), string(core.OrderDocuments), string(core.OrderDCV), string(core.OrderAgreement), string(core.OrderCancelled):
		return v2Filter{states: []core.OrderState{core.OrderState(status)}}, true
	}
	return v2Filter{}, false
}

// reason is one word for a revocation reason.
type reason struct {
	code  int
	kebab string
	camel string // RFC 5280 section 5.3.1
}

var reasons = []reason{
	{core.ReasonUnspecified, "unspecified", "unspecified"},
	{core.ReasonKeyCompromise, "key-compromise", "keyCompromise"},
	{core.ReasonCACompromise, "ca-compromise", "cACompromise"},
	{core.ReasonAffiliationChanged, "affiliation-changed", "affiliationChanged"},
	{core.ReasonSuperseded, "superseded", "superseded"},
	{core.ReasonCessationOfOperation, "cessation-of-operation", "cessationOfOperation"},
	{core.ReasonCertificateHold, "certificate-hold", "certificateHold"},
	{core.ReasonPrivilegeWithdrawn, "privilege-withdrawn", "privilegeWithdrawn"},
	{core.ReasonAACompromise, "aa-compromise", "aACompromise"},
}

// reasonOf reads a revocation reason in either spelling.
func reasonOf(word string) (int, bool) {
	for _, r := range reasons {
		if word == r.kebab || strings.EqualFold(word, r.camel) {
			return r.code, true
		}
	}
	return 0, false
}

// reasonWord writes a revocation reason as version 2 does.
func reasonWord(code int) string {
	for _, r := range reasons {
		if code == r.code {
			return r.kebab
		}
	}
	return "unspecified"
}
