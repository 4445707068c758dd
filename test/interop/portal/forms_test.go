package portal_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/test/interop/harness"
)

// TestForms drives live updates and the forms of products and CAs.
func TestForms(t *testing.T) {
	b := browse(t)
	server := harness.Start(t, harness.Options{})
	if built, err := os.ReadDir(filepath.Join("..", "..", "..", "internal", "portal", "pages", "app", "assets")); err != nil || len(built) == 0 {
		need.Missing(t, "the built portal (make build)")
	}
	admin := server.Admin(t)
	dir := b.dir
	b.drive("forms.mjs", map[string]any{"base": server.Main, "password": admin.Password, "group": admin.Group,
		"signer": signer(t), "reader": map[string]string{"login": "requester", "password": person(t, server, admin)}})
	cert, err := x509.ParseCertificate(harness.ReadFile(t, dir, "branch.cer"))
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := pem.Decode(harness.ReadFile(t, dir, "branch.pem")); b == nil || !bytes.Equal(b.Bytes, cert.Raw) || cert.Subject.String() != "CN=Branch CA,O=Example Ltd" {
		t.Errorf("certificate of %s", cert.Subject)
	}
	crl, err := x509.ParseRevocationList(harness.ReadFile(t, dir, "branch.crl"))
	if err != nil || crl.CheckSignatureFrom(cert) != nil {
		t.Errorf("CRL: %v", err)
	}
}

// signer is a foreign root: /ca signs the PKCS#10 request of a CA, /cross the
// name and key of a CA certificate. It answers with PEM, itself last.
func signer(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Foreign Root"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		b, _ := pem.Decode(text)
		if b == nil {
			http.Error(w, "no PEM", http.StatusBadRequest)
			return
		}
		var subject []byte
		var public any
		if r.URL.Path == "/ca" {
			csr, err := x509.ParseCertificateRequest(b.Bytes)
			if err != nil || csr.CheckSignature() != nil {
				http.Error(w, "bad request", http.StatusBadRequest)
				return
			}
			subject, public = csr.RawSubject, csr.PublicKey
		} else {
			c, err := x509.ParseCertificate(b.Bytes)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			subject, public = c.RawSubject, c.PublicKey
		}
		c := &x509.Certificate{SerialNumber: big.NewInt(now.UnixNano()), RawSubject: subject, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(2, 0, 0),
			IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
		der, err := x509.CreateCertificate(rand.Reader, c, root, public, key)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		for _, one := range [][]byte{der, rootDER} {
			_ = pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: one})
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}
