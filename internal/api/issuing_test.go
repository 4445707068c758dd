package api_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/keystore"
)

// csr makes a request for DNS names, PEM.
func csr(t testing.TB, names ...string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: names[0]}, DNSNames: names}, key)
	must(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

// order orders a certificate that is issued at once.
func (c *caller) order(t testing.TB, o resource.NewOrder) resource.IssuedOrder {
	t.Helper()
	return decode[resource.IssuedOrder](t, c.do(t, "POST", "/orders", o).is(t, 201))
}

func parsePEM(t testing.TB, text string) *x509.Certificate {
	t.Helper()
	b, _ := pem.Decode([]byte(text))
	if b == nil {
		t.Fatalf("not PEM: %q", text)
	}
	c, err := x509.ParseCertificate(b.Bytes)
	must(t, err)
	return c
}

func TestOrderWithCSR(t *testing.T) {
	w := newWorld(t)
	c := w.admin
	got := c.order(t, resource.NewOrder{Product: "tls-server", CSR: csr(t, "a.example", "b.example"), Comment: "hello"})
	leaf := parsePEM(t, got.PEM)
	if len(leaf.DNSNames) != 2 || got.PrivateKey != "" || len(got.Chain) != 2 || got.Order.State != core.OrderIssued || got.Order.ProductCode != "tls-server" ||
		got.Order.IssuerName == "" || got.Certificate.Number == 0 || got.Order.Protocol != "api" || got.Order.Comment != "hello" {
		t.Errorf("%+v", got)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsePEM(t, got.Chain[1]))
	mid := x509.NewCertPool()
	mid.AddCert(parsePEM(t, got.Chain[0]))
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: pool, Intermediates: mid, CurrentTime: w.Clock.Now()}); err != nil {
		t.Error(err)
	}
	for _, id := range []string{string(got.Order.ID), strconv.FormatInt(got.Order.Number, 10)} {
		d := decode[resource.OrderDetail](t, c.do(t, "GET", "/orders/"+id, nil).is(t, 200))
		if d.ID != got.Order.ID || !strings.Contains(d.CSR, "CERTIFICATE REQUEST") || len(d.Template.SPKI) == 0 || d.Needed != 0 {
			t.Errorf("%+v", d)
		}
	}
	for _, id := range []string{string(got.Certificate.ID), strconv.FormatInt(got.Certificate.Number, 10)} {
		d := decode[resource.CertificateDetail](t, c.do(t, "GET", "/certificates/"+id, nil).is(t, 200))
		if d.ID != got.Certificate.ID || d.PEM != got.PEM || len(d.Chain) != 2 || d.Decoded == nil || d.Decoded.Serial != d.Serial ||
			d.Decoded.SHA256 != d.Fingerprint || len(d.Decoded.Names) != 2 || d.Decoded.ExtKeyUsage[0] != "serverAuth" || len(d.Decoded.CRL) != 1 ||
			d.Decoded.KeyAlgorithm != "ECDSA P-256" || len(d.Decoded.Extensions) < 6 || d.Decoded.Subject[0].Type != "CN" {
			t.Errorf("%+v", d)
		}
	}
	// base64 of DER without PEM, other names than in the CSR.
	b, _ := pem.Decode([]byte(csr(t, "x.example")))
	got = c.order(t, resource.NewOrder{Product: "tls-server", CSR: base64.StdEncoding.EncodeToString(b.Bytes), Names: []string{"c.example", "ip:192.0.2.9"},
		Subject: core.DN{{Type: "CN", Value: "c.example"}}, ValidityDays: 5})
	if leaf := parsePEM(t, got.PEM); len(leaf.DNSNames) != 1 || leaf.DNSNames[0] != "c.example" || len(leaf.IPAddresses) != 1 || leaf.NotAfter.Sub(leaf.NotBefore).Hours() > 24*5+2 {
		t.Errorf("%+v", got)
	}
}

func TestOrderRefusals(t *testing.T) {
	w := newWorld(t)
	good := csr(t, "a.example")
	for name, c := range map[string]struct {
		o    resource.NewOrder
		kind core.Kind
	}{
		"no product":      {resource.NewOrder{Product: "no-such", CSR: good}, core.KindInvalid},
		"neither":         {resource.NewOrder{Product: "tls-server"}, core.KindInvalid},
		"garbage":         {resource.NewOrder{Product: "tls-server", CSR: "garbage!"}, core.KindBadCSR},
		"broken":          {resource.NewOrder{Product: "tls-server", CSR: broken(t, good)}, core.KindBadProof},
		"name":            {resource.NewOrder{Product: "tls-server", CSR: good, Names: []string{"a b"}}, core.KindBadName},
		"kind of name":    {resource.NewOrder{Product: "tls-server", CSR: good, Names: []string{"ip:x"}}, core.KindInvalid},
		"both ends":       {resource.NewOrder{Product: "tls-server", CSR: good, ValidityDays: 3, NotAfter: w.Clock.Now()}, core.KindInvalid},
		"no key":          {resource.NewOrder{Product: "code-signing", Generate: "RSA 3072", Subject: core.DN{{Type: "CN", Value: "x"}}}, core.KindPolicy},
		"unknown key":     {resource.NewOrder{Product: "device", Generate: "DSA", Names: []string{"a.example"}}, core.KindUnsupported},
		"group":           {resource.NewOrder{Product: "tls-server", CSR: good, Group: unknownID}, core.KindInvalid},
		"replaces":        {resource.NewOrder{Product: "tls-server", CSR: good, Replaces: "12"}, core.KindNotFound},
		"private product": {resource.NewOrder{Product: "../device", CSR: good}, core.KindInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			w.admin.do(t, "POST", "/orders", c.o).problem(t, c.kind)
		})
	}
	w.admin.do(t, "POST", "/orders", `{"product":"device","csr":"x","issuer":"y"}`).is(t, 400).problem(t, core.KindInvalid)
	w.withRole(t, "auditor").do(t, "POST", "/orders", resource.NewOrder{Product: "tls-server", CSR: good}).is(t, 403)
	if p := decode[resource.Page[resource.Order]](t, w.admin.do(t, "GET", "/orders", nil)); len(p.Items) != 0 {
		t.Errorf("a refused request left an order: %+v", p)
	}
}

// broken changes a request after it was signed.
func broken(t testing.TB, text string) string {
	t.Helper()
	b, _ := pem.Decode([]byte(text))
	b.Bytes = bytes.Replace(b.Bytes, []byte("a.example"), []byte("b.example"), 1)
	return string(pem.EncodeToMemory(b))
}

func TestIdempotency(t *testing.T) {
	w := newWorld(t)
	c, o := w.admin, resource.NewOrder{Product: "tls-server", CSR: csr(t, "a.example")}
	var wg sync.WaitGroup
	ids := make([]core.CertificateID, 20)
	for i := range ids {
		wg.Go(func() {
			ids[i] = decode[resource.IssuedOrder](t, c.do(t, "POST", "/orders", o, "Idempotency-Key", "k1").is(t, 201)).Certificate.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("several certificates: %v", ids)
		}
	}
	o.CSR = csr(t, "b.example")
	c.do(t, "POST", "/orders", o, "Idempotency-Key", "k1").is(t, 409).problem(t, core.KindConflict)
	// The key is the user's own.
	if got := decode[resource.IssuedOrder](t, w.withRole(t, "operator").do(t, "POST", "/orders", o, "Idempotency-Key", "k1").is(t, 201)); got.Certificate.ID == ids[0] {
		t.Error("one user got another's certificate")
	}
	c.do(t, "POST", "/orders", o, "Idempotency-Key", strings.Repeat("x", 300)).is(t, 400)
}

func TestKeyMadeHere(t *testing.T) {
	w := newWorld(t)
	c := w.admin
	// S/MIME allows export, device does not.
	exportable := c.order(t, resource.NewOrder{Product: "smime", Generate: "RSA 3072", Names: []string{"a@example.com"}, Subject: core.DN{{Type: "CN", Value: "Ann"}}})
	if exportable.PrivateKey == "" || !exportable.Certificate.KeyStored {
		t.Fatalf("%+v", exportable)
	}
	at := "/certificates/" + string(exportable.Certificate.ID)
	for format, want := range map[string]keystore.Format{"p12": keystore.P12, "p12-legacy": keystore.P12, "jks": keystore.JKS, "pem": keystore.PEM} {
		a := c.do(t, "POST", at+"/export", resource.Export{Format: format, Password: "open sesame", Alias: "ann"}).is(t, 200)
		if f, ok := keystore.Detect(a.body); !ok || f != want {
			t.Errorf("%s: %s", format, f)
		}
		entries, err := keystore.Decode(a.body, "open sesame")
		if err != nil || len(entries) != 1 || entries[0].Key == nil || len(entries[0].Chain) != 3 {
			t.Errorf("%s: %v %d", format, err, len(entries))
		}
		if _, err := keystore.Decode(a.body, "wrong"); err == nil {
			t.Errorf("%s opens with any password", format)
		}
	}
	c.do(t, "POST", at+"/export", resource.Export{Format: "p12"}).is(t, 400).problem(t, core.KindInvalid)
	c.do(t, "POST", at+"/export", resource.Export{Format: "exe", Password: "x"}).is(t, 400)
	w.withRole(t, "auditor").do(t, "POST", at+"/export", resource.Export{Format: "p12", Password: "x"}).is(t, 403)
	log := decode[resource.Page[resource.Entry]](t, c.do(t, "GET", "/audit?filter=action:eq:certificate.key-export", nil).is(t, 200))
	if len(log.Items) != 4 {
		t.Errorf("%d exports in the log", len(log.Items))
	}

	once := c.order(t, resource.NewOrder{Product: "device", Generate: "ECDSA P-256", Names: []string{"d.example"}, Subject: core.DN{{Type: "CN", Value: "d.example"}}})
	key, err := keystore.ParseKey([]byte(once.PrivateKey), "")
	must(t, err)
	if once.Certificate.KeyStored || !key.(*ecdsa.PrivateKey).PublicKey.Equal(parsePEM(t, once.PEM).PublicKey) {
		t.Errorf("%+v", once)
	}
	c.do(t, "POST", "/certificates/"+string(once.Certificate.ID)+"/export", resource.Export{Format: "p12", Password: "x"}).is(t, 404)
}

func TestDownload(t *testing.T) {
	w := newWorld(t)
	got := w.admin.order(t, resource.NewOrder{Product: "tls-server", CSR: csr(t, "*.a.example", "a.example")})
	at := "/certificates/" + string(got.Certificate.ID) + "/download"
	for query, want := range map[string]int{"": 3, "?format=pem&chain=none": 1, "?chain=intermediates": 2, "?format=der": 1, "?format=p7b": 3, "?format=p7b&chain=none": 1} {
		a := w.admin.do(t, "GET", at+query, nil).is(t, 200)
		entries, err := keystore.Decode(a.body, "")
		if err != nil || len(entries) != 1 || len(entries[0].Chain) != want {
			t.Errorf("%s: %v %+v", query, err, entries)
		}
		if d := a.header.Get("Content-Disposition"); !strings.HasPrefix(d, `attachment; filename="_.a.example.`) {
			t.Errorf("%s: %s", query, d)
		}
	}
	w.admin.do(t, "GET", at+"?format=p12", nil).is(t, 400)
	w.admin.do(t, "GET", at+"?format=der&chain=full", nil).is(t, 400).problem(t, core.KindInvalid)
	w.admin.do(t, "GET", "/certificates/77/download", nil).is(t, 404).problem(t, core.KindNotFound)
}

func TestRevokeReleaseRenewTag(t *testing.T) {
	w := newWorld(t)
	c := w.admin
	got := c.order(t, resource.NewOrder{Product: "tls-server", CSR: csr(t, "a.example"), Group: w.group})
	at := "/certificates/" + string(got.Certificate.ID)
	c.do(t, "POST", at+"/release", nil).is(t, 409).problem(t, core.KindConflict)
	c.do(t, "POST", at+"/revoke", resource.Revocation{Reason: "because"}).is(t, 400).problem(t, core.KindInvalid)
	c.do(t, "POST", at+"/revoke", resource.Revocation{Reason: "cACompromise"}).is(t, 400)
	if r := decode[resource.Certificate](t, c.do(t, "POST", at+"/revoke", resource.Revocation{Reason: "certificatehold"}).is(t, 200)); r.State != core.CertOnHold || r.Reason != "certificateHold" {
		t.Errorf("%+v", r)
	}
	if r := decode[resource.Certificate](t, c.do(t, "POST", at+"/release", nil).is(t, 200)); r.State != core.CertActive || r.Reason != "" {
		t.Errorf("%+v", r)
	}
	if r := decode[resource.Certificate](t, c.do(t, "PUT", at+"/tags", resource.Tags{Tags: []string{"web", "prod", "web"}}).is(t, 200)); strings.Join(r.Tags, " ") != "prod web" {
		t.Errorf("%+v", r)
	}
	c.do(t, "PUT", at+"/tags", resource.Tags{Tags: []string{" x"}}).is(t, 400)
	c.do(t, "PUT", at+"/tags", `{"tags":[""]}`).is(t, 400)
	c.do(t, "PUT", at+"/tags", resource.Tags{Tags: []string{"web"}}).is(t, 200)
	log := string(w.admin.do(t, "GET", "/audit?filter=action:eq:certificate.tag", nil).is(t, 200).body)
	for _, want := range []string{`"before":[],"tags":["prod","web"]`, `"before":["prod","web"],"tags":["web"]`} {
		if strings.Count(log, want) != 1 {
			t.Errorf("the audit log lacks %s: %s", want, log)
		}
	}
	if p := decode[resource.Page[resource.Certificate]](t, c.do(t, "GET", "/certificates?filter=tags:eq:web", nil).is(t, 200)); len(p.Items) != 1 {
		t.Errorf("%+v", p)
	}
	w.Clock.Advance(60 * 24 * 3600 * 1e9)
	c = w.signIn(t, "admin", "mellow vole drums")
	next := decode[resource.IssuedOrder](t, c.do(t, "POST", at+"/renew", resource.Renewal{CSR: csr(t, "a.example")}, "Idempotency-Key", "r1").is(t, 201))
	if next.Certificate.Replaces != got.Certificate.ID || next.Certificate.Group != w.group {
		t.Errorf("%+v", next)
	}
	c.do(t, "POST", at+"/renew", resource.Renewal{CSR: "x"}).is(t, 422).problem(t, core.KindBadCSR)
	if r := decode[resource.Certificate](t, c.do(t, "POST", at+"/revoke", resource.Revocation{Reason: "4", Comment: "renewed"}).is(t, 200)); r.State != core.CertRevoked || r.Reason != "superseded" || r.ReplacedBy != next.Certificate.ID {
		t.Errorf("%+v", r)
	}
	c.do(t, "POST", at+"/revoke", nil).is(t, 409).problem(t, core.KindRevoked)
}

func TestApproval(t *testing.T) {
	w := newWorld(t)
	c := w.admin
	prod := decode[resource.Product](t, c.do(t, "GET", "/products/tls-server", nil).is(t, 200))
	prod.Profile.Approval = "manual"
	c.do(t, "PUT", "/products/"+string(prod.ID), resource.ProductUpdate{Version: prod.Version, Name: prod.Name, Issuer: prod.Issuer, State: prod.State, Profile: prod.Profile}).is(t, 200)
	wait := func(name string) resource.IssuedOrder {
		a := c.do(t, "POST", "/orders", resource.NewOrder{Product: "tls-server", CSR: csr(t, name)}).is(t, 202)
		if a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		return decode[resource.IssuedOrder](t, a)
	}
	o := wait("a.example")
	at := "/orders/" + strconv.FormatInt(o.Order.Number, 10)
	if o.Certificate != nil || o.Order.State != core.OrderApproval || o.RetryAfter == 0 {
		t.Errorf("%+v", o)
	}
	c.do(t, "POST", at+"/approve", nil).is(t, 403) // his own
	w.withRole(t, "operator").do(t, "POST", at+"/approve", nil).is(t, 403)
	app := w.withRole(t, "approver")
	d := decode[resource.OrderDetail](t, app.do(t, "POST", at+"/approve", resource.Decision{Comment: "fine"}).is(t, 200))
	if d.State != core.OrderIssued || d.Certificate == "" || len(d.Approvals) != 1 || d.Approvals[0].Comment != "fine" || d.Needed != 1 {
		t.Errorf("%+v", d)
	}
	app.do(t, "POST", at+"/approve", nil).is(t, 409)
	o = wait("b.example")
	d = decode[resource.OrderDetail](t, app.do(t, "POST", "/orders/"+string(o.Order.ID)+"/reject", resource.Decision{Comment: "no"}).is(t, 200))
	if d.State != core.OrderRejected || d.Failure != "no" {
		t.Errorf("%+v", d)
	}
	o = wait("c.example")
	d = decode[resource.OrderDetail](t, c.do(t, "POST", "/orders/"+string(o.Order.ID)+"/cancel", nil).is(t, 200))
	if d.State != core.OrderCancelled {
		t.Errorf("%+v", d)
	}
	c.do(t, "POST", "/orders/"+string(o.Order.ID)+"/cancel", nil).is(t, 409).problem(t, core.KindConflict)
}

func TestThingsOfOtherGroupsDoNotExist(t *testing.T) {
	w := newWorld(t)
	mine, foreign := w.newGroup(t, "mine"), w.newGroup(t, "foreign")
	op := w.person(t, "op", []core.GroupID{mine}, core.Grant{Role: core.RoleOperator, Group: mine}, core.Grant{Role: core.RoleApprover, Group: mine})
	own := op.order(t, resource.NewOrder{Product: "tls-server", CSR: csr(t, "mine.example")})
	if own.Order.Group != mine {
		t.Errorf("%+v", own.Order)
	}
	their := w.admin.order(t, resource.NewOrder{Product: "tls-server", CSR: csr(t, "foreign.example"), Group: foreign})
	none := w.admin.order(t, resource.NewOrder{Product: "tls-server", CSR: csr(t, "none.example")})
	for _, f := range []string{"", "?filter=group:eq:" + string(foreign), "?filter=group:ne:" + string(mine), "?filter=group:in:" + string(foreign) + "," + string(mine), "?limit=500&sort=number"} {
		for _, i := range decode[resource.Page[resource.Certificate]](t, op.do(t, "GET", "/certificates"+f, nil).is(t, 200)).Items {
			if i.Group != mine {
				t.Errorf("%s shows %s", f, i.CommonName)
			}
		}
		for _, i := range decode[resource.Page[resource.Order]](t, op.do(t, "GET", "/orders"+f, nil).is(t, 200)).Items {
			if i.Group != mine {
				t.Errorf("%s shows %s", f, i.Subject)
			}
		}
	}
	for _, o := range []resource.IssuedOrder{their, none} {
		cert, order := "/certificates/"+strconv.FormatInt(o.Certificate.Number, 10), "/orders/"+string(o.Order.ID)
		for _, r := range [][2]string{{"GET", cert}, {"GET", cert + "/download"}, {"POST", cert + "/renew"}, {"POST", cert + "/revoke"}, {"POST", cert + "/release"},
			{"GET", order}, {"POST", order + "/cancel"}, {"POST", order + "/approve"}, {"POST", order + "/reject"}} {
			op.do(t, r[0], r[1], nil).is(t, 404).problem(t, core.KindNotFound)
		}
		op.do(t, "POST", cert+"/export", resource.Export{Format: "p12", Password: "x"}).is(t, 404)
		op.do(t, "PUT", cert+"/tags", resource.Tags{Tags: []string{}}).is(t, 404)
		op.do(t, "POST", "/orders", resource.NewOrder{Product: "tls-server", CSR: csr(t, "x.example"), Replaces: string(o.Certificate.ID)}).is(t, 404)
	}
	op.do(t, "POST", "/orders", resource.NewOrder{Product: "tls-server", CSR: csr(t, "x.example"), Group: foreign}).is(t, 400)
	two := w.person(t, "two", nil, core.Grant{Role: core.RoleOperator, Group: mine}, core.Grant{Role: core.RoleOperator, Group: foreign})
	if p := two.do(t, "POST", "/orders", resource.NewOrder{Product: "tls-server", CSR: csr(t, "x.example")}).is(t, 400).problem(t, core.KindInvalid); p.Field != "group" {
		t.Errorf("%+v", p)
	}
}

func TestDryRun(t *testing.T) {
	w := newWorld(t)
	c := w.withRole(t, "auditor")
	at := "/products/tls-server/dry-run"
	v := decode[resource.Verdict](t, c.do(t, "POST", at, resource.DryRun{CSR: csr(t, "a.example")}).is(t, 200))
	if !v.Allowed || v.Template == nil || v.Approval || len(v.Template.Names.DNS) != 1 {
		t.Errorf("%+v", v)
	}
	v = decode[resource.Verdict](t, c.do(t, "POST", at, resource.DryRun{CSR: csr(t, "a.example"), Names: []string{"a b", "email:x@y.example"}}).is(t, 200))
	if v.Allowed || len(v.Reasons) < 2 || v.Kind == "" || v.Template != nil {
		t.Errorf("%+v", v)
	}
	v = decode[resource.Verdict](t, c.do(t, "POST", at, resource.DryRun{CSR: broken(t, csr(t, "a.example"))}).is(t, 200))
	if v.Allowed || v.Kind != core.KindBadProof {
		t.Errorf("%+v", v)
	}
	c.do(t, "POST", at, resource.DryRun{}).is(t, 400)
	c.do(t, "POST", "/products/nothing/dry-run", resource.DryRun{CSR: csr(t, "a.example")}).is(t, 404)
	if p := decode[resource.Page[resource.Order]](t, w.admin.do(t, "GET", "/orders", nil)); len(p.Items) != 0 {
		t.Error("a dry run left an order")
	}
}

func TestProducts(t *testing.T) {
	w := newWorld(t)
	c := w.withRole(t, "ca-administrator")
	base := decode[resource.Product](t, c.do(t, "GET", "/products/tls-server", nil).is(t, 200))
	n := resource.NewProduct{Code: "my-server", Name: "Mine", Issuer: base.Issuer, Profile: base.Profile}
	if p := c.do(t, "POST", "/products", n).is(t, 409).problem(t, core.KindExists); p.Field != "profile.terms.codes" {
		t.Errorf("two products under one numeric code: %+v", p)
	}
	n.Profile.Terms.Codes = nil
	p := decode[resource.Product](t, c.do(t, "POST", "/products", n).is(t, 201))
	if p.Version != 1 || p.State != core.ProductActive || p.IssuerName == "" {
		t.Errorf("%+v", p)
	}
	c.do(t, "POST", "/products", n).is(t, 409).problem(t, core.KindExists)
	for name, change := range map[string]func(*resource.NewProduct){
		"code": func(n *resource.NewProduct) { n.Code = "A B" }, "name": func(n *resource.NewProduct) { n.Name = "" },
		"issuer": func(n *resource.NewProduct) { n.Issuer = unknownID }, "lint": func(n *resource.NewProduct) { n.Profile.Lint = "strict" },
		"validity": func(n *resource.NewProduct) { n.Profile.ValidityAmount = -1 }, "pattern": func(n *resource.NewProduct) { n.Profile.Names[0].Patterns = []string{"("} },
	} {
		bad := n
		bad.Code = "bad"
		bad.Profile.Names = append([]core.NameRule{}, n.Profile.Names...)
		change(&bad)
		if a := c.do(t, "POST", "/products", bad); a.status != 400 && a.status != 422 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	u := resource.ProductUpdate{Version: 1, Name: "Mine 2", Issuer: base.Issuer, State: core.ProductActive, Profile: base.Profile}
	if p = decode[resource.Product](t, c.do(t, "PUT", "/products/my-server", u).is(t, 200)); p.Version != 2 || p.Code != "my-server" {
		t.Errorf("%+v", p)
	}
	c.do(t, "PUT", "/products/my-server", u).is(t, 409).problem(t, core.KindConflict)
	c.do(t, "POST", "/products/my-server/disable", nil).is(t, 200)
	w.admin.do(t, "POST", "/orders", resource.NewOrder{Product: "my-server", CSR: csr(t, "a.example")}).is(t, 403)
	c.do(t, "POST", "/products/my-server/enable", nil).is(t, 200)
	w.admin.order(t, resource.NewOrder{Product: "my-server", CSR: csr(t, "a.example")})
	w.withRole(t, "operator").do(t, "PUT", "/products/my-server", u).is(t, 403)
	list := decode[resource.Page[resource.Product]](t, w.withRole(t, "requester").do(t, "GET", "/products?filter=code:eq:my-server", nil).is(t, 200))
	if len(list.Items) != 1 || list.Items[0].IssuerName == "" {
		t.Errorf("%+v", list)
	}
	w.admin.do(t, "GET", "/products/"+url.PathEscape("x'; --"), nil).is(t, 404)
}
