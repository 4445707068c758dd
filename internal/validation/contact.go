package validation

import (
	"context"
	"net/mail"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/certwright/certwright/internal/core"
)

// contactLabel is where a TXT record names whom to ask (CA/B BR appendix
// A.2.1).
const contactLabel = "_validation-contactemail."

// maxContacts bounds how many addresses of one name count.
const maxContacts = 20

// Contacts finds the mail addresses that the DNS names for a domain: the
// property contactemail of its CAA records (CA/B BR appendix A.1.1, found by
// the climb of RFC 8659 section 3) and the TXT record at
// _validation-contactemail (A.2.1). Without any there is no failure. A failure
// is about the DNS; its codes are those of Check.
func (s *Service) Contacts(ctx context.Context, name string) ([]string, *core.Failure, []core.Record) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	a := &attempt{s: s}
	if !validName(name) {
		return nil, fail("rejectedIdentifier", "%q is not a DNS name", printable(name, 260)).core(), nil
	}
	list, f := a.contacts(ctx, strings.ToLower(name))
	return list, f.core(), a.records
}

// contacts is Contacts within an attempt.
func (a *attempt) contacts(ctx context.Context, name string) ([]string, *failure) {
	var out []string
	add := func(s string) {
		if address, ok := contactAddress(s); ok && len(out) < maxContacts && !slices.Contains(out, address) {
			out = append(out, address)
		}
	}
	for at := name; at != ""; _, at, _ = strings.Cut(at, ".") {
		rrs, _, f := a.lookup(ctx, at, dns.TypeCAA)
		if f != nil {
			return nil, f
		}
		for _, rr := range rrs {
			if r, ok := rr.(*dns.CAA); ok && strings.EqualFold(unescape(r.Tag), "contactemail") {
				add(unescape(r.Value))
			}
		}
		if len(rrs) > 0 {
			break // these are the records that hold for name, with a contact or without
		}
	}
	if len(contactLabel)+len(name) > 253 {
		return out, nil
	}
	rrs, _, f := a.lookup(ctx, contactLabel+name, dns.TypeTXT)
	if f != nil {
		return nil, f
	}
	for _, rr := range rrs {
		if t, ok := rr.(*dns.TXT); ok {
			add(unescape(strings.Join(t.Txt, "")))
		}
	}
	return out, nil
}

// dnsContact reports whether the DNS names an address for the domain. A mail
// there is what proves control (CA/B BR 3.2.2.4.13, 3.2.2.4.14); the DNS is
// looked at from every vantage point first.
func (a *attempt) dnsContact(ctx context.Context, name, address string) *failure {
	list, f := a.contacts(ctx, name)
	switch {
	case f != nil:
		return f
	case slices.Contains(list, address):
		return nil
	case len(list) == 0:
		return passing("unauthorized", "neither a CAA record with contactemail nor TXT %s%s names an address", contactLabel, name)
	}
	return passing("unauthorized", "the DNS names %s as contact of %s, not %q", quoted(list), name, address)
}

// contactAddress reads an address: a bare addr-spec, without padding or any
// structure around it (CA/B BR appendix A). The domain comes out in lower case.
func contactAddress(s string) (string, bool) {
	if !mailAddress(s) {
		return "", false
	}
	at := strings.LastIndexByte(s, '@')
	return s[:at+1] + strings.ToLower(s[at+1:]), true
}

// mailAddress reports whether s is an address that mail can be sent to: ASCII,
// no quoted local part, a domain of more than one label.
func mailAddress(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || at > 64 || len(s) > 254 || !validName(s[at+1:]) || !strings.Contains(s[at+1:], ".") {
		return false
	}
	for atom := range strings.SplitSeq(s[:at], ".") {
		if atom == "" {
			return false
		}
		for _, b := range []byte(atom) {
			if !letterOrDigit(b) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", rune(b)) {
				return false
			}
		}
	}
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s
}
