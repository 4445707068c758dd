package ca

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

func FuzzOCSPRequest(f *testing.F) {
	r := ocsp.Request{HashAlgorithm: 5, IssuerNameHash: bytes.Repeat([]byte{1}, 32), IssuerKeyHash: bytes.Repeat([]byte{2}, 32), SerialNumber: big.NewInt(77)}
	der, err := r.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(der)
	f.Add([]byte{0x30, 4, 0x30, 2, 0x30, 0})
	f.Fuzz(func(t *testing.T, der []byte) {
		mine, err := parseOCSPRequest(der)
		theirs, theirErr := ocsp.ParseRequest(der)
		if err != nil {
			return
		}
		if len(mine.entries) == 0 || len(mine.entries) > maxOCSPEntries {
			t.Fatalf("%d entries", len(mine.entries))
		}
		id := mine.entries[0]
		if theirErr != nil || id.unknown {
			return // x/crypto reads less: one entry, fewer digests
		}
		if !bytes.Equal(theirs.IssuerNameHash, id.name) || !bytes.Equal(theirs.IssuerKeyHash, id.key) || id.hash != theirs.HashAlgorithm {
			t.Fatal("read another issuer than x/crypto")
		}
		if theirs.SerialNumber.Sign() > 0 && theirs.SerialNumber.Cmp(new(big.Int).SetBytes(id.serial)) != 0 {
			t.Fatal("read another serial than x/crypto")
		}
	})
}

func TestSerials(t *testing.T) {
	seen := map[string]bool{}
	for range 5000 {
		n := newSerial()
		text := serialText(n.Bytes())
		if n.Sign() <= 0 || n.BitLen() > 127 || seen[text] || text[0] == '0' {
			t.Fatalf("%x", n)
		}
		seen[text] = true
		if new(big.Int).SetBytes(serialOctets(text)).Cmp(n) != 0 {
			t.Fatal("text and back")
		}
	}
	for text, want := range map[string]string{"0": "\x00", "f": "\x0f", "1ff": "\x01\xff", "zz": "", "": ""} {
		if string(serialOctets(text)) != want {
			t.Errorf("%q", text)
		}
	}
	if serialText([]byte{0, 0, 1, 0x0a}) != "10a" || serialText([]byte{0}) != "0" {
		t.Error("leading zeros")
	}
}

// A dummy has the form and the greatest length of the real thing, so that lint
// sees what will be.
func TestDummySignatures(t *testing.T) {
	for _, alg := range []string{"ECDSA P-256", "ECDSA P-384", "ECDSA P-521", "Ed25519", "RSA 2048"} {
		key, err := generate(alg)
		if err != nil {
			t.Fatal(err)
		}
		how, err := x509x.SignatureAlgorithmFor(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		dummy := dummySignature(key.Public())
		for range 20 {
			if _, real, err := sign([]byte("x"), how, key); err != nil || len(real) > len(dummy) || len(real) < len(dummy)-12 {
				t.Fatalf("%s: %d octets, really %d (%v)", alg, len(dummy), len(real), err)
			}
		}
		if x509x.Verify(how, key.Public(), []byte("x"), dummy, false) == nil {
			t.Errorf("%s: the dummy verifies", alg)
		}
	}
	for _, alg := range []string{"RSA 1024", "RSA x", "DSA", "", "RSA 16384"} {
		if _, err := generate(alg); err == nil {
			t.Errorf("%s was made", alg)
		}
	}
}

func TestKMSURIs(t *testing.T) {
	if err := checkKMS("pkcs11:token=x?pin-value=1234"); err == nil {
		t.Error("a PIN in the database")
	}
	if err := checkKMS("pkcs11:token=x?pin-source=/etc/pin"); err != nil {
		t.Error(err)
	}
}

// faulty answers with a signature that does not verify, as after a fault in the
// CRT.
type faulty struct{ crypto.Signer }

func (f faulty) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	out, err := f.Signer.Sign(r, digest, opts)
	out[len(out)/2] ^= 1
	return out, err
}

func TestFaultyRSASignatureIsKept(t *testing.T) {
	key, err := generate("RSA 2048")
	if err != nil {
		t.Fatal(err)
	}
	if der, _, err := sign([]byte("tbs"), x509x.SHA256WithRSA, faulty{key}); err == nil || der != nil {
		t.Error("a faulty signature was given out")
	}
	if _, _, err := sign([]byte{0x30, 0}, x509x.SHA256WithRSA, key); err != nil {
		t.Error(err)
	}
}

func TestRevocationEntriesAgainstStandardLibrary(t *testing.T) {
	key, err := generate("ECDSA P-256")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2049, 12, 31, 23, 59, 59, 0, time.UTC)
	issuer := &x509.Certificate{Subject: pkix.Name{CommonName: "CA"}, SubjectKeyId: []byte{1}, KeyUsage: x509.KeyUsageCRLSign, RawSubject: []byte{0x30, 0}}
	for _, serial := range []string{"1", "7f", "80", "ff", "100", "7" + strings.Repeat("f", 31), strings.Repeat("f", 32)} {
		for _, reason := range []int{0, 1, 6, 9} {
			for _, when := range []time.Time{at, at.Add(time.Second)} {
				n, _ := new(big.Int).SetString(serial, 16)
				der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: at, NextUpdate: at.AddDate(1, 0, 0),
					RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: n, RevocationTime: when, ReasonCode: reason}}}, issuer, key)
				if err != nil {
					t.Fatal(err)
				}
				mine, err := appendRevoked(nil, core.Revocation{Serial: serial, RevokedAt: when, Reason: reason}, when)
				if err != nil || !bytes.Contains(der, mine) {
					t.Errorf("%s, %d, %s: %x %v", serial, reason, when, mine, err)
				}
			}
		}
	}
	for _, bad := range []core.Revocation{{Serial: ""}, {Serial: "x"}, {Serial: strings.Repeat("7", 41)}, {Serial: strings.Repeat("f", 40)}} {
		if _, err := appendRevoked(nil, bad, at); err == nil {
			t.Errorf("%+v was written", bad)
		}
	}
	plain, _ := appendRevoked(nil, core.Revocation{Serial: "1"}, at)
	for _, reason := range []int{-1, 7, 8, 11, 256, 257} {
		if got, err := appendRevoked(nil, core.Revocation{Serial: "1", Reason: reason}, at); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("reason %d: %x %v", reason, got, err)
		}
	}
}

func BenchmarkRevokedEntry(b *testing.B) {
	r := core.Revocation{Serial: "7" + strings.Repeat("f", 31), RevokedAt: time.Unix(1.7e9, 0), Reason: 1, Invalid: time.Unix(1.6e9, 0)}
	now := time.Unix(1.8e9, 0)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = appendRevoked(dst[:0], r, now); err != nil {
			b.Fatal(err)
		}
	}
}
