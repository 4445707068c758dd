package x509x

import (
	"crypto/sha1" //nolint:gosec // RFC 5280 key identifiers are no security function
	"crypto/sha256"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// keyBits returns the contents of the subjectPublicKey BIT STRING of a DER
// SubjectPublicKeyInfo.
func keyBits(spki []byte) ([]byte, error) {
	var seq, alg cryptobyte.String
	var bits []byte
	s := cryptobyte.String(spki)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() || !seq.ReadASN1(&alg, asn1.SEQUENCE) ||
		!seq.ReadASN1BitStringAsBytes(&bits) || !seq.Empty() {
		return nil, malformed("subject public key info")
	}
	return bits, nil
}

// KeyID returns the key identifier of RFC 7093 section 2 method 1: the leftmost
// 160 bits of the SHA-256 of the key bits of a DER SubjectPublicKeyInfo.
func KeyID(spki []byte) ([]byte, error) {
	bits, err := keyBits(spki)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(bits)
	return sum[:20:20], nil
}

// KeyIDSHA1 returns the key identifier of RFC 5280 4.2.1.2 method 1, the SHA-1
// of the key bits.
func KeyIDSHA1(spki []byte) ([]byte, error) {
	bits, err := keyBits(spki)
	if err != nil {
		return nil, err
	}
	sum := sha1.Sum(bits) //nolint:gosec
	return sum[:], nil
}

// MakeSubjectKeyID returns the extension (RFC 5280 4.2.1.2).
func MakeSubjectKeyID(id []byte) (Extension, error) {
	if len(id) == 0 {
		return Extension{}, malformed("empty key identifier")
	}
	value, err := build(func(b *cryptobyte.Builder) { b.AddASN1OctetString(id) })
	return Extension{OID: OIDSubjectKeyID, Value: value}, err
}

// ParseSubjectKeyID reads the value of a subject key identifier extension.
func ParseSubjectKeyID(value []byte) ([]byte, error) {
	var id cryptobyte.String
	s := cryptobyte.String(value)
	if !s.ReadASN1(&id, asn1.OCTET_STRING) || !s.Empty() || id.Empty() {
		return nil, malformed("subject key identifier")
	}
	return id, nil
}

// AuthorityKeyID is RFC 5280 4.2.1.1. Issuer and Serial come together or not at
// all.
type AuthorityKeyID struct {
	KeyID  []byte
	Issuer []GeneralName
	Serial *big.Int
}

// MakeAuthorityKeyID returns the extension.
func MakeAuthorityKeyID(a AuthorityKeyID) (Extension, error) {
	if (len(a.Issuer) == 0) != (a.Serial == nil) || (a.KeyID == nil && a.Serial == nil) {
		return Extension{}, malformed("authority key identifier")
	}
	value, err := build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			if a.KeyID != nil {
				b.AddASN1(asn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(a.KeyID) })
			}
			if a.Serial == nil {
				return
			}
			b.AddASN1(asn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				for i := range a.Issuer {
					a.Issuer[i].add(b)
				}
			})
			serial, err := build(func(b *cryptobyte.Builder) { b.AddASN1BigInt(a.Serial) })
			if err != nil || a.Serial.Sign() <= 0 {
				b.SetError(malformed("authority serial number"))
				return
			}
			serial[0] = byte(asn1.Tag(2).ContextSpecific()) // IMPLICIT
			b.AddBytes(serial)
		})
	})
	return Extension{OID: OIDAuthorityKeyID, Value: value}, err
}

// ParseAuthorityKeyID reads the value of an authority key identifier extension.
func ParseAuthorityKeyID(value []byte) (AuthorityKeyID, error) {
	var a AuthorityKeyID
	if err := sized(value); err != nil {
		return a, err
	}
	var seq, id, issuer, serial cryptobyte.String
	var hasID, hasIssuer, hasSerial bool
	s := cryptobyte.String(value)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() ||
		!seq.ReadOptionalASN1(&id, &hasID, asn1.Tag(0).ContextSpecific()) ||
		!seq.ReadOptionalASN1(&issuer, &hasIssuer, asn1.Tag(1).ContextSpecific().Constructed()) ||
		!seq.ReadOptionalASN1(&serial, &hasSerial, asn1.Tag(2).ContextSpecific()) ||
		!seq.Empty() || hasIssuer != hasSerial {
		return a, malformed("authority key identifier")
	}
	if hasID {
		a.KeyID = id
	}
	if !hasIssuer {
		return a, nil
	}
	var err error
	if a.Issuer, err = readGeneralNames(issuer); err != nil {
		return a, err
	}
	if len(serial) == 0 || len(serial) > maxSerialOctets+1 || serial[0]&0x80 != 0 {
		return a, malformed("authority serial number")
	}
	a.Serial = new(big.Int).SetBytes(serial)
	return a, nil
}
