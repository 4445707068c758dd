package validation

import (
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/validation/validationtest"
)

func TestCAA(t *testing.T) {
	type zone map[string][]string
	const name = "w.a.example"
	for _, c := range []struct {
		what     string
		zone     zone
		wildcard bool
		refused  string // part of the detail; empty: allowed
	}{
		{what: "no records"},
		{what: "ours", zone: zone{name: {`0 issue "ca.example"`}}},
		{what: "upper case", zone: zone{name: {`0 ISSUE "CA.Example"`}}},
		{what: "among others", zone: zone{name: {`0 issue "other.example"`, `0 issue " ca.example ; x=y"`}}},
		{what: "other", zone: zone{name: {`0 issue "other.example"`}}, refused: "none names ca.example or ca2.example"},
		{what: "second of our names", zone: zone{name: {`0 issue "ca2.example"`}}},
		{what: "nobody", zone: zone{name: {`0 issue ";"`}}, refused: "CAA records of w.a.example"},
		{what: "nobody, empty", zone: zone{name: {`0 issue ""`}}, refused: "forbid"},
		{what: "nobody, blanks", zone: zone{name: {`0 issue " ; "`}}, refused: "forbid"},
		{what: "parent", zone: zone{"a.example": {`0 issue "other.example"`}}, refused: "CAA records of a.example"},
		{what: "top", zone: zone{"example": {`0 issue "other.example"`}}, refused: "CAA records of example "},
		{what: "nearest counts", zone: zone{name: {`0 issue "ca.example"`}, "a.example": {`0 issue ";"`}}},
		{what: "nearest counts, without restriction", zone: zone{name: {`0 iodef "mailto:x@a.example"`}, "a.example": {`0 issue ";"`}}},
		{what: "unknown tag", zone: zone{name: {`0 future "x"`}}},
		{what: "unknown critical tag", zone: zone{name: {`0 issue "ca.example"`, `128 future "x"`}}, refused: "future is critical"},
		{what: "known critical tags", zone: zone{name: {`128 issue "ca.example"`, `128 iodef "mailto:x@a.example"`}}},
		{what: "reserved flag", zone: zone{name: {`1 future "x"`}}},
		{what: "issuewild for a name", zone: zone{name: {`0 issuewild "other.example"`}}},
		{what: "issuewild for a wildcard", zone: zone{name: {`0 issue "ca.example"`, `0 issuewild "other.example"`}}, wildcard: true, refused: "forbid"},
		{what: "issuewild allows", zone: zone{name: {`0 issue ";"`, `0 issuewild "ca.example"`}}, wildcard: true},
		{what: "issuewild allows no name", zone: zone{name: {`0 issue ";"`, `0 issuewild "ca.example"`}}, refused: "forbid"},
		{what: "issue for a wildcard", zone: zone{name: {`0 issue "other.example"`}}, wildcard: true, refused: "forbid"},
		{what: "account", zone: zone{name: {`0 issue "ca.example; accounturi=` + account + `"`}}},
		{what: "other account", zone: zone{name: {`0 issue "ca.example; accounturi=https://x"`}}, refused: "another account"},
		{what: "account twice", zone: zone{name: {`0 issue "ca.example; accounturi=` + account + `; accounturi=` + account + `"`}}, refused: "twice"},
		{what: "empty account", zone: zone{name: {`0 issue "ca.example; accounturi="`}}, refused: "another account"},
		{what: "method", zone: zone{name: {`0 issue "ca.example; validationmethods=http-01,dns-01"`}}},
		{what: "other method", zone: zone{name: {`0 issue "ca.example; validationmethods=http-01,tls-alpn-01"`}}, refused: "other validation methods"},
		{what: "malformed methods", zone: zone{name: {`0 issue "ca.example; validationmethods=dns-01,,"`}}, refused: "other validation methods"},
		{what: "account and method", zone: zone{name: {`0 issue "ca.example;accounturi=` + account + `;validationmethods=dns-01"`}}},
		{what: "malformed parameter", zone: zone{name: {`0 issue "ca.example; x"`}}, refused: "tag=value"},
		{what: "parameter end", zone: zone{name: {`0 issue "ca.example; x=y;"`}}, refused: "tag=value"},
		{what: "malformed issuer", zone: zone{name: {`0 issue "ca_example"`}}, refused: "not a domain name"},
		{what: "dot at the end", zone: zone{name: {`0 issue "ca.example."`}}, refused: "forbid"},
		{what: "malformed beside ours", zone: zone{name: {`0 issue "%%"`, `0 issue "ca.example"`}}},
	} {
		t.Run(c.what, func(t *testing.T) {
			d := validationtest.NewDNS(t)
			d.Set("_acme-challenge."+name, "TXT", digest())
			for n, r := range c.zone {
				d.Set(n, "CAA", r...)
			}
			s := start(t, d)
			issuers := []string{"ca.example", "ca2.example"}
			f, records := s.CAA(t.Context(), name, c.wildcard, issuers, account, core.MethodDNS01)
			q := question1(core.MethodDNS01, dnsName(name))
			q.CAA, q.IssuerDomains, q.Wildcard = true, issuers, c.wildcard
			code := "caa"
			if c.refused == "" {
				code = ""
			}
			for _, r := range []Result{{Failure: f, Records: records}, s.Check(t.Context(), q)} {
				want(t, r, code, false, c.refused)
				wantSeen(t, r, "|CAA "+name+" at ")
			}
			q.IssuerDomains = nil
			want(t, s.Check(t.Context(), q), "", false)
			q.CAA, q.IssuerDomains = false, issuers
			want(t, s.Check(t.Context(), q), "", false)
		})
	}
}

func TestCAAWithoutAccountOrMethod(t *testing.T) {
	d := validationtest.NewDNS(t)
	s := start(t, d)
	for _, r := range []string{`0 issue "ca.example; accounturi="`, `0 issue "ca.example; validationmethods="`} {
		d.Set("a.example", "CAA", r)
		if f, _ := s.CAA(t.Context(), "a.example", false, []string{"ca.example"}, "", ""); f == nil || f.Code != "caa" {
			t.Errorf("%s: %v", r, f)
		}
	}
}

func TestCAAClimbsTheNameNotTheAlias(t *testing.T) {
	d := validationtest.NewDNS(t)
	s := start(t, d)
	ask := func() string {
		f, _ := s.CAA(t.Context(), "w.a.example", false, []string{"ca.example"}, "", "")
		if f == nil {
			return ""
		}
		return f.Code
	}
	d.Set("w.a.example", "CNAME", "x.b.example.")
	d.Set("x.b.example", "A", "192.0.2.1")
	d.Set("b.example", "CAA", `0 issue ";"`) // above the alias: not looked at
	if got := ask(); got != "" {
		t.Error(got)
	}
	d.Set("x.b.example", "CAA", `0 issue ";"`) // the alias itself
	if got := ask(); got != "caa" {
		t.Error(got)
	}
	d.Set("x.b.example", "CAA")
	d.Set("a.example", "CAA", `0 issue ";"`)
	if got := ask(); got != "caa" {
		t.Error(got)
	}
}

func TestCAAThatCannotBeLookedUp(t *testing.T) {
	d := validationtest.NewDNS(t)
	d.Set("_acme-challenge.w.a.example", "TXT", digest())
	d.Set("w.a.example", "A", "192.0.2.1")
	s := start(t, d, func(d *Deps) { d.Timeout = time.Second })
	q := question1(core.MethodDNS01, dnsName("w.a.example"))
	q.CAA, q.IssuerDomains = true, []string{"ca.example"}
	d.Bogus("a.example")
	want(t, s.Check(t.Context(), q), "dnssec", true, "CAA")
	d = validationtest.NewDNS(t)
	d.Set("_acme-challenge.w.a.example", "TXT", digest())
	d.Fail("w.a.example", dns.RcodeServerFailure)
	s = start(t, d)
	want(t, s.Check(t.Context(), q), "dns", true, "CAA", "SERVFAIL")
	until := make(chan struct{})
	d.Fail("w.a.example", dns.RcodeSuccess)
	d.Hold("w.a.example", until)
	t.Cleanup(func() { close(until) })
	s = start(t, d, func(d *Deps) { d.Timeout = time.Second })
	want(t, s.Check(t.Context(), q), "dns", true, "CAA", "no resolver answered")
}

func TestCAAOfAddressesAndNonsense(t *testing.T) {
	s, d, web, _ := site(t)
	web.Set(path, 200, keyAuth)
	q := question1(core.MethodHTTP01, ipAddr("127.0.0.1"))
	q.CAA, q.IssuerDomains = true, []string{"ca.example"}
	want(t, s.Check(t.Context(), q), "", false)
	if f, _ := s.CAA(t.Context(), "*.a.example", true, nil, "", ""); f == nil || f.Code != "rejectedIdentifier" {
		t.Error(f)
	}
	if n := len(d.Questions()); n != 0 {
		t.Errorf("%d questions", n)
	}
}

func TestCAAIsNotAskedAfterFailure(t *testing.T) {
	d := validationtest.NewDNS(t)
	q := dns01()
	q.CAA, q.IssuerDomains = true, []string{"ca.example"}
	want(t, start(t, d).Check(t.Context(), q), "dns", true)
	for _, asked := range d.Questions() {
		if asked.Type == "CAA" {
			t.Error("CAA was asked")
		}
	}
}

func FuzzCAAValue(f *testing.F) {
	for _, s := range []string{"", ";", "ca.example", " ca.example ; accounturi=https://x; validationmethods=a,b", "ca.example; x", "-.;=;", "ca.example;a=b;a=c"} {
		f.Add(s)
	}
	q := caaQuestion{issuers: []string{"ca.example"}, accountURL: account, method: core.MethodDNS01}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := parseIssueValue(s)
		if why, _ := q.value(s); why == "" && (err != nil || v.issuer != "ca.example") {
			t.Errorf("%q allows to issue", s)
		}
		if err != nil {
			return
		}
		again := v.issuer
		sep := ";"
		for tag, value := range v.params {
			again += sep + tag + "=" + value
		}
		w, err := parseIssueValue(again)
		if err != nil || w.issuer != v.issuer || len(w.params) != len(v.params) {
			t.Errorf("%q is %+v, written again %q: %+v, %v", s, v, again, w, err)
		}
	})
}
