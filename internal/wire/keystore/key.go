package keystore

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// keyIterations is the default PBKDF2 count of an encrypted PEM key (OWASP
// password storage, PBKDF2 with SHA-256).
const keyIterations = 600_000

// ParseKey reads a private key: PKCS #8 (plain, or encrypted with PBES2), PKCS
// #1 or SEC 1, as PEM or DER. It returns *rsa.PrivateKey, *ecdsa.PrivateKey or
// ed25519.PrivateKey. ErrPassword when the key is encrypted and the password
// does not open it.
func ParseKey(data []byte, password string) (crypto.PrivateKey, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("%w: %d octets", ErrTooLarge, len(data))
	}
	if !bytes.Contains(data, []byte("-----BEGIN ")) {
		return parseKeyDER(data, password)
	}
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return nil, malformed("PEM without private key")
		}
		switch block.Type {
		case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
			return parseKeyBlock(block, password)
		}
	}
}

func parseKeyBlock(block *pem.Block, password string) (crypto.PrivateKey, error) {
	if block.Headers["DEK-Info"] != "" {
		return nil, fmt.Errorf("%w: private key in the old OpenSSL encryption (DEK-Info)", ErrUnsupported)
	}
	return parseKeyDER(block.Bytes, password)
}

// parseKeyDER tells the forms apart by their first elements: PKCS #8 begins
// with INTEGER 0 or 1 and a SEQUENCE, PKCS #1 with two INTEGERs, SEC 1 with an
// INTEGER and an OCTET STRING, EncryptedPrivateKeyInfo with a SEQUENCE.
func parseKeyDER(der []byte, password string) (crypto.PrivateKey, error) {
	var seq, version cryptobyte.String
	s := cryptobyte.String(der)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() {
		return nil, malformed("private key")
	}
	if seq.PeekASN1Tag(asn1.SEQUENCE) {
		plain, err := DecryptKey(der, password)
		if err != nil {
			return nil, err
		}
		key, err := checkKey(x509.ParsePKCS8PrivateKey(plain))
		if err != nil { // a wrong password can give good padding
			return nil, ErrPassword
		}
		return key, nil
	}
	if !seq.ReadASN1(&version, asn1.INTEGER) {
		return nil, malformed("private key")
	}
	switch {
	case seq.PeekASN1Tag(asn1.SEQUENCE):
		return checkKey(x509.ParsePKCS8PrivateKey(der))
	case seq.PeekASN1Tag(asn1.INTEGER):
		key, err := x509.ParsePKCS1PrivateKey(der)
		return checkKey(any(key), err)
	case seq.PeekASN1Tag(asn1.OCTET_STRING):
		key, err := x509.ParseECPrivateKey(der)
		return checkKey(any(key), err)
	}
	return nil, malformed("private key")
}

func checkKey(key any, err error) (crypto.PrivateKey, error) {
	if err != nil {
		return nil, fmt.Errorf("%w: private key: %w", ErrMalformed, err)
	}
	switch key.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		return key, nil
	}
	return nil, fmt.Errorf("%w: private key of type %T", ErrUnsupported, key)
}

// MarshalKey writes a private key as plain PKCS #8 DER (RFC 5958).
func MarshalKey(key crypto.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return der, nil
}

// KeyPEM writes a private key as PKCS #8 PEM, encrypted unless the password is
// empty. iterations is as in EncryptKey.
func KeyPEM(key crypto.PrivateKey, password string, iterations int) ([]byte, error) {
	der, err := MarshalKey(key)
	if err != nil {
		return nil, err
	}
	if password == "" {
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
	}
	if der, err = EncryptKey(der, password, iterations); err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der}), nil
}

// EncryptKey turns PKCS #8 DER into an EncryptedPrivateKeyInfo (RFC 5958
// section 3) with PBES2, AES-256-CBC and PBKDF2 with HMAC-SHA-256. iterations 0
// is 600000.
func EncryptKey(pkcs8 []byte, password string, iterations int) ([]byte, error) {
	if iterations == 0 {
		iterations = keyIterations
	}
	alg, out, err := encryptPBES2(pkcs8, password, iterations)
	if err != nil {
		return nil, err
	}
	return build(func(b *cryptobyte.Builder) { addShrouded(b, alg, out) })
}

// addShrouded adds an EncryptedPrivateKeyInfo.
func addShrouded(b *cryptobyte.Builder, alg, encrypted []byte) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(alg)
		b.AddASN1OctetString(encrypted)
	})
}

// DecryptKey opens an EncryptedPrivateKeyInfo and returns the PKCS #8 DER.
func DecryptKey(der []byte, password string) ([]byte, error) {
	w := &work{left: maxIterations}
	return w.decryptKey(der, password)
}

func (w *work) decryptKey(der []byte, password string) ([]byte, error) {
	var seq, alg, encrypted cryptobyte.String
	s := cryptobyte.String(der)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() || !seq.ReadASN1(&alg, asn1.SEQUENCE) ||
		!seq.ReadASN1(&encrypted, asn1.OCTET_STRING) || !seq.Empty() {
		return nil, malformed("encrypted private key")
	}
	plain, err := w.decrypt(alg, encrypted, password)
	if err != nil {
		return nil, err
	}
	var inner cryptobyte.String
	p := cryptobyte.String(plain)
	if !p.ReadASN1(&inner, asn1.SEQUENCE) || !p.Empty() {
		return nil, ErrPassword
	}
	return plain, nil
}
