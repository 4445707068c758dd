package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/certwright/certwright/internal/core"
)

// yubiKey makes the attestation that an ACME client with a YubiKey sends: a
// certificate by the maker's CA with the device's serial number, and a
// signature by the attested key.
func yubiKey(t *testing.T, serial int, keyAuthorization string) (object []byte, roots string, key *ecdsa.PrivateKey) {
	t.Helper()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Maker"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, caKey.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	number, err := asn1.Marshal(serial)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Slot"}, NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 41482, 3, 7}, Value: number}}}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, key.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(keyAuthorization))
	sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	if object, err = cbor.Marshal(map[string]any{"fmt": "step", "attStmt": map[string]any{"alg": -7, "sig": sig, "x5c": [][]byte{leafDER}}}); err != nil {
		t.Fatal(err)
	}
	return object, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootDER})), key
}

func TestAttested(t *testing.T) {
	object, roots, key := yubiKey(t, 12345678, "token.thumbprint")
	a, err := attested(object, "token", "token.thumbprint", roots, time.Now())
	if err != nil || !slices.Contains(a.Identifiers, "12345678") {
		t.Fatalf("%+v %v", a, err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil || string(a.SPKI) != string(spki) {
		t.Errorf("another key: %v", err)
	}
	_, others, _ := yubiKey(t, 1, "x")
	var f *core.Failure
	if _, err := attested(object, "token", "token.thumbprint", others, time.Now()); !errors.As(err, &f) || f.Code != "badAttestationStatement" {
		t.Errorf("another maker: %v", err)
	}
	if _, err := attested(object, "token", "token.other", roots, time.Now()); !errors.As(err, &f) {
		t.Errorf("another account: %v", err)
	}
	if _, err := attested(object, "token", "token.thumbprint", "no PEM", time.Now()); err == nil {
		t.Errorf("no roots: %v", err)
	}
}

func TestResolverAddresses(t *testing.T) {
	got, err := resolverAddresses([]string{"192.0.2.1", "192.0.2.1:5353", "[2001:db8::1]:53", "2001:db8::1"})
	if err != nil || !slices.Equal(got, []string{"192.0.2.1:53", "192.0.2.1:5353", "[2001:db8::1]:53", "[2001:db8::1]:53"}) {
		t.Errorf("%q %v", got, err)
	}
	if _, err := resolverAddresses([]string{"dns.example"}); err == nil {
		t.Error("a name is taken")
	}
}
