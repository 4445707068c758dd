package cms

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"

	"github.com/certwright/certwright/internal/wire/x509x"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Key management algorithms.
const (
	oidRSA     = x509x.OIDKeyRSA          // RFC 3370 4.2.1
	oidOAEP    = "1.2.840.113549.1.1.7"   // RFC 4055 4.1
	oidMGF1    = "1.2.840.113549.1.1.8"   // RFC 4055 2.2
	oidLabel   = "1.2.840.113549.1.1.9"   // RFC 4055 4.1 id-pSpecified
	oidECDH256 = "1.3.132.1.11.1"         // dhSinglePass-stdDH-sha256kdf-scheme, RFC 5753 7.1.4
	oidECDH384 = "1.3.132.1.11.2"         //
	oidECDH512 = "1.3.132.1.11.3"         //
	oidECDH1   = "1.3.133.16.840.63.0.2"  // dhSinglePass-stdDH-sha1kdf-scheme, what OpenSSL writes
	oidWrap128 = "2.16.840.1.101.3.4.1.5" // RFC 3565 2.3.2
	oidWrap192 = "2.16.840.1.101.3.4.1.25"
	oidWrap256 = "2.16.840.1.101.3.4.1.45"
)

// Recipient is somebody who can open an EnvelopedData.
type Recipient struct {
	ID  Identity
	Key crypto.PublicKey // *rsa.PublicKey or *ecdsa.PublicKey
	// UseKeyID names the recipient by subject key identifier rather than by
	// issuer and serial number.
	UseKeyID bool
	// OAEP encrypts to an RSA key with RSAES-OAEP (SHA-256) rather than PKCS #1
	// version 1.5.
	OAEP bool
}

// Encrypt makes a ContentInfo with EnvelopedData (RFC 5652 section 6).
// contentType is what content is, usually OIDData. RSA recipients get key
// transport, EC recipients ephemeral-static ECDH with SHA-256 and AES-256 key
// wrap (RFC 5753 3.1.1). ErrUnsupported for another kind of key or cipher.
func Encrypt(content []byte, contentType string, recipients []Recipient, alg ContentCipher) ([]byte, error) {
	if len(recipients) == 0 {
		return nil, malformed("no recipient")
	}
	key, iv, ciphertext, err := alg.encrypt(content)
	if err != nil {
		return nil, err
	}
	infos := make([][]byte, len(recipients))
	version := int64(0)
	for i := range recipients {
		var v int64
		if infos[i], v, err = recipients[i].info(key); err != nil {
			return nil, err
		}
		if v != 0 {
			version = 2 // RFC 5652 6.1
		}
	}
	cipherOID, _, _ := alg.info()
	ivDER, err := build(func(b *cryptobyte.Builder) { b.AddASN1OctetString(iv) })
	if err != nil {
		return nil, err
	}
	b := cryptobyte.NewBuilder(make([]byte, 0, len(ciphertext)+512*len(recipients)+128))
	addContentInfo(b, OIDEnvelopedData, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(version)
			addSetOf(b, asn1.SET, infos)
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				x509x.AddOID(b, contentType)
				addAlgorithm(b, cipherOID, ivDER)
				b.AddASN1(asn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(ciphertext) })
			})
		})
	})
	return b.Bytes()
}

// info returns the RecipientInfo for the content key, and its version.
func (r *Recipient) info(key []byte) (der []byte, version int64, err error) {
	switch pub := r.Key.(type) {
	case *rsa.PublicKey:
		if r.UseKeyID {
			version = 2
		}
		der, err = r.transport(pub, key, version)
		return der, version, err
	case *ecdsa.PublicKey:
		der, err = r.agree(pub, key)
		return der, 3, err
	}
	return nil, 0, fmt.Errorf("%w: recipient key of type %T", ErrUnsupported, r.Key)
}

// transport makes a KeyTransRecipientInfo (RFC 5652 6.2.1).
func (r *Recipient) transport(pub *rsa.PublicKey, key []byte, version int64) ([]byte, error) {
	oid, params := oidRSA, []byte{byte(asn1.NULL), 0}
	var encrypted []byte
	var err error
	if r.OAEP {
		oid, params = oidOAEP, oaepSHA256()
		encrypted, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, pub, key, nil)
	} else {
		//lint:ignore SA1019 RFC 8894 and RFC 7030 clients know nothing else
		encrypted, err = rsa.EncryptPKCS1v15(rand.Reader, pub, key)
	}
	if err != nil {
		return nil, err
	}
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(version)
			if r.UseKeyID {
				addKeyID(b, asn1.Tag(0).ContextSpecific(), r.ID.KeyID)
			} else {
				addIssuerAndSerial(b, r.ID)
			}
			addAlgorithm(b, oid, params)
			b.AddASN1OctetString(encrypted)
		})
	})
}

func addKeyID(b *cryptobyte.Builder, tag asn1.Tag, id []byte) {
	if len(id) == 0 {
		b.SetError(malformed("identity without key identifier"))
		return
	}
	b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes(id) })
}

// oaepSHA256 is RSAES-OAEP-params with SHA-256 for digest and mask (RFC 4055
// 4.1 rSAES-OAEP-SHA256-Params).
func oaepSHA256() []byte {
	const sha256Null = "\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00"
	return []byte("\x30\x2f\xa0\x0f" + sha256Null +
		"\xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08" + sha256Null)
}

// agree makes a KeyAgreeRecipientInfo (RFC 5652 6.2.2, RFC 5753 3.1.1).
func (r *Recipient) agree(pub *ecdsa.PublicKey, key []byte) ([]byte, error) {
	remote, err := pub.ECDH()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	ephemeral, err := remote.Curve().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	secret, err := ephemeral.ECDH(remote)
	if err != nil {
		return nil, err
	}
	wrapAlg, err := build(func(b *cryptobyte.Builder) { addAlgorithm(b, oidWrap256, nil) })
	if err != nil {
		return nil, err
	}
	kek, err := deriveKEK(crypto.SHA256, secret, wrapAlg, nil, 32)
	if err != nil {
		return nil, err
	}
	wrapped, err := wrapKey(kek, key)
	if err != nil {
		return nil, err
	}
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(context(1), func(b *cryptobyte.Builder) {
			b.AddASN1Int64(3)
			b.AddASN1(context(0), func(b *cryptobyte.Builder) { // originator
				b.AddASN1(context(1), func(b *cryptobyte.Builder) { // originatorKey
					addAlgorithm(b, x509x.OIDKeyEC, nil)
					b.AddASN1BitString(ephemeral.PublicKey().Bytes())
				})
			})
			addAlgorithm(b, oidECDH256, wrapAlg)
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					if r.UseKeyID {
						b.AddASN1(context(0), func(b *cryptobyte.Builder) { addKeyID(b, asn1.OCTET_STRING, r.ID.KeyID) })
					} else {
						addIssuerAndSerial(b, r.ID)
					}
					b.AddASN1OctetString(wrapped)
				})
			})
		})
	})
}
