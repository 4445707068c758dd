package federation

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
)

// TestClaim: names with dots, paths, single values and lists.
func TestClaim(t *testing.T) {
	var claims map[string]any
	if err := json.Unmarshal([]byte(`{"groups":["a","b",3],"one":"x","yes":true,"n":5,"realm_access":{"roles":["r"]},"https://e.example/groups":["u"],"a":{"b":{"c":"deep"}}}`), &claims); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{"groups": {"a", "b"}, "one": {"x"}, "yes": {"true"}, "n": nil, "realm_access.roles": {"r"},
		"https://e.example/groups": {"u"}, "a.b.c": {"deep"}, "a": nil, "absent": nil, "groups.x": nil, "": nil, ".": nil} {
		if got := claim(claims, name); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// TestFill: nothing that somebody types changes a filter or a DN.
func TestFill(t *testing.T) {
	for _, login := range []string{"*", "a)(uid=*", `\`, "a\x00b", "ann"} {
		f := fill("(&(objectClass=person)(uid={login}))", login, "")
		p, err := ldap.CompileFilter(f)
		if err != nil {
			t.Errorf("%q: %v", login, err)
			continue
		}
		if len(p.Children) != 2 || p.Children[1].Tag != ldap.FilterEqualityMatch || p.Children[1].Children[1].Data.String() != login {
			t.Errorf("%q became %s", login, f)
		}
	}
	for login, want := range map[string]string{"ann": "uid=ann,dc=x", "ann,dc=y": `uid=ann\,dc=y,dc=x`, "a+b=c": `uid=a\+b\=c,dc=x`} {
		got := bindName("uid={login},dc=x", login)
		if dn, err := ldap.ParseDN(got); err != nil || len(dn.RDNs) != 2 || len(dn.RDNs[0].Attributes) != 1 || dn.RDNs[0].Attributes[0].Value != login {
			t.Errorf("%q became %q, want %q", login, got, want)
		}
	}
	if got := bindName("{login}@corp.example", "ann"); got != "ann@corp.example" {
		t.Error(got)
	}
}

func TestSubjectText(t *testing.T) {
	guid := []byte{0x78, 0x56, 0x34, 0x12, 0x34, 0x12, 0x78, 0x56, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0}
	for want, c := range map[string]struct {
		attr string
		b    []byte
	}{"12345678-1234-5678-1234-56789abcdef0": {"objectguid", guid}, "ff00": {"other", []byte{0xff, 0}}, "u-1": {"entryUUID", []byte("u-1")}, "": {"x", []byte(strings.Repeat("a", 300))}} {
		if got := subjectText(c.attr, c.b); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// FuzzClaim: whatever a token holds, a path through it ends.
func FuzzClaim(f *testing.F) {
	f.Add(`{"a":{"b":["c"]}}`, "a.b")
	f.Add(`{"":{"":""}}`, ".")
	f.Fuzz(func(t *testing.T, text, name string) {
		var claims map[string]any
		if json.Unmarshal([]byte(text), &claims) != nil {
			return
		}
		if got := claim(claims, name); len(got) > maxGroups {
			t.Errorf("%d values", len(got))
		}
	})
}

// FuzzFill: what is typed stays one value of a filter, and one of a DN.
func FuzzFill(f *testing.F) {
	f.Add("ann")
	f.Add("*)(uid=*")
	f.Add("a,dc=b")
	f.Fuzz(func(t *testing.T, login string) {
		p, err := ldap.CompileFilter(fill("(uid={login})", login, ""))
		if err != nil || p.Tag != ldap.FilterEqualityMatch {
			t.Fatalf("%q is not one value: %v", login, err)
		}
		if login == "" {
			return
		}
		if dn, err := ldap.ParseDN(bindName("uid={login},dc=x", login)); err == nil && len(dn.RDNs) != 2 {
			t.Errorf("%q has %d parts", login, len(dn.RDNs))
		}
	})
}

// FuzzMetadata: whatever is pasted, the answer is an error or metadata that can
// be used.
func FuzzMetadata(f *testing.F) {
	f.Add([]byte(`<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="x"><IDPSSODescriptor/></EntityDescriptor>`))
	f.Add([]byte("<a"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			return
		}
		if e, err := parseMetadata(b); err == nil && e.EntityID == "" {
			t.Error("metadata of nobody")
		}
	})
}
