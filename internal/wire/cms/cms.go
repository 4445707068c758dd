// Package cms reads and writes the parts of the Cryptographic Message Syntax
// (RFC 5652) that SCEP, EST, CMP and key delivery use: degenerate SignedData,
// SignedData and EnvelopedData. It judges no certificate chain and has no
// policy beyond refusing broken algorithms.
//
// Input may be BER, because Apple devices and streaming OpenSSL send it; it is
// bounded in size and depth and turned into DER first. Output is DER.
package cms

import (
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"

	"github.com/certwright/certwright/internal/wire/x509x"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Errors that callers may test with errors.Is.
var (
	// ErrMalformed says that the octets are not the BER form that was expected.
	ErrMalformed = errors.New("cms: malformed input")
	// ErrTooLarge says that the input is over MaxSize.
	ErrTooLarge = errors.New("cms: input too large")
	// ErrUnsupported says that an algorithm named in clear text is one that we
	// do not know or refuse, such as single DES.
	ErrUnsupported = errors.New("cms: unsupported algorithm")
	// ErrNoRecipient says that no recipient of the message is the given one.
	ErrNoRecipient = errors.New("cms: message is for somebody else")
	// ErrDecrypt is the one error of everything that depends on the private key:
	// it does not tell bad padding from a wrong key (RFC 3218 section 2.3).
	ErrDecrypt = errors.New("cms: cannot decrypt")
	// ErrSignature says that a signature or message digest does not match.
	ErrSignature = errors.New("cms: signature does not verify")
	// ErrWeakSignature says that SHA-1 was used and not allowed.
	ErrWeakSignature = errors.New("cms: signature uses SHA-1")
	// ErrNoSigner says that the signer's certificate is not to be had.
	ErrNoSigner = errors.New("cms: no certificate of the signer")
)

// Content types.
const (
	OIDData          = "1.2.840.113549.1.7.1"
	OIDSignedData    = "1.2.840.113549.1.7.2"
	OIDEnvelopedData = "1.2.840.113549.1.7.3"
	// OIDKeyPackage is id-ct-KP-aKeyPackage (RFC 5958 section 2).
	OIDKeyPackage = "2.16.840.1.101.2.1.2.78.5"
)

// MaxSize is the largest message, in octets, that is read.
const MaxSize = 1 << 20

func malformed(where string) error { return fmt.Errorf("%w: %s", ErrMalformed, where) }

// Identity names a certificate the two ways that CMS does (RFC 5652 6.2.1,
// 5.3): by issuer and serial number, and by subject key identifier.
type Identity struct {
	Issuer []byte // DER Name
	Serial *big.Int
	KeyID  []byte
}

// IdentityOf returns the identity of a certificate; KeyID is nil when it has no
// subject key identifier.
func IdentityOf(cert *x509.Certificate) Identity {
	return Identity{Issuer: cert.RawIssuer, Serial: cert.SerialNumber, KeyID: cert.SubjectKeyId}
}

// context returns a constructed context-specific tag.
func context(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }

// build runs f on a fresh builder.
func build(f cryptobyte.BuilderContinuation) ([]byte, error) {
	var b cryptobyte.Builder
	f(&b)
	return b.Bytes()
}

// addAlgorithm adds an AlgorithmIdentifier; params is DER or nil.
func addAlgorithm(b *cryptobyte.Builder, oid string, params []byte) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		x509x.AddOID(b, oid)
		b.AddBytes(params)
	})
}

// readAlgorithm reads an AlgorithmIdentifier; params is what follows the
// identifier.
func readAlgorithm(s *cryptobyte.String, oid *string, params *cryptobyte.String) bool {
	var seq cryptobyte.String
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !x509x.ReadOID(&seq, oid) {
		return false
	}
	*params = seq
	return true
}

// addContentInfo adds ContentInfo (RFC 5652 section 3).
func addContentInfo(b *cryptobyte.Builder, contentType string, content cryptobyte.BuilderContinuation) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		x509x.AddOID(b, contentType)
		b.AddASN1(context(0), content)
	})
}

// openContentInfo normalises a message and returns the contents of the SEQUENCE
// inside a ContentInfo of the wanted type.
func openContentInfo(ber []byte, want string) (cryptobyte.String, error) {
	der, err := NormaliseBER(ber)
	if err != nil {
		return nil, err
	}
	var info, content, seq cryptobyte.String
	var oid string
	s := cryptobyte.String(der)
	if !s.ReadASN1(&info, asn1.SEQUENCE) || !x509x.ReadOID(&info, &oid) {
		return nil, malformed("content info")
	}
	if oid != want {
		return nil, malformed("content type " + oid)
	}
	if !info.ReadASN1(&content, context(0)) || !info.Empty() ||
		!content.ReadASN1(&seq, asn1.SEQUENCE) || !content.Empty() {
		return nil, malformed("content info")
	}
	return seq, nil
}

// addIssuerAndSerial adds IssuerAndSerialNumber (RFC 5652 10.2.4).
func addIssuerAndSerial(b *cryptobyte.Builder, id Identity) {
	if len(id.Issuer) == 0 || id.Serial == nil {
		b.SetError(malformed("identity without issuer and serial number"))
		return
	}
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(id.Issuer)
		b.AddASN1BigInt(id.Serial)
	})
}

// readIssuerAndSerial reads IssuerAndSerialNumber.
func readIssuerAndSerial(s *cryptobyte.String, id *Identity) bool {
	var seq, issuer cryptobyte.String
	id.Serial = new(big.Int)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !seq.ReadASN1Element(&issuer, asn1.SEQUENCE) ||
		!seq.ReadASN1Integer(id.Serial) || !seq.Empty() {
		return false
	}
	id.Issuer = issuer
	return true
}
