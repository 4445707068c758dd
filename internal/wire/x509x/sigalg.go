package x509x

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha1" // the digests that Digest computes
	_ "crypto/sha256"
	_ "crypto/sha512"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// SignatureAlgorithm is a signature algorithm with its digest.
type SignatureAlgorithm uint8

// The signature algorithms. The two with SHA-1 are only ever verified.
const (
	UnknownSignature SignatureAlgorithm = iota
	SHA256WithRSA
	SHA384WithRSA
	SHA512WithRSA
	ECDSAWithSHA256
	ECDSAWithSHA384
	ECDSAWithSHA512
	Ed25519
	SHA256WithRSAPSS
	SHA384WithRSAPSS
	SHA512WithRSAPSS
	SHA1WithRSA
	ECDSAWithSHA1
)

type keyFamily uint8

const (
	familyRSA keyFamily = iota + 1
	familyPSS
	familyEC
	familyEd25519
)

// signatureInfo describes one algorithm; der is its AlgorithmIdentifier (RFC
// 4055 section 5, RFC 5758 3.2, RFC 8410 section 3, RFC 8017 appendix C).
type signatureInfo struct {
	name   string
	family keyFamily
	hash   crypto.Hash
	der    string
}

const (
	pkcs1Head = "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01" // + last arc + NULL
	ecdsaHead = "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03"     // + last arc
	pssHead   = "\x30\x41\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x34" +
		"\xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02"
	pssMiddle = "\x05\x00\xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0d" +
		"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02"
	pssTail = "\x05\x00\xa2\x03\x02\x01"
)

// info is the table of algorithms; the zero signatureInfo is "unknown".
func (a SignatureAlgorithm) info() signatureInfo {
	switch a {
	case SHA256WithRSA:
		return signatureInfo{"SHA256-RSA", familyRSA, crypto.SHA256, pkcs1Head + "\x0b\x05\x00"}
	case SHA384WithRSA:
		return signatureInfo{"SHA384-RSA", familyRSA, crypto.SHA384, pkcs1Head + "\x0c\x05\x00"}
	case SHA512WithRSA:
		return signatureInfo{"SHA512-RSA", familyRSA, crypto.SHA512, pkcs1Head + "\x0d\x05\x00"}
	case ECDSAWithSHA256:
		return signatureInfo{"ECDSA-SHA256", familyEC, crypto.SHA256, ecdsaHead + "\x02"}
	case ECDSAWithSHA384:
		return signatureInfo{"ECDSA-SHA384", familyEC, crypto.SHA384, ecdsaHead + "\x03"}
	case ECDSAWithSHA512:
		return signatureInfo{"ECDSA-SHA512", familyEC, crypto.SHA512, ecdsaHead + "\x04"}
	case Ed25519:
		return signatureInfo{"Ed25519", familyEd25519, 0, "\x30\x05\x06\x03\x2b\x65\x70"}
	case SHA256WithRSAPSS:
		return signatureInfo{"SHA256-RSAPSS", familyPSS, crypto.SHA256, pssHead + "\x01" + pssMiddle + "\x01" + pssTail + "\x20"}
	case SHA384WithRSAPSS:
		return signatureInfo{"SHA384-RSAPSS", familyPSS, crypto.SHA384, pssHead + "\x02" + pssMiddle + "\x02" + pssTail + "\x30"}
	case SHA512WithRSAPSS:
		return signatureInfo{"SHA512-RSAPSS", familyPSS, crypto.SHA512, pssHead + "\x03" + pssMiddle + "\x03" + pssTail + "\x40"}
	case SHA1WithRSA:
		return signatureInfo{"SHA1-RSA", familyRSA, crypto.SHA1, pkcs1Head + "\x05\x05\x00"}
	case ECDSAWithSHA1:
		return signatureInfo{"ECDSA-SHA1", familyEC, crypto.SHA1, "\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x04\x01"}
	}
	return signatureInfo{name: "unknown"}
}

// String returns a name such as "SHA256-RSA".
func (a SignatureAlgorithm) String() string { return a.info().name }

// Hash returns the digest; 0 for Ed25519 (which signs the message itself) and
// for unknown algorithms.
func (a SignatureAlgorithm) Hash() crypto.Hash { return a.info().hash }

// DER returns the AlgorithmIdentifier; empty for an unknown algorithm.
func (a SignatureAlgorithm) DER() []byte { return []byte(a.info().der) }

// SignatureAlgorithmFor returns the algorithm that a key signs with by default:
// SHA-256 for RSA, the digest of the curve's size for ECDSA. ErrUnsupported for
// other keys.
func SignatureAlgorithmFor(pub crypto.PublicKey) (SignatureAlgorithm, error) {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		return SHA256WithRSA, nil
	case ed25519.PublicKey:
		return Ed25519, nil
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return ECDSAWithSHA256, nil
		case elliptic.P384():
			return ECDSAWithSHA384, nil
		case elliptic.P521():
			return ECDSAWithSHA512, nil
		}
	}
	return UnknownSignature, fmt.Errorf("%w: key of type %T", ErrUnsupported, pub)
}

// Matches reports whether the algorithm is one for keys of this type.
func (a SignatureAlgorithm) Matches(pub crypto.PublicKey) bool {
	family := a.info().family
	switch pub.(type) {
	case *rsa.PublicKey:
		return family == familyRSA || family == familyPSS
	case *ecdsa.PublicKey:
		return family == familyEC
	case ed25519.PublicKey:
		return family == familyEd25519
	}
	return false
}

// ParseSignatureAlgorithm reads a DER AlgorithmIdentifier. ErrUnsupported when
// it is well formed but not in our list.
func ParseSignatureAlgorithm(der []byte) (SignatureAlgorithm, error) {
	var seq, oid cryptobyte.String
	s := cryptobyte.String(der)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() || !seq.ReadASN1(&oid, asn1.OBJECT_IDENTIFIER) {
		return UnknownSignature, malformed("signature algorithm")
	}
	if string(oid) == "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a" {
		return parsePSS(seq)
	}
	alg := UnknownSignature
	switch string(oid) {
	case "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b":
		alg = SHA256WithRSA
	case "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c":
		alg = SHA384WithRSA
	case "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d":
		alg = SHA512WithRSA
	case "\x2a\x86\x48\xce\x3d\x04\x03\x02":
		alg = ECDSAWithSHA256
	case "\x2a\x86\x48\xce\x3d\x04\x03\x03":
		alg = ECDSAWithSHA384
	case "\x2a\x86\x48\xce\x3d\x04\x03\x04":
		alg = ECDSAWithSHA512
	case "\x2b\x65\x70":
		alg = Ed25519
	case "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", "\x2b\x0e\x03\x02\x1d": // also OIW sha1WithRSA, from old Java
		alg = SHA1WithRSA
	case "\x2a\x86\x48\xce\x3d\x04\x01":
		alg = ECDSAWithSHA1
	default:
		return UnknownSignature, unsupportedOID("signature", oid)
	}
	// Parameters: absent, or NULL; RSA wants NULL but clients leave it out, and
	// some write NULL for ECDSA.
	if !seq.Empty() && string(seq) != "\x05\x00" {
		return UnknownSignature, malformed("signature algorithm parameters")
	}
	return alg, nil
}

func unsupportedOID(what string, oid []byte) error {
	dotted, ok := DecodeOID(oid)
	if !ok {
		return malformed(what + " algorithm identifier")
	}
	return fmt.Errorf("%w: %s %s", ErrUnsupported, what, dotted)
}

// parsePSS reads RSASSA-PSS-params (RFC 8017 A.2.3). The mask must be MGF1 with
// the same digest; the salt length is left to verification, which finds it.
func parsePSS(seq cryptobyte.String) (SignatureAlgorithm, error) {
	var params, hash, mgf, salt, trailer cryptobyte.String
	var hasHash, hasMGF bool
	if !seq.ReadASN1(&params, asn1.SEQUENCE) || !seq.Empty() ||
		!params.ReadOptionalASN1(&hash, &hasHash, context(0)) ||
		!params.ReadOptionalASN1(&mgf, &hasMGF, context(1)) ||
		!params.ReadOptionalASN1(&salt, nil, context(2)) ||
		!params.ReadOptionalASN1(&trailer, nil, context(3)) || !params.Empty() {
		return UnknownSignature, malformed("RSASSA-PSS parameters")
	}
	var mgfSeq cryptobyte.String
	var mgfOID string
	if !hasHash || !hasMGF || (len(trailer) > 0 && string(trailer) != "\x02\x01\x01") {
		return UnknownSignature, fmt.Errorf("%w: RSASSA-PSS with SHA-1", ErrUnsupported)
	}
	if !mgf.ReadASN1(&mgfSeq, asn1.SEQUENCE) || !mgf.Empty() || !ReadOID(&mgfSeq, &mgfOID) ||
		mgfOID != "1.2.840.113549.1.1.8" {
		return UnknownSignature, malformed("RSASSA-PSS mask generation")
	}
	h, err := ParseDigest(hash)
	if err != nil {
		return UnknownSignature, err
	}
	if m, err := ParseDigest(mgfSeq); err != nil || m != h {
		return UnknownSignature, fmt.Errorf("%w: RSASSA-PSS with two digests", ErrUnsupported)
	}
	switch h {
	case crypto.SHA256:
		return SHA256WithRSAPSS, nil
	case crypto.SHA384:
		return SHA384WithRSAPSS, nil
	case crypto.SHA512:
		return SHA512WithRSAPSS, nil
	}
	return UnknownSignature, fmt.Errorf("%w: RSASSA-PSS with %v", ErrUnsupported, h)
}

// ParseDigest reads the AlgorithmIdentifier of a digest: SHA-1, SHA-256,
// SHA-384 or SHA-512, with NULL or absent parameters (RFC 5754 section 2).
func ParseDigest(der []byte) (crypto.Hash, error) {
	var seq, oid cryptobyte.String
	s := cryptobyte.String(der)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() || !seq.ReadASN1(&oid, asn1.OBJECT_IDENTIFIER) ||
		(!seq.Empty() && string(seq) != "\x05\x00") {
		return 0, malformed("digest algorithm")
	}
	switch string(oid) {
	case "\x2b\x0e\x03\x02\x1a":
		return crypto.SHA1, nil
	case "\x60\x86\x48\x01\x65\x03\x04\x02\x01":
		return crypto.SHA256, nil
	case "\x60\x86\x48\x01\x65\x03\x04\x02\x02":
		return crypto.SHA384, nil
	case "\x60\x86\x48\x01\x65\x03\x04\x02\x03":
		return crypto.SHA512, nil
	}
	return 0, unsupportedOID("digest", oid)
}

// DigestDER returns the AlgorithmIdentifier of a digest, without parameters
// (RFC 5754 section 2); nil for one that we do not know.
func DigestDER(h crypto.Hash) []byte {
	switch h {
	case crypto.SHA1:
		return []byte("\x30\x07\x06\x05\x2b\x0e\x03\x02\x1a")
	case crypto.SHA256:
		return []byte("\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01")
	case crypto.SHA384:
		return []byte("\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02")
	case crypto.SHA512:
		return []byte("\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03")
	}
	return nil
}
