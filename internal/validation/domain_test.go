package validation

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/validation/validationtest"
)

const value = "certwright-dcv-0123456789abcdef0123456789abcdef"

func proof(method, name string, change ...func(*Check)) Check {
	c := Check{Method: method, Identifier: dnsName(name), Value: value}
	switch method {
	case core.MethodDNSTXT:
		c.Record = "_certwright-challenge." + name
	case core.MethodDNSCNAME:
		c.Record, c.Value = "_0123."+name, "4567.dcv.certwright.invalid"
	case core.MethodHTTPFile:
		c.FileName = "abc.txt"
	case core.MethodDNSContact:
		c.Value = "owner@a.example"
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

func TestDNSTXT(t *testing.T) {
	d := validationtest.NewDNS(t)
	s := start(t, d)
	c := proof(core.MethodDNSTXT, "a.example")
	want(t, s.Local(t.Context(), c), "dns", true, "NXDOMAIN", c.Record)
	d.Set("a.example", "TXT", `"`+value+`"`) // at the bare name it proves nothing
	want(t, s.Local(t.Context(), c), "dns", true, "NXDOMAIN")
	d.Set(c.Record, "TXT", `"something"`, `"else"`)
	want(t, s.Local(t.Context(), c), "unauthorized", true, `"something"`, value)
	d.Set(c.Record, "TXT", `"something"`, `"certwright-dcv-" "0123456789abcdef0123456789abcdef"`)
	r := s.Local(t.Context(), c)
	want(t, r, "", false)
	wantSeen(t, r, "TXT "+c.Record+" at "+d.Addr)
	if r.Perspectives != 1 || r.Agreed != 1 || r.Quorum != 1 {
		t.Errorf("consensus of one: %+v", r)
	}
	d.Set(c.Record, "TXT")
	d.Set(c.Record, "CNAME", "elsewhere.example.")
	d.Set("elsewhere.example", "TXT", `"`+value+`"`)
	want(t, s.Local(t.Context(), c), "", false)
	d.Bogus(c.Record)
	want(t, s.Local(t.Context(), c), "dnssec", true)
}

func TestDNSCNAME(t *testing.T) {
	d := validationtest.NewDNS(t)
	s := start(t, d)
	c := proof(core.MethodDNSCNAME, "a.example")
	want(t, s.Local(t.Context(), c), "dns", true, "NXDOMAIN")
	d.Set(c.Record, "TXT", `"x"`)
	want(t, s.Local(t.Context(), c), "unauthorized", true, "no CNAME")
	d.Set(c.Record, "TXT")
	d.Set(c.Record, "CNAME", "other.example.")
	want(t, s.Local(t.Context(), c), "unauthorized", true, "other.example")
	d.Set(c.Record, "CNAME", "4567.DCV.certwright.invalid.") // a target that does not exist, in any case
	want(t, s.Local(t.Context(), c), "", false)
	d.Fail(c.Record, dns.RcodeServerFailure)
	want(t, s.Local(t.Context(), c), "dns", true, "SERVFAIL")
}

func TestHTTPFile(t *testing.T) {
	d := validationtest.NewDNS(t)
	w := validationtest.NewWeb(t, "127.0.0.1:0")
	s := start(t, d, func(d *Deps) { d.HTTPPort = w.Port })
	c := proof(core.MethodHTTPFile, "a.example")
	d.Set("a.example", "A", "127.0.0.1")
	want(t, s.Local(t.Context(), c), "unauthorized", true, "404")
	w.Set(FilePath+"abc.txt", http.StatusOK, "wrong")
	want(t, s.Local(t.Context(), c), "unauthorized", false, "wrong", "the token")
	w.Set(FilePath+"abc.txt", http.StatusOK, value+"\r\n")
	want(t, s.Local(t.Context(), c), "", false)
	w.Redirect(FilePath+"abc.txt", http.StatusFound, "/there")
	w.Set("/there", http.StatusOK, value)
	want(t, s.Local(t.Context(), c), "", false)
	w.Redirect(FilePath+"abc.txt", http.StatusFound, "http://a.example:22/")
	want(t, s.Local(t.Context(), c), "unauthorized", false, "port")
	closed := start(t, d, func(d *Deps) { d.HTTPPort, d.AllowLoopback = w.Port, false })
	before := len(w.Requests())
	if r := closed.Local(t.Context(), c); r.Failure == nil || len(w.Requests()) != before {
		t.Errorf("this host was reached: %+v", r)
	}
	c.Wildcard = true
	want(t, s.Local(t.Context(), c), "rejectedIdentifier", false, "wildcard")
}

func TestReadValue(t *testing.T) {
	s := start(t, validationtest.NewDNS(t))
	for name, c := range map[string]Check{
		"record elsewhere": proof(core.MethodDNSTXT, "a.example", func(c *Check) { c.Record = "_x.b.example" }),
		"record is name":   proof(core.MethodDNSTXT, "a.example", func(c *Check) { c.Record = "a.example" }),
		"no record":        proof(core.MethodDNSCNAME, "a.example", func(c *Check) { c.Record = "" }),
		"no value":         proof(core.MethodDNSTXT, "a.example", func(c *Check) { c.Value = "" }),
		"path":             proof(core.MethodHTTPFile, "a.example", func(c *Check) { c.FileName = "../x" }),
		"dots":             proof(core.MethodHTTPFile, "a.example", func(c *Check) { c.FileName = "a..b" }),
		"no file":          proof(core.MethodHTTPFile, "a.example", func(c *Check) { c.FileName = "" }),
		"no address":       proof(core.MethodDNSContact, "a.example", func(c *Check) { c.Value = "nobody" }),
		"an IP address":    {Method: core.MethodHTTPFile, Identifier: ipAddr("127.0.0.1"), Value: value, FileName: "a"},
	} {
		if r := s.Local(t.Context(), c); r.Failure == nil || len(r.Records) > 0 || r.Retry {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestContacts(t *testing.T) {
	d := validationtest.NewDNS(t)
	s := start(t, d)
	none, f, _ := s.Contacts(t.Context(), "www.a.example")
	if f != nil || len(none) != 0 {
		t.Fatalf("without any: %v %v", none, f)
	}
	d.Set("a.example", "CAA", `0 contactemail "owner@A.Example"`, `0 issue ";"`, `0 contactemail "Jane <jane@a.example>"`)
	d.Set("_validation-contactemail.www.a.example", "TXT", `"web@a.example"`, `" padded@a.example"`, `"owner@a.example"`)
	got, f, records := s.Contacts(t.Context(), "www.a.example")
	if f != nil || !slices.Equal(got, []string{"owner@a.example", "web@a.example"}) || len(records) < 3 {
		t.Errorf("got %v %v", got, f)
	}
	c := proof(core.MethodDNSContact, "www.a.example")
	want(t, s.Local(t.Context(), c), "", false)
	c.Value = "mallory@b.example"
	want(t, s.Local(t.Context(), c), "unauthorized", true, "owner@a.example")
	// The nearest CAA records hold, with a contact or without.
	d.Set("www.a.example", "CAA", `0 issue "ca.example"`)
	if got, f, _ = s.Contacts(t.Context(), "www.a.example"); f != nil || !slices.Equal(got, []string{"web@a.example", "owner@a.example"}) {
		t.Errorf("got %v %v", got, f)
	}
	d.Fail("_validation-contactemail.www.a.example", dns.RcodeRefused)
	if _, f, _ = s.Contacts(t.Context(), "www.a.example"); f == nil || f.Code != "dns" {
		t.Errorf("a DNS that does not answer: %v", f)
	}
	// The property itself forbids nothing.
	d.Set("b.example", "CAA", `128 contactemail "x@b.example"`)
	if f, _ := s.CAA(t.Context(), "b.example", false, []string{"ca.example"}, "", "ca-dns-txt"); f != nil {
		t.Errorf("contactemail forbids: %v", f)
	}
}

func TestDomainThroughVantages(t *testing.T) {
	near, far := validationtest.NewDNS(t), validationtest.NewDNS(t)
	c := proof(core.MethodDNSTXT, "a.example")
	near.Set(c.Record, "TXT", `"`+value+`"`)
	far.Set("a.example", "A", "192.0.2.1")
	body := func() Result {
		s := start(t, near, func(d *Deps) { d.Vantages = []Vantage{outpost(t, "far", start(t, far))} })
		return s.Check(t.Context(), c)
	}
	r := body()
	want(t, r, "dns", true, "from vantage far")
	if r.Perspectives != 2 || r.Agreed != 1 || r.Quorum != 2 {
		t.Errorf("consensus: %+v", r)
	}
	far.Set(c.Record, "TXT", `"`+value+`"`)
	r = body()
	want(t, r, "", false)
	if r.Perspectives != 2 || r.Agreed != 2 || !strings.Contains(seen(r), "far|TXT "+c.Record) {
		t.Errorf("consensus: %+v\n%s", r, seen(r))
	}
}

func FuzzContactAddress(f *testing.F) {
	for _, s := range []string{"a@b.example", "A.b+c@B.example", " a@b.example", "a@b", "@b.example", "a@@b.example", `"a b"@b.example`, "a@b.example\r\nBcc: c@d.example", "<a@b.example>", "ä@b.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := contactAddress(s)
		if !ok {
			return
		}
		if again, ok := contactAddress(got); !ok || again != got {
			t.Errorf("%q became %q, then %q %v", s, got, again, ok)
		}
		if !strings.EqualFold(got, s) || strings.ContainsAny(got, " \r\n<>,;:\"") || got != printable(got, 300) {
			t.Errorf("%q became %q", s, got)
		}
	})
}
