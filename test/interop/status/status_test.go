// Package status_test asks for the status of certificates with openssl and
// curl at the shipped binary: OCSP, CRL, issuer certificates.
package status_test

import (
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/test/interop/harness"
)

// soon is how long a change may take to show.
const soon = 30 * time.Second

// subject is a certificate of ours in a directory, with everything that
// openssl needs beside it: cert.pem, issuer.pem, root.pem, chain.pem.
type subject struct {
	s    *harness.Server
	a    *harness.Admin
	dir  string
	cert *x509.Certificate
	id   string
	ocsp string // URL in the certificate
	crl  string
	slug string
}

func newSubject(t *testing.T, s *harness.Server, a *harness.Admin, product, name string) *subject {
	t.Helper()
	x := &subject{s: s, a: a, dir: t.TempDir()}
	c := a.Credential(t, resource.NewCredential{Products: []string{product}})
	x.cert = harness.NewDevice(t, name).Enrol(t, s.Client(), c.EST(s.Main)+"simpleenroll", c)
	x.id = string(a.FindCertificate(t, x.cert).ID)
	if len(x.cert.OCSPServer) != 1 || len(x.cert.CRLDistributionPoints) != 1 || len(x.cert.IssuingCertificateURL) != 1 {
		t.Fatalf("links %v %v %v", x.cert.OCSPServer, x.cert.CRLDistributionPoints, x.cert.IssuingCertificateURL)
	}
	x.ocsp, x.crl, x.slug = x.cert.OCSPServer[0], x.cert.CRLDistributionPoints[0], path.Base(x.cert.OCSPServer[0])
	harness.WriteFile(t, x.dir, "cert.der", x.cert.Raw)
	harness.Shell(t, x.dir, fmt.Sprintf(`openssl x509 -inform DER -in cert.der -out cert.pem
		curl -fsS %s/root.crt -o root.pem
		curl -fsS %s | openssl x509 -inform DER -out issuer.pem
		cat issuer.pem root.pem >chain.pem`, s.Plain, x.cert.IssuingCertificateURL[0]))
	return x
}

// ask asks the responder about cert.pem, or about what more says.
func (x *subject) ask(t *testing.T, more ...string) string {
	t.Helper()
	if len(more) == 0 || !strings.HasPrefix(more[len(more)-1], "0x") {
		more = append(more, "-cert", "cert.pem")
	}
	out, err := harness.Try(t, x.dir, "openssl", append([]string{"ocsp", "-issuer", "issuer.pem", "-CAfile", "root.pem", "-verify_other", "issuer.pem",
		"-url", x.ocsp}, more...)...)
	if err != nil {
		return err.Error() + "\n" + out
	}
	return out
}

// wants polls until openssl has verified the answer and it says the words, with
// and without a nonce.
func (x *subject) wants(t *testing.T, words ...string) {
	t.Helper()
	for _, nonce := range [][]string{nil, {"-no_nonce"}} {
		harness.Eventually(t, soon, func() error {
			out := x.ask(t, nonce...)
			if !strings.Contains(out, "Response verify OK") || strings.Contains(strings.ToLower(out), "nonce") {
				t.Fatalf("%v: %s", nonce, out)
			}
			for _, w := range words {
				if !strings.Contains(out, w) {
					return fmt.Errorf("openssl ocsp %v does not say %q: %s", nonce, w, out)
				}
			}
			return nil
		})
	}
}

// crlWants polls until openssl, with the CRL that the certificate points to,
// says what is wanted.
func (x *subject) crlWants(t *testing.T, revoked bool) {
	t.Helper()
	harness.Eventually(t, soon, func() error {
		harness.Shell(t, x.dir, "curl -fsS "+x.crl+" | openssl crl -inform DER -out now.crl")
		out, err := harness.Try(t, x.dir, "openssl", "verify", "-crl_check", "-CAfile", "root.pem", "-untrusted", "issuer.pem", "-CRLfile", "now.crl", "cert.pem")
		switch {
		case err == nil && !revoked && strings.Contains(out, "cert.pem: OK"):
			return nil
		case err != nil && revoked && strings.Contains(out, "certificate revoked"):
			return nil
		}
		return fmt.Errorf("openssl verify: %v %s", err, out)
	})
}

func TestStatus(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server")
	}
	need.Program(t, "curl", "curl")
	need.Program(t, "openssl", "openssl")
	s := harness.Start(t, harness.Options{})
	a := s.Admin(t)
	for _, product := range []string{"tls-server", "device"} { // ECDSA and RSA issuer
		t.Run("revoked "+product, func(t *testing.T) {
			t.Parallel()
			x := newSubject(t, s, a, product, "r.example.internal")
			x.wants(t, "cert.pem: good")
			x.crlWants(t, false)
			if _, err := a.Revoke(t.Context(), x.id, resource.Revocation{Reason: "keyCompromise"}); err != nil {
				t.Fatal(err)
			}
			x.wants(t, "cert.pem: revoked", "Reason: keyCompromise")
			x.crlWants(t, true)
			// It never comes back.
			if _, err := a.Release(t.Context(), x.id); err == nil {
				t.Error("a revoked certificate was released")
			}
			x.wants(t, "cert.pem: revoked")
		})
	}
	t.Run("hold", func(t *testing.T) {
		t.Parallel()
		x := newSubject(t, s, a, "tls-server", "h.example.internal")
		if _, err := a.Revoke(t.Context(), x.id, resource.Revocation{Reason: "certificateHold"}); err != nil {
			t.Fatal(err)
		}
		x.wants(t, "cert.pem: revoked", "Reason: certificateHold")
		x.crlWants(t, true)
		if _, err := a.Release(t.Context(), x.id); err != nil {
			t.Fatal(err)
		}
		x.wants(t, "cert.pem: good")
		x.crlWants(t, false)
	})
	t.Run("unknown", func(t *testing.T) {
		t.Parallel()
		x := newSubject(t, s, a, "tls-server", "u.example.internal")
		for _, nonce := range []string{"-nonce", "-no_nonce"} {
			if out := x.ask(t, nonce, "-serial", "0x1234567890abcdef"); !strings.Contains(out, "Response verify OK") || !strings.Contains(out, ": unknown") {
				t.Errorf("%s: %s", nonce, out)
			}
		}
		// Asked at another issuer's address, or at none.
		for _, slug := range []string{"certwright-rsa-issuing-ca", "nobody"} {
			y := *x
			y.ocsp = strings.Replace(x.ocsp, x.slug, slug, 1)
			if out := y.ask(t); !strings.Contains(out, "unauthorized (6)") {
				t.Errorf("%s: %s", slug, out)
			}
		}
	})
	t.Run("OCSP over HTTP", func(t *testing.T) { t.Parallel(); overHTTP(t, newSubject(t, s, a, "tls-server", "g.example.internal")) })
	t.Run("files", func(t *testing.T) { t.Parallel(); files(t, newSubject(t, s, a, "device", "f.example.internal")) })
}

// overHTTP sends requests with curl, by GET and by POST, and things that are
// none.
func overHTTP(t *testing.T, x *subject) {
	harness.Run(t, x.dir, "openssl", "ocsp", "-issuer", "issuer.pem", "-cert", "cert.pem", "-no_nonce", "-reqout", "q.der")
	der := harness.ReadFile(t, x.dir, "q.der")
	b64 := base64.StdEncoding.EncodeToString(der)
	check := func(name string, a *harness.Answer) {
		t.Helper()
		a.Want(t, 200)
		if ct := a.Header.Get("Content-Type"); ct != "application/ocsp-response" {
			t.Errorf("%s: content type %q", name, ct)
		}
		harness.WriteFile(t, x.dir, "r.der", a.Body)
		out := harness.Run(t, x.dir, "openssl", "ocsp", "-issuer", "issuer.pem", "-cert", "cert.pem", "-CAfile", "root.pem", "-verify_other", "issuer.pem", "-respin", "r.der")
		if !strings.Contains(out, "Response verify OK") || !strings.Contains(out, "cert.pem: good") {
			t.Errorf("%s: %s", name, out)
		}
	}
	get := harness.Curl(t, x.dir, x.ocsp+"/"+url.PathEscape(b64))
	check("GET", get)
	check("GET, not escaped", harness.Curl(t, x.dir, "--path-as-is", x.ocsp+"/"+b64))
	check("GET over HTTPS", harness.Curl(t, x.dir, "--cacert", "root.pem", x.s.Main+"/status/ocsp/"+x.slug+"/"+url.PathEscape(b64)))
	post := harness.Curl(t, x.dir, "-H", "Content-Type: application/ocsp-request", "--data-binary", "@q.der", x.ocsp)
	check("POST", post)
	if c := get.Header.Get("Cache-Control"); !strings.Contains(c, "max-age=") || get.Header.Get("Expires") == "" {
		t.Errorf("a GET may not be cached: %s", get.All)
	}
	if c := post.Header.Get("Cache-Control"); c != "no-store" {
		t.Errorf("a POST may be cached: %q", c)
	}
	// What is no question gets an OCSP answer that says so, or plain HTTP.
	for name, args := range map[string][]string{
		"garbage":         {"-H", "Content-Type: application/ocsp-request", "-d", "nonsense", x.ocsp},
		"nothing":         {"-X", "POST", "-H", "Content-Type: application/ocsp-request", "-H", "Content-Length: 0", x.ocsp},
		"garbage by GET":  {x.ocsp + "/bm9uc2Vuc2U"},
		"cut off":         {"-H", "Content-Type: application/ocsp-request", "--data-binary", "@cut.der", x.ocsp},
		"too much behind": {"-H", "Content-Type: application/ocsp-request", "--data-binary", "@more.der", x.ocsp},
	} {
		harness.WriteFile(t, x.dir, "cut.der", der[:len(der)-3])
		harness.WriteFile(t, x.dir, "more.der", append(append([]byte{}, der...), 0, 0, 0))
		a := harness.Curl(t, x.dir, args...).Want(t, 200)
		harness.WriteFile(t, x.dir, "bad.der", a.Body)
		if out, _ := harness.Try(t, x.dir, "openssl", "ocsp", "-respin", "bad.der", "-resp_text", "-noverify"); !strings.Contains(out, "malformedrequest (1)") {
			t.Errorf("%s: %s", name, out)
		}
	}
	harness.Curl(t, x.dir, "-H", "Content-Type: text/plain", "--data-binary", "@q.der", x.ocsp).Want(t, 415)
	harness.Shell(t, x.dir, "head -c 70000 /dev/zero >big")
	harness.Curl(t, x.dir, "-H", "Content-Type: application/ocsp-request", "--data-binary", "@big", x.ocsp).Want(t, 413)
	harness.Curl(t, x.dir, "-X", "PUT", "-d", "x", x.ocsp).Want(t, 405)
}

// files downloads what certificates point to.
func files(t *testing.T, x *subject) {
	crl := harness.Curl(t, x.dir, x.crl).Want(t, 200)
	tag := crl.Header.Get("ETag")
	if ct := crl.Header.Get("Content-Type"); ct != "application/pkix-crl" || tag == "" || !strings.Contains(crl.Header.Get("Cache-Control"), "max-age=") {
		t.Errorf("%s", crl.All)
	}
	list, err := x509.ParseRevocationList(crl.Body)
	if err != nil {
		t.Fatal(err)
	}
	// A later CRL of the same issuer may come from a test beside this one.
	harness.Eventually(t, soon, func() error {
		now := harness.Curl(t, x.dir, x.crl).Want(t, 200)
		if a := harness.Curl(t, x.dir, "-H", "If-None-Match: "+now.Header.Get("ETag"), x.crl); a.Status != 304 || len(a.Body) != 0 {
			return fmt.Errorf("status %d with the ETag of a moment ago", a.Status)
		}
		return nil
	})
	if a := harness.Curl(t, x.dir, "-I", x.crl).Want(t, 200); a.Header.Get("Content-Length") == "" || a.Header.Get("Content-Length") == "0" {
		t.Errorf("HEAD: %s", a.All)
	}
	if _, err := x.a.Revoke(t.Context(), x.id, resource.Revocation{}); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, soon, func() error {
		a := harness.Curl(t, x.dir, "-H", "If-None-Match: "+tag, x.crl)
		if a.Status != 200 {
			return fmt.Errorf("status %d", a.Status)
		}
		next, err := x509.ParseRevocationList(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		if next.Number.Cmp(list.Number) <= 0 {
			t.Fatalf("CRL %s after %s", next.Number, list.Number)
		}
		for _, e := range next.RevokedCertificateEntries {
			if e.SerialNumber.Cmp(x.cert.SerialNumber) == 0 {
				return nil
			}
		}
		return fmt.Errorf("CRL %s does not hold the certificate", next.Number)
	})
	crt := harness.Curl(t, x.dir, x.cert.IssuingCertificateURL[0]).Want(t, 200)
	if ct := crt.Header.Get("Content-Type"); ct != "application/pkix-cert" {
		t.Errorf("content type %q", ct)
	}
	out := harness.Shell(t, x.dir, "curl -fsS "+x.s.Plain+"/status/"+x.slug+".p7c | openssl pkcs7 -inform DER -print_certs")
	if n := strings.Count(out, "BEGIN CERTIFICATE"); n != 2 {
		t.Errorf("%d certificates in the chain: %s", n, out)
	}
	harness.Curl(t, x.dir, x.s.Plain+"/status/nobody.crl").Want(t, 404)
	harness.Curl(t, x.dir, x.s.Plain+"/status/"+x.slug+".txt").Want(t, 404)
	harness.Curl(t, x.dir, "-X", "DELETE", x.crl).Want(t, 405)
	// Over HTTPS as well, for those who may not use HTTP.
	harness.Curl(t, x.dir, "--cacert", "root.pem", x.s.Main+"/status/"+x.slug+".crl").Want(t, 200)
	harness.Curl(t, x.dir, "--cacert", "root.pem", x.s.Main+"/root.crt").Want(t, 200, "BEGIN CERTIFICATE")
}
