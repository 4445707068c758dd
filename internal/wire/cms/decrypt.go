package cms

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"fmt"

	"github.com/certwright/certwright/internal/wire/x509x"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Decrypt reads and opens an EnvelopedData in one step; see ParseEnveloped and
// Enveloped.Decrypt.
func Decrypt(ber []byte, id Identity, key crypto.PrivateKey) ([]byte, error) {
	e, err := ParseEnveloped(ber)
	if err != nil {
		return nil, err
	}
	return e.Decrypt(id, key)
}

// Decrypt opens the message with the private key of the certificate id: an RSA
// crypto.Decrypter (which may live in a token), *ecdsa.PrivateKey or
// *ecdh.PrivateKey.
//
// ErrNoRecipient and ErrUnsupported depend on clear text only. Everything else
// is ErrDecrypt, without a difference in time for bad PKCS #1 padding: the
// message is then decrypted with a random key (RFC 3218 2.3.2). Callers must
// answer content that makes no sense the same way as ErrDecrypt.
func (e *Enveloped) Decrypt(id Identity, key crypto.PrivateKey) ([]byte, error) {
	r := e.find(id)
	if r == nil {
		return nil, ErrNoRecipient
	}
	_, size, _ := e.Cipher.info()
	var contentKey []byte
	var err error
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		private, e := k.ECDH()
		if e != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnsupported, e)
		}
		contentKey, err = r.agreedKey(private)
	case *ecdh.PrivateKey:
		contentKey, err = r.agreedKey(k)
	case crypto.Decrypter:
		contentKey, err = r.transportedKey(k, size)
	default:
		return nil, fmt.Errorf("%w: private key of type %T", ErrUnsupported, key)
	}
	if err != nil {
		return nil, err
	}
	return e.Cipher.decrypt(contentKey, e.iv, e.ciphertext)
}

// find returns the recipient that is id. Some clients encode the issuer's name
// anew, so a lone match of the serial number counts when nothing matches fully.
func (e *Enveloped) find(id Identity) *recipientInfo {
	var bySerial *recipientInfo
	for i := range e.recipients {
		r := &e.recipients[i]
		if r.id.KeyID != nil {
			if len(id.KeyID) > 0 && bytes.Equal(r.id.KeyID, id.KeyID) {
				return r
			}
			continue
		}
		if id.Serial == nil || r.id.Serial.Cmp(id.Serial) != 0 {
			continue
		}
		if bytes.Equal(r.id.Issuer, id.Issuer) {
			return r
		}
		bySerial = r
	}
	return bySerial
}

// transportedKey decrypts the content key of size octets with RSA.
func (r *recipientInfo) transportedKey(k crypto.Decrypter, size int) ([]byte, error) {
	if _, ok := k.Public().(*rsa.PublicKey); !ok || r.agreement != nil {
		return nil, fmt.Errorf("%w: key encryption %s with key of type %T", ErrUnsupported, r.oid, k.Public())
	}
	var opts crypto.DecrypterOpts
	switch r.oid {
	case oidRSA:
		// A wrong padding or length gives a random key rather than an error.
		//lint:ignore SA1019 RFC 8894 and RFC 7030 clients use it
		opts = &rsa.PKCS1v15DecryptOptions{SessionKeyLen: size}
	case oidOAEP:
		oaep, err := readOAEP(r.params)
		if err != nil {
			return nil, err
		}
		opts = oaep
	default:
		return nil, fmt.Errorf("%w: key transport %s", ErrUnsupported, r.oid)
	}
	key, err := k.Decrypt(rand.Reader, r.encrypted, opts)
	if err != nil || len(key) != size {
		return nil, ErrDecrypt
	}
	return key, nil
}

// readOAEP reads RSAES-OAEP-params (RFC 4055 4.1); what is absent is SHA-1.
func readOAEP(params cryptobyte.String) (*rsa.OAEPOptions, error) {
	opts := &rsa.OAEPOptions{Hash: crypto.SHA1, MGFHash: crypto.SHA1}
	if params.Empty() {
		return opts, nil
	}
	var seq, hash, mgf, source cryptobyte.String
	var hasHash, hasMGF, hasSource bool
	if !params.ReadASN1(&seq, asn1.SEQUENCE) || !params.Empty() ||
		!seq.ReadOptionalASN1(&hash, &hasHash, context(0)) ||
		!seq.ReadOptionalASN1(&mgf, &hasMGF, context(1)) ||
		!seq.ReadOptionalASN1(&source, &hasSource, context(2)) || !seq.Empty() {
		return nil, malformed("RSAES-OAEP parameters")
	}
	var err error
	if hasHash {
		if opts.Hash, err = x509x.ParseDigest(hash); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
	}
	var oid string
	var inner cryptobyte.String
	if hasMGF {
		if !readAlgorithm(&mgf, &oid, &inner) || oid != oidMGF1 || !mgf.Empty() {
			return nil, malformed("RSAES-OAEP mask generation")
		}
		if opts.MGFHash, err = x509x.ParseDigest(inner); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
	}
	if hasSource {
		var label cryptobyte.String
		if !readAlgorithm(&source, &oid, &inner) || oid != oidLabel || !source.Empty() ||
			!inner.ReadASN1(&label, asn1.OCTET_STRING) || !inner.Empty() {
			return nil, malformed("RSAES-OAEP label")
		}
		opts.Label = label
	}
	return opts, nil
}

// agreedKey unwraps the content key with ephemeral-static ECDH (RFC 5753
// 3.1.3).
func (r *recipientInfo) agreedKey(k *ecdh.PrivateKey) ([]byte, error) {
	if r.agreement == nil {
		return nil, fmt.Errorf("%w: key encryption %s with an EC key", ErrUnsupported, r.oid)
	}
	hashes := map[string]crypto.Hash{oidECDH1: crypto.SHA1, oidECDH256: crypto.SHA256, oidECDH384: crypto.SHA384, oidECDH512: crypto.SHA512}
	sizes := map[string]int{oidWrap128: 16, oidWrap192: 24, oidWrap256: 32}
	var wrapOID string
	var wrapParams cryptobyte.String
	params := r.params
	if hashes[r.oid] == 0 {
		return nil, fmt.Errorf("%w: key agreement %s", ErrUnsupported, r.oid)
	}
	if !readAlgorithm(&params, &wrapOID, &wrapParams) || !params.Empty() {
		return nil, malformed("key wrap algorithm")
	}
	if sizes[wrapOID] == 0 {
		return nil, fmt.Errorf("%w: key wrap %s", ErrUnsupported, wrapOID)
	}
	point, err := k.Curve().NewPublicKey(r.agreement.point)
	if err != nil {
		return nil, ErrDecrypt
	}
	secret, err := k.ECDH(point)
	if err != nil {
		return nil, ErrDecrypt
	}
	kek, err := deriveKEK(hashes[r.oid], secret, r.params, r.agreement.ukm, sizes[wrapOID])
	if err != nil {
		return nil, ErrDecrypt
	}
	return unwrapKey(kek, r.encrypted)
}
