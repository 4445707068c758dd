package validation

import (
	"context"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/certwright/certwright/internal/core"
)

// caaQuestion is what is asked of CAA records.
type caaQuestion struct {
	wildcard   bool
	issuers    []string
	accountURL string // for accounturi (RFC 8657 section 3)
	method     string // for validationmethods (RFC 8657 section 4)
}

// CAA asks whether the CAA records of a name (RFC 8659, with the parameters of
// RFC 8657) let one of issuerDomains issue. name has no "*."; wildcard tells
// whether it is for one. Without records everybody may. When the records cannot
// be looked up nobody may: that is a failure with code "dns" or "dnssec"; a
// refusal has code "caa".
func (s *Service) CAA(ctx context.Context, name string, wildcard bool, issuerDomains []string, accountURL, method string) (*core.Failure, []core.Record) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	a := &attempt{s: s}
	if !validName(name) {
		return fail("rejectedIdentifier", "%q is not a DNS name", printable(name, 260)).core(), nil
	}
	f := a.caa(ctx, name, caaQuestion{wildcard: wildcard, issuers: issuerDomains, accountURL: accountURL, method: method})
	return f.core(), a.records
}

// caa climbs the tree from name to the first name with CAA records (RFC 8659
// section 3). It climbs the name itself, not what aliases point to.
func (a *attempt) caa(ctx context.Context, name string, q caaQuestion) *failure {
	for at := name; at != ""; {
		rrs, _, f := a.lookup(ctx, at, dns.TypeCAA)
		if f != nil {
			return f.within("whether CAA records allow to issue is not known")
		}
		if len(rrs) > 0 {
			if why := q.refused(rrs); why != "" {
				return fail("caa", "the CAA records of %s forbid to issue: %s", at, why)
			}
			return nil
		}
		_, at, _ = strings.Cut(at, ".")
	}
	return nil
}

// refused says why a set of records forbids to issue, or "".
func (q *caaQuestion) refused(rrs []dns.RR) string {
	const critical = 1 << 7
	var issue, wild []string
	for _, rr := range rrs {
		r, ok := rr.(*dns.CAA)
		if !ok {
			continue
		}
		switch tag := strings.ToLower(unescape(r.Tag)); tag {
		case "issue":
			issue = append(issue, r.Value)
		case "issuewild":
			wild = append(wild, r.Value)
		case "iodef", "issuemail", "issuevmc", "contactemail", "contactphone": // about other things, and known
		default:
			if r.Flag&critical != 0 {
				return "the property " + tag + " is critical and not known here"
			}
		}
	}
	relevant := issue
	if q.wildcard && len(wild) > 0 { // RFC 8659 section 4.3
		relevant = wild
	}
	if len(relevant) == 0 {
		return "" // nothing restricts what is asked for
	}
	why := "none names " + strings.Join(q.issuers, " or ")
	for _, value := range relevant {
		reason, ours := q.value(value)
		if reason == "" {
			return ""
		}
		if ours {
			why = reason
		}
	}
	return why
}

// value says why one value does not allow to issue, or ""; ours tells whether
// the reason is worth telling. What cannot be read allows nobody (RFC 8659
// section 4.2).
func (q *caaQuestion) value(s string) (why string, ours bool) {
	v, err := parseIssueValue(s)
	if err != nil {
		return "one cannot be read: " + err.Error(), true
	}
	if v.issuer == "" {
		return "nobody may", false
	}
	// The grammar has no dot at the end of an issuer.
	if strings.HasSuffix(v.issuer, ".") || !slices.ContainsFunc(q.issuers, func(d string) bool { return sameDomain(d, v.issuer) }) {
		return "it is for another issuer", false
	}
	if account, ok := v.params["accounturi"]; ok && (account != q.accountURL || account == "") {
		return v.issuer + " is allowed for another account only", true
	}
	if methods, ok := v.params["validationmethods"]; ok && !listed(methods, q.method) {
		return v.issuer + " is allowed for other validation methods only", true
	}
	return "", true
}

// listed reports whether a list of methods (RFC 8657 section 4) is well formed
// and has the method.
func listed(methods, method string) bool {
	found := false
	for m := range strings.SplitSeq(methods, ",") {
		if m == "" || strings.Trim(m, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
			return false
		}
		found = found || m == method
	}
	return found && method != ""
}
