package policy

import (
	"net/netip"
	"slices"
	"strings"
)

// Proven reports whether control of name ("dns:a.example", as core.Names
// writes it) follows from the proven names: those of a credential, in the
// syntax of [CheckAllowedNames], or those that a protocol validated. Without
// any rule nothing is proven.
func Proven(name string, rules []string) bool {
	word, value, _ := strings.Cut(name, ":")
	k, known := kindOf(word)
	if !known || len(rules) == 0 {
		return false
	}
	rules = slices.DeleteFunc(slices.Clone(rules), func(r string) bool {
		_, detail := parseAllowedRule(r)
		return detail != ""
	})
	if len(rules) == 0 {
		return false
	}
	a := parseAllowed(rules)
	switch k {
	case kindIP:
		ip, err := netip.ParseAddr(value)
		return err == nil && a.addr(ip)
	case kindOther:
		return a.other(value)
	}
	return a.text(k, value, hostOf(k, value))
}
