package acme_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/validation"
)

// TestObjects is RFC 8555 sections 7.1.3, 7.1.4 and 8: the members that each
// state of an order, authorization and challenge has.
func TestObjects(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{}))
		o, url := c.order("a.example.internal", "*.a.example.internal")
		tokens := map[string]bool{}
		for i, u := range o.Authorizations {
			z := into[authzDoc](t, c.post(u, "").want(t, 200, ""))
			if z.Identifier != (core.Identifier{Type: "dns", Value: "a.example.internal"}) || z.Wildcard != (i == 1) || z.Status != "pending" {
				t.Errorf("%+v", z)
			}
			for _, ch := range z.Challenges {
				raw, err := base64.RawURLEncoding.Strict().DecodeString(ch.Token)
				if err != nil || len(raw) < 16 || ch.Status != "pending" || ch.Validated != "" || ch.Error != nil || !strings.HasPrefix(ch.URL, c.base) {
					t.Errorf("%+v %v", ch, err)
				}
				tokens[ch.Token] = true
			}
		}
		if len(tokens) != 2 {
			t.Errorf("%d tokens for two authorizations", len(tokens))
		}
		states := []orderDoc{o}
		c.prove(o, "dns-01")
		states = append(states, into[orderDoc](t, c.post(url, "")))
		c.finish(o, url, "a.example.internal", "*.a.example.internal")
		states = append(states, into[orderDoc](t, c.post(url, "")))
		for i, s := range states {
			if _, err := time.Parse(time.RFC3339, s.Expires); err != nil || s.Status != []string{"pending", "ready", "valid"}[i] || (s.Certificate != "") != (i == 2) ||
				!slices.Equal(s.Identifiers, o.Identifiers) || !slices.Equal(s.Authorizations, o.Authorizations) || s.Finalize != o.Finalize || s.Error != nil {
				t.Errorf("%+v, began as %+v", s, o)
			}
		}
		for _, u := range o.Authorizations {
			z := into[authzDoc](t, c.post(u, ""))
			_, err := time.Parse(time.RFC3339, z.Expires)
			_, verr := time.Parse(time.RFC3339, z.Challenges[0].Validated)
			if z.Status != "valid" || len(z.Challenges) != 1 || z.Challenges[0].Status != "valid" || err != nil || verr != nil {
				t.Errorf("%+v", z)
			}
		}
	})
}

// TestAttemptsShown is RFC 8555 section 8.2: while a check is tried again, the
// challenge says what went wrong so far.
func TestAttemptsShown(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{}))
		o, _ := c.order("a.example.internal")
		z := into[authzDoc](t, c.post(o.Authorizations[0], ""))
		var seen []challengeDoc
		w.Checks.mu.Lock()
		w.Checks.set = func(validation.Check) validation.Result {
			a := c.post(z.Challenges[0].URL, "")
			if a.header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			seen = append(seen, into[challengeDoc](t, a))
			if len(seen) == 3 {
				return validation.Result{}
			}
			return validation.Result{Failure: &core.Failure{Code: "connection", Detail: "nobody there " + strings.Repeat("!", len(seen))}, Retry: true}
		}
		w.Checks.mu.Unlock()
		got := into[challengeDoc](t, c.post(z.Challenges[0].URL, "{}").want(t, 200, ""))
		if got.Status != "valid" || got.Error != nil || len(seen) != 3 {
			t.Fatalf("%+v after %d attempts", got, len(seen))
		}
		if seen[0].Error != nil || seen[0].Status != "pending" {
			t.Errorf("before the first attempt: %+v", seen[0])
		}
		for i, ch := range seen[1:] {
			if ch.Status != "processing" || ch.Error == nil || ch.Error.Type != "urn:ietf:params:acme:error:connection" || !strings.HasSuffix(ch.Error.Detail, " "+strings.Repeat("!", i+1)) {
				t.Errorf("after attempt %d: %+v", i+1, ch)
			}
		}
	})
}

// TestEncodedLabels is RFC 8555 section 7.1.4: what begins with xn-- is the
// encoding of something.
func TestEncodedLabels(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{}))
		for _, name := range []string{"xn--", "xn--99999999", "xn--abc-", "www.xn--bcher-kv"} {
			if a := c.post("new-order", mustJSON(map[string]any{"identifiers": ids(name + ".example.internal")})); a.status != 400 || !strings.HasSuffix(a.problem.Type, ":malformed") {
				t.Errorf("%s: %d %+v", name, a.status, a.problem)
			}
		}
		o, _ := c.order("xn--bcher-kva.example.internal", "*.XN--MNCHEN-3YA.example.internal")
		if len(o.Identifiers) != 2 || o.Identifiers[1].Value != "*.xn--mnchen-3ya.example.internal" {
			t.Errorf("%+v", o)
		}
	})
}

// TestAsRequested is RFC 8555 section 7.4: the certificate is as the order says,
// or there is none.
func TestAsRequested(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{Control: core.ACMETrusted}))
		order := func(after time.Time) (orderDoc, string) {
			a := c.post("new-order", mustJSON(map[string]any{"identifiers": ids("a.example.internal"), "notAfter": after.Format(time.RFC3339)})).want(t, 201, "")
			return into[orderDoc](t, a), a.header.Get("Location")
		}
		end := w.Now().Add(5 * 24 * time.Hour).UTC()
		o, url := order(end)
		if o.NotAfter != end.Format(time.RFC3339) || o.NotBefore != "" {
			t.Errorf("%+v", o)
		}
		certs := c.finish(o, url, "a.example.internal")
		if !certs[0].NotAfter.Equal(end) {
			t.Errorf("ends %s, asked for %s", certs[0].NotAfter, end)
		}
		// Longer than the product allows: no shorter one in its stead.
		o, url = order(w.Now().AddDate(30, 0, 0))
		a := c.post(o.Finalize, request(t, ecKey(t), x509.CertificateRequest{DNSNames: []string{"a.example.internal"}}))
		if a.status < 400 {
			t.Errorf("%d %s", a.status, a.body)
		}
		if got := into[orderDoc](t, c.post(url, "")); got.Certificate != "" {
			t.Errorf("%+v", got)
		}
		// A request for a CA certificate gives none.
		o, _ = c.order("b.example.internal")
		ca := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Critical: true, Value: []byte{0x30, 3, 1, 1, 0xff}}
		a = c.post(o.Finalize, request(t, ecKey(t), x509.CertificateRequest{DNSNames: []string{"b.example.internal"}, ExtraExtensions: []pkix.Extension{ca}}))
		if a.status == 200 && chainOf(t, c.post(into[orderDoc](t, a).Certificate, "").body)[0].IsCA {
			t.Error("a CA certificate was issued")
		}
	})
}

// TestNamesOfRequest is RFC 8555 section 7.4: the certificate request names
// exactly what the order names, where it may.
func TestNamesOfRequest(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{Control: core.ACMETrusted}))
		link := &url.URL{Scheme: "https", Host: "a.example.internal"}
		address := []net.IP{net.IPv4(192, 0, 2, 1)}
		names := func(s ...string) []string { return s }
		for _, x := range []struct {
			what  string
			order []string
			csr   x509.CertificateRequest
			good  bool
		}{
			{"subject empty", names("a.example.internal"), x509.CertificateRequest{DNSNames: names("a.example.internal")}, true},
			{"upper case", names("a.example.internal"), x509.CertificateRequest{DNSNames: names("A.Example.Internal")}, true},
			{"common name only", names("a.example.internal"), x509.CertificateRequest{Subject: pkix.Name{CommonName: "a.example.internal"}}, true},
			{"common name one of two", names("a.example.internal", "b.example.internal"),
				x509.CertificateRequest{Subject: pkix.Name{CommonName: "b.example.internal"}, DNSNames: names("a.example.internal")}, true},
			{"twice in another order", names("b.example.internal", "a.example.internal"),
				x509.CertificateRequest{DNSNames: names("a.example.internal", "b.example.internal", "a.example.internal")}, true},
			{"address", names("a.example.internal", "ip=192.0.2.1"), x509.CertificateRequest{DNSNames: names("a.example.internal"), IPAddresses: address}, true},
			{"common name not in the order", names("a.example.internal"),
				x509.CertificateRequest{Subject: pkix.Name{CommonName: "b.example.internal"}, DNSNames: names("a.example.internal")}, false},
			{"common name that is no host name", names("a.example.internal"),
				x509.CertificateRequest{Subject: pkix.Name{CommonName: "Some Server"}, DNSNames: names("a.example.internal")}, false},
			{"one too many", names("a.example.internal"), x509.CertificateRequest{DNSNames: names("a.example.internal", "b.example.internal")}, false},
			{"one too few", names("a.example.internal", "b.example.internal"), x509.CertificateRequest{DNSNames: names("a.example.internal")}, false},
			{"none", names("a.example.internal"), x509.CertificateRequest{}, false},
			{"wildcard for the name", names("*.example.internal"), x509.CertificateRequest{DNSNames: names("a.example.internal")}, false},
			{"name for the wildcard", names("a.example.internal"), x509.CertificateRequest{DNSNames: names("*.example.internal")}, false},
			{"address too many", names("a.example.internal"), x509.CertificateRequest{DNSNames: names("a.example.internal"), IPAddresses: address}, false},
			{"address as name", names("ip=192.0.2.1"), x509.CertificateRequest{DNSNames: names("192.0.2.1")}, false},
			{"another address", names("ip=192.0.2.2"), x509.CertificateRequest{IPAddresses: address}, false},
			{"mail address", names("a.example.internal"), x509.CertificateRequest{DNSNames: names("a.example.internal"), EmailAddresses: names("a@example.internal")}, false},
			{"URI", names("a.example.internal"), x509.CertificateRequest{DNSNames: names("a.example.internal"), URIs: []*url.URL{link}}, false},
		} {
			o, _ := c.order(x.order...)
			a := c.post(o.Finalize, request(t, ecKey(t), x.csr))
			if good := a.status == 200 && into[orderDoc](t, a).Status == "valid"; good != x.good || !good && !strings.HasSuffix(a.problem.Type, ":badCSR") {
				t.Errorf("%s: %d %s", x.what, a.status, a.body)
			}
			if a.status != 200 {
				continue
			}
			leaf := chainOf(t, c.post(into[orderDoc](t, a).Certificate, "").body)[0]
			for _, n := range x.order {
				if err := leaf.VerifyHostname(strings.TrimPrefix(n, "ip=")); err != nil {
					t.Errorf("%s: %v", x.what, err)
				}
			}
			if len(leaf.DNSNames)+len(leaf.IPAddresses) != len(x.order) {
				t.Errorf("%s: %v %v", x.what, leaf.DNSNames, leaf.IPAddresses)
			}
		}
	})
}

// TestAccountKeys is RFC 8555 section 11.1: no key of an account goes into a
// certificate, and none has two accounts.
func TestAccountKeys(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		cred := w.credential(t, "first", core.ACMEOptions{Control: core.ACMETrusted})
		c, other := w.user(t, cred), w.user(t, cred)
		o, url := c.order("a.example.internal")
		for _, x := range []*client{c, other} {
			c.post(o.Finalize, request(t, x.key, x509.CertificateRequest{DNSNames: []string{"a.example.internal"}})).want(t, 400, "badCSR")
		}
		kid := other.kid
		other.kid = ""
		if a := other.post("new-account", `{}`).want(t, 200, ""); a.header.Get("Location") != kid {
			t.Errorf("one key, two accounts: %v", a.header)
		}
		c.finish(o, url, "a.example.internal")
	})
}

// TestFolded: clients repeat names, write them in upper case and order a
// wildcard beside a name that it covers.
func TestFolded(t *testing.T) {
	once(t, func(t *testing.T, w *world) {
		c := w.user(t, w.credential(t, "first", core.ACMEOptions{}))
		o, url := c.order("*.Example.internal", "WWW.example.internal", "example.internal", "www.example.INTERNAL.", "*.example.internal", "ip=2001:DB8:0::1", "ip=2001:db8::1")
		want := ids("*.example.internal", "www.example.internal", "example.internal", "ip=2001:db8::1")
		if !slices.Equal(o.Identifiers, want) || len(o.Authorizations) != 4 {
			t.Fatalf("%+v", o)
		}
		c.prove(o, "")
		a := c.post(o.Finalize, request(t, ecKey(t), x509.CertificateRequest{DNSNames: []string{"*.example.internal", "www.example.internal", "example.internal"},
			IPAddresses: []net.IP{net.ParseIP("2001:db8::1")}})).want(t, 200, "")
		if got := into[orderDoc](t, a); got.Status != "valid" || a.header.Get("Location") != url {
			t.Errorf("%s %v", a.body, a.header)
		}
		again, _ := c.order("EXAMPLE.internal")
		if again.Status != "ready" {
			t.Errorf("the proof is not used for another spelling: %+v", again)
		}
	})
}
