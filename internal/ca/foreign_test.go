package ca_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"os"
	"testing"
	"time"
)

func readFile(path string) ([]byte, error) { return os.ReadFile(path) }

// foreignRoot is a company's own root, made with the standard library.
type foreignRoot struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	root []byte
}

func makeForeign(t testing.TB) *foreignRoot {
	t.Helper()
	return mustForeign(-1)
}

// foreignNoRoom may sign leaves only.
var foreignNoRoom = mustForeign(0)

func mustForeign(pathLen int) *foreignRoot {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Company Root"}, IsCA: true, BasicConstraintsValid: true,
		MaxPathLen: pathLen, MaxPathLenZero: pathLen == 0,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, NotBefore: start.Add(-time.Hour), NotAfter: start.AddDate(10, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &foreignRoot{key: key, cert: cert, root: der}
}

func (f *foreignRoot) sign(t testing.TB, pub crypto.PublicKey, change func(*x509.Certificate)) []byte {
	t.Helper()
	return f.make(t, pub, &x509.Certificate{Subject: pkix.Name{CommonName: "Company Issuing"}}, change)
}

func (f *foreignRoot) signCSR(t testing.TB, csr []byte, change func(*x509.Certificate)) []byte {
	t.Helper()
	r, err := x509.ParseCertificateRequest(csr)
	if err != nil {
		t.Fatal(err)
	}
	return f.make(t, r.PublicKey, &x509.Certificate{RawSubject: r.RawSubject}, change)
}

func (f *foreignRoot) make(t testing.TB, pub crypto.PublicKey, tmpl *x509.Certificate, change func(*x509.Certificate)) []byte {
	t.Helper()
	tmpl.SerialNumber, tmpl.IsCA, tmpl.BasicConstraintsValid, tmpl.MaxPathLenZero = big.NewInt(42), true, true, true
	tmpl.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	tmpl.NotBefore, tmpl.NotAfter = start.Add(-time.Hour), start.AddDate(5, 0, 0)
	if change != nil {
		change(tmpl)
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, f.cert, pub, f.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
