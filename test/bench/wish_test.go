package bench

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
)

// wish is one certificate that a client wants: a name and a key of its own.
type wish struct {
	name string
	csr  []byte // DER
	spki []byte
}

func newWishes(prefix string, n int) ([]wish, error) {
	out := make([]wish, n)
	for i := range out {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		w := &out[i]
		w.name = fmt.Sprintf("%s%d.example.internal", prefix, i)
		w.csr, err = x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
			Subject: pkix.Name{CommonName: w.name}, DNSNames: []string{w.name}}, key)
		if err != nil {
			return nil, err
		}
		if w.spki, err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// check holds the certificate of an answer against the wish.
func (w *wish) check(leaf *x509.Certificate, others []*x509.Certificate, roots *x509.CertPool) error {
	if !bytes.Equal(leaf.RawSubjectPublicKeyInfo, w.spki) {
		return fmt.Errorf("%s: the certificate has another key", w.name)
	}
	middle := x509.NewCertPool()
	for _, c := range others {
		middle.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: middle, DNSName: w.name})
	if err != nil {
		return fmt.Errorf("%s: %w", w.name, err)
	}
	return nil
}
