package ca_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/ca/catest"
	"github.com/certwright/certwright/internal/core"
)

func TestOpenSSLVerifiesTheChain(t *testing.T) {
	w := fixed(t)
	f := tempFiles(t)
	root := f.pem("root.pem", "CERTIFICATE", w.h.Root.Certificate)
	for _, issuer := range []*core.Issuer{w.h.Issuing, w.h.RSA} {
		leaf := f.pem("leaf.pem", "CERTIFICATE", w.issue(t, issuer, template(t)).Raw)
		middle := f.pem("middle.pem", "CERTIFICATE", issuer.Certificate)
		crl := func(i *core.Issuer) []byte {
			out, err := w.ca.PublishCRL(ctx, catest.Account, i.ID)
			if err != nil {
				t.Fatal(err)
			}
			return out.DER
		}
		crls := f.pem("crls.pem", "X509 CRL", crl(w.h.Root), crl(issuer))
		out, err := openssl(t, "verify", "-x509_strict", "-policy_check", "-crl_check_all", "-CRLfile", crls, "-purpose", "sslserver",
			"-verify_hostname", "web.internal", "-CAfile", root, "-untrusted", middle, leaf)
		if err != nil || !strings.Contains(out, ": OK") {
			t.Errorf("%s: %v\n%s", issuer.Name, err, out)
		}
	}
}

func TestOpenSSLText(t *testing.T) {
	w := fixed(t)
	f := tempFiles(t)
	tmpl := template(t)
	tmpl.Policies = []string{"1.3.6.1.4.1.99999.1"}
	tmpl.Extensions = []core.Extension{{OID: "1.3.6.1.5.5.7.1.24", Value: []byte{0x30, 3, 2, 1, 5}}}
	tmpl.ExtKeyUsage = []string{"serverAuth", "1.3.6.1.5.5.7.3.17"}
	out, err := openssl(t, "x509", "-noout", "-text", "-in", f.pem("c.pem", "CERTIFICATE", w.issue(t, w.h.Issuing, tmpl).Raw))
	if err != nil {
		t.Fatal(err, out)
	}
	for _, want := range []string{
		"Version: 3", "ecdsa-with-SHA256", "Issuer: C = DE, O = Example, CN = Example Issuing CA", "Subject: O = Example, CN = web.internal",
		"X509v3 Basic Constraints: critical", "CA:FALSE", "X509v3 Key Usage: critical", "Digital Signature", "TLS Web Server Authentication, ipsec Internet Key Exchange",
		"DNS:web.internal, DNS:web, IP Address:10.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1", "Policy: 1.3.6.1.4.1.99999.1",
		"OCSP - URI:http://pki.internal/status/ocsp/example-issuing-ca", "CA Issuers - URI:http://pki.internal/status/example-issuing-ca.crt",
		"URI:http://pki.internal/status/example-issuing-ca.crl", "status_request",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

func TestOpenSSLReadsTheCRL(t *testing.T) {
	w := p256(t)
	f := tempFiles(t)
	cert := w.issue(t, w.h.Issuing, template(t))
	row := w.row(w.h.Issuing, cert, core.CertRevoked)
	row.RevokedAt, row.Reason, row.InvalidSince = start.Add(-time.Hour), core.ReasonKeyCompromise, start.Add(-48*time.Hour)
	w.store.Set(row)
	crl, err := w.ca.PublishCRL(ctx, catest.Account, w.h.Issuing.ID)
	if err != nil {
		t.Fatal(err)
	}
	path := f.raw("crl.der", crl.DER)
	ca := f.pem("ca.pem", "CERTIFICATE", w.h.Issuing.Certificate)
	out, err := openssl(t, "crl", "-inform", "DER", "-in", path, "-noout", "-text", "-CAfile", ca)
	if err != nil || !strings.Contains(out, "verify OK") {
		t.Fatal(err, out)
	}
	for _, want := range []string{"Version 2", "X509v3 CRL Number", strings.ToUpper(row.Serial), "Key Compromise", "Invalidity Date",
		row.InvalidSince.Format("Jan _2 15:04:05 2006 GMT"), row.RevokedAt.Format("Jan _2 15:04:05 2006 GMT")} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	all := f.pem("all.pem", "CERTIFICATE", w.h.Root.Certificate)
	crls := f.pem("crls.pem", "X509 CRL", crl.DER)
	out, err = openssl(t, "verify", "-crl_check", "-CRLfile", crls, "-CAfile", all, "-untrusted", ca, f.pem("leaf.pem", "CERTIFICATE", cert.Raw))
	if err == nil || !strings.Contains(out, "certificate revoked") {
		t.Errorf("%v\n%s", err, out)
	}
}

// status serves OCSP as the status protocol does: POST, and GET with base64.
func (w *world) status(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	answer := func(rw http.ResponseWriter, slug string, der []byte) {
		a, err := w.ca.Respond(ctx, slug, der)
		if err != nil {
			http.NotFound(rw, nil)
			return
		}
		rw.Header().Set("Content-Type", "application/ocsp-response")
		_, _ = rw.Write(a.DER)
	}
	mux.HandleFunc("POST /status/ocsp/{slug}", func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		answer(rw, r.PathValue("slug"), body)
	})
	mux.HandleFunc("GET /status/ocsp/{slug}/{request...}", func(rw http.ResponseWriter, r *http.Request) {
		text, _ := url.PathUnescape(r.PathValue("request"))
		der, _ := base64.StdEncoding.DecodeString(text)
		answer(rw, r.PathValue("slug"), der)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestOpenSSLOCSP(t *testing.T) {
	w := build(t)
	f := tempFiles(t)
	server := w.status(t)
	root := f.pem("root.pem", "CERTIFICATE", w.h.Root.Certificate)
	for _, issuer := range []*core.Issuer{w.h.Issuing, w.h.RSA} {
		ica := f.pem("ica.pem", "CERTIFICATE", issuer.Certificate)
		good, revoked, hold := w.issue(t, issuer, template(t)), w.issue(t, issuer, template(t)), w.issue(t, issuer, template(t))
		lost, reserved, stranger := w.issue(t, issuer, template(t)), w.issue(t, issuer, template(t)), w.issue(t, issuer, template(t))
		w.row(issuer, good, core.CertActive)
		row := w.row(issuer, revoked, core.CertRevoked)
		row.RevokedAt, row.Reason = start.Add(-time.Hour), core.ReasonSuperseded
		w.store.Set(row)
		row = w.row(issuer, hold, core.CertOnHold)
		row.RevokedAt = start.Add(-time.Minute)
		w.store.Set(row)
		row = w.row(issuer, lost, core.CertAbandoned)
		row.RevokedAt = start.Add(-time.Minute)
		w.store.Set(row)
		w.row(issuer, reserved, core.CertReserved)
		for _, tc := range []struct {
			name string
			cert *x509.Certificate
			want []string
		}{
			{"good", good, []string{": good"}},
			{"revoked", revoked, []string{": revoked", "Reason: superseded", "Revocation Time:"}},
			{"hold", hold, []string{": revoked", "Reason: certificateHold"}},
			{"abandoned", lost, []string{": revoked"}},
			{"reserved", reserved, []string{": unknown"}},
			{"stranger", stranger, []string{": unknown"}},
		} {
			leaf := f.pem("leaf.pem", "CERTIFICATE", tc.cert.Raw)
			for _, hash := range []string{"-sha1", "-sha256", "-sha384"} {
				out, err := openssl(t, "ocsp", hash, "-issuer", ica, "-cert", leaf, "-CAfile", root, "-url", server.URL+"/status/ocsp/"+issuer.Slug)
				if err != nil || !strings.Contains(out, "Response verify OK") || strings.Contains(out, "WARNING: no nonce") {
					t.Fatalf("%s %s: %v\n%s", tc.name, hash, err, out)
				}
				for _, want := range tc.want {
					if !strings.Contains(out, want) {
						t.Errorf("%s %s: %q is missing in\n%s", tc.name, hash, want, out)
					}
				}
			}
		}
		// Two certificates in one request.
		out, err := openssl(t, "ocsp", "-issuer", ica, "-cert", f.pem("a.pem", "CERTIFICATE", good.Raw), "-cert", f.pem("b.pem", "CERTIFICATE", revoked.Raw),
			"-CAfile", root, "-url", server.URL+"/status/ocsp/"+issuer.Slug)
		if err != nil || !strings.Contains(out, "a.pem: good") || !strings.Contains(out, "b.pem: revoked") {
			t.Errorf("two entries: %v\n%s", err, out)
		}
	}
	// The issuing CA itself, by the root.
	out, err := openssl(t, "ocsp", "-issuer", root, "-cert", f.pem("ica.pem", "CERTIFICATE", w.h.Issuing.Certificate), "-CAfile", root,
		"-url", server.URL+"/status/ocsp/"+w.h.Root.Slug)
	if err != nil || !strings.Contains(out, ": good") {
		t.Errorf("issuing CA: %v\n%s", err, out)
	}
	if !slices.ContainsFunc(w.store.Certificates(), func(c core.Certificate) bool { return strings.HasSuffix(c.CommonName, "OCSP responder") }) {
		t.Error("the responder's certificate is not on record")
	}
}

func TestOpenSSLReqinRespout(t *testing.T) {
	w := p256(t)
	f := tempFiles(t)
	cert := w.issue(t, w.h.Issuing, template(t))
	w.row(w.h.Issuing, cert, core.CertActive)
	ica := f.pem("ica.pem", "CERTIFICATE", w.h.Issuing.Certificate)
	req := f.dir + "/req.der"
	if out, err := openssl(t, "ocsp", "-issuer", ica, "-cert", f.pem("c.pem", "CERTIFICATE", cert.Raw), "-no_nonce", "-reqout", req); err != nil {
		t.Fatal(err, out)
	}
	a, err := w.ca.Respond(ctx, w.h.Issuing.Slug, f.read("req.der"))
	if err != nil || a.Status != ca.OCSPSuccessful || !a.Cacheable {
		t.Fatalf("%+v %v", a, err)
	}
	out, err := openssl(t, "ocsp", "-respin", f.raw("resp.der", a.DER), "-resp_text", "-CAfile", f.pem("root.pem", "CERTIFICATE", w.h.Root.Certificate),
		"-verify_other", ica, "-issuer", ica, "-cert", f.dir+"/c.pem", "-no_nonce")
	if err != nil || !strings.Contains(out, "Response verify OK") || !strings.Contains(out, "OCSP No Check") {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestInstallFromForeignRoot(t *testing.T) {
	w := p256(t)
	f := tempFiles(t)
	pending, err := w.ca.CreatePending(ctx, nil, ca.Spec{Account: catest.Account, Name: "Company Issuing", Subject: core.DN{{Type: "O", Value: "Example"}, {Type: "CN", Value: "Company Issuing"}}, Key: "ECDSA P-256"})
	if err != nil {
		t.Fatal(err)
	}
	if pending.State != core.IssuerPending || len(pending.Certificate) > 0 {
		t.Fatalf("%+v", pending)
	}
	if _, err := w.ca.Prepare(ctx, pending, template(t)); !core.Is(err, core.KindConflict) {
		t.Errorf("pending issuer: %v", err)
	}
	csr := f.pem("ca.csr", "CERTIFICATE REQUEST", pending.CSR)
	out, err := openssl(t, "req", "-in", csr, "-noout", "-verify", "-text")
	if err != nil || !strings.Contains(out, "verify OK") || !strings.Contains(out, "CA:TRUE, pathlen:0") || !strings.Contains(out, "Certificate Sign, CRL Sign") {
		t.Fatal(err, out)
	}
	foreign := makeForeign(t)
	for name, tc := range map[string]struct {
		field string
		der   []byte
		chain [][]byte
	}{
		"garbage":   {"certificate", []byte("x"), [][]byte{foreign.root}},
		"other key": {"certificate", foreign.sign(t, ecKey(t).Public(), nil), [][]byte{foreign.root}},
		"no CA": {"certificate", foreign.signCSR(t, pending.CSR, func(c *x509.Certificate) {
			c.IsCA, c.MaxPathLenZero, c.KeyUsage = false, false, x509.KeyUsageDigitalSignature
		}), [][]byte{foreign.root}},
		"no CRL sign":     {"certificate", foreign.signCSR(t, pending.CSR, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign }), [][]byte{foreign.root}},
		"expired":         {"certificate", foreign.signCSR(t, pending.CSR, func(c *x509.Certificate) { c.NotAfter = start.Add(-time.Second) }), [][]byte{foreign.root}},
		"no chain":        {"chain", foreign.signCSR(t, pending.CSR, nil), nil},
		"other root":      {"chain", foreign.signCSR(t, pending.CSR, nil), [][]byte{w.h.Root.Certificate}},
		"namesake root":   {"chain", foreign.signCSR(t, pending.CSR, nil), [][]byte{makeForeign(t).root}},
		"root is no root": {"chain", foreign.signCSR(t, pending.CSR, nil), [][]byte{w.h.Issuing.Certificate}},
		"garbage chain":   {"chain", foreign.signCSR(t, pending.CSR, nil), [][]byte{foreign.root, []byte("x")}},
		"no room":         {"chain", foreignNoRoom.signCSR(t, pending.CSR, nil), [][]byte{foreignNoRoom.root}},
	} {
		if _, err := w.ca.Install(ctx, nil, catest.Account, pending.ID, tc.der, tc.chain); !core.Is(err, core.KindInvalid) || core.AsError(err).Field != tc.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	active, err := w.ca.Install(ctx, nil, catest.Account, pending.ID, foreign.signCSR(t, pending.CSR, nil), [][]byte{foreign.root})
	if err != nil {
		t.Fatal(err)
	}
	if active.State != core.IssuerActive || active.CSR != nil || active.Version != pending.Version+1 {
		t.Errorf("%+v", active)
	}
	cert := w.issue(t, active, template(t))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(f.readPEM(f.pem("r.pem", "CERTIFICATE", foreign.root)))
	middle := x509.NewCertPool()
	middle.AppendCertsFromPEM(f.readPEM(f.pem("m.pem", "CERTIFICATE", active.Certificate)))
	if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: middle, DNSName: "web.internal"}); err != nil {
		t.Error(err)
	}
	other := foreign.signCSR(t, pending.CSR, func(c *x509.Certificate) {
		c.RawSubject = nil
		c.Subject.CommonName = "Somebody else"
		c.SerialNumber = big.NewInt(77)
	})
	if _, err := w.ca.Install(ctx, nil, catest.Account, pending.ID, other, [][]byte{foreign.root}); !core.Is(err, core.KindInvalid) {
		t.Errorf("a renewal under another name: %v", err)
	}
}

func (f files) read(name string) []byte { return f.readPEM(f.dir + "/" + name) }

func (f files) readPEM(path string) []byte {
	f.t.Helper()
	b, err := readFile(path)
	if err != nil {
		f.t.Fatal(err)
	}
	return bytes.Clone(b)
}
