package api_test

import (
	"crypto/x509"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// TestIssuerStatus: a CA shows where its status is served, and its CRL can be
// fetched without that address.
func TestIssuerStatus(t *testing.T) {
	w := newWorld(t)
	at := "/issuers/" + string(w.h.Issuing.ID)
	i := decode[resource.IssuerDetail](t, w.admin.do(t, "GET", at, nil).is(t, 200))
	if i.CRLURL != "http://status.example/status/"+i.Slug+".crl" || i.OCSPURL == "" {
		t.Errorf("%q %q", i.CRLURL, i.OCSPURL)
	}
	f, err := w.admin.client(t).CRL(t.Context(), i.ID)
	must(t, err)
	crl, err := x509.ParseRevocationList(f.Body)
	must(t, err)
	issuer, err := x509.ParseCertificate(w.h.Issuing.Certificate)
	must(t, err)
	if err := crl.CheckSignatureFrom(issuer); err != nil || f.Name != i.Slug+".crl" || f.Type != "application/pkix-crl" {
		t.Errorf("%v %s %s", err, f.Name, f.Type)
	}
	w.otherAccount(t).do(t, "GET", at+"/crl", nil).is(t, 404)
	pending := decode[resource.IssuerDetail](t, w.admin.do(t, "POST", "/issuers", resource.NewIssuer{Kind: "pending", Slug: "waits", Name: "Waits", Subject: core.DN{{Type: "CN", Value: "Waits"}}, Algorithm: "ECDSA P-256"}).is(t, 201))
	w.admin.do(t, "GET", "/issuers/"+string(pending.ID)+"/crl", nil).is(t, 404)
}

// TestIssuerFields: refusals name the field of the request.
func TestIssuerFields(t *testing.T) {
	w := newWorld(t)
	n := func(change func(n *resource.NewIssuer)) resource.NewIssuer {
		n := resource.NewIssuer{Kind: "issuing", Slug: "fields", Name: "Fields", Subject: core.DN{{Type: "CN", Value: "Fields"}}, Algorithm: "ECDSA P-256", Parent: w.h.Root.ID}
		change(&n)
		return n
	}
	two := 20
	for field, body := range map[string]resource.NewIssuer{
		"parent":         n(func(n *resource.NewIssuer) { n.Parent = "" }),
		"algorithm":      n(func(n *resource.NewIssuer) { n.Algorithm = "RSA 512" }),
		"validity_years": n(func(n *resource.NewIssuer) { n.ValidityYears = 45 }),
		"path_length":    n(func(n *resource.NewIssuer) { n.PathLength = &two }),
		"slug":           n(func(n *resource.NewIssuer) { n.Slug = "ocsp" }),
	} {
		if p := w.admin.do(t, "POST", "/issuers", body).problem(t, core.KindInvalid); p.Field != field {
			t.Errorf("%s: field %q: %s", field, p.Field, p.Detail)
		}
	}
	taken := n(func(n *resource.NewIssuer) { n.Slug = w.h.Issuing.Slug })
	if p := w.admin.do(t, "POST", "/issuers", taken).is(t, 409).problem(t, core.KindExists); p.Field != "slug" {
		t.Errorf("field %q: %s", p.Field, p.Detail)
	}
}
