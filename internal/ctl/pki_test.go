package ctl

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// pki is a root, an intermediate and a certificate.
type pki struct {
	root, middle, leaf *x509.Certificate
	key                *ecdsa.PrivateKey // of leaf
	middleKey          *ecdsa.PrivateKey
	end                time.Time
}

func newPKI(t *testing.T) *pki {
	t.Helper()
	return newPKIUntil(t, noon.AddDate(0, 3, 0))
}

func newPKIUntil(t *testing.T, end time.Time) *pki {
	t.Helper()
	p := &pki{end: end}
	rootKey := newKey(t)
	p.middleKey, p.key = newKey(t), newKey(t)
	p.root = p.sign(t, "Test Root", nil, rootKey, rootKey.Public(), true)
	p.middle = p.sign(t, "Test Issuing CA", p.root, rootKey, p.middleKey.Public(), true)
	p.leaf = p.sign(t, "www.example.org", p.middle, p.middleKey, p.key.Public(), false)
	return p
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (p *pki) sign(t *testing.T, cn string, parent *x509.Certificate, key crypto.Signer, pub crypto.PublicKey, ca bool) *x509.Certificate {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(42), Subject: pkix.Name{CommonName: cn}, NotBefore: noon.AddDate(-6, 0, 0), NotAfter: p.end,
		IsCA: ca, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	if !ca {
		c.DNSNames = []string{cn}
	}
	if parent == nil {
		parent = c
	}
	return signTemplate(t, c, parent, key, pub)
}

func signTemplate(t *testing.T, c, parent *x509.Certificate, key crypto.Signer, pub crypto.PublicKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, parent, pub, key)
	if err != nil {
		t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func pemOf(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

func (p *pki) keyPEM(t *testing.T, password string) string {
	t.Helper()
	b, err := keyPEM(p.key, password)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// detail is the leaf as the server describes it.
func (p *pki) detail() resource.CertificateDetail {
	return resource.CertificateDetail{
		Certificate: certificate(17, "www.example.org", core.CertActive, p.leaf.NotAfter),
		PEM:         pemOf(p.leaf), Chain: []string{pemOf(p.middle), pemOf(p.root)},
		Decoded: &resource.Contents{Version: 3, Serial: "2a", SignatureAlgorithm: "ECDSA-SHA256", Issuer: "CN=Test Issuing CA",
			Subject: []core.Attribute{{Type: "O", Value: "Example"}, {Type: "CN", Value: "www.example.org"}}, Names: []string{"dns:www.example.org", "ip:192.0.2.1"},
			KeyUsage: []string{"digitalSignature"}, ExtKeyUsage: []string{"serverAuth"}, NotBefore: noon, NotAfter: p.leaf.NotAfter, PathLength: -1},
	}
}

// id makes a valid id that ends in n.
func id[T ~string](n int) T {
	const zeros = "00000000-0000-7000-8000-000000000000"
	s := []byte(zeros)
	for i := len(s) - 1; n > 0; i-- {
		s[i] = byte('0' + n%10)
		n /= 10
	}
	return T(s)
}

func certificate(n int, cn string, state core.CertificateState, end time.Time) resource.Certificate {
	return resource.Certificate{
		ID: id[core.CertificateID](n), Number: int64(n), State: state, CommonName: cn, Subject: "CN=" + cn, Names: []string{"dns:" + cn}, Serial: "2a",
		KeyAlgorithm: "ECDSA P-256", NotBefore: noon, NotAfter: end, ProductCode: "tls-server", IssuerName: "Issuing CA", Protocol: "est",
		Tags: []string{}, CreatedAt: noon,
	}
}
