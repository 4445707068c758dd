package acme_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
)

// TestURLExact is RFC 8555 section 6.4: the url is compared octet by octet, and
// is a string.
func TestURLExact(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{}))
		c.post(c.kid, "").want(t, 200, "")
		id := c.kid[strings.LastIndexByte(c.kid, '/')+1:]
		for _, u := range []any{c.kid + "/", c.kid + "?", c.kid + "#", strings.Replace(c.kid, "http:", "HTTP:", 1), strings.Replace(c.kid, "/acct/", "//acct/", 1),
			strings.Replace(c.kid, "acct", "%61cct", 1), "/acme/first/acct/" + id, strings.ToUpper(c.kid), 7, nil, []string{c.kid}, map[string]string{}} {
			a := c.post(c.kid, "", func(s *shape) { s.header["url"] = u })
			if a.status != 400 || !strings.HasSuffix(a.problem.Type, ":malformed") {
				t.Errorf("%v: %d %s", u, a.status, a.body)
			}
		}
		list := c.kid + "/orders?cursor=" + string(core.NewID[core.ACMEOrderID](w.Now()))
		c.post(list, "").want(t, 200, "")
		c.post(list, "", func(s *shape) { s.header["url"] = c.kid + "/orders" }).want(t, 400, "malformed")
	})
}

// TestTopLevel is RFC 8555 section 6.7.1: a problem with one identifier says
// which in a subproblem. That it stands nowhere else every test looks at.
func TestTopLevel(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{}, func(c *core.Credential) { c.AllowedNames = []string{".example.internal"} }))
		proven := w.user(t, w.credential(t, "proven", core.ACMEOptions{Control: core.ACMEProven}))
		o, _ := c.order("a.example.internal")
		c.prove(o, "")
		c.post(o.Authorizations[0], `{"status":"deactivated"}`).want(t, 200, "")
		for want, a := range map[string]*answer{
			"dns:a.elsewhere.internal": c.post("new-order", mustJSON(map[string]any{"identifiers": ids("a.elsewhere.internal", "a.example.internal")})).want(t, 400, "rejectedIdentifier"),
			"dns:a..example.internal":  c.post("new-order", mustJSON(map[string]any{"identifiers": ids("a..example.internal")})).want(t, 400, "malformed"),
			"email:a@b.example":        c.post("new-order", mustJSON(map[string]any{"identifiers": ids("email=a@b.example")})).want(t, 400, "unsupportedIdentifier"),
			"dns:b.example.internal":   proven.post("new-order", mustJSON(map[string]any{"identifiers": ids("b.example.internal")})).want(t, 403, "rejectedIdentifier"),
			"dns:c.example.internal":   proven.post("new-authz", `{"identifier":{"type":"dns","value":"c.example.internal"}}`).want(t, 403, "rejectedIdentifier"),
			"dns:a.example.internal":   c.post(o.Finalize, mustJSON(map[string]string{"csr": csr(t, ecKey(t), "", "a.example.internal")})).want(t, 403, "unauthorized"),
		} {
			subs := a.problem.Subproblems
			if len(subs) != 1 || subs[0].Identifier == nil || subs[0].Identifier.String() != want || subs[0].Type != a.problem.Type {
				t.Errorf("%s: %s", want, a.body)
			}
		}
	})
}

// TestCAAIdentities is RFC 8555 section 7.1.1: the directory names what CAA
// records are compared with.
func TestCAAIdentities(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		w.credential(t, "first", core.ACMEOptions{}, func(c *core.Credential) { c.Products = append(c.Products, w.Product(t, "tls-client").ID) })
		c := &client{t: t, w: w, base: w.URL + "/acme/first/"}
		read := func() []string {
			return into[struct {
				Meta struct {
					CAA []string `json:"caaIdentities"`
				} `json:"meta"`
			}](t, c.send("GET", c.base+"directory", "", "").want(t, 200, "")).Meta.CAA
		}
		if got := read(); got != nil {
			t.Errorf("%q", got)
		}
		w.Change(t, "tls-server", func(p *core.Profile) { p.CAA = []string{"ca.example", "pki.example"} })
		w.Change(t, "tls-client", func(p *core.Profile) { p.CAA = []string{"pki.example"} })
		if got := read(); !slices.Equal(got, []string{"ca.example", "pki.example"}) {
			t.Errorf("%q", got)
		}
	})
}

// TestContacts is RFC 8555 section 7.3: which contacts are taken, and what is
// said of the others.
func TestContacts(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		cred := w.credential(t, "first", core.ACMEOptions{})
		c := w.user(t, cred)
		fresh := w.client(t, cred)
		eab := fresh.eab(cred.PublicID, w.Secret, "HS256")
		for contact, typ := range map[string]string{
			"tel:+12025551212": "unsupportedContact", "https://a.example/": "unsupportedContact", "a@b.example": "unsupportedContact", "": "unsupportedContact",
			"mailto:a": "invalidContact", "mailto:a@b.example,c@d.example": "invalidContact", "mailto:a@b.example?subject=x": "invalidContact",
			"mailto:": "invalidContact", "mailto:A <a@b.example>": "invalidContact", "mailto://a@b.example": "invalidContact", "mailto:a@b.example#x": "invalidContact",
		} {
			list := map[string]any{"contact": []string{"mailto:good@example.internal", contact}, "externalAccountBinding": eab}
			for _, a := range []*answer{c.post(c.kid, mustJSON(list)), fresh.post("new-account", mustJSON(list))} {
				if a.status != 400 || !strings.HasSuffix(a.problem.Type, ":"+typ) || typ == "unsupportedContact" && !strings.Contains(a.problem.Detail, "mailto") {
					t.Errorf("%q: %d %s", contact, a.status, a.body)
				}
			}
		}
		a := c.post(c.kid, `{"contact":["mailto:a@example.internal","mailto:b+c@example.internal"]}`).want(t, 200, "")
		if d := into[accountDoc](t, a); !slices.Equal(d.Contact, []string{"mailto:a@example.internal", "mailto:b+c@example.internal"}) {
			t.Errorf("%s", a.body)
		}
		if d := into[accountDoc](t, c.post(c.kid, `{"contact":[]}`).want(t, 200, "")); len(d.Contact) != 0 {
			t.Errorf("%+v", d)
		}
	})
}

// TestBadResponse is RFC 8555 section 7.5.1: what is no response to a challenge
// is an error and starts nothing.
func TestBadResponse(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{}))
		o, _ := c.order("a.example.internal")
		z := into[authzDoc](t, c.post(o.Authorizations[0], ""))
		for _, payload := range []string{"x", "[]", `"x"`, "7", "{", `{"attObj":7}`} {
			c.post(z.Challenges[0].URL, payload).want(t, 400, "malformed")
		}
		c.post(z.Challenges[0].URL[:strings.LastIndexByte(z.Challenges[0].URL, '/')]+"/9", "{}").want(t, 404, "malformed")
		if n := w.Checks.count(); n != 0 {
			t.Errorf("%d checks", n)
		}
		// Reading starts nothing either.
		if ch := into[challengeDoc](t, c.post(z.Challenges[0].URL, "").want(t, 200, "")); ch.Status != "pending" || w.Checks.count() != 0 {
			t.Errorf("%+v after %d checks", ch, w.Checks.count())
		}
	})
}

// TestIPAddresses is RFC 8738 sections 3 and 7.
func TestIPAddresses(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{Methods: []string{"dns-01", "http-01", "dns-account-01", "tls-alpn-01", "dns-persist-01"}}))
		for sent, kept := range map[string]string{"192.0.2.1": "192.0.2.1", "2001:DB8:0:0:0:0:0:1": "2001:db8::1", "2001:0db8::0001:0:0:1": "2001:db8::1:0:0:1", "::": "::"} {
			o, _ := c.order("ip=" + sent)
			z := into[authzDoc](t, c.post(o.Authorizations[0], ""))
			if want := (core.Identifier{Type: "ip", Value: kept}); z.Identifier != want || o.Identifiers[0] != want || types(z) != "http-01 tls-alpn-01" || z.Wildcard {
				t.Errorf("%s: %+v %+v", sent, o, z)
			}
		}
		for _, bad := range []string{"192.0.2.01", "192.0.2", "192.0.2.1/32", "fe80::1%eth0", "::ffff:192.0.2.1", "[::1]", "0x7f000001", "2130706433", "*.192.0.2.1", "192.0.2.1."} {
			if a := c.post("new-order", mustJSON(map[string]any{"identifiers": ids("ip=" + bad)})); a.status != 400 || !strings.HasSuffix(a.problem.Type, ":malformed") {
				t.Errorf("%s: %d %s", bad, a.status, a.body)
			}
		}
		only := w.user(t, w.credential(t, "dns", core.ACMEOptions{Methods: []string{"dns-01"}}))
		only.post("new-order", mustJSON(map[string]any{"identifiers": ids("ip=192.0.2.1")})).want(t, 400, "rejectedIdentifier")
	})
}

// TestSubdomainFlag is RFC 9444 section 4.1: an authorization that covers one
// name says nothing of those below.
func TestSubdomainFlag(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{Subdomains: true}))
		for _, sub := range []bool{false, true} {
			a := c.post("new-authz", mustJSON(map[string]any{"identifier": map[string]any{"type": "dns", "value": "example.internal", "subdomainAuthAllowed": sub}})).want(t, 201, "")
			z := into[authzDoc](t, a)
			if z.Subdomains != sub || z.Wildcard || z.Identifier.Value != "example.internal" {
				t.Errorf("%s", a.body)
			}
			c.post(z.Challenges[slices.IndexFunc(z.Challenges, func(ch challengeDoc) bool { return ch.Type == "dns-01" })].URL, "{}").want(t, 200, "")
			if o, _ := c.order(fmt.Sprintf("below-%v.example.internal", sub)); (o.Status == "ready") != sub {
				t.Errorf("with subdomains %v: %+v", sub, o)
			}
			if o, _ := c.order("example.internal"); o.Status != "ready" {
				t.Errorf("with subdomains %v: %+v", sub, o)
			}
		}
		plain := w.user(t, w.credential(t, "plain", core.ACMEOptions{}))
		plain.post("new-authz", `{"identifier":{"type":"dns","value":"example.internal","subdomainAuthAllowed":true}}`).want(t, 403, "unauthorized")
		o, _ := plain.order("example.internal")
		plain.prove(o, "dns-01")
		if o, _ := plain.order("below.example.internal"); o.Status != "pending" {
			t.Errorf("%+v", o)
		}
	})
}
