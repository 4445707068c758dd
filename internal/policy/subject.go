package policy

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// subjectRule is a compiled core.SubjectRule; typ is the short name.
type subjectRule struct {
	typ     string
	mode    string
	values  []string
	pattern *regexp.Regexp
}

// canonicalType returns the short name of an attribute type given by name, long
// name or identifier, and false when it is none of them.
func canonicalType(typ string) (string, bool) {
	oid, ok := x509x.AttributeOID(typ)
	if !ok {
		return typ, false
	}
	return x509x.AttributeName(oid), true
}

// maxChars is the upper bound of an attribute in characters (RFC 5280 appendix
// A.1; where it has none, 512).
func maxChars(typ string) int {
	switch typ {
	case "C":
		return 2
	case "CN", "O", "OU", "serialNumber", "title":
		return 64
	case "DC":
		return maxLabel
	case "L", "ST", "STREET", "pseudonym":
		return 128
	case "postalCode":
		return 40
	case "emailAddress":
		return 255
	}
	return 512
}

// attributes brings the asked subject into canonical form: short type names, no
// outer spaces, no empty values, no repetitions.
func (e *evaluation) attributes() core.DN {
	out := make(core.DN, 0, len(e.ask.Subject))
	for _, a := range e.ask.Subject {
		typ, known := canonicalType(a.Type)
		if !known {
			e.refuse(SubjectSyntax, "subject", a.Type, "no such attribute type")
			continue
		}
		v := strings.TrimSpace(a.Value)
		if typ == "C" {
			v = strings.ToUpper(v)
		}
		if v != "" && !slices.Contains(out, core.Attribute{Type: typ, Value: v}) {
			out = append(out, core.Attribute{Type: typ, Value: v})
		}
	}
	return out
}

// subject writes the template's subject: the attributes in the order of the
// product's rules, several values of one type in the order asked, the common
// name last when no rule places it.
func (e *evaluation) subject(asked core.DN) {
	for _, a := range asked {
		if a.Type != "CN" && !slices.ContainsFunc(e.c.subject, func(r subjectRule) bool { return r.typ == a.Type }) {
			e.unknown(a)
		}
	}
	placed := false
	for i := range e.c.subject {
		r := &e.c.subject[i]
		values := asked.Get(r.typ)
		if r.typ == "CN" {
			values, placed = e.cn, true
		}
		if r.mode == "fixed" {
			values = r.values
		} else if len(values) == 0 && r.mode == "required" {
			e.refuse(SubjectRequired, "subject."+r.typ, "", "the product requires this attribute")
		}
		e.attribute(r, values)
	}
	if placed {
		return
	}
	if e.c.cn == "" {
		for _, v := range e.cn {
			e.unknown(core.Attribute{Type: "CN", Value: v})
		}
		return
	}
	e.attribute(&subjectRule{typ: "CN"}, e.cn)
}

func (e *evaluation) unknown(a core.Attribute) {
	if e.c.profile.UnknownSubject == "refuse" {
		e.refuse(SubjectUnknown, "subject."+a.Type, a.Value, "the product has no place for this attribute")
	}
}

// attribute checks the values of one type and writes them.
func (e *evaluation) attribute(r *subjectRule, values []string) {
	field := "subject." + r.typ
	if len(values) > 1 && (r.typ == "C" || r.typ == "serialNumber" || r.typ == "CN" && e.c.cn == "in-san") {
		e.refuse(SubjectMultiple, field, strings.Join(values, ", "), "a certificate has one value of this attribute")
	}
	for _, v := range values {
		if r.mode != "fixed" {
			e.value(r, field, v)
		}
		e.out.Subject = append(e.out.Subject, core.Attribute{Type: r.typ, Value: v})
	}
}

// value checks one asked value.
func (e *evaluation) value(r *subjectRule, field, v string) {
	if code, detail := valueFault(r.typ, v); code != "" {
		e.refuse(code, field, v, detail)
	}
	if len(r.values) > 0 && !slices.Contains(r.values, v) {
		e.refuse(SubjectValue, field, v, "the product allows "+strings.Join(r.values, ", "))
	}
	if r.pattern != nil && !r.pattern.MatchString(v) {
		e.refuse(SubjectPattern, field, v, "the value does not have the form that the product wants")
	}
	if r.typ == "emailAddress" {
		name, fault := normalEmail(v)
		if fault != "" {
			e.refuse(SubjectSyntax, field, v, fault)
		} else if !e.allowed.text(kindEmail, name, hostOf(kindEmail, name)) {
			e.refuse(NameNotAllowed, field, v, "the credential may not ask for this name")
		}
	}
}

// valueFault checks what the encoding of the type asks for.
func valueFault(typ, v string) (code, detail string) {
	switch n := utf8.RuneCountInString(v); {
	case !utf8.ValidString(v) || hasControl(v):
		return SubjectSyntax, "control characters or no UTF-8"
	case n > maxChars(typ):
		return SubjectTooLong, fmt.Sprintf("%d characters, at most %d", n, maxChars(typ))
	case typ == "C" && (n != 2 || v[0] < 'A' || v[0] > 'Z' || v[1] < 'A' || v[1] > 'Z'):
		return SubjectSyntax, "a country is two letters (ISO 3166-1)"
	}
	oid, _ := x509x.AttributeOID(typ)
	if _, err := (x509x.Name{{OID: oid, Value: v}}).Marshal(); err != nil {
		return SubjectSyntax, "characters that this attribute cannot hold"
	}
	return "", ""
}

// commonName applies the product's CN rule; see core.Profile.CommonName.
func (e *evaluation) commonName(asked []string) {
	switch e.c.cn {
	case "none":
	case "from-san":
		if name := e.firstName(); name != "" {
			e.cn = []string{name}
		}
	case "in-san":
		for _, v := range asked {
			e.cn = append(e.cn, e.cnInSAN(v))
		}
	default:
		e.cn = asked
		for _, v := range asked {
			e.cnAllowed(v)
		}
	}
}

// firstName is the first name short enough for a common name: DNS names before
// addresses, mailboxes and users.
func (e *evaluation) firstName() string {
	n := &e.out.Names
	fits := func(list []string) string {
		i := slices.IndexFunc(list, func(s string) bool { return utf8.RuneCountInString(s) <= maxChars("CN") })
		if i < 0 {
			return ""
		}
		return list[i]
	}
	if s := fits(n.DNS); s != "" {
		return s
	}
	if len(n.IP) > 0 {
		return n.IP[0].String()
	}
	if s := fits(n.Email); s != "" {
		return s
	}
	return fits(n.UPN)
}

// cnInSAN finds the common name among the names, or adds it to them when it is
// a name of a kind that the product has a rule for: old clients send only the
// common name. It returns the spelling of the name.
func (e *evaluation) cnInSAN(cn string) string {
	n := &e.out.Names
	const field = "subject.CN"
	if a, err := netip.ParseAddr(cn); err == nil {
		if r := e.room(kindIP, len(n.IP)); r != nil {
			a, ok := e.oneAddr(r, a, field)
			if ok && !slices.Contains(n.IP, a) {
				n.IP = append(n.IP, a)
			}
			return a.String()
		}
	}
	for _, c := range []struct {
		kind   kind
		list   *[]string
		normal func(string) (string, string)
	}{{kindEmail, &n.Email, normalEmail}, {kindUPN, &n.UPN, normalUPN}, {kindDNS, &n.DNS, normalDNS}, {kindURI, &n.URI, normalURI}} {
		name, fault := c.normal(cn)
		if fault != "" {
			continue
		}
		if slices.Contains(*c.list, name) {
			return name
		}
		if r := e.room(c.kind, len(*c.list)); r != nil {
			if _, ok := e.oneText(c.kind, r, cn, field, c.normal); ok {
				*c.list = append(*c.list, name)
			}
			return name
		}
	}
	e.refuse(CNNotInSAN, field, cn, "the common name must be one of the names and cannot become one")
	return cn
}

// room returns the rule of the kind when it allows one name more.
func (e *evaluation) room(k kind, have int) *nameRule {
	if r := e.c.names[k]; r != nil && have < r.max {
		return r
	}
	return nil
}

// cnAllowed holds a common name that looks like a host, address or mailbox
// against the credential's names: old clients trust it like one.
func (e *evaluation) cnAllowed(cn string) {
	ok := true
	if a, err := netip.ParseAddr(cn); err == nil {
		ok = e.allowed.addr(a.Unmap())
	} else if name, fault := normalEmail(cn); fault == "" {
		ok = e.allowed.text(kindEmail, name, hostOf(kindEmail, name)) || e.allowed.text(kindUPN, cn, hostOf(kindUPN, name))
	} else if name, fault := normalDNS(cn); fault == "" && strings.Contains(name, ".") {
		ok = e.allowed.text(kindDNS, name, name)
	}
	if !ok {
		e.refuse(NameNotAllowed, "subject.CN", cn, "the credential may not ask for this name")
	}
}
