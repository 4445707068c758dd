package x509x

import (
	"errors"
	"strconv"
	"strings"
	"testing"
)

func TestGenerateKey(t *testing.T) {
	for _, name := range []string{"ECDSA P-256", "ECDSA P-384", "ECDSA P-521", "Ed25519", "RSA 2048", "RSA 3072"} {
		key, err := GenerateKey(name, 3072)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		alg, bits, curve := PublicKeyInfo(key.Public())
		got := alg
		if curve != "" {
			got += " " + curve
		} else if alg == "RSA" {
			got += " " + strconv.Itoa(bits)
		}
		if !strings.EqualFold(got, name) {
			t.Errorf("%s: a key of %s", name, got)
		}
	}
	for _, name := range []string{"", "RSA", "RSA 1024", "RSA 2049", "RSA 4096", "RSA -2048", "RSA x", "ECDSA P-224", "ecdsa p-256", "DSA 2048"} {
		if _, err := GenerateKey(name, 3072); !errors.Is(err, ErrAlgorithm) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
