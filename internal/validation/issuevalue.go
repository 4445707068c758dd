package validation

import (
	"errors"
	"strings"
)

// maxIssueValue is how many octets a value may have to be looked at.
const maxIssueValue = 4096

// Errors of parseIssueValue.
var (
	errValueLong      = errors.New("it is too long")
	errValueIssuer    = errors.New("the issuer is not a domain name")
	errValueParameter = errors.New("a parameter is not tag=value")
	errValueTwice     = errors.New("a parameter stands there twice")
)

// issueValue is a value of the form of RFC 8659 section 4.2, which CAA and
// dns-persist-01 have in common.
type issueValue struct {
	issuer string            // lower case; empty: nobody
	params map[string]string // tags in lower case: they match whatever their case
}

// parseIssueValue reads a value:
//
//	issue-value = *WSP [issuer-domain-name *WSP] [";" *WSP [parameters *WSP]]
//	parameters = (parameter *WSP ";" *WSP parameters) / parameter
//	parameter = tag *WSP "=" *WSP value
//
// A parameter that stands there twice is an error: RFC 8657 section 3 wants it
// for accounturi, and nobody can know which one counts.
func parseIssueValue(s string) (*issueValue, error) {
	if len(s) > maxIssueValue {
		return nil, errValueLong
	}
	issuer, rest, more := strings.Cut(s, ";")
	v := &issueValue{issuer: strings.ToLower(trim(issuer)), params: map[string]string{}}
	if v.issuer != "" && !labels(v.issuer) {
		return nil, errValueIssuer
	}
	if !more || trim(rest) == "" {
		return v, nil
	}
	for p := range strings.SplitSeq(rest, ";") {
		tag, value, ok := strings.Cut(p, "=")
		tag, value = strings.ToLower(trim(tag)), trim(value)
		if !ok || !ldh(tag) || !visible(value) {
			return nil, errValueParameter
		}
		if _, twice := v.params[tag]; twice {
			return nil, errValueTwice
		}
		v.params[tag] = value
	}
	return v, nil
}

// trim takes off the white space of RFC 5234, blanks and tabs.
func trim(s string) string { return strings.Trim(s, " \t") }

// labels reports whether s is a sequence of labels. A dot at the end is let
// through for the caller to judge.
func labels(s string) bool {
	if len(s) > 254 {
		return false
	}
	for l := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if !ldh(l) {
			return false
		}
	}
	return true
}

// ldh reports whether s is made of letters, digits and inner hyphens, the form
// of labels and tags.
func ldh(s string) bool {
	if s == "" || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, b := range []byte(s) {
		if !letterOrDigit(b) && b != '-' {
			return false
		}
	}
	return true
}

// visible reports whether s has only characters of a value; the semicolon is
// none, but nothing that was split at it has one.
func visible(s string) bool {
	for _, b := range []byte(s) {
		if b < '!' || b > '~' {
			return false
		}
	}
	return true
}

// sameDomain compares issuer domains, whatever their case and without the dot
// at the end.
func sameDomain(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}
