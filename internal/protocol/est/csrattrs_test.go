package est

import (
	"encoding/base64"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/protocol/protocoltest"
	"github.com/certwright/certwright/internal/wire/x509x"
)

func attrs(t *testing.T, b *bench, query string) []x509x.CSRAttr {
	t.Helper()
	a := do(t, b.site.Client(t), "GET", b.site.MTLS+"/.well-known/est/lab/csrattrs"+query, nil)
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != "application/csrattrs" || a.Header.Get("Content-Transfer-Encoding") != "base64" {
		t.Fatalf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	der, err := base64.StdEncoding.DecodeString(string(a.body))
	if err != nil {
		t.Fatal(err)
	}
	list, err := x509x.ParseCSRAttrs(der)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestCSRAttrs(t *testing.T) {
	b := newBench(t)
	list := attrs(t, b, "")
	if len(list) != 2 || list[0].OID != x509x.OIDKeyEC || list[1].OID != x509x.OIDExtensionRequest {
		t.Fatalf("%+v", list)
	}
	ext, err := x509x.ParseExtensions(list[1].Values[0])
	if err != nil || len(ext) != 1 {
		t.Fatal(ext, err)
	}
	usage, err := x509x.ParseExtKeyUsage(ext[0].Value)
	if err != nil || len(usage) != 2 || x509x.ExtKeyUsageName(usage[0]) != "serverAuth" {
		t.Error(usage, err)
	}
}

func TestCSRAttrsTemplate(t *testing.T) {
	b := newBench(t)
	list := attrs(t, b, "?template=1")
	if len(list) != 1 || list[0].OID != x509x.OIDRequestTemplate {
		t.Fatalf("%+v", list)
	}
	tmpl, err := x509x.ParseRequestTemplate(list[0].Values[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(tmpl.Subject) != 1 || tmpl.Subject[0].Value != "Example" || !tmpl.Subject[0].Present {
		t.Errorf("subject %+v", tmpl.Subject)
	}
	if tmpl.Key == nil || tmpl.Key.Curve != x509x.OIDCurveP256 {
		t.Errorf("key %+v", tmpl.Key)
	}
	if len(tmpl.Extensions) != 2 || tmpl.Extensions[0].OID != x509x.OIDSubjectAltName || tmpl.Extensions[0].Value != nil || tmpl.Extensions[1].Value == nil {
		t.Errorf("extensions %+v", tmpl.Extensions)
	}
}

func TestCSRAttrsKinds(t *testing.T) {
	p := protocoltest.DefaultProduct()
	p.Subject = []core.SubjectRule{{Type: "CN", Mode: "required"}, {Type: "OU", Mode: "optional"}, {Type: "1.2.3", Mode: "required"}}
	for want, rule := range map[string]core.KeyRule{
		x509x.OIDKeyRSA:     {Algorithm: "RSA", MinBits: 3000},
		x509x.OIDKeyEd25519: {Algorithm: "Ed25519"},
		x509x.OIDKeyEC:      {Algorithm: "ECDSA"},
	} {
		p.Keys = []core.KeyRule{rule}
		list, err := plainWish(&p)
		if err != nil || list[0].OID != want {
			t.Errorf("%v: %+v %v", rule, list, err)
		}
		if _, err := templateWish(&p); err != nil {
			t.Error(err)
		}
	}
	p.Keys, p.ExtKeyUsage = nil, nil
	if list, err := plainWish(&p); err != nil || len(list) != 0 {
		t.Error(list, err)
	}
	p.Keys = []core.KeyRule{{Algorithm: "ML-DSA-65"}}
	if list, err := plainWish(&p); err != nil || len(list) != 0 {
		t.Error(list, err)
	}
}

func TestCSRAttrsNothingToSay(t *testing.T) {
	b := newBench(t)
	p := protocoltest.DefaultProduct()
	p.Keys, p.ExtKeyUsage = []core.KeyRule{{Algorithm: "ML-DSA-65"}}, nil
	product := b.AddProduct(p)
	b.Auth.Change(b.cred.ID, func(c *core.Credential) { c.Product = product.ID })
	a := do(t, b.site.Client(t), "GET", b.site.MTLS+"/.well-known/est/lab/csrattrs", nil)
	if a.StatusCode != 204 || len(a.body) != 0 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}
