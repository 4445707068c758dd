package policy

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// allowedNames are the compiled name rules of a credential. Without any rule
// everything that the product allows is allowed; with one, only what a rule
// covers, and a kind without rule not at all.
type allowedNames struct {
	any    bool
	rules  []allowedRule
	ranges []netip.Prefix
}

type allowedRule struct {
	kind kind
	text string
}

// CheckAllowedNames verifies the name rules of a credential. A rule is
//
//	host.example            this DNS name
//	*.example               names one label below, and the wildcard itself
//	.example                names at any depth below
//	*                       any DNS name
//	192.0.2.1, 10.0.0.0/8   an address, a range
//	bob@example, @example   this mailbox, every mailbox of the domain
//
// or one of these with the kind in front, where * stands for any name of the
// kind: "dns:host.example", "ip:*", "email:@example", "upn:@example",
// "uri:https://host.example/x" (exactly), "uri:https://host.example/*"
// (anything that starts so), "other:1.2.3.4".
func CheckAllowedNames(rules []string) error {
	for _, raw := range rules {
		if _, detail := parseAllowedRule(raw); detail != "" {
			return core.Errorf(core.KindInvalid, "name rule %q: %s", raw, detail).At("allowed_names")
		}
	}
	return nil
}

// parseAllowed compiles the rules. A rule that cannot be read (identity checks
// them when a credential is saved) allows nothing.
func parseAllowed(rules []string) allowedNames {
	a := allowedNames{any: len(rules) == 0}
	for _, raw := range rules {
		r, detail := parseAllowedRule(raw)
		if detail != "" {
			continue
		}
		if r.kind == kindIP && r.text != "*" {
			a.ranges = append(a.ranges, r.prefix())
			continue
		}
		a.rules = append(a.rules, r)
	}
	return a
}

// parseAllowedRule reads one rule; detail says what is wrong with it.
func parseAllowedRule(raw string) (r allowedRule, detail string) {
	word, rest, cut := strings.Cut(raw, ":")
	k, known := kindOf(word)
	if !cut || !known {
		k, rest = guessKind(raw), raw
	}
	r = allowedRule{kind: k, text: rest}
	if rest == "*" {
		return r, ""
	}
	switch k {
	case kindDNS:
		r.text = strings.ToLower(rest)
		_, detail = normalDNS(strings.TrimPrefix(r.text, "."))
	case kindIP:
		if r.prefix(); !r.prefix().IsValid() {
			detail = "neither an address nor a range"
		}
	case kindEmail, kindUPN:
		check := rest
		if strings.HasPrefix(check, "@") {
			check = "x" + check
		}
		if _, detail = normalUPN(check); k == kindEmail {
			_, detail = normalEmail(check)
		}
	case kindURI:
		u, err := url.Parse(strings.TrimSuffix(rest, "*"))
		if err != nil || u.Scheme == "" || (strings.HasSuffix(rest, "*") && u.Host != "" && u.Path == "") {
			detail = "not an absolute URI; a prefix must reach beyond the host"
		}
	case kindOther:
		if _, err := x509x.AppendOID(nil, rest); err != nil {
			detail = "not an object identifier"
		}
	}
	return r, detail
}

func guessKind(s string) kind {
	r := allowedRule{text: s}
	switch {
	case r.prefix().IsValid():
		return kindIP
	case strings.Contains(s, "://"):
		return kindURI
	case strings.Contains(s, "@"):
		return kindEmail
	}
	return kindDNS
}

// prefix reads the text as range or single address; invalid when it is neither.
func (r allowedRule) prefix() netip.Prefix {
	if a, err := netip.ParseAddr(r.text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen())
	}
	p, err := netip.ParsePrefix(r.text)
	if err != nil {
		return netip.Prefix{}
	}
	return p.Masked()
}

// text reports whether a rule covers the normalised name.
func (a allowedNames) text(k kind, name, host string) bool {
	return a.any || slices.ContainsFunc(a.rules, func(r allowedRule) bool { return r.kind == k && r.covers(name, host) })
}

func (r allowedRule) covers(name, host string) bool {
	switch {
	case r.text == "*":
		return true
	case r.kind == kindURI:
		before, prefix := strings.CutSuffix(r.text, "*")
		return name == r.text || prefix && strings.HasPrefix(name, before)
	case r.kind == kindEmail && !strings.HasPrefix(r.text, "@"):
		normal, _ := normalEmail(r.text)
		return normal == name
	case r.kind == kindUPN && !strings.HasPrefix(r.text, "@"):
		return strings.EqualFold(r.text, name)
	case r.kind == kindEmail, r.kind == kindUPN:
		return strings.EqualFold(r.text[1:], host)
	case strings.HasPrefix(r.text, "."):
		return strings.HasSuffix(name, r.text)
	case isWildcard(r.text):
		_, parent, _ := strings.Cut(name, ".")
		return parent == r.text[2:]
	}
	return name == r.text
}

func (a allowedNames) addr(ip netip.Addr) bool {
	return a.any || slices.ContainsFunc(a.ranges, func(p netip.Prefix) bool { return p.Contains(ip) }) ||
		slices.Contains(a.rules, allowedRule{kind: kindIP, text: "*"})
}

func (a allowedNames) other(oid string) bool {
	return a.any || slices.ContainsFunc(a.rules, func(r allowedRule) bool {
		return r.kind == kindOther && (r.text == "*" || r.text == oid)
	})
}
