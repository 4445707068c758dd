package validation

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/validation/validationtest"
)

const at = "_acme-challenge.a.example"

func dns01() Check { return question1(core.MethodDNS01, dnsName("a.example")) }

func TestDNS01(t *testing.T) {
	other := `"` + strings.Repeat("x", 43) + `"`
	for _, c := range []struct {
		name  string
		set   func(*validationtest.DNS)
		code  string
		retry bool
		texts []string
		seen  []string
	}{
		{name: "the record", set: func(d *validationtest.DNS) { d.Set(at, "TXT", digest()) }, seen: []string{"|TXT " + at + " at 127.0.0.1:"}},
		{name: "among others", set: func(d *validationtest.DNS) { d.Set(at, "TXT", other, digest(), `"v=spf1"`) }},
		{name: "in two strings", set: func(d *validationtest.DNS) {
			d.Set(at, "TXT", `"`+digest()[:10]+`" "`+digest()[10:]+`"`)
		}},
		{name: "another", set: func(d *validationtest.DNS) { d.Set(at, "TXT", other) }, code: "unauthorized", retry: true, texts: []string{"xxx", digest()}},
		{name: "longer", set: func(d *validationtest.DNS) { d.Set(at, "TXT", digest()+"=") }, code: "unauthorized", retry: true},
		{name: "many", set: func(d *validationtest.DNS) { d.Set(at, "TXT", "a", "b", "c", "d", "e") }, code: "unauthorized", retry: true, texts: []string{"and 2 more"}},
		{name: "nothing there", set: func(*validationtest.DNS) {}, code: "dns", retry: true, texts: []string{"NXDOMAIN"}, seen: []string{"|NXDOMAIN"}},
		{name: "other type", set: func(d *validationtest.DNS) { d.Set(at, "A", "192.0.2.1") }, code: "unauthorized", retry: true, texts: []string{"no TXT record"}},
		{name: "refused", set: func(d *validationtest.DNS) { d.Fail(at, dns.RcodeRefused) }, code: "dns", retry: true, texts: []string{"REFUSED"}},
		{name: "servfail", set: func(d *validationtest.DNS) {
			d.Fail(at, dns.RcodeServerFailure)
			d.Explain(at, dns.ExtendedErrorCodeNoReachableAuthority, "at\x07 delegation")
		}, code: "dns", retry: true, texts: []string{"SERVFAIL", "No Reachable Authority: at? delegation"}, seen: []string{"without DNSSEC|SERVFAIL"}},
		{name: "bogus", set: func(d *validationtest.DNS) {
			d.Bogus(at)
			d.Set(at, "TXT", digest())
			d.Explain(at, dns.ExtendedErrorCodeSignatureExpired, "")
		}, code: "dnssec", retry: true, texts: []string{"DNSSEC", "Signature Expired"}},
		{name: "bogus and absent", set: func(d *validationtest.DNS) { d.Bogus(at) }, code: "dnssec", retry: true},
		{name: "truncated", set: func(d *validationtest.DNS) {
			d.Truncate(at)
			d.Set(at, "TXT", digest())
		}, seen: []string{"over TCP|TXT"}},
		{name: "large", set: func(d *validationtest.DNS) {
			var many []string
			for i := range 60 {
				many = append(many, fmt.Sprintf(`"%d%s"`, i, strings.Repeat("y", 100)))
			}
			d.Set(at, "TXT", append(many, digest())...)
		}, seen: []string{"over TCP|TXT"}},
		{name: "forged answers first", set: func(d *validationtest.DNS) {
			d.Forge(at)
			d.Set(at, "TXT", digest())
		}},
		{name: "no EDNS", set: func(d *validationtest.DNS) {
			d.RefuseEDNS()
			d.Set(at, "TXT", digest())
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := validationtest.NewDNS(t)
			c.set(d)
			r := start(t, d).Check(t.Context(), dns01())
			want(t, r, c.code, c.retry, c.texts...)
			wantSeen(t, r, c.seen...)
			q := d.Questions()[0]
			if !q.DO || q.NoChecks || q.Name != at || q.Type != "TXT" {
				t.Errorf("asked %+v", q)
			}
		})
	}
}

func TestAliases(t *testing.T) {
	chain := func(n int) func(*validationtest.DNS) {
		return func(d *validationtest.DNS) {
			d.Set(at, "CNAME", "n1.example.")
			for i := 1; i < n; i++ {
				d.Set(fmt.Sprintf("n%d.example", i), "CNAME", fmt.Sprintf("N%d.example.", i+1))
			}
			d.Set(fmt.Sprintf("n%d.example", n), "TXT", digest())
		}
	}
	for _, c := range []struct {
		name string
		set  func(*validationtest.DNS)
		code string
		text string
	}{
		{"one", chain(1), "", ""},
		{"eight", chain(8), "", ""},
		{"nine", chain(9), "dns", "more than 8"},
		{"circle", func(d *validationtest.DNS) {
			d.Set(at, "CNAME", "n1.example.")
			d.Set("n1.example", "CNAME", at+".")
		}, "dns", "circle"},
		{"itself", func(d *validationtest.DNS) { d.Set(at, "CNAME", at+".") }, "dns", "circle"},
		{"DNAME", func(d *validationtest.DNS) {
			d.Set("a.example", "DNAME", "b.example.")
			d.Set("_acme-challenge.b.example", "TXT", digest())
		}, "", ""},
		{"to nothing", func(d *validationtest.DNS) { d.Set(at, "CNAME", "gone.example.") }, "dns", "NXDOMAIN"},
		{"to another type", func(d *validationtest.DNS) {
			d.Set(at, "CNAME", "n1.example.")
			d.Set("n1.example", "A", "192.0.2.1")
		}, "unauthorized", "no TXT"},
	} {
		for _, follow := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, resolver follows %v", c.name, follow), func(t *testing.T) {
				d := validationtest.NewDNS(t)
				d.Follow(follow)
				c.set(d)
				want(t, start(t, d).Check(t.Context(), dns01()), c.code, c.code != "", c.text)
			})
		}
	}
}

func TestAnotherResolverIsAskedWhenOneIsSilent(t *testing.T) {
	silent, d := validationtest.NewDNS(t), validationtest.NewDNS(t)
	until := make(chan struct{})
	t.Cleanup(func() { close(until) })
	silent.Hold(at, until)
	d.Set(at, "TXT", digest())
	s := start(t, d, func(deps *Deps) {
		deps.Resolvers, deps.Timeout = []string{silent.Addr, d.Addr}, 2*time.Second
	})
	r := s.Check(t.Context(), dns01())
	want(t, r, "", false)
	wantSeen(t, r, silent.Addr+"|timed out", d.Addr+"|TXT")
}

func TestAnotherResolverIsNotAskedAfterServfail(t *testing.T) {
	first, second := validationtest.NewDNS(t), validationtest.NewDNS(t)
	first.Bogus(at)
	first.Set(at, "TXT", digest())
	second.Set(at, "TXT", digest())
	s := start(t, first, func(d *Deps) { d.Resolvers = []string{first.Addr, second.Addr} })
	want(t, s.Check(t.Context(), dns01()), "dnssec", true)
	if n := len(second.Questions()); n != 0 {
		t.Errorf("the second resolver was asked %d times: it may not check DNSSEC", n)
	}
}

func TestAnotherResolverIsAskedAfterRefusal(t *testing.T) {
	first, second := validationtest.NewDNS(t), validationtest.NewDNS(t)
	first.Fail(at, dns.RcodeRefused)
	second.Set(at, "TXT", digest())
	s := start(t, first, func(d *Deps) { d.Resolvers = []string{first.Addr, second.Addr} })
	want(t, s.Check(t.Context(), dns01()), "", false)
}

func TestNoResolverAnswers(t *testing.T) {
	l, err := net.ListenPacket("udp", "127.0.0.1:0") // takes questions, answers none
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := start(t, &validationtest.DNS{Addr: l.LocalAddr().String()}, func(d *Deps) { d.Timeout = 300 * time.Millisecond })
	for _, m := range []string{core.MethodDNS01, core.MethodHTTP01, core.MethodTLSALPN01} {
		want(t, s.Check(t.Context(), question1(m, dnsName("a.example"))), "dns", true, "no resolver answered")
	}
}

func TestDNSAccount01(t *testing.T) {
	// The example of draft-ietf-acme-dns-account-label section 3.1.
	if got := accountLabel("https://example.com/acme/acct/ExampleAccount"); got != "_ujmmovf2vn55tgye" {
		t.Errorf("label is %s", got)
	}
	d := validationtest.NewDNS(t)
	s := start(t, d)
	q := question1(core.MethodDNSAccount01, dnsName("a.example"))
	d.Set("_acme-challenge.a.example", "TXT", digest())
	want(t, s.Check(t.Context(), q), "dns", true, "NXDOMAIN")
	d.Set(accountLabel(account)+"._acme-challenge.a.example", "TXT", digest())
	want(t, s.Check(t.Context(), q), "", false)
	q.Wildcard = true
	want(t, s.Check(t.Context(), q), "", false)
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{`plain`: "plain", `a\"b\\c`: `a"b\c`, `\001\255x`: "\x01\xffx", `end\`: "end", `\12`: "12"} {
		if got := unescape(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
