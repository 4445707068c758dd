package validationtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net"
	"testing"
	"time"
)

// Answer describes a certificate for tls-alpn-01, right or wrong.
type Answer struct {
	KeyAuthorization string
	DNSNames         []string
	IPs              []net.IP
	Emails           []string
	NotCritical      bool   // the acmeIdentifier extension is not critical
	Without          bool   // there is none
	Value            []byte // its value instead of the digest
	Signed           bool   // by another key, under another name
	SAN              []byte // the whole subjectAltName instead
}

// Certificate makes the certificate.
func Certificate(t testing.TB, a Answer) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(a.KeyAuthorization))
	value := a.Value
	if value == nil {
		if value, err = asn1.Marshal(sum[:]); err != nil {
			t.Fatal(err)
		}
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "challenge"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: a.DNSNames, IPAddresses: a.IPs, EmailAddresses: a.Emails,
	}
	if !a.Without {
		tmpl.ExtraExtensions = append(tmpl.ExtraExtensions, pkix.Extension{
			Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}, Critical: !a.NotCritical, Value: value,
		})
	}
	if a.SAN != nil {
		tmpl.ExtraExtensions = append(tmpl.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: a.SAN})
	}
	parent, signer := tmpl, key
	if a.Signed {
		parent = &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "an issuer"}}
		if signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
