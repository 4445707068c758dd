package validation

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// persistRecord is a record of dns-persist-01, read.
type persistRecord struct {
	issuer   string
	account  string
	wildcard bool
	until    time.Time // zero: for ever
}

// Errors of parsePersist.
var (
	errPersistIssuer  = errors.New("it names no issuer")
	errPersistAccount = errors.New("it names no account")
	errPersistUntil   = errors.New("persistUntil is not a number of seconds")
)

// parsePersist reads the text of a record (draft-ietf-acme-dns-persist section
// 3.1): an issue-value of RFC 8659. A policy other than "wildcard" counts as
// none, and parameters that are not known are passed over, as the draft says.
func parsePersist(s string) (*persistRecord, error) {
	v, err := parseIssueValue(s)
	if err != nil {
		return nil, err
	}
	r := &persistRecord{
		issuer: strings.TrimSuffix(v.issuer, "."), account: v.params["accounturi"],
		wildcard: strings.EqualFold(v.params["policy"], "wildcard"),
	}
	if r.issuer == "" {
		return nil, errPersistIssuer
	}
	if r.account == "" {
		return nil, errPersistAccount
	}
	if until, ok := v.params["persistuntil"]; ok {
		if until == "" || strings.Trim(until, "0123456789") != "" {
			return nil, errPersistUntil
		}
		n, err := strconv.ParseInt(until, 10, 64)
		if err != nil || n > 1<<40 { // some 35000 years, which time.Time can still compare
			return nil, errPersistUntil
		}
		r.until = time.Unix(n, 0)
	}
	return r, nil
}

// dnsPersist01 is draft-ietf-acme-dns-persist section 4. One record that fits is
// enough; records of other issuers say nothing to us.
func (a *attempt) dnsPersist01(ctx context.Context, name string, c Check) *failure {
	at := "_validation-persist." + name
	texts, f := a.texts(ctx, at)
	if f != nil {
		return f
	}
	why := "none names the issuer " + strings.Join(c.IssuerDomains, " or ")
	for _, t := range texts {
		r, err := parsePersist(t)
		if err != nil {
			why = "one cannot be read: " + err.Error()
			continue
		}
		if !slices.ContainsFunc(c.IssuerDomains, func(d string) bool { return sameDomain(d, r.issuer) }) {
			continue
		}
		switch {
		case r.account != c.AccountURL:
			why = "the one for " + r.issuer + " names another account than " + c.AccountURL
		case c.Wildcard && !r.wildcard:
			why = "the one for this account does not allow wildcards (policy=wildcard)"
		case !r.until.IsZero() && a.s.now().After(r.until):
			why = "the one for this account ended on " + r.until.UTC().Format(time.RFC3339)
		default:
			return nil
		}
	}
	return passing("unauthorized", "no TXT record at %s proves control: %s; seen: %s", at, why, quoted(texts))
}
