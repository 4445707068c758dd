package acme_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
)

func insertPull(t *testing.T, w *world, p *core.RenewalPull) {
	t.Helper()
	if err := w.DB.InTx(t.Context(), func(ctx context.Context, tx core.Tx) error { return w.DB.InsertRenewalPull(ctx, tx, p) }); err != nil {
		t.Fatal(err)
	}
}

func selfSigned(t *testing.T) []byte {
	t.Helper()
	key := ecKey(t)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(7), NotAfter: time.Now().Add(time.Hour)},
		&x509.Certificate{SerialNumber: big.NewInt(7), AuthorityKeyId: []byte{1}, SubjectKeyId: []byte{1}}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// forge breaks the signature of a certificate request.
func forge(t *testing.T, text string) string {
	t.Helper()
	der, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	der[len(der)-2] ^= 1
	return b64(der)
}

func spkiOf(t *testing.T, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// bareCSR asks for a key without names.
func bareCSR(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return b64(der)
}

// nameOf is the one DNS name of a certificate request.
func nameOf(t testing.TB, der []byte) string {
	t.Helper()
	r, err := x509.ParseCertificateRequest(der)
	if err != nil || len(r.DNSNames) != 1 {
		t.Fatalf("%v %v", r, err)
	}
	return r.DNSNames[0]
}

// hmacSigned is a flattened message with a MAC.
func hmacSigned(t *testing.T, secret string, header map[string]any, payload string) string {
	t.Helper()
	p, b := b64([]byte(mustJSON(header))), b64([]byte(payload))
	m := hmac.New(sha256.New, unb64(t, secret))
	m.Write([]byte(p + "." + b))
	return flat(p, b, b64(m.Sum(nil)))
}

// request makes a certificate request of any shape.
func request(t *testing.T, key *ecdsa.PrivateKey, x x509.CertificateRequest) string {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x, key)
	if err != nil {
		t.Fatal(err)
	}
	return mustJSON(map[string]string{"csr": b64(der)})
}
