package api

import (
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

func TestInWords(t *testing.T) {
	for in, want := range map[[2]string]string{
		{"on-hold"}: "On hold", {"pending-dcv"}: "Pending DCV", {"active"}: "Active", {"abandoned"}: "Never issued", {"acme"}: "ACME",
		{"ca-administrator", "role"}: "CA administrator", {"keyCompromise"}: "Key compromise", {"must_change"}: "Must change", {"p12-legacy"}: "PKCS #12 legacy",
		{"email", "method"}: "Mail to the domain", {"email"}: "E-mail", {"http-01", "method"}: "http-01",
		{"a.example"}: "a.example", {"Two words"}: "Two words", {"x "}: "x ", {""}: "", {"-x"}: "-x",
	} {
		if got := inWords(in[0], in[1]); got != want {
			t.Errorf("%q of column %q: %q, want %q", in[0], in[1], got, want)
		}
	}
}

func TestTeller(t *testing.T) {
	state, names := resource.Column{Name: "state", Type: core.TypeEnum, Words: true}, resource.Column{Name: "names", Type: core.TypeTags}
	grants := []any{map[string]any{"role": "operator", "group": "g1"}, map[string]any{"role": "ra-officer", "group": "g2", "provider": "p"}, map[string]any{"role": "auditor"}}
	for _, c := range []struct {
		v                 any
		column            resource.Column
		people, programme string
	}{
		{"pending-dcv", state, "Pending DCV", "pending-dcv"},
		{[]any{"dns:a.example", "ip:192.0.2.1"}, names, "a.example, ip:192.0.2.1", "dns:a.example, ip:192.0.2.1"},
		{[]any{"operator", "ca-administrator"}, resource.Column{Name: "role", Words: true}, "Operator, CA administrator", "operator, ca-administrator"},
		{grants, resource.Column{Name: "role", Words: true}, "Operator (Web team), RA officer (one group), from a sign-in provider, Auditor", "operator, ra-officer, auditor"},
		{"g1", resource.Column{Name: "group", Type: core.TypeID}, "Web team", "Web team"},
		{map[string]any{"detail": "pending-dcv"}, resource.Column{Name: "failure"}, "pending-dcv", "pending-dcv"},
	} {
		for people, want := range map[bool]string{true: c.people, false: c.programme} {
			w := teller{people: people, names: map[string]string{"g1": "Web team"}}
			if got := w.cell(c.v, c.column); got != want {
				t.Errorf("%v (people: %v): %q, want %q", c.v, people, got, want)
			}
		}
	}
}
