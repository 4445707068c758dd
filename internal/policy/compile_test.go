package policy

import (
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
)

func bigInt(v int64) *big.Int { return big.NewInt(v) }

func TestCompileRefuses(t *testing.T) {
	for _, tc := range []struct {
		field  string
		change func(*core.Product)
	}{
		{"code", func(p *core.Product) { p.Code = "TLS Server" }},
		{"name", func(p *core.Product) { p.Name = " " }},
		{"issuer", func(p *core.Product) { p.Issuer = "" }},
		{"profile.validity_unit", func(p *core.Product) { p.Profile.ValidityUnit = "weeks" }},
		{"profile.validity_amount", func(p *core.Product) { p.Profile.ValidityAmount = 0 }},
		{"profile.validity_amount", func(p *core.Product) { p.Profile.ValidityAmount, p.Profile.ValidityUnit = 41, "years" }},
		{"profile.validity_amount", func(p *core.Product) { p.Profile.ValidityAmount, p.Profile.ValidityUnit = 1<<62, "years" }},
		{"profile.backdate_minutes", func(p *core.Product) { p.Profile.Backdate = -1 }},
		{"profile.backdate_minutes", func(p *core.Product) {
			p.Profile.ValidityAmount, p.Profile.ValidityUnit, p.Profile.Backdate = 1, "hours", 60
		}},
		{"profile.renew_days", func(p *core.Product) { p.Profile.RenewDays = -1 }},
		{"profile.renew_grace_days", func(p *core.Product) { p.Profile.RenewGraceDays = -1 }},
		{"profile.keys", func(p *core.Product) { p.Profile.Keys = nil }},
		{"profile.keys[0].algorithm", func(p *core.Product) { p.Profile.Keys = []core.KeyRule{{}} }},
		{"profile.keys[0].min_bits", func(p *core.Product) { p.Profile.Keys = []core.KeyRule{{Algorithm: "RSA", MinBits: 512}} }},
		{"profile.keys[0].min_bits", func(p *core.Product) {
			p.Profile.Keys = []core.KeyRule{{Algorithm: "RSA", MinBits: 4096, MaxBits: 2048}}
		}},
		{"profile.keys[0].curves[0]", func(p *core.Product) {
			p.Profile.Keys = []core.KeyRule{{Algorithm: "ECDSA", Curves: []string{"P-224"}}}
		}},
		{"profile.keys[0].curves", func(p *core.Product) { p.Profile.Keys = []core.KeyRule{{Algorithm: "RSA", Curves: []string{"P-256"}}} }},
		{"profile.keys[0].algorithm", func(p *core.Product) { p.Profile.KeyUsage = []string{"keyEncipherment"} }},
		{"profile.subject[0].type", func(p *core.Product) { p.Profile.Subject = []core.SubjectRule{{Type: "bogus", Mode: "optional"}} }},
		{"profile.subject[1].type", func(p *core.Product) {
			p.Profile.Subject = []core.SubjectRule{{Type: "O", Mode: "optional"}, {Type: "2.5.4.10", Mode: "required"}}
		}},
		{"profile.subject[0].mode", func(p *core.Product) { p.Profile.Subject = []core.SubjectRule{{Type: "O", Mode: "maybe"}} }},
		{"profile.subject[0].values", func(p *core.Product) { p.Profile.Subject = []core.SubjectRule{{Type: "O", Mode: "fixed"}} }},
		{"profile.subject[0].values[0]", func(p *core.Product) {
			p.Profile.Subject = []core.SubjectRule{{Type: "C", Mode: "fixed", Values: []string{"Germany"}}}
		}},
		{"profile.subject[0].pattern", func(p *core.Product) {
			p.Profile.Subject = []core.SubjectRule{{Type: "O", Mode: "optional", Pattern: "("}}
		}},
		{"profile.subject[0].pattern", func(p *core.Product) {
			p.Profile.Subject = []core.SubjectRule{{Type: "O", Mode: "optional", Pattern: "a)|(b"}}
		}},
		{"profile.subject[0].type", func(p *core.Product) {
			p.Profile.CommonName = "none"
			p.Profile.Subject = []core.SubjectRule{{Type: "CN", Mode: "optional"}}
		}},
		{"profile.subject[0].mode", func(p *core.Product) {
			p.Profile.Subject = []core.SubjectRule{{Type: "CN", Mode: "fixed", Values: []string{"x"}}}
		}},
		{"profile.common_name", func(p *core.Product) { p.Profile.CommonName = "first" }},
		{"profile.common_name", func(p *core.Product) { p.Profile.Names = nil }},
		{"profile.unknown_subject", func(p *core.Product) { p.Profile.UnknownSubject = "keep" }},
		{"profile.unknown_names", func(p *core.Product) { p.Profile.UnknownNames = "keep" }},
		{"profile.names[0].kind", func(p *core.Product) { p.Profile.Names = []core.NameRule{{Kind: "rid"}} }},
		{"profile.names[1].kind", func(p *core.Product) { p.Profile.Names = []core.NameRule{{Kind: "dns"}, {Kind: "dns"}} }},
		{"profile.names[0].max", func(p *core.Product) { p.Profile.Names = []core.NameRule{{Kind: "dns", Max: -1}} }},
		{"profile.names[0].wildcards", func(p *core.Product) { p.Profile.Names = []core.NameRule{{Kind: "ip", Wildcards: true}} }},
		{"profile.names[0].suffixes", func(p *core.Product) { p.Profile.Names = []core.NameRule{{Kind: "ip", Suffixes: []string{"a"}}} }},
		{"profile.names[0].suffixes[0]", func(p *core.Product) { p.Profile.Names = []core.NameRule{{Kind: "dns", Suffixes: []string{"*.a"}}} }},
		{"profile.names[0].patterns[0]", func(p *core.Product) { p.Profile.Names = []core.NameRule{{Kind: "dns", Patterns: []string{"["}}} }},
		{"profile.names[0].ranges[0]", func(p *core.Product) { p.Profile.Names = []core.NameRule{{Kind: "ip", Ranges: []string{"10.0.0.1"}}} }},
		{"profile.names[0].ranges", func(p *core.Product) {
			p.Profile.Names = []core.NameRule{{Kind: "dns", Ranges: []string{"10.0.0.0/8"}}}
		}},
		{"profile.names[0].oids[0]", func(p *core.Product) { p.Profile.Names = []core.NameRule{{Kind: "other", OIDs: []string{"4.1"}}} }},
		{"profile.key_usage[0]", func(p *core.Product) { p.Profile.KeyUsage = []string{"keyCertSign", "digitalSignature"} }},
		{"profile.key_usage[0]", func(p *core.Product) { p.Profile.KeyUsage = []string{"signing", "digitalSignature"} }},
		{"profile.key_usage", func(p *core.Product) { p.Profile.KeyUsage = []string{"digitalSignature", "encipherOnly"} }},
		{"profile.ext_key_usage[0]", func(p *core.Product) { p.Profile.ExtKeyUsage = []string{"server"} }},
		{"profile.ext_key_usage[0]", func(p *core.Product) { p.Profile.ExtKeyUsage = []string{"OCSPSigning"} }},
		{"profile.ext_key_usage[0]", func(p *core.Product) { p.Profile.ExtKeyUsage = []string{"1.3.6.1.5.5.7.3.9"} }},
		{"profile.ext_key_usage[1]", func(p *core.Product) { p.Profile.ExtKeyUsage = []string{"serverAuth", "1.3.6.1.5.5.7.3.1"} }},
		{"profile.policies[0]", func(p *core.Product) { p.Profile.Policies = []string{"x"} }},
		{"profile.extensions[0].oid", func(p *core.Product) {
			p.Profile.Extensions = []core.ExtensionRule{{OID: "2.5.29.19", Value: []byte{0x30, 0}}}
		}},
		{"profile.extensions[0].value", func(p *core.Product) {
			p.Profile.Extensions = []core.ExtensionRule{{OID: "1.2.3", Value: []byte{0x30, 1}}}
		}},
		{"profile.pass_through[0]", func(p *core.Product) { p.Profile.PassThrough = []string{"2.5.29.17"} }},
		{"profile.lint", func(p *core.Product) { p.Profile.Lint = "strict" }},
		{"profile.lint_exclude", func(p *core.Product) { p.Profile.Lint, p.Profile.LintExclude = "none", []string{"e_x"} }},
		{"profile.lint_exclude[0]", func(p *core.Product) { p.Profile.LintExclude = []string{"x"} }},
		{"profile.approval", func(p *core.Product) { p.Profile.Approval = "four-eyes" }},
		{"profile.approvals", func(p *core.Product) { p.Profile.Approvals = 2 }},
		{"profile.key_export", func(p *core.Product) { p.Profile.ServerKeys, p.Profile.KeyExport = false, true }},
		{"profile.quota", func(p *core.Product) { p.Profile.Quota = -1 }},
		{"profile.notify[0]", func(p *core.Product) { p.Profile.Notify = []string{"nobody"} }},
	} {
		p := Shipped("issuer", "")[0]
		tc.change(&p)
		_, err := Compile(p)
		if !core.Is(err, core.KindInvalid) || core.AsError(err).Field != tc.field {
			t.Errorf("%s: %v", tc.field, err)
		}
	}
}

func TestCompileReportsEveryFault(t *testing.T) {
	p := Shipped("issuer", "")[0]
	p.Profile.Names[0].Patterns = []string{"[", "a", "("}
	p.Profile.ExtKeyUsage = []string{"nope"}
	_, err := Compile(p)
	var fields []string
	for _, r := range core.AsError(err).Reasons {
		fields = append(fields, r.Field)
	}
	if want := []string{"profile.names[0].patterns[0]", "profile.names[0].patterns[2]", "profile.ext_key_usage[0]"}; !slices.Equal(fields, want) {
		t.Fatalf("%v", fields)
	}
}

func TestAllowedNames(t *testing.T) {
	for _, tc := range []struct {
		rule    string
		allows  string
		refuses string
	}{
		{"host.example", "dns:host.example", "dns:a.host.example dns:example ip:10.0.0.1"},
		{"*.example", "dns:a.example dns:*.example", "dns:a.b.example dns:example dns:evilexample"},
		{".example", "dns:a.example dns:a.b.example dns:*.example", "dns:example dns:xexample"},
		{"*", "dns:anything", "ip:10.0.0.1 email:a@b.example"},
		{"10.0.0.0/8", "ip:10.9.9.9", "ip:11.0.0.1 dns:a"},
		{"192.0.2.1", "ip:192.0.2.1", "ip:192.0.2.2"},
		{"ip:*", "ip:192.0.2.1 ip:2001:db8::1", "dns:a"},
		{"@example", "email:a@example email:b@EXAMPLE", "email:a@b.example upn:a@example"},
		{"Bob@Example", "email:Bob@example", "email:bob@example"},
		{"upn:@example", "upn:a@example", "email:a@example"},
		{"upn:Bob@example", "upn:bob@EXAMPLE", "upn:eve@example"},
		{"uri:https://a.example/x/*", "uri:https://a.example/x/y", "uri:https://a.example/z uri:https://a.example.evil/x/"},
		{"uri:https://a.example/x", "uri:https://a.example/x", "uri:https://a.example/x/y"},
		{"email:*", "email:a@b.example", "dns:a"},
	} {
		if err := CheckAllowedNames([]string{tc.rule}); err != nil {
			t.Errorf("%s: %v", tc.rule, err)
		}
		a := parseAllowed([]string{tc.rule})
		check := func(list string, want bool) {
			for s := range strings.FieldsSeq(list) {
				word, v, _ := strings.Cut(s, ":")
				k, _ := kindOf(word)
				got := false
				if k == kindIP {
					got = a.addr(allowedRule{text: v}.prefix().Addr())
				} else {
					got = a.text(k, v, hostOf(k, v))
				}
				if got != want {
					t.Errorf("rule %s, name %s: %v", tc.rule, s, got)
				}
			}
		}
		check(tc.allows, true)
		check(tc.refuses, false)
	}
	for _, bad := range []string{"", "a..b", "ip:host", "10.0.0.0/33", "email:a b@c", "uri:https://a.example*", "uri:relative", "other:x", "a_b", "ä.example"} {
		if CheckAllowedNames([]string{bad}) == nil {
			t.Errorf("rule %q was accepted", bad)
		}
	}
	if !parseAllowed(nil).text(kindDNS, "a", "a") || parseAllowed([]string{"a..b"}).text(kindDNS, "a", "a") {
		t.Error("no rule allows everything, an unreadable one nothing")
	}
}

func TestCredentialNamesInVerdict(t *testing.T) {
	ask := Ask{Names: core.Names{DNS: []string{"a.example", "b.example"}}, AllowedNames: []string{"a.example"}, Key: Key{SPKI: []byte{1}, Algorithm: "ECDSA", Bits: 256, Curve: "P-256"}}
	_, reasons := product(t, nil).Evaluate(ask, now)
	if !slices.Equal(codes(reasons), []string{"name.not-allowed san.dns"}) || reasons[0].Value != "b.example" {
		t.Errorf("%v", reasons)
	}
	// A common name that looks like a host counts, too, where it is taken as is.
	ask.Names, ask.Subject = core.Names{}, dn("CN", "b.example")
	_, reasons = product(t, func(p *core.Profile) { p.CommonName = "as-is" }).Evaluate(ask, now)
	if !slices.Equal(codes(reasons), []string{"name.not-allowed subject.CN"}) {
		t.Errorf("%v", reasons)
	}
	ask.Subject = dn("CN", "Batch job")
	if _, reasons = product(t, func(p *core.Profile) { p.CommonName = "as-is" }).Evaluate(ask, now); len(reasons) > 0 {
		t.Errorf("%v", reasons)
	}
}

func TestProven(t *testing.T) {
	for _, tc := range []struct {
		name  string
		rules []string
		want  bool
	}{
		{"dns:a.example", nil, false},
		{"dns:a.example", []string{"dns:a.example"}, true},
		{"dns:b.example", []string{"dns:a.example"}, false},
		{"dns:*.example", []string{"dns:a.example"}, false},
		{"dns:x.y.example", []string{".example"}, true},
		{"ip:10.0.0.1", []string{"10.0.0.0/8"}, true},
		{"ip:11.0.0.1", []string{"10.0.0.0/8", "a.example"}, false},
		{"ip:10.0.0.1", []string{"*"}, false},
		{"email:a@b.example", []string{"@b.example"}, true},
		{"dns:a.example", []string{"a..b"}, false}, // an unreadable rule proves nothing
		{"other:1.2.3", []string{"other:1.2.3"}, true},
		{"nonsense", []string{"*"}, false},
	} {
		if got := Proven(tc.name, tc.rules); got != tc.want {
			t.Errorf("%s by %v: %v", tc.name, tc.rules, got)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"a.example", "*.x", "a@b", "https://[fe80::1%25en0]/x", "10.0.0.0/8", "uri:spiffe://x/*", "HTTP://A@B:1/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, normal := range []func(string) (string, string){normalDNS, normalEmail, normalUPN, normalURI} {
			once, fault := normal(s)
			if fault != "" {
				continue
			}
			if twice, fault := normal(once); twice != once || fault != "" {
				t.Fatalf("not stable: %q, %q, %q (%s)", s, once, twice, fault)
			}
		}
		r, fault := parseAllowedRule(s)
		if fault == "" {
			r.covers(s, s)
		}
		wellFormedDER([]byte(s))
	})
}
