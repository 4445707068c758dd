package keystore

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des" //nolint:gosec // PKCS #12 for old systems
	"crypto/pbkdf2"
	"crypto/rand"
	_ "crypto/sha1" // digests of the key derivations
	_ "crypto/sha256"
	_ "crypto/sha512"
	"fmt"
	"hash"

	"github.com/certwright/certwright/internal/wire/x509x"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Password based encryption (RFC 8018, RFC 7292 appendix C).
const (
	oidPBES2       = "1.2.840.113549.1.5.13"
	oidPBKDF2      = "1.2.840.113549.1.5.12"
	oidHMACSHA1    = "1.2.840.113549.2.7"
	oidHMACSHA256  = "1.2.840.113549.2.9"
	oidHMACSHA384  = "1.2.840.113549.2.10"
	oidHMACSHA512  = "1.2.840.113549.2.11"
	oidAES128CBC   = "2.16.840.1.101.3.4.1.2"
	oidAES192CBC   = "2.16.840.1.101.3.4.1.22"
	oidAES256CBC   = "2.16.840.1.101.3.4.1.42"
	oidDES3CBC     = "1.2.840.113549.3.7"
	oidPBEWith3DES = "1.2.840.113549.1.12.1.3" // pbeWithSHAAnd3-KeyTripleDES-CBC
)

// maxIterations bounds the key derivation that one file can cause, all its
// parts together.
const maxIterations = 5_000_000

// work is what is left of that budget.
type work struct{ left int }

func (w *work) spend(iterations int64) (int, error) {
	if iterations < 1 || iterations > int64(w.left) {
		return 0, fmt.Errorf("%w: %d iterations of the key derivation", ErrTooLarge, iterations)
	}
	w.left -= int(iterations)
	return int(iterations), nil
}

func build(f cryptobyte.BuilderContinuation) ([]byte, error) {
	var b cryptobyte.Builder
	f(&b)
	return b.Bytes()
}

func context(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }

// randomOctets returns n of them.
func randomOctets(n int) ([]byte, error) {
	out := make([]byte, n)
	_, err := rand.Read(out)
	return out, err
}

// encryptPBES2 encrypts with AES-256-CBC and PBKDF2-HMAC-SHA-256 (RFC 8018 6.2)
// and returns the AlgorithmIdentifier and the ciphertext.
func encryptPBES2(plain []byte, password string, iterations int) (alg, out []byte, err error) {
	salt, err := randomOctets(16)
	if err != nil {
		return nil, nil, err
	}
	iv, err := randomOctets(aes.BlockSize)
	if err != nil {
		return nil, nil, err
	}
	key, err := pbkdf2.Key(crypto.SHA256.New, password, salt, iterations, 32)
	if err != nil {
		return nil, nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, nil, err
	}
	alg, err = build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			x509x.AddOID(b, oidPBES2)
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					x509x.AddOID(b, oidPBKDF2)
					b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1OctetString(salt)
						b.AddASN1Int64(int64(iterations))
						b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
							x509x.AddOID(b, oidHMACSHA256)
							b.AddASN1NULL()
						})
					})
				})
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					x509x.AddOID(b, oidAES256CBC)
					b.AddASN1OctetString(iv)
				})
			})
		})
	})
	return alg, encryptCBC(block, iv, plain), err
}

// encryptCBC pads (RFC 8018 6.1.1) and encrypts.
func encryptCBC(block cipher.Block, iv, plain []byte) []byte {
	pad := block.BlockSize() - len(plain)%block.BlockSize()
	out := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, out)
	return out
}

// decryptCBC is the reverse; ErrPassword when the padding is wrong.
func decryptCBC(block cipher.Block, iv, encrypted []byte) ([]byte, error) {
	size := block.BlockSize()
	if len(iv) != size || len(encrypted) == 0 || len(encrypted)%size != 0 {
		return nil, malformed("encrypted data")
	}
	out := make([]byte, len(encrypted))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, encrypted)
	pad := int(out[len(out)-1])
	if pad == 0 || pad > size || !bytes.HasSuffix(out, bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, ErrPassword
	}
	return out[:len(out)-pad], nil
}

// decrypt opens data under the contents of an AlgorithmIdentifier: PBES2, or
// the triple DES and RC2 of PKCS #12. ErrUnsupported for others.
func (w *work) decrypt(alg cryptobyte.String, encrypted []byte, password string) ([]byte, error) {
	var oid string
	var params cryptobyte.String
	if !x509x.ReadOID(&alg, &oid) || !alg.ReadASN1(&params, asn1.SEQUENCE) || !alg.Empty() {
		return nil, malformed("encryption algorithm")
	}
	switch oid {
	case oidPBES2:
		return w.decryptPBES2(params, encrypted, password)
	case oidPBEWith3DES, oidPBEWithRC2, oidPBEWithRC2x40:
		var salt cryptobyte.String
		var count int64
		if !params.ReadASN1(&salt, asn1.OCTET_STRING) || !params.ReadASN1Integer(&count) || !params.Empty() {
			return nil, malformed("PKCS #12 encryption parameters")
		}
		iterations, err := w.spend(count)
		if err != nil {
			return nil, err
		}
		block, iv, err := p12Cipher(oid, password, salt, iterations)
		if err != nil {
			return nil, err
		}
		return decryptCBC(block, iv, encrypted)
	}
	return nil, fmt.Errorf("%w: encryption %s", ErrUnsupported, oid)
}

// decryptPBES2 reads PBES2-params (RFC 8018 A.4).
func (w *work) decryptPBES2(params cryptobyte.String, encrypted []byte, password string) ([]byte, error) {
	var kdf, scheme, kdfParams, salt, prf, iv cryptobyte.String
	var kdfOID, schemeOID string
	var count, length int64
	if !params.ReadASN1(&kdf, asn1.SEQUENCE) || !x509x.ReadOID(&kdf, &kdfOID) ||
		!params.ReadASN1(&scheme, asn1.SEQUENCE) || !x509x.ReadOID(&scheme, &schemeOID) || !params.Empty() {
		return nil, malformed("PBES2 parameters")
	}
	if kdfOID != oidPBKDF2 {
		return nil, fmt.Errorf("%w: key derivation %s", ErrUnsupported, kdfOID)
	}
	if !kdf.ReadASN1(&kdfParams, asn1.SEQUENCE) || !kdf.Empty() ||
		!kdfParams.ReadASN1(&salt, asn1.OCTET_STRING) || !kdfParams.ReadASN1Integer(&count) {
		return nil, malformed("PBKDF2 parameters")
	}
	if kdfParams.PeekASN1Tag(asn1.INTEGER) && !kdfParams.ReadASN1Integer(&length) {
		return nil, malformed("PBKDF2 key length")
	}
	prfOID := oidHMACSHA1 // the default
	if !kdfParams.Empty() && (!kdfParams.ReadASN1(&prf, asn1.SEQUENCE) || !x509x.ReadOID(&prf, &prfOID)) {
		return nil, malformed("PBKDF2 function")
	}
	digest := hmacDigest(prfOID)
	size := map[string]int{oidAES128CBC: 16, oidAES192CBC: 24, oidAES256CBC: 32, oidDES3CBC: 24}[schemeOID]
	if digest == 0 || size == 0 {
		return nil, fmt.Errorf("%w: PBES2 with %s and %s", ErrUnsupported, prfOID, schemeOID)
	}
	if (length != 0 && length != int64(size)) || !scheme.ReadASN1(&iv, asn1.OCTET_STRING) || !scheme.Empty() {
		return nil, malformed("PBES2 scheme")
	}
	iterations, err := w.spend(count)
	if err != nil {
		return nil, err
	}
	key, err := pbkdf2.Key(digest.New, password, salt, iterations, size)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	newBlock := aes.NewCipher
	if schemeOID == oidDES3CBC {
		newBlock = des.NewTripleDESCipher //nolint:gosec
	}
	block, err := newBlock(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return decryptCBC(block, iv, encrypted)
}

// hmacDigest returns the digest of an HMAC identifier, 0 for an unknown one.
func hmacDigest(oid string) crypto.Hash {
	switch oid {
	case oidHMACSHA1:
		return crypto.SHA1
	case oidHMACSHA256:
		return crypto.SHA256
	case oidHMACSHA384:
		return crypto.SHA384
	case oidHMACSHA512:
		return crypto.SHA512
	}
	return 0
}

// p12Cipher derives key and IV of a cipher of RFC 7292 appendix C.
func p12Cipher(oid, password string, salt []byte, iterations int) (cipher.Block, []byte, error) {
	encoded, err := bmpPassword(password)
	if err != nil {
		return nil, nil, err
	}
	iv := p12KDF(crypto.SHA1, encoded, salt, 2, iterations, 8)
	switch oid {
	case oidPBEWithRC2:
		return newRC2(p12KDF(crypto.SHA1, encoded, salt, 1, iterations, 16)), iv, nil
	case oidPBEWithRC2x40:
		return newRC2(p12KDF(crypto.SHA1, encoded, salt, 1, iterations, 5)), iv, nil
	}
	block, err := des.NewTripleDESCipher(p12KDF(crypto.SHA1, encoded, salt, 1, iterations, 24)) //nolint:gosec
	return block, iv, err
}

// bmpPassword is the password as BMPString with a zero at the end (RFC 7292
// B.1).
func bmpPassword(password string) ([]byte, error) {
	out := make([]byte, 0, 2*len(password)+2)
	for _, r := range password {
		if r > 0xffff || (r >= 0xd800 && r < 0xe000) || r == 0xfffd {
			return nil, fmt.Errorf("%w: password character outside of the basic plane", ErrUnsupported)
		}
		out = append(out, byte(r>>8), byte(r))
	}
	return append(out, 0, 0), nil
}

// p12KDF is the key derivation of RFC 7292 B.2. id is 1 for a key, 2 for an IV,
// 3 for a MAC key.
func p12KDF(h crypto.Hash, password, salt []byte, id byte, iterations, size int) []byte {
	digest := h.New()
	v := digest.BlockSize()
	diversifier := bytes.Repeat([]byte{id}, v)
	input := append(fill(salt, v), fill(password, v)...)
	var out []byte
	for len(out) < size {
		a := sum(digest, diversifier, input)
		for i := 1; i < iterations; i++ {
			a = sum(digest, a)
		}
		out = append(out, a...)
		addOne(input, fill(a, v)[:v], v)
	}
	return out[:size]
}

// fill repeats s up to the next multiple of v octets.
func fill(s []byte, v int) []byte {
	n := (len(s) + v - 1) / v * v
	out := make([]byte, 0, n+len(s))
	for len(out) < n {
		out = append(out, s...)
	}
	return out[:n]
}

func sum(h hash.Hash, parts ...[]byte) []byte {
	h.Reset()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// addOne adds b + 1 to every block of v octets of input, modulo 2^(8v).
func addOne(input, b []byte, v int) {
	for start := 0; start < len(input); start += v {
		carry := 1
		for i := v - 1; i >= 0; i-- {
			carry += int(input[start+i]) + int(b[i])
			input[start+i] = byte(carry)
			carry >>= 8
		}
	}
}
