package domain

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"github.com/certwright/certwright/internal/core"
)

// names maps what people type to A-labels: any case, U-labels, full-width dots
// (UTS #46, IDNA 2008 as registries use it).
var names = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// errName is a name whose A-labels do not stand for themselves.
var errName = errors.New("not in normal form")

// maxInput bounds what is looked at; U-labels are longer than A-labels at times.
const maxInput = 1024

// Normalise reads a domain name as people write it: any case, U-labels allowed,
// "*." in front and a dot at the end ignored. It answers bad-name for what is no
// DNS name, or one that nobody can own: a public suffix or a single label.
func Normalise(s string) (string, error) {
	in := strings.TrimSuffix(strings.TrimSpace(s), ".")
	in = strings.TrimPrefix(in, "*.")
	bad := func(format string, args ...any) (string, error) {
		return "", core.Errorf(core.KindBadName, format, args...).At("name").Because(core.Reason{Code: "name.syntax", Field: "name", Value: cut(s),
			Detail: core.Errorf(core.KindBadName, format, args...).Detail})
	}
	if in == "" || len(in) > maxInput {
		return bad("the domain name is missing or too long")
	}
	name, err := names.ToASCII(in)
	if err == nil {
		var again string
		if again, err = names.ToASCII(name); err == nil && again != name {
			err = errName
		}
	}
	if err != nil || !utf8.ValidString(in) {
		return bad("%q is not a DNS name: letters, digits and inner hyphens, labels of up to 63 octets, 253 in all", cut(in))
	}
	name = strings.ToLower(name)
	labels := strings.Split(name, ".")
	for _, l := range labels {
		if l == "" || l[0] == '-' || l[len(l)-1] == '-' || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return bad("%q is not a DNS name", cut(in))
		}
	}
	if strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return bad("an address is not a domain")
	}
	if public(name) {
		return bad("%s is a public suffix: nobody can prove control of all names below it", name)
	}
	return name, nil
}

// cut keeps what an answer repeats short.
func cut(s string) string {
	if len(s) > 260 {
		s = s[:260]
	}
	return strings.ToValidUTF8(s, "?")
}

// public reports whether name is a suffix under which a registry gives out
// names. Only the ICANN part of the list counts (CA/B BR 3.2.2.6): the owner of
// a suffix of the private part, such as github.io, can prove control of it. In
// a zone that the list does not know, such as .internal, the last label counts.
func public(name string) bool { return suffix(name) == name }

// suffix is the registry's part of a name.
func suffix(name string) string {
	for {
		s, icann := publicsuffix.PublicSuffix(name)
		if icann || !strings.Contains(s, ".") {
			return s
		}
		_, name, _ = strings.Cut(s, ".")
	}
}

// line lists name and its ancestors down to the registrable domain, the nearest
// first.
func line(name string) []string {
	end := suffix(name)
	var out []string
	for at := name; at != end && strings.Contains(at, "."); _, at, _ = strings.Cut(at, ".") {
		out = append(out, at)
	}
	return out
}

// mailboxes are the local parts of CA/B BR 3.2.2.4.4.
var mailboxes = []string{"admin", "administrator", "webmaster", "hostmaster", "postmaster"}

// Addresses lists the constructed mail addresses of a domain (CA/B BR
// 3.2.2.4.4): the five mailboxes at the name itself and at each ancestor down to
// the registrable domain.
func Addresses(name string) []string {
	var out []string
	for _, at := range line(name) {
		for _, m := range mailboxes {
			out = append(out, m+"@"+at)
		}
	}
	return out
}

// sameAddress finds address among those allowed, whatever the case of its
// domain and, for constructed ones, of its mailbox.
func sameAddress(allowed []string, address string) (string, bool) {
	i := slices.IndexFunc(allowed, func(a string) bool { return strings.EqualFold(a, strings.TrimSpace(address)) })
	if i < 0 {
		return "", false
	}
	return allowed[i], true
}
