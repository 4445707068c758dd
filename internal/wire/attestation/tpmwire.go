package attestation

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/certwright/certwright/internal/wire/x509x"
)

// Constants of the TPM 2.0 Library, part 2 ("Structures"): algorithms (section
// 6.3), structure tags (6.9), object attributes (8.3), curves (6.4).
const (
	tpmGenerated     = 0xff544347
	tpmAttestCertify = 0x8017

	tpmRSA       = 0x0001
	tpmNull      = 0x0010
	tpmSHA256    = 0x000b
	tpmSHA384    = 0x000c
	tpmSHA512    = 0x000d
	tpmRSASSA    = 0x0014
	tpmRSAES     = 0x0015
	tpmRSAPSS    = 0x0016
	tpmOAEP      = 0x0017
	tpmECDSA     = 0x0018
	tpmECDH      = 0x0019
	tpmECC       = 0x0023
	tpmCurveP256 = 0x0003
	tpmCurveP384 = 0x0004
	tpmCurveP521 = 0x0005

	tpmFixedTPM            = 1 << 1
	tpmFixedParent         = 1 << 4
	tpmSensitiveDataOrigin = 1 << 5
	tpmRestricted          = 1 << 16
)

// readSized reads a TPM2B: two octets of length, then as many octets.
func readSized(s *cryptobyte.String) (cryptobyte.String, bool) {
	var out cryptobyte.String
	ok := s.ReadUint16LengthPrefixed(&out)
	return out, ok
}

func tpmHash(alg uint16) crypto.Hash {
	switch alg {
	case tpmSHA256:
		return crypto.SHA256
	case tpmSHA384:
		return crypto.SHA384
	case tpmSHA512:
		return crypto.SHA512
	}
	return 0
}

// certInfo is what matters of a TPMS_ATTEST.
type certInfo struct {
	extraData, name []byte
}

// parseCertInfo reads a TPMS_ATTEST (part 2 section 10.12.12) of a TPM2_Certify
// (10.12.3).
func parseCertInfo(data []byte) (certInfo, error) {
	var magic uint32
	var kind uint16
	s := cryptobyte.String(data)
	if !s.ReadUint32(&magic) || magic != tpmGenerated {
		return certInfo{}, bad("certInfo was not made by a TPM")
	}
	if !s.ReadUint16(&kind) || kind != tpmAttestCertify {
		return certInfo{}, bad("certInfo does not certify a key")
	}
	var clockAndFirmware [8 + 4 + 4 + 1 + 8]byte
	_, ok1 := readSized(&s) // qualifiedSigner
	extra, ok2 := readSized(&s)
	ok3 := s.CopyBytes(clockAndFirmware[:])
	name, ok4 := readSized(&s)
	_, ok5 := readSized(&s) // qualifiedName
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !s.Empty() {
		return certInfo{}, bad("certInfo cannot be read")
	}
	return certInfo{extraData: extra, name: name}, nil
}

// objectName computes the Name of a TPMT_PUBLIC (part 1 section 16, "Names"):
// its nameAlg, then the digest of all of it.
func objectName(pubArea []byte) ([]byte, error) {
	if len(pubArea) < 4 {
		return nil, bad("pubArea cannot be read")
	}
	alg := binary.BigEndian.Uint16(pubArea[2:])
	h := tpmHash(alg)
	if h == 0 {
		return nil, bad("pubArea has a name algorithm that is not supported")
	}
	d := h.New()
	d.Write(pubArea)
	return d.Sum([]byte{byte(alg >> 8), byte(alg)}), nil
}

// checkAttributes checks that the private key was made in the TPM and never
// leaves it, and that it signs other things than the TPM's own: a restricted
// key could not sign a certificate request (part 2 section 8.3.3).
func checkAttributes(attributes uint32) error {
	const resident = tpmFixedTPM | tpmFixedParent | tpmSensitiveDataOrigin
	if attributes&resident != resident {
		return bad("the attested key was not made in the TPM or may leave it")
	}
	if attributes&tpmRestricted != 0 {
		return bad("the attested key is restricted to the TPM's own structures")
	}
	return nil
}

// parsePublicArea reads a TPMT_PUBLIC (part 2 section 12.2.4) of an RSA or EC
// key that is bound to its TPM, and returns its SubjectPublicKeyInfo. Only
// restricted decryption keys have a symmetric algorithm.
func parsePublicArea(data []byte) ([]byte, error) {
	var kind, nameAlg, symmetric uint16
	var attributes uint32
	s := cryptobyte.String(data)
	if !s.ReadUint16(&kind) || !s.ReadUint16(&nameAlg) || !s.ReadUint32(&attributes) {
		return nil, bad("pubArea cannot be read")
	}
	if err := checkAttributes(attributes); err != nil {
		return nil, err
	}
	if _, ok := readSized(&s); !ok || !s.ReadUint16(&symmetric) || symmetric != tpmNull { // after authPolicy
		return nil, bad("pubArea cannot be read")
	}
	var pub crypto.PublicKey
	switch kind {
	case tpmRSA:
		pub = readRSA(&s)
	case tpmECC:
		pub = readEC(&s)
	default:
		return nil, bad("pubArea has a key of a kind that is not supported")
	}
	if pub == nil || !s.Empty() {
		return nil, bad("pubArea cannot be read")
	}
	spki, err := x509.MarshalPKIXPublicKey(pub)
	if err == nil {
		_, err = x509x.ParsePublicKey(spki)
	}
	if err != nil {
		return nil, bad("pubArea has a key that is not supported")
	}
	return spki, nil
}

// skipScheme reads over a signing scheme: an algorithm, and unless it is none
// or one without, a hash (part 2 sections 11.2.3.5, 11.2.4.3, 11.2.5.5).
func skipScheme(s *cryptobyte.String) bool {
	var scheme, hash uint16
	if !s.ReadUint16(&scheme) {
		return false
	}
	switch scheme {
	case tpmNull, tpmRSAES:
		return true
	case tpmRSASSA, tpmRSAPSS, tpmOAEP, tpmECDSA, tpmECDH:
		return s.ReadUint16(&hash)
	}
	return false
}

// readRSA reads TPMS_RSA_PARMS after its symmetric algorithm, and the modulus
// (part 2 sections 12.2.3.5 and 11.2.4.5). It returns nil for what it cannot
// read.
func readRSA(s *cryptobyte.String) crypto.PublicKey {
	var bits uint16
	var exponent uint32
	if !skipScheme(s) || !s.ReadUint16(&bits) || !s.ReadUint32(&exponent) {
		return nil
	}
	modulus, ok := readSized(s)
	n := new(big.Int).SetBytes(modulus)
	if !ok || len(modulus) != (int(bits)+7)/8 || n.BitLen() != int(bits) || exponent > 1<<31-1 {
		return nil
	}
	if exponent == 0 {
		exponent = 65537 // the default stands for itself
	}
	return &rsa.PublicKey{N: n, E: int(exponent)}
}

// readEC reads TPMS_ECC_PARMS after its symmetric algorithm, and the point
// (part 2 sections 12.2.3.6 and 11.2.5.2). It returns nil for what it cannot
// read, and for a point that is not on its curve.
func readEC(s *cryptobyte.String) crypto.PublicKey {
	var curve, kdf uint16
	if !skipScheme(s) || !s.ReadUint16(&curve) || !s.ReadUint16(&kdf) || kdf != tpmNull {
		return nil
	}
	x, okX := readSized(s)
	y, okY := readSized(s)
	var c elliptic.Curve
	switch curve {
	case tpmCurveP256:
		c = elliptic.P256()
	case tpmCurveP384:
		c = elliptic.P384()
	case tpmCurveP521:
		c = elliptic.P521()
	}
	if !okX || !okY || c == nil {
		return nil
	}
	size := (c.Params().BitSize + 7) / 8
	if len(x) > size || len(y) > size {
		return nil
	}
	point := make([]byte, 1+2*size)
	point[0] = 4
	copy(point[1+size-len(x):], x) // a TPM may leave leading zeros out
	copy(point[1+2*size-len(y):], y)
	pub, err := ecdsa.ParseUncompressedPublicKey(c, point)
	if err != nil {
		return nil
	}
	return pub
}

// tpmSignature returns the signature in the form that crypto knows. WebAuthn
// says that sig is a TPMT_SIGNATURE (part 2 section 11.3.4), with the hash of
// alg; many authenticators send what is inside of it. What is not exactly the
// former is taken as the latter, and verified as such.
func tpmSignature(sig []byte, alg x509x.SignatureAlgorithm) []byte {
	var scheme, hash uint16
	s := cryptobyte.String(sig)
	if !s.ReadUint16(&scheme) || !s.ReadUint16(&hash) || tpmHash(hash) != alg.Hash() {
		return sig
	}
	switch scheme {
	case tpmRSASSA, tpmRSAPSS:
		if value, ok := readSized(&s); ok && s.Empty() {
			return value
		}
	case tpmECDSA:
		r, ok1 := readSized(&s)
		v, ok2 := readSized(&s)
		if !ok1 || !ok2 || !s.Empty() {
			break
		}
		var b cryptobyte.Builder
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1BigInt(new(big.Int).SetBytes(r))
			b.AddASN1BigInt(new(big.Int).SetBytes(v))
		})
		if der, err := b.Bytes(); err == nil {
			return der
		}
	}
	return sig
}
