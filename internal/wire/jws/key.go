package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // for crypto.Hash
	"encoding/base64"
	"math/big"
)

// Bounds of RSA moduli, in bits: weaker ones are unsafe, longer ones cost too
// much to verify.
const (
	MinRSABits = 2048
	MaxRSABits = 8192
)

// Key is a public key that was read from a JWK.
type Key struct {
	Public     crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
	JSON       []byte           // the members that RFC 7638 asks for, in its order
	Thumbprint string           // base64url of SHA-256 over JSON, 43 characters
}

// ParseKey reads a JWK.
func ParseKey(raw []byte) (*Key, error) {
	m, err := members(raw)
	if err != nil {
		return nil, err
	}
	bad := func(detail string) (*Key, error) { return nil, &Error{BadKey, detail} }
	if _, private := m["d"]; private {
		return bad("the JWK holds a private key, which must not be used any more")
	}
	field := func(name string) string {
		v, ok := m[name]
		if !ok {
			return ""
		}
		s, _ := stringOf(v)
		return s
	}
	octets := func(name string) []byte {
		b, err := base64.RawURLEncoding.Strict().DecodeString(field(name))
		if err != nil {
			return nil
		}
		return b
	}
	k := &Key{}
	switch kty := field("kty"); kty {
	case "RSA":
		n, e := octets("n"), octets("e")
		if k.Public, err = rsaKey(n, e); err != nil {
			return nil, err
		}
		k.JSON = []byte(`{"e":"` + b64(e) + `","kty":"RSA","n":"` + b64(n) + `"}`)
	case "EC":
		crv, x, y := field("crv"), octets("x"), octets("y")
		if k.Public, err = ecKey(crv, x, y); err != nil {
			return nil, err
		}
		k.JSON = []byte(`{"crv":"` + crv + `","kty":"EC","x":"` + b64(x) + `","y":"` + b64(y) + `"}`)
	case "OKP":
		x := octets("x")
		if field("crv") != "Ed25519" || len(x) != ed25519.PublicKeySize {
			return bad("only Ed25519 keys of kind OKP are supported")
		}
		k.Public = ed25519.PublicKey(x)
		k.JSON = []byte(`{"crv":"Ed25519","kty":"OKP","x":"` + b64(x) + `"}`)
	default:
		return bad("keys are RSA, EC (P-256, P-384, P-521) or OKP (Ed25519)")
	}
	sum := sha256.Sum256(k.JSON)
	k.Thumbprint = b64(sum[:])
	return k, nil
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func rsaKey(n, e []byte) (*rsa.PublicKey, error) {
	if len(n) == 0 || len(e) == 0 || n[0] == 0 || e[0] == 0 || len(e) > 4 {
		return nil, &Error{BadKey, "the RSA key cannot be read"}
	}
	mod := new(big.Int).SetBytes(n)
	exp := new(big.Int).SetBytes(e).Int64()
	switch bits := mod.BitLen(); {
	case bits < MinRSABits:
		return nil, &Error{BadKey, "RSA keys have 2048 bits or more"}
	case bits > MaxRSABits:
		return nil, &Error{BadKey, "RSA keys have 8192 bits or less"}
	case exp < 65537 || exp%2 == 0 || exp > 1<<31-1:
		return nil, &Error{BadKey, "the exponent of the RSA key is not an odd number from 65537"}
	case mod.Bit(0) == 0:
		return nil, &Error{BadKey, "the modulus of the RSA key is even"}
	}
	return &rsa.PublicKey{N: mod, E: int(exp)}, nil
}

func ecKey(crv string, x, y []byte) (*ecdsa.PublicKey, error) {
	var c elliptic.Curve
	switch crv {
	case "P-256":
		c = elliptic.P256()
	case "P-384":
		c = elliptic.P384()
	case "P-521":
		c = elliptic.P521()
	default:
		return nil, &Error{BadKey, "the curves are P-256, P-384 and P-521"}
	}
	size := (c.Params().BitSize + 7) / 8
	if len(x) != size || len(y) != size { // RFC 7518 section 6.2.1.2: full length
		return nil, &Error{BadKey, "the coordinates of the key do not have the length of the curve"}
	}
	point := append(append([]byte{4}, x...), y...)
	pub, err := ecdsa.ParseUncompressedPublicKey(c, point)
	if err != nil {
		return nil, &Error{BadKey, "the key is no point of its curve"}
	}
	return pub, nil
}

// Algorithms are those that fit the key.
func (k *Key) Algorithms() []string {
	switch p := k.Public.(type) {
	case *rsa.PublicKey:
		return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	case *ecdsa.PublicKey:
		switch p.Curve.Params().BitSize {
		case 256:
			return []string{"ES256"}
		case 384:
			return []string{"ES384"}
		}
		return []string{"ES512"}
	}
	return []string{"EdDSA"}
}

// Thumbprint is that of a public key as JWK; "" for kinds that ParseKey does
// not read.
func Thumbprint(pub crypto.PublicKey) string {
	var text string
	switch p := pub.(type) {
	case *rsa.PublicKey:
		text = `{"e":"` + b64(big.NewInt(int64(p.E)).Bytes()) + `","kty":"RSA","n":"` + b64(p.N.Bytes()) + `"}`
	case *ecdsa.PublicKey:
		point, err := p.Bytes()
		if err != nil {
			return ""
		}
		half := len(point) / 2 // one octet precedes the coordinates
		text = `{"crv":"` + p.Params().Name + `","kty":"EC","x":"` + b64(point[1:1+half]) + `","y":"` + b64(point[1+half:]) + `"}`
	case ed25519.PublicKey:
		text = `{"crv":"Ed25519","kty":"OKP","x":"` + b64(p) + `"}`
	default:
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return b64(sum[:])
}

// Same reports whether pub is this key.
func (k *Key) Same(pub crypto.PublicKey) bool {
	p, ok := k.Public.(interface{ Equal(crypto.PublicKey) bool })
	return ok && p.Equal(pub)
}

func (k *Key) verify(alg string, input, sig []byte) bool {
	if p, ok := k.Public.(ed25519.PublicKey); ok {
		return len(sig) == ed25519.SignatureSize && ed25519.Verify(p, input, sig)
	}
	h := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[alg[2:]]
	d := h.New()
	d.Write(input)
	sum := d.Sum(nil)
	switch p := k.Public.(type) {
	case *rsa.PublicKey:
		if alg[0] == 'P' {
			return rsa.VerifyPSS(p, h, sum, sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(p, h, sum, sig) == nil
	case *ecdsa.PublicKey:
		size := (p.Curve.Params().BitSize + 7) / 8
		if len(sig) != 2*size { // RFC 7518 section 3.4
			return false
		}
		r, s := new(big.Int).SetBytes(sig[:size]), new(big.Int).SetBytes(sig[size:])
		return ecdsa.Verify(p, sum, r, s)
	}
	return false
}

// Equal reports whether two keys are one.
func (k *Key) Equal(o *Key) bool { return k.Thumbprint == o.Thumbprint }
