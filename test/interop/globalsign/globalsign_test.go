// Package globalsign_test enrols with the EST client of github.com/globalsign/est
// (v1.0.6) at the shipped binary.
package globalsign_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"strings"
	"testing"

	"github.com/globalsign/est"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/test/interop/harness"
)

// clientOf makes a client of the listener for client certificates.
func clientOf(s *harness.Server, c *harness.Credential) *est.Client {
	return &est.Client{Host: strings.TrimPrefix(s.MTLS, "https://"), AdditionalPathSegment: c.Label, ExplicitAnchor: s.Roots,
		Username: c.PublicID, Password: c.Secret, DisableKeepAlives: true}
}

// withCert is the same client with a certificate instead of a password.
func withCert(s *harness.Server, c *harness.Credential, key crypto.Signer, cert *x509.Certificate) *est.Client {
	n := clientOf(s, c)
	n.Username, n.Password = "", ""
	n.Certificates, n.PrivateKey = []*x509.Certificate{cert}, key
	return n
}

func newKey(t *testing.T, kind string) crypto.Signer {
	t.Helper()
	var key crypto.Signer
	var err error
	if kind == "RSA" {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func request(t *testing.T, key crypto.Signer, name string) *x509.CertificateRequest {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}}, key)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		t.Fatal(err)
	}
	return csr
}

// refused wants an EST error with the status and words.
func refused(t *testing.T, err error, status int, words string) est.Error {
	t.Helper()
	var e est.Error
	if !errors.As(err, &e) {
		t.Fatalf("want status %d, got %v", status, err)
	}
	if e.StatusCode() != status || !strings.Contains(e.Error(), words) {
		t.Errorf("want status %d with %q, got %d %v", status, words, e.StatusCode(), e)
	}
	return e
}

func TestGlobalSign(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server")
	}
	s := harness.Start(t, harness.Options{})
	a := s.Admin(t)
	t.Run("information", func(t *testing.T) { t.Parallel(); information(t, s, a) })
	t.Run("approval", func(t *testing.T) { t.Parallel(); approval(t, s, a) })
	for kind, product := range map[string]string{"EC": "tls-server", "RSA": "device"} {
		t.Run(kind, func(t *testing.T) { t.Parallel(); enrolments(t, s, a, kind, product) })
	}
}

func information(t *testing.T, s *harness.Server, a *harness.Admin) {
	c := clientOf(s, a.Credential(t, resource.NewCredential{}))
	c.Username, c.Password = "", ""
	list, err := c.CACerts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0].CheckSignatureFrom(list[1]) != nil || list[1].CheckSignatureFrom(list[1]) != nil {
		t.Errorf("%d CA certificates", len(list))
	}
	attrs, err := c.CSRAttrs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(attrs.Attributes) != 2 || !attrs.Attributes[0].Type.Equal(asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}) {
		t.Errorf("CSR attributes %+v", attrs)
	}
	c.AdditionalPathSegment = "nobody"
	_, err = c.CACerts(t.Context())
	refused(t, err, 404, "")
}

func enrolments(t *testing.T, s *harness.Server, a *harness.Admin, kind, product string) {
	ctx := t.Context()
	cred := a.Credential(t, resource.NewCredential{Products: []string{product}})
	c := clientOf(s, cred)
	const name = "gs.example.internal"
	key := newKey(t, kind)
	one, err := c.Enroll(ctx, request(t, key, name))
	if err != nil {
		t.Fatal(err)
	}
	s.Verify(t, one)
	next := newKey(t, kind)
	two, err := withCert(s, cred, key, one).Reenroll(ctx, request(t, next, name))
	if err != nil {
		t.Fatal(err)
	}
	s.Verify(t, two)
	if row := a.FindCertificate(t, two); row.Replaces != a.FindCertificate(t, one).ID {
		t.Errorf("the renewal replaces %q", row.Replaces)
	}
	third := newKey(t, kind)
	three, err := c.Reenroll(ctx, request(t, third, name)) // by password
	if err != nil {
		t.Fatal(err)
	}
	if row := a.FindCertificate(t, three); row.Replaces != a.FindCertificate(t, two).ID {
		t.Errorf("the renewal by password replaces %q", row.Replaces)
	}
	made, pkcs8, err := c.ServerKeyGen(ctx, request(t, newKey(t, kind), "made.example.internal"))
	if err != nil {
		t.Fatal(err)
	}
	s.Verify(t, made)
	theirs, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		t.Fatal(err)
	}
	if !theirs.(crypto.Signer).Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(made.PublicKey) {
		t.Error("the key that was made is not the certificate's")
	}
	refusals(t, s, a, cred, third, three)
}

// refusals shows what must not be issued, and counts.
func refusals(t *testing.T, s *harness.Server, a *harness.Admin, cred *harness.Credential, key crypto.Signer, cert *x509.Certificate) {
	ctx := t.Context()
	before := len(a.CertificatesOf(t, cred.ID))
	fresh := newKey(t, "EC")
	wrong := clientOf(s, cred)
	wrong.Password = "wrong"
	_, err := wrong.Enroll(ctx, request(t, fresh, "no.example.internal"))
	refused(t, err, 401, "wrong user name or secret")
	_, _, err = wrong.ServerKeyGen(ctx, request(t, fresh, "no.example.internal"))
	refused(t, err, 401, "")
	_, err = withCert(s, cred, key, cert).Reenroll(ctx, request(t, fresh, "other.example.internal"))
	refused(t, err, 403, "differ")
	_, err = withCert(s, cred, key, cert).Enroll(ctx, request(t, fresh, "other.example.internal"))
	refused(t, err, 401, "simplereenroll only")
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	_, err = clientOf(s, cred).Enroll(ctx, request(t, weak, "weak.example.internal"))
	refused(t, err, 400, "1024")
	if _, err := a.Revoke(ctx, string(a.FindCertificate(t, cert).ID), resource.Revocation{Reason: "superseded"}); err != nil {
		t.Fatal(err)
	}
	_, err = withCert(s, cred, key, cert).Reenroll(ctx, request(t, fresh, cert.Subject.CommonName))
	refused(t, err, 401, "revoked")
	if _, err := a.RevokeCredential(ctx, cred.ID, ""); err != nil {
		t.Fatal(err)
	}
	_, err = clientOf(s, cred).Enroll(ctx, request(t, fresh, "no.example.internal"))
	refused(t, err, 401, "revoked")
	_, err = clientOf(s, cred).CACerts(ctx)
	refused(t, err, 401, "revoked")
	if n := len(a.CertificatesOf(t, cred.ID)); n != before {
		t.Errorf("%d certificates, %d before the refusals", n, before)
	}
	if len(a.Refusals(t, cred.ID)) == 0 {
		t.Error("the refusals are not in the audit log")
	}
}

func approval(t *testing.T, s *harness.Server, a *harness.Admin) {
	a.ProductLike(t, "tls-server", "approved", func(p *core.Profile) { p.Approval = "manual" })
	cred := a.Credential(t, resource.NewCredential{Products: []string{"approved"}})
	csr := request(t, newKey(t, "EC"), "wait.example.internal")
	_, err := clientOf(s, cred).Enroll(t.Context(), csr)
	if e := refused(t, err, 202, "waits for approval"); e.RetryAfter() != 300 {
		t.Errorf("Retry-After %d", e.RetryAfter())
	}
	orders, err := client.Collect(a.Orders(t.Context(), client.Query{Filter: core.Filter{{Column: "credential", Op: core.OpEquals, Values: []string{string(cred.ID)}}}}), 0)
	if err != nil || len(orders) != 1 {
		t.Fatalf("%d orders %v", len(orders), err)
	}
	if _, err := a.ApproveOrder(t.Context(), string(orders[0].ID), ""); err != nil {
		t.Fatal(err)
	}
	cert, err := clientOf(s, cred).Enroll(t.Context(), csr)
	if err != nil {
		t.Fatal(err)
	}
	s.Verify(t, cert)
}
