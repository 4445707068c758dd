package policy

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/certwright/certwright/internal/core"
)

// nameRule is a compiled core.NameRule.
type nameRule struct {
	required  bool
	suffixes  []string // lower case
	patterns  []*regexp.Regexp
	ranges    []netip.Prefix
	oids      []string
	wildcards bool
	max       int
}

// underSuffix reports whether host is the suffix or a name below it; a suffix
// with a leading dot means only names below. "*.a.example" is below "a.example".
func underSuffix(host, suffix string) bool {
	if strings.HasPrefix(suffix, ".") {
		return strings.HasSuffix(host, suffix)
	}
	return host == suffix || (strings.HasSuffix(host, suffix) && host[len(host)-len(suffix)-1] == '.')
}

// text checks a normalised name that is a text; host is the part that suffixes
// speak about.
func (r *nameRule) text(name, host string) (code, detail string) {
	if len(r.suffixes) > 0 && !slices.ContainsFunc(r.suffixes, func(s string) bool { return underSuffix(strings.ToLower(host), s) }) {
		return NameSuffix, "the product allows names under " + strings.Join(r.suffixes, ", ")
	}
	if len(r.patterns) > 0 && !slices.ContainsFunc(r.patterns, func(p *regexp.Regexp) bool { return p.MatchString(name) }) {
		return NamePattern, "the name has none of the forms that the product allows"
	}
	return "", ""
}

func (r *nameRule) addr(a netip.Addr) (code, detail string) {
	if len(r.ranges) > 0 && !slices.ContainsFunc(r.ranges, func(p netip.Prefix) bool { return p.Contains(a) }) {
		return NameRange, "the address is in none of the product's ranges"
	}
	if len(r.patterns) > 0 {
		return r.text(a.String(), "")
	}
	return "", ""
}

// sans normalises and checks every name and writes the template's names.
func (e *evaluation) sans() {
	e.allowed = parseAllowed(e.ask.AllowedNames)
	n := &e.ask.Names
	out := &e.out.Names
	out.DNS = texts(e, kindDNS, n.DNS, normalDNS)
	out.IP = e.addrs(n.IP)
	out.Email = texts(e, kindEmail, n.Email, normalEmail)
	out.URI = texts(e, kindURI, n.URI, normalURI)
	out.UPN = texts(e, kindUPN, n.UPN, normalUPN)
	out.Other = e.others(n.Other)
	for _, u := range e.ask.Unsupported {
		if e.c.profile.UnknownNames != "drop" {
			e.refuse(NameKind, "san."+u, "", "names of this kind are not supported")
		}
	}
}

// ruled returns the rule of the kind. Without one the names are dropped or
// refused.
func (e *evaluation) ruled(k kind, names int, first string) *nameRule {
	r := e.c.names[k]
	if r == nil && names > 0 && e.c.profile.UnknownNames != "drop" {
		e.refuse(NameKind, k.field(), first, "the product allows no names of this kind")
	}
	if r != nil && names > r.max {
		e.refuse(NameTooMany, k.field(), "", fmt.Sprintf("%d names, at most %d", names, r.max))
		return nil
	}
	return r
}

// texts is the way of all names that are texts. Repeated names, also in another
// letter case where that does not matter, are dropped because real clients send
// them; two spellings of one mailbox or user are refused because only the
// requester knows which is meant.
func texts(e *evaluation, k kind, asked []string, normal func(string) (string, string)) []string {
	var first string
	if len(asked) > 0 {
		first = asked[0]
	}
	r := e.ruled(k, len(asked), first)
	if r == nil || len(asked) == 0 {
		return nil
	}
	out := make([]string, 0, len(asked))
	for _, raw := range asked {
		name, ok := e.oneText(k, r, raw, k.field(), normal)
		switch {
		case !ok || slices.Contains(out, name):
		case (k == kindEmail || k == kindUPN) && slices.ContainsFunc(out, func(o string) bool { return strings.EqualFold(o, name) }):
			e.refuse(NameDuplicate, k.field(), raw, "the same name in another letter case")
		default:
			out = append(out, name)
		}
	}
	return out
}

// oneText normalises and checks one name.
func (e *evaluation) oneText(k kind, r *nameRule, raw, field string, normal func(string) (string, string)) (string, bool) {
	name, fault := normal(raw)
	if fault != "" {
		e.refuse(NameSyntax, field, raw, fault)
		return name, false
	}
	ok := true
	if k == kindDNS && isWildcard(name) && !r.wildcards {
		e.refuse(NameWildcard, field, raw, "the product allows no wildcards")
		ok = false
	}
	host := hostOf(k, name)
	if code, detail := r.text(name, host); code != "" {
		e.refuse(code, field, raw, detail)
		ok = false
	}
	if !e.allowed.text(k, name, host) {
		e.refuse(NameNotAllowed, field, raw, "the credential may not ask for this name")
		ok = false
	}
	return name, ok
}

// hostOf is the part of a normalised name that domain rules are about.
func hostOf(k kind, name string) string {
	switch k {
	case kindEmail, kindUPN:
		return strings.ToLower(name[strings.LastIndexByte(name, '@')+1:])
	case kindURI:
		u, err := url.Parse(name)
		if err != nil {
			return ""
		}
		return u.Hostname()
	}
	return name
}

func (e *evaluation) addrs(asked []netip.Addr) []netip.Addr {
	var first string
	if len(asked) > 0 {
		first = asked[0].String()
	}
	r := e.ruled(kindIP, len(asked), first)
	if r == nil || len(asked) == 0 {
		return nil
	}
	out := make([]netip.Addr, 0, len(asked))
	for _, raw := range asked {
		a, ok := e.oneAddr(r, raw, kindIP.field())
		if ok && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

func (e *evaluation) oneAddr(r *nameRule, raw netip.Addr, field string) (netip.Addr, bool) {
	a, fault := normalIP(raw)
	if fault != "" {
		e.refuse(NameSyntax, field, raw.String(), fault)
		return a, false
	}
	ok := true
	if code, detail := r.addr(a); code != "" {
		e.refuse(code, field, raw.String(), detail)
		ok = false
	}
	if !e.allowed.addr(a) {
		e.refuse(NameNotAllowed, field, raw.String(), "the credential may not ask for this address")
		ok = false
	}
	return a, ok
}

func (e *evaluation) others(asked []core.OtherName) []core.OtherName {
	var first string
	if len(asked) > 0 {
		first = asked[0].OID
	}
	r := e.ruled(kindOther, len(asked), first)
	if r == nil {
		return nil
	}
	var out []core.OtherName
	for _, o := range asked {
		switch {
		case len(r.oids) > 0 && !slices.Contains(r.oids, o.OID):
			e.refuse(NameKind, kindOther.field(), o.OID, "the product allows the types "+strings.Join(r.oids, ", "))
		case !wellFormedDER(o.Value):
			e.refuse(NameSyntax, kindOther.field(), o.OID, "the value is not DER")
		case !e.allowed.other(o.OID):
			e.refuse(NameNotAllowed, kindOther.field(), o.OID, "the credential may not ask for names of this type")
		case !slices.ContainsFunc(out, func(x core.OtherName) bool { return x.OID == o.OID && string(x.Value) == string(o.Value) }):
			out = append(out, o)
		}
	}
	return out
}

// required refuses when a kind that must be there is not. It runs after the
// common name had its chance to become a name.
func (e *evaluation) required() {
	have := [kindCount]int{len(e.out.Names.DNS), len(e.out.Names.IP), len(e.out.Names.Email),
		len(e.out.Names.URI), len(e.out.Names.UPN), len(e.out.Names.Other)}
	asked := e.ask.Names
	wanted := [kindCount]int{len(asked.DNS), len(asked.IP), len(asked.Email), len(asked.URI), len(asked.UPN), len(asked.Other)}
	for k, r := range e.c.names {
		// Names that were asked for and refused have their own reason.
		if r != nil && r.required && have[k] == 0 && wanted[k] == 0 {
			e.refuse(SANMissing, kind(k).field(), "", "at least one name of this kind is required")
		}
	}
}
