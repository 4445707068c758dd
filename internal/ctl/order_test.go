package ctl

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/keystore"
)

// issued is the answer to an order that is done.
func (p *pki) issued() resource.IssuedOrder {
	c := p.detail().Certificate
	return resource.IssuedOrder{Order: resource.Order{ID: id[core.OrderID](3), Number: 3, State: core.OrderIssued, Certificate: c.ID}, Certificate: &c,
		PEM: pemOf(p.leaf), Chain: []string{pemOf(p.middle), pemOf(p.root)}}
}

func waiting() resource.IssuedOrder {
	return resource.IssuedOrder{Order: resource.Order{ID: id[core.OrderID](3), Number: 3, State: core.OrderApproval}, Chain: []string{}}
}

func TestOrderWithNewKey(t *testing.T) {
	f, p := newFake(t, false), newPKI(t)
	f.give("POST /orders", p.issued())
	dir := t.TempDir()
	key, cert := filepath.Join(dir, "key.pem"), filepath.Join(dir, "cert.pem")
	args := []string{"order", "create", "--product", "tls-server", "--new-key", "ecdsa-p256", "--subject", "CN=www.example.org,O=Example", "--dns", "www.example.org,example.org",
		"--ip", "192.0.2.1", "--upn", "ann@example.org", "--key-out", key, "--out", cert, "--chain"}
	o := f.ctl(t, args...).ok(t)
	if o.out != "" || !strings.Contains(o.err, "Certificate 17 for CN=www.example.org is good until 05-May-2026") {
		t.Errorf("said %q, %q", o.out, o.err)
	}
	req := body[resource.NewOrder](t, f, "POST", "/orders")
	block, _ := pem.Decode([]byte(req.CSR))
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if err := csr.CheckSignature(); err != nil || csr.Subject.String() != "CN=www.example.org,O=Example" || len(csr.DNSNames) != 2 || len(csr.IPAddresses) != 1 {
		t.Errorf("CSR %v, %v, %v: %v", csr.Subject, csr.DNSNames, csr.IPAddresses, err)
	}
	k, err := keystore.ParseKey([]byte(read(t, key)), "")
	if err != nil || !k.(*ecdsa.PrivateKey).PublicKey.Equal(csr.PublicKey) {
		t.Errorf("key: %v", err)
	}
	mode(t, key, 0o600)
	if certs := parseCertificates([]byte(read(t, cert))); len(certs) != 2 || certs[0].Subject.CommonName != "www.example.org" || certs[1].Subject.CommonName != "Test Issuing CA" {
		t.Errorf("%d certificates", len(certs))
	}
	if f.got("POST", "/orders")[0].Key == "" {
		t.Error("no Idempotency-Key")
	}
	nothing(t, dir, "key.pem", "cert.pem")

	// Nothing is overwritten, and nothing is ordered whose key has no place.
	f.ctl(t, args...).fails(t, codeFailed, "--force")
	if n := len(f.got("POST", "/orders")); n != 1 {
		t.Errorf("%d orders", n)
	}
	old := read(t, key)
	f.ctl(t, append(args, "--force")...).ok(t)
	if read(t, key) == old {
		t.Error("--force did not replace the key")
	}
}

func TestOrderKeyIsGoneWhenRefused(t *testing.T) {
	f := newFake(t, false)
	var answer error = core.Errorf(core.KindBadName, "the name is refused")
	f.on("POST /orders", func(*http.Request) (any, error) { return nil, answer })
	dir := t.TempDir()
	key := filepath.Join(dir, "key.pem")
	args := f.args("order", "create", "--product", "tls-server", "--new-key", "ed25519", "--dns", "a.example", "--key-out", key)
	call{args: args}.run(t).fails(t, codeRefused, "the name is refused")
	nothing(t, dir)
	// What may have been issued keeps its key.
	answer = core.Errorf(core.KindInternal, "")
	call{args: args, env: map[string]string{envKeyPassword: "sesame"}}.run(t).fails(t, codeFailed, "certwright: ")
	nothing(t, dir, "key.pem")
	if _, err := keystore.ParseKey([]byte(read(t, key)), "sesame"); err != nil {
		t.Errorf("encrypted key: %v", err)
	}
	f.ctl(t, "order", "create", "--product", "x", "--new-key", "ed25519", "--dns", "a").fails(t, codeUsage, "--key-out")
	f.ctl(t, "order", "create", "--product", "x").fails(t, codeUsage, "--csr")
	f.ctl(t, "order", "create", "--product", "x", "--new-key", "dsa", "--dns", "a", "--key-out", filepath.Join(dir, "k")).fails(t, codeUsage, "is no algorithm")
	f.ctl(t, "order", "create", "--product", "x", "--new-key", "ed25519", "--key-out", filepath.Join(dir, "k")).fails(t, codeUsage, "whom the certificate is for")
}

func TestOrderWithCSR(t *testing.T) {
	f, p := newFake(t, false), newPKI(t)
	f.give("POST /orders", p.issued())
	csr, err := makeCSR(p.key, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(csr))
	o := call{args: f.args("order", "create", "--product", "tls-server", "--csr", "-", "--days", "30", "--idempotency-key", "mine", "--dns", "b.example"), in: string(block.Bytes)}.run(t).ok(t)
	if o.out != pemOf(p.leaf) {
		t.Errorf("out %q", o.out)
	}
	got := body[resource.NewOrder](t, f, "POST", "/orders")
	if got.CSR != csr || got.ValidityDays != 30 || f.got("POST", "/orders")[0].Key != "mine" || len(got.Names) != 1 || got.Names[0] != "dns:b.example" {
		t.Errorf("asked for %+v", got)
	}
	var answer resource.IssuedOrder
	o = f.ctl(t, "order", "create", "--product", "tls-server", "--csr", file(t, "csr", csr), "-o", "json").ok(t)
	if err := json.Unmarshal([]byte(o.out), &answer); err != nil || answer.PEM != pemOf(p.leaf) {
		t.Errorf("JSON: %v", err)
	}
	f.ctl(t, "order", "create", "--product", "tls-server", "--csr", file(t, "csr", "nonsense!")).fails(t, codeRefused, "is no certification request")
	f.ctl(t, "order", "create", "--product", "x", "--csr", "f", "--new-key", "y").fails(t, codeUsage, "can't be used together")
}

func TestOrderWithServerKeyAfterApproval(t *testing.T) {
	f, p := newFake(t, false), newPKI(t)
	var calls atomic.Int32
	f.on("POST /orders", func(*http.Request) (any, error) {
		if calls.Add(1) == 1 {
			return waiting(), nil
		}
		a := p.issued()
		a.PrivateKey = p.keyPEM(t, "")
		return a, nil
	})
	f.give("GET /orders/"+string(id[core.OrderID](3)), resource.OrderDetail{Order: p.issued().Order})
	key := filepath.Join(t.TempDir(), "key.pem")
	pw := file(t, "pw", "sesame\r\n")
	o := f.ctl(t, "order", "create", "--product", "tls-server", "--server-key", "rsa-3072", "--subject", "/O=Example/CN=a", "--dns", "a.example", "--key-out", key, "--key-password-file", pw, "--wait", "-o", "json").ok(t)
	reqs := f.got("POST", "/orders")
	if len(reqs) != 2 || reqs[0] != reqs[1] || reqs[0].Key == "" {
		t.Errorf("the request was not repeated as it was: %v", reqs)
	}
	got := body[resource.NewOrder](t, f, "POST", "/orders")
	if got.Generate != "RSA 3072" || got.Subject.String() != "O=Example, CN=a" || got.CSR != "" {
		t.Errorf("asked for %+v", got)
	}
	if k, err := keystore.ParseKey([]byte(read(t, key)), "sesame"); err != nil || !p.key.Equal(k) {
		t.Errorf("key: %v", err)
	}
	mode(t, key, 0o600)
	if strings.Contains(o.out, "PRIVATE KEY") {
		t.Error("the key is in the output, too")
	}
	calls.Store(0)
	f.ctl(t, "order", "create", "--product", "tls-server", "--server-key", "rsa-3072", "--key-out", key, "--force", "--idempotency-key", "k1").
		fails(t, codePending, "order 3 waits for approval; the same command with --idempotency-key k1 gets certificate and key then")
}

func TestOrderWait(t *testing.T) {
	f, p := newFake(t, false), newPKI(t)
	var state atomic.Value
	state.Store(core.OrderApproval)
	f.on("GET /orders/3", func(*http.Request) (any, error) {
		o := p.issued().Order
		o.State, o.Failure = state.Load().(core.OrderState), "not\x07 yours"
		return resource.OrderDetail{Order: o}, nil
	})
	f.give("GET /certificates/"+string(p.detail().ID), p.detail())
	f.ctl(t, "order", "wait", "3", "--timeout", "10ms").fails(t, codePending, "order 3 waits for approval; certwright ctl order wait 3")
	time.AfterFunc(100*time.Millisecond, func() { state.Store(core.OrderIssued) })
	if o := f.ctl(t, "order", "wait", "3", "--chain").ok(t); o.out != pemOf(p.leaf)+pemOf(p.middle) {
		t.Errorf("out %q", o.out)
	}
	state.Store(core.OrderRejected)
	f.ctl(t, "order", "wait", "3").fails(t, codeRefused, "order rejected: not? yours")
	state.Store(core.OrderFailed)
	f.ctl(t, "order", "wait", "3").fails(t, codeFailed, "order failed")
	ctx, cancel := context.WithCancel(t.Context())
	state.Store(core.OrderApproval)
	time.AfterFunc(50*time.Millisecond, cancel)
	call{args: f.args("order", "wait", "3"), ctx: ctx}.run(t).fails(t, codeInterrupted, "interrupted")
}

func TestOrderDecisions(t *testing.T) {
	f := newFake(t, false)
	d := resource.OrderDetail{Order: resource.Order{Number: 3, State: core.OrderApproval, Subject: "CN=a"}, Approvals: []resource.Approval{{User: "u", Approved: true, At: noon}}, Needed: 2,
		Template: core.Template{Subject: core.DN{{Type: "CN", Value: "a"}}, Names: core.Names{DNS: []string{"a"}}, SPKI: []byte{1}, NotBefore: noon, NotAfter: noon, KeyUsage: []string{"digitalSignature"}, Lint: "private"}}
	f.give("GET /orders/3", d)
	for _, verb := range []string{"approve", "reject", "cancel"} {
		f.give("POST /orders/3/"+verb, d)
		f.ctl(t, "order", verb, "3", "--comment", "because", "--yes").ok(t)
		if b := body[resource.Decision](t, f, "POST", "/orders/3/"+verb); b.Comment != "because" {
			t.Errorf("%s: comment %q", verb, b.Comment)
		}
	}
	golden(t, "order-show.txt", f.ctl(t, "order", "show", "3").ok(t).out)
}

func TestRenewWithNewKeyKeepsNames(t *testing.T) {
	f, p := newFake(t, false), newPKI(t)
	f.give("GET /certificates/17", p.detail())
	f.give("POST /certificates/17/renew", p.issued())
	key := filepath.Join(t.TempDir(), "key.pem")
	f.ctl(t, "cert", "renew", "17", "--new-key", "rsa-2048", "--key-out", key).ok(t)
	block, _ := pem.Decode([]byte(body[resource.Renewal](t, f, "POST", "/certificates/17/renew").CSR))
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil || csr.Subject.String() != "CN=www.example.org,O=Example" || len(csr.DNSNames) != 1 || len(csr.IPAddresses) != 1 {
		t.Errorf("CSR: %v, %v", err, csr)
	}
	f.ctl(t, "cert", "renew", "17").ok(t)
	d := p.detail()
	d.KeyStored = true
	f.give("GET /certificates/18", d)
	f.ctl(t, "cert", "renew", "18").fails(t, codeUsage, "--key-out")
}

func TestAlgorithmNames(t *testing.T) {
	for in, want := range map[string]string{
		"ecdsa-p256": "ECDSA P-256", "ECDSA P-384": "ECDSA P-384", "rsa-3072": "RSA 3072", "RSA2048": "RSA 2048", "ed25519": "Ed25519", "pkcs11:object=x": "pkcs11:object=x", "rsa": "rsa",
	} {
		if got := algorithmName(in); got != want {
			t.Errorf("%s is %s, want %s", in, got, want)
		}
	}
}
