package cms

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"fmt"

	"github.com/certwright/certwright/internal/wire/x509x"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Signed attributes (RFC 5652 section 11).
const (
	OIDContentType   = "1.2.840.113549.1.9.3"
	OIDMessageDigest = "1.2.840.113549.1.9.4"
	OIDSigningTime   = "1.2.840.113549.1.9.5"
)

// SignRequest is what Sign makes a SignedData of.
type SignRequest struct {
	// ContentType is the type of Content; "" is OIDData.
	ContentType string
	// Content is signed and carried; nil leaves eContent out, as a SCEP CertRep
	// without certificate wants (RFC 8894 3.2.2).
	Content []byte
	// Detached signs Content without carrying it.
	Detached bool
	// Signer is an RSA, ECDSA or Ed25519 key.
	Signer crypto.Signer
	// ID names the signer's certificate; UseKeyID by its key identifier.
	ID       Identity
	UseKeyID bool
	// Digest is SHA-256, SHA-384 or SHA-512; 0 is SHA-256 for RSA, that of the
	// curve for ECDSA. Ed25519 always has SHA-512 (RFC 8419 3.1).
	Digest crypto.Hash
	// Attributes are signed besides contentType and messageDigest.
	Attributes []x509x.Attribute
	// Certificates and CRLs are carried, in this order.
	Certificates [][]byte
	CRLs         [][]byte
}

// Sign makes a ContentInfo with SignedData (RFC 5652 section 5) with one signer
// and signed attributes. For an RSA key signatureAlgorithm is rsaEncryption,
// which every client reads; strongSwan takes nothing else.
func Sign(r SignRequest) ([]byte, error) {
	if r.ContentType == "" {
		r.ContentType = OIDData
	}
	digest, sigAlg, err := r.algorithms()
	if err != nil {
		return nil, err
	}
	attributes, err := r.signedAttributes(digest)
	if err != nil {
		return nil, err
	}
	signature, err := r.sign(digest, attributes)
	if err != nil {
		return nil, err
	}
	signerVersion, version := int64(1), int64(1)
	if r.UseKeyID {
		signerVersion = 3
	}
	if r.UseKeyID || r.ContentType != OIDData {
		version = 3 // RFC 5652 5.1
	}
	implicit := append([]byte{byte(context(0))}, attributes[1:]...)
	digestAlg := x509x.DigestDER(digest)
	return build(func(b *cryptobyte.Builder) {
		addContentInfo(b, OIDSignedData, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(version)
				b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(digestAlg) })
				r.addContent(b)
				addRaw(b, context(0), r.Certificates)
				addRaw(b, context(1), r.CRLs)
				b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
					b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1Int64(signerVersion)
						if r.UseKeyID {
							addKeyID(b, asn1.Tag(0).ContextSpecific(), r.ID.KeyID)
						} else {
							addIssuerAndSerial(b, r.ID)
						}
						b.AddBytes(digestAlg)
						b.AddBytes(implicit)
						b.AddBytes(sigAlg)
						b.AddASN1OctetString(signature)
					})
				})
			})
		})
	})
}

// addContent adds EncapsulatedContentInfo (RFC 5652 5.2).
func (r *SignRequest) addContent(b *cryptobyte.Builder) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		x509x.AddOID(b, r.ContentType)
		if r.Content != nil && !r.Detached {
			b.AddASN1(context(0), func(b *cryptobyte.Builder) { b.AddASN1OctetString(r.Content) })
		}
	})
}

// algorithms chooses the digest and the DER of signatureAlgorithm.
func (r *SignRequest) algorithms() (crypto.Hash, []byte, error) {
	digest := r.Digest
	unsupported := fmt.Errorf("%w: %v with key of type %T", ErrUnsupported, digest, r.Signer.Public())
	switch pub := r.Signer.Public().(type) {
	case *rsa.PublicKey:
		if digest == 0 {
			digest = crypto.SHA256
		}
		if digest != crypto.SHA256 && digest != crypto.SHA384 && digest != crypto.SHA512 {
			return 0, nil, unsupported
		}
		der, err := build(func(b *cryptobyte.Builder) { addAlgorithm(b, oidRSA, []byte{byte(asn1.NULL), 0}) })
		return digest, der, err
	case *ecdsa.PublicKey:
		if digest == 0 {
			alg, err := x509x.SignatureAlgorithmFor(pub)
			if err != nil {
				return 0, nil, unsupported
			}
			digest = alg.Hash()
		}
		for _, alg := range []x509x.SignatureAlgorithm{x509x.ECDSAWithSHA256, x509x.ECDSAWithSHA384, x509x.ECDSAWithSHA512} {
			if alg.Hash() == digest {
				return digest, alg.DER(), nil
			}
		}
	case ed25519.PublicKey:
		if digest == 0 || digest == crypto.SHA512 {
			return crypto.SHA512, x509x.Ed25519.DER(), nil
		}
	}
	return 0, nil, unsupported
}

// signedAttributes returns the DER SET OF that is signed (RFC 5652 5.4).
func (r *SignRequest) signedAttributes(digest crypto.Hash) ([]byte, error) {
	contentType, err := x509x.AppendOID(nil, r.ContentType)
	if err != nil {
		return nil, err
	}
	h := digest.New()
	h.Write(r.Content)
	sum, err := build(func(b *cryptobyte.Builder) { b.AddASN1OctetString(h.Sum(nil)) })
	if err != nil {
		return nil, err
	}
	list := append([]x509x.Attribute{
		{OID: OIDContentType, Values: [][]byte{contentType}},
		{OID: OIDMessageDigest, Values: [][]byte{sum}},
	}, r.Attributes...)
	elements := make([][]byte, len(list))
	seen := map[string]bool{}
	for i := range list {
		if seen[list[i].OID] {
			return nil, malformed("signed attribute " + list[i].OID + " twice")
		}
		seen[list[i].OID] = true
		if elements[i], err = list[i].Marshal(); err != nil {
			return nil, err
		}
	}
	return build(func(b *cryptobyte.Builder) { addSetOf(b, asn1.SET, elements) })
}

func (r *SignRequest) sign(digest crypto.Hash, attributes []byte) ([]byte, error) {
	if _, ok := r.Signer.Public().(ed25519.PublicKey); ok {
		return r.Signer.Sign(rand.Reader, attributes, crypto.Hash(0))
	}
	h := digest.New()
	h.Write(attributes)
	return r.Signer.Sign(rand.Reader, h.Sum(nil), digest)
}
