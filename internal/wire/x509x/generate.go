package x509x

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"strconv"
	"strings"
)

// ErrAlgorithm says that there is no such algorithm of keys, or not with so
// many bits.
var ErrAlgorithm = errors.New("unknown key algorithm")

// GenerateKey makes a key pair of an algorithm: "ECDSA P-256", "ECDSA P-384",
// "ECDSA P-521", "Ed25519", or "RSA 2048" and further multiples of 1024 bits up
// to maxRSA. Anything else is ErrAlgorithm.
func GenerateKey(algorithm string, maxRSA int) (crypto.Signer, error) {
	switch algorithm {
	case "ECDSA P-256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ECDSA P-384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ECDSA P-521":
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "Ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	if bits, ok := strings.CutPrefix(algorithm, "RSA "); ok {
		if n, err := strconv.Atoi(bits); err == nil && n >= 2048 && n <= maxRSA && n%1024 == 0 {
			return rsa.GenerateKey(rand.Reader, n)
		}
	}
	return nil, ErrAlgorithm
}
