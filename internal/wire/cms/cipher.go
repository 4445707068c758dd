package cms

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des" //nolint:gosec // triple DES is read only
	"crypto/rand"
	"crypto/subtle"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// ContentCipher is a content encryption algorithm.
type ContentCipher uint8

// The content encryption algorithms (RFC 3565, RFC 3370 5.1). TripleDESCBC is
// decrypted for old clients but never written.
const (
	AES128CBC ContentCipher = iota + 1
	AES192CBC
	AES256CBC
	TripleDESCBC
)

// oidSingleDES is named in the error, because old SCEP clients still send it.
const oidSingleDES = "1.3.14.3.2.7"

// info returns identifier, key length and block length in octets.
func (c ContentCipher) info() (oid string, keyLen, block int) {
	switch c {
	case AES128CBC:
		return "2.16.840.1.101.3.4.1.2", 16, 16
	case AES192CBC:
		return "2.16.840.1.101.3.4.1.22", 24, 16
	case AES256CBC:
		return "2.16.840.1.101.3.4.1.42", 32, 16
	case TripleDESCBC:
		return "1.2.840.113549.3.7", 24, 8
	}
	return "", 0, 0
}

// String returns a name such as "AES-128-CBC".
func (c ContentCipher) String() string {
	names := [...]string{"unknown", "AES-128-CBC", "AES-192-CBC", "AES-256-CBC", "3DES-CBC"}
	if int(c) < len(names) {
		return names[c]
	}
	return names[0]
}

func (c ContentCipher) block(key []byte) (cipher.Block, error) {
	if c == TripleDESCBC {
		return des.NewTripleDESCipher(key) //nolint:gosec
	}
	return aes.NewCipher(key)
}

// encrypt makes a content key and returns it with the IV and the padded
// ciphertext (RFC 5652 6.3).
func (c ContentCipher) encrypt(content []byte) (key, iv, out []byte, err error) {
	_, keyLen, size := c.info()
	if keyLen == 0 || c == TripleDESCBC {
		return nil, nil, nil, fmt.Errorf("%w: %s for encryption", ErrUnsupported, c)
	}
	key, iv = make([]byte, keyLen), make([]byte, size)
	if _, err = rand.Read(key); err != nil {
		return nil, nil, nil, err
	}
	if _, err = rand.Read(iv); err != nil {
		return nil, nil, nil, err
	}
	block, err := c.block(key)
	if err != nil {
		return nil, nil, nil, err
	}
	pad := size - len(content)%size
	out = make([]byte, len(content)+pad)
	copy(out, content)
	for i := len(content); i < len(out); i++ {
		out[i] = byte(pad)
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, out)
	return key, iv, out, nil
}

// decrypt returns the content; every failure is ErrDecrypt. The padding is
// compared without branches on it.
func (c ContentCipher) decrypt(key, iv, ciphertext []byte) ([]byte, error) {
	_, keyLen, size := c.info()
	if len(key) != keyLen || len(iv) != size || len(ciphertext) == 0 || len(ciphertext)%size != 0 {
		return nil, ErrDecrypt
	}
	block, err := c.block(key)
	if err != nil {
		return nil, ErrDecrypt
	}
	out := make([]byte, len(ciphertext))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, ciphertext)
	pad := int(out[len(out)-1])
	good := subtle.ConstantTimeLessOrEq(1, pad) & subtle.ConstantTimeLessOrEq(pad, size)
	for i := 1; i <= size; i++ {
		same := subtle.ConstantTimeByteEq(out[len(out)-i], byte(pad))
		good &= same | subtle.ConstantTimeLessOrEq(pad+1, i)
	}
	if good != 1 {
		return nil, ErrDecrypt
	}
	return out[:len(out)-pad], nil
}

// readCipher reads a ContentEncryptionAlgorithmIdentifier.
func readCipher(s *cryptobyte.String) (c ContentCipher, iv []byte, err error) {
	var oid string
	var params, octets cryptobyte.String
	if !readAlgorithm(s, &oid, &params) {
		return 0, nil, malformed("content encryption algorithm")
	}
	for c = AES128CBC; c <= TripleDESCBC; c++ {
		known, _, size := c.info()
		if known != oid {
			continue
		}
		if !params.ReadASN1(&octets, asn1.OCTET_STRING) || !params.Empty() || len(octets) != size {
			return 0, nil, malformed("initialisation vector")
		}
		return c, octets, nil
	}
	if oid == oidSingleDES {
		return 0, nil, fmt.Errorf("%w: single DES", ErrUnsupported)
	}
	return 0, nil, fmt.Errorf("%w: content encryption %s", ErrUnsupported, oid)
}
