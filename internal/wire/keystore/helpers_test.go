package keystore

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/house/need"
)

var sharedRSA = sync.OnceValues(func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newKey(t testing.TB, kind string) crypto.Signer {
	t.Helper()
	var k crypto.Signer
	var err error
	switch kind {
	case "rsa":
		k, err = sharedRSA()
	case "p256":
		k, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ed25519":
		_, k, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// newEntry makes a leaf of that kind with its issuing CA.
func newEntry(t testing.TB, kind, alias string) Entry {
	t.Helper()
	caKey, key := newKey(t, "p256"), newKey(t, kind)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA of " + alias}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC)}
	leaf := *ca
	leaf.SerialNumber, leaf.Subject, leaf.IsCA = big.NewInt(2), pkix.Name{CommonName: "leaf " + alias}, false
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, &leaf, ca, key.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	return Entry{Alias: alias, Key: key, Chain: [][]byte{leafDER, caDER}}
}

func run(t testing.TB, dir, name string, args ...string) string {
	t.Helper()
	path := need.Program(t, name, map[string]string{"openssl": "openssl", "keytool": "default-jre-headless"}[name])
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func writeFile(t testing.TB, data []byte, parts ...string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(parts...), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t testing.TB, parts ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// same compares what was read with what was written.
func same(got, want []Entry) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		if got[i].Alias != want[i].Alias || len(got[i].Chain) != len(want[i].Chain) || (got[i].Key == nil) != (want[i].Key == nil) {
			return false
		}
		for j := range got[i].Chain {
			if !bytes.Equal(got[i].Chain[j], want[i].Chain[j]) {
				return false
			}
		}
		if k, ok := want[i].Key.(interface{ Equal(crypto.PrivateKey) bool }); ok && !k.Equal(got[i].Key) {
			return false
		}
	}
	return true
}
