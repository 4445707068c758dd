package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
)

const (
	keySize   = 32 // octets of every key here: AES-256, HMAC-SHA-256
	nonceSize = 24 // octets of an XAES-256-GCM nonce
	tagSize   = 16 // octets of the GCM tag
)

// newKey returns 32 random octets.
func newKey() (k [keySize]byte) {
	_, _ = rand.Read(k[:]) // never fails since Go 1.24
	return k
}

// xaes is XAES-256-GCM under one key: the block cipher and the CMAC sub-key K1
// (NIST SP 800-38B section 6.1), which all records of the key share.
type xaes struct {
	block cipher.Block
	k1    [aes.BlockSize]byte
}

func newXAES(key [keySize]byte) *xaes {
	b, err := aes.NewCipher(key[:])
	if err != nil {
		panic("secret: AES refuses a 32-octet key: " + err.Error())
	}
	x := &xaes{block: b}
	b.Encrypt(x.k1[:], x.k1[:])
	var msb byte
	for i := len(x.k1) - 1; i >= 0; i-- {
		msb, x.k1[i] = x.k1[i]>>7, x.k1[i]<<1|msb
	}
	x.k1[len(x.k1)-1] ^= msb * 0b10000111 // constant time
	return x
}

// gcm derives the key of one record (NIST SP 800-108r1 in counter mode with
// CMAC, label "X") from the first 12 octets of its nonce.
func (x *xaes) gcm(nonce []byte) cipher.AEAD {
	var k [2 * aes.BlockSize]byte
	for i := range 2 {
		m := k[i*aes.BlockSize : (i+1)*aes.BlockSize]
		copy(m, []byte{0, byte(i + 1), 'X', 0})
		copy(m[4:], nonce[:12])
		for j := range m {
			m[j] ^= x.k1[j]
		}
		x.block.Encrypt(m, m)
	}
	b, err := aes.NewCipher(k[:])
	if err != nil {
		panic("secret: AES refuses a 32-octet key: " + err.Error())
	}
	g, err := cipher.NewGCM(b)
	if err != nil {
		panic("secret: GCM refuses AES: " + err.Error())
	}
	return g
}

// seal appends ciphertext and tag to dst. nonce has 24 octets.
func (x *xaes) seal(dst, nonce, plain, aad []byte) []byte {
	return x.gcm(nonce).Seal(dst, nonce[12:], plain, aad)
}

// open returns the plain text, or an error that says nothing.
func (x *xaes) open(nonce, sealed, aad []byte) ([]byte, error) {
	return x.gcm(nonce).Open(nil, nonce[12:], sealed, aad)
}
