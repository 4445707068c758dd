package x509x

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxRSABits bounds the work that a hostile key can cause.
const maxRSABits = 16384

// ParsePublicKey reads a DER SubjectPublicKeyInfo (RFC 5280 4.1.2.7, RFC 3279
// 2.3, RFC 5480, RFC 8410): *rsa.PublicKey, *ecdsa.PublicKey (uncompressed
// points on P-256, P-384 or P-521) or ed25519.PublicKey. ErrUnsupported for a
// well formed key of another kind.
func ParsePublicKey(spki []byte) (crypto.PublicKey, error) {
	var seq, alg, oid cryptobyte.String
	var bits []byte
	s := cryptobyte.String(spki)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() || !seq.ReadASN1(&alg, asn1.SEQUENCE) ||
		!alg.ReadASN1(&oid, asn1.OBJECT_IDENTIFIER) ||
		!seq.ReadASN1BitStringAsBytes(&bits) || !seq.Empty() {
		return nil, malformed("subject public key info")
	}
	switch string(oid) {
	case "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01":
		if !alg.Empty() && string(alg) != "\x05\x00" {
			return nil, malformed("RSA key parameters")
		}
		return parseRSAKey(bits)
	case "\x2a\x86\x48\xce\x3d\x02\x01":
		return parseECKey(alg, bits)
	case "\x2b\x65\x70":
		if !alg.Empty() || len(bits) != ed25519.PublicKeySize {
			return nil, malformed("Ed25519 key")
		}
		return ed25519.PublicKey(bits), nil
	}
	return nil, unsupportedOID("key", oid)
}

func parseRSAKey(bits []byte) (crypto.PublicKey, error) {
	var seq cryptobyte.String
	var modulus []byte
	var exponent int64
	s := cryptobyte.String(bits)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() || !seq.ReadASN1Integer(&modulus) {
		return nil, malformed("RSA key")
	}
	if len(modulus) > maxRSABits/8 {
		return nil, fmt.Errorf("%w: RSA modulus over %d bits", ErrUnsupported, maxRSABits)
	}
	if !seq.ReadASN1Integer(&exponent) {
		var long big.Int
		if seq.ReadASN1Integer(&long) && long.Sign() > 0 {
			return nil, fmt.Errorf("%w: RSA exponent over 63 bits", ErrUnsupported)
		}
		return nil, malformed("RSA exponent")
	}
	if !seq.Empty() || exponent < 1 || len(modulus) < 2 {
		return nil, malformed("RSA key")
	}
	if exponent > 1<<31-1 {
		return nil, fmt.Errorf("%w: RSA exponent over 31 bits", ErrUnsupported)
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(exponent)}, nil
}

func parseECKey(params cryptobyte.String, bits []byte) (crypto.PublicKey, error) {
	var oid cryptobyte.String
	if !params.ReadASN1(&oid, asn1.OBJECT_IDENTIFIER) || !params.Empty() {
		return nil, fmt.Errorf("%w: EC key without named curve", ErrUnsupported)
	}
	var curve elliptic.Curve
	switch string(oid) {
	case "\x2a\x86\x48\xce\x3d\x03\x01\x07":
		curve = elliptic.P256()
	case "\x2b\x81\x04\x00\x22":
		curve = elliptic.P384()
	case "\x2b\x81\x04\x00\x23":
		curve = elliptic.P521()
	default:
		return nil, unsupportedOID("curve", oid)
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(curve, bits)
	if err != nil { // wrong length, compressed, infinity or not on the curve
		return nil, malformed("EC point")
	}
	return pub, nil
}

// KeyInfo describes a DER SubjectPublicKeyInfo: alg "RSA", "ECDSA" or
// "Ed25519"; bits of the modulus or of the field; curve "P-256", "P-384",
// "P-521" or "". alg is "" when ParsePublicKey does not take the key.
func KeyInfo(spki []byte) (alg string, bits int, curve string) {
	pub, err := ParsePublicKey(spki)
	if err != nil {
		return "", 0, ""
	}
	return PublicKeyInfo(pub)
}

// PublicKeyInfo is KeyInfo for a key already parsed.
func PublicKeyInfo(pub crypto.PublicKey) (alg string, bits int, curve string) {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		return "RSA", k.N.BitLen(), ""
	case *ecdsa.PublicKey:
		p := k.Curve.Params()
		return "ECDSA", p.BitSize, p.Name
	case ed25519.PublicKey:
		return "Ed25519", 256, ""
	}
	return "", 0, ""
}
