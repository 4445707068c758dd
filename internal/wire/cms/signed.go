package cms

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"

	"github.com/certwright/certwright/internal/wire/x509x"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxSigners bounds the signers of a message; SCEP and EST have one.
const maxSigners = 16

// Signed is a SignedData that was read but not verified (RFC 5652 section 5).
type Signed struct {
	ContentType  string
	Content      []byte
	HasContent   bool // eContent is present, even if empty
	Certificates [][]byte
	CRLs         [][]byte
	Signers      []SignerInfo
}

// SignerInfo is one signature (RFC 5652 5.3).
type SignerInfo struct {
	ID     Identity
	Digest crypto.Hash
	// RawAttributes are the octets of the signed attributes as received, with
	// the tag SET OF that is signed; nil when there are none.
	RawAttributes []byte
	Attributes    []x509x.Attribute
	Signature     []byte
	sigAlg        []byte // DER AlgorithmIdentifier
}

// Attribute returns the only value of a signed attribute as one DER element,
// nil when it is absent or has not exactly one value.
func (s *SignerInfo) Attribute(oid string) []byte {
	for i := range s.Attributes {
		if s.Attributes[i].OID == oid && len(s.Attributes[i].Values) == 1 {
			return s.Attributes[i].Values[0]
		}
	}
	return nil
}

// ParseSigned reads a ContentInfo with SignedData, BER or DER. An unknown digest
// is ErrUnsupported.
func ParseSigned(ber []byte) (*Signed, error) {
	seq, err := openContentInfo(ber, OIDSignedData)
	if err != nil {
		return nil, err
	}
	var head signedHead
	var signers cryptobyte.String
	if !head.read(&seq) || !seq.ReadASN1(&signers, asn1.SET) || !seq.Empty() {
		return nil, malformed("signed data")
	}
	s := &Signed{ContentType: head.contentType, Content: head.content, HasContent: head.hasContent,
		Certificates: head.certs, CRLs: head.crls}
	for !signers.Empty() {
		if len(s.Signers) >= maxSigners {
			return nil, malformed("more signers than are read")
		}
		info, err := readSigner(&signers)
		if err != nil {
			return nil, err
		}
		s.Signers = append(s.Signers, info)
	}
	return s, nil
}

func readSigner(s *cryptobyte.String) (SignerInfo, error) {
	var info SignerInfo
	var seq, digestAlg, attributes, sigAlg, signature, unsigned cryptobyte.String
	var version int64
	var hasAttributes bool
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !seq.ReadASN1Integer(&version) || version < 0 || version > 5 ||
		!readRecipientID(&seq, &info.ID, asn1.Tag(0).ContextSpecific()) ||
		!seq.ReadASN1Element(&digestAlg, asn1.SEQUENCE) {
		return info, malformed("signer")
	}
	if hasAttributes = seq.PeekASN1Tag(context(0)); hasAttributes && !seq.ReadASN1Element(&attributes, context(0)) {
		return info, malformed("signed attributes")
	}
	if !seq.ReadASN1Element(&sigAlg, asn1.SEQUENCE) || !seq.ReadASN1(&signature, asn1.OCTET_STRING) ||
		!seq.ReadOptionalASN1(&unsigned, nil, context(1)) || !seq.Empty() {
		return info, malformed("signer")
	}
	var err error
	if info.Digest, err = x509x.ParseDigest(digestAlg); err != nil {
		if errors.Is(err, x509x.ErrUnsupported) {
			return info, fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
		return info, malformed("digest algorithm")
	}
	info.sigAlg, info.Signature = sigAlg, signature
	if hasAttributes {
		info.RawAttributes = append([]byte{byte(asn1.SET)}, attributes[1:]...)
		if info.Attributes, err = readAttributes(info.RawAttributes); err != nil {
			return info, err
		}
	}
	return info, nil
}

// readAttributes reads a SET OF Attribute. No type may come twice (RFC 5652
// 11.1, 11.2 say so for those that matter).
func readAttributes(der []byte) ([]x509x.Attribute, error) {
	var set cryptobyte.String
	s := cryptobyte.String(der)
	if !s.ReadASN1(&set, asn1.SET) || !s.Empty() {
		return nil, malformed("signed attributes")
	}
	var list []x509x.Attribute
	for !set.Empty() {
		var one, values cryptobyte.String
		var a x509x.Attribute
		if !set.ReadASN1(&one, asn1.SEQUENCE) || !x509x.ReadOID(&one, &a.OID) ||
			!one.ReadASN1(&values, asn1.SET) || !one.Empty() {
			return nil, malformed("signed attribute")
		}
		for !values.Empty() {
			var v cryptobyte.String
			var tag asn1.Tag
			if !values.ReadAnyASN1Element(&v, &tag) {
				return nil, malformed("value of signed attribute")
			}
			a.Values = append(a.Values, v)
		}
		for i := range list {
			if list[i].OID == a.OID {
				return nil, malformed("signed attribute " + a.OID + " twice")
			}
		}
		list = append(list, a)
	}
	return list, nil
}

// VerifyOptions are the circumstances of a verification.
type VerifyOptions struct {
	// AllowSHA1 takes SHA-1 digests and signatures, for legacy SCEP clients.
	AllowSHA1 bool
	// Content is what was signed when the message does not carry it.
	Content []byte
	// Certificates are DER certificates that the signer may have besides those
	// in the message.
	Certificates [][]byte
}

// Signer is the result of a verification: who signed what.
type Signer struct {
	*SignerInfo
	// Certificate is the DER of the signer's certificate. Nothing was checked
	// about it but that its key made the signature.
	Certificate []byte
	PublicKey   crypto.PublicKey
}

// Verify checks the message's signature, of which there must be exactly one,
// and returns its signer. ErrNoSigner when no certificate matches, ErrSignature,
// ErrWeakSignature and ErrUnsupported as they say.
func (s *Signed) Verify(o VerifyOptions) (*Signer, error) {
	if len(s.Signers) != 1 {
		return nil, malformed(fmt.Sprintf("%d signers", len(s.Signers)))
	}
	return s.VerifySigner(0, o)
}

// VerifySigner is Verify for the signature with that index.
func (s *Signed) VerifySigner(i int, o VerifyOptions) (*Signer, error) {
	info := &s.Signers[i]
	out := &Signer{SignerInfo: info}
	var spki []byte
	if out.Certificate, spki = findSigner(info.ID, s.Certificates, o.Certificates); spki == nil {
		return nil, ErrNoSigner
	}
	var err error
	if out.PublicKey, err = x509x.ParsePublicKey(spki); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	if info.Digest == crypto.SHA1 && !o.AllowSHA1 {
		return nil, ErrWeakSignature
	}
	alg, err := info.algorithm(out.PublicKey)
	if err != nil {
		return nil, err
	}
	content := s.Content
	if !s.HasContent {
		content = o.Content
	}
	if info.RawAttributes == nil {
		if s.ContentType != OIDData { // RFC 5652 5.3
			return nil, malformed("signed attributes are missing")
		}
		if err := verify(alg, out.PublicKey, content, info.Signature); err != nil {
			return nil, err
		}
		return out, nil
	}
	if err := info.checkAttributes(s.ContentType, content); err != nil {
		return nil, err
	}
	err = verify(alg, out.PublicKey, info.RawAttributes, info.Signature)
	if errors.Is(err, ErrSignature) {
		// RFC 5652 5.4 signs the DER; a few clients send another order.
		if der, changed := sortAttributes(info.RawAttributes); changed {
			err = verify(alg, out.PublicKey, der, info.Signature)
		}
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

func verify(alg x509x.SignatureAlgorithm, pub crypto.PublicKey, octets, signature []byte) error {
	switch err := x509x.Verify(alg, pub, octets, signature, true); {
	case err == nil:
		return nil
	case errors.Is(err, x509x.ErrSignature):
		return ErrSignature
	default:
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
}

// checkAttributes checks contentType and messageDigest (RFC 5652 5.4, 11.1,
// 11.2).
func (s *SignerInfo) checkAttributes(contentType string, content []byte) error {
	var oid string
	var sum cryptobyte.String
	v := cryptobyte.String(s.Attribute(OIDContentType))
	if !x509x.ReadOID(&v, &oid) || !v.Empty() || oid != contentType {
		return fmt.Errorf("%w: content type attribute", ErrSignature)
	}
	v = cryptobyte.String(s.Attribute(OIDMessageDigest))
	h := s.Digest.New()
	h.Write(content)
	if !v.ReadASN1(&sum, asn1.OCTET_STRING) || !v.Empty() || !bytes.Equal(sum, h.Sum(nil)) {
		return fmt.Errorf("%w: message digest attribute", ErrSignature)
	}
	return nil
}

// algorithm joins digestAlgorithm and signatureAlgorithm, which may name the
// key's algorithm only (RFC 3370 3.2, RFC 5754 3.2). They must agree.
func (s *SignerInfo) algorithm(pub crypto.PublicKey) (x509x.SignatureAlgorithm, error) {
	var oid string
	var params cryptobyte.String
	der := cryptobyte.String(s.sigAlg)
	if !readAlgorithm(&der, &oid, &params) {
		return 0, malformed("signature algorithm")
	}
	var candidates []x509x.SignatureAlgorithm
	switch oid {
	case x509x.OIDKeyRSA:
		candidates = []x509x.SignatureAlgorithm{x509x.SHA256WithRSA, x509x.SHA384WithRSA, x509x.SHA512WithRSA, x509x.SHA1WithRSA}
	case x509x.OIDKeyEC:
		candidates = []x509x.SignatureAlgorithm{x509x.ECDSAWithSHA256, x509x.ECDSAWithSHA384, x509x.ECDSAWithSHA512, x509x.ECDSAWithSHA1}
	default:
		alg, err := x509x.ParseSignatureAlgorithm(s.sigAlg)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
		if alg == x509x.Ed25519 && s.Digest == crypto.SHA512 { // RFC 8419 3.1
			return alg, nil
		}
		candidates = []x509x.SignatureAlgorithm{alg}
	}
	for _, alg := range candidates {
		if alg.Hash() == s.Digest && alg.Matches(pub) {
			return alg, nil
		}
	}
	return 0, fmt.Errorf("%w: signature %s with %v and key of type %T", ErrUnsupported, oid, s.Digest, pub)
}

// sortAttributes puts a SET OF into DER order.
func sortAttributes(der []byte) ([]byte, bool) {
	var set cryptobyte.String
	var elements [][]byte
	s := cryptobyte.String(der)
	if !s.ReadASN1(&set, asn1.SET) || !readSequences(set, &elements) {
		return nil, false
	}
	out, err := build(func(b *cryptobyte.Builder) { addSetOf(b, asn1.SET, elements) })
	return out, err == nil && !bytes.Equal(out, der)
}
