//go:build cgo && hsm

package secret

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // only in OAEP, see oaepHashes
	"crypto/sha256"
	"errors"
	"hash"
	"strings"

	"go.step.sm/crypto/kms/apiv1"
	"go.step.sm/crypto/kms/pkcs11"

	"github.com/certwright/certwright/internal/core"
)

// pkcs11Source keeps an RSA key in a module. The key-encryption key is random
// and stored in the ring, encrypted by RSA-OAEP (RFC 8017 section 7.1) to that
// RSA key, so one decryption in the module at each start brings it back.
type pkcs11Source struct{ uri string }

// oaepHashes are tried in this order. SoftHSM 2 and older modules do OAEP with
// SHA-1 only, which is sound there: OAEP does not rely on collision resistance.
var oaepHashes = []struct {
	name string
	id   crypto.Hash
	new  func() hash.Hash
}{
	{"SHA-256", crypto.SHA256, sha256.New},
	{"SHA-1", crypto.SHA1, sha1.New},
}

var oaepLabel = []byte("certwright kek v1")

func newPKCS11Source(uri string) (source, error) { return pkcs11Source{uri: uri}, nil }

// name is the URI without PIN.
func (s pkcs11Source) name() string {
	path, query, ok := strings.Cut(s.uri, "?")
	if !ok || !strings.Contains(query, "pin-value") {
		return s.uri
	}
	return path + "?pin-value=" + mask
}

// fail hides the URI, which may hold the PIN, in errors of the library.
func (s pkcs11Source) fail(err error, what string) error {
	cause := errors.New(strings.ReplaceAll(err.Error(), s.uri, s.name()))
	return core.Wrap(core.KindInvalid, cause, "%s: %s", s.name(), what).At("kek")
}

// decrypter opens the module and runs f with the RSA key, made when missing
// and create is set.
func (s pkcs11Source) decrypter(ctx context.Context, create bool, f func(crypto.Decrypter) error) error {
	m, err := pkcs11.New(ctx, apiv1.Options{Type: apiv1.PKCS11, URI: s.uri})
	if err != nil {
		return s.fail(err, "the module cannot be opened")
	}
	defer m.Close()
	d, err := m.CreateDecrypter(&apiv1.CreateDecrypterRequest{DecryptionKey: s.uri})
	if err != nil && create && errors.Is(err, apiv1.NotFoundError{}) {
		_, err = m.CreateKey(&apiv1.CreateKeyRequest{Name: s.uri, SignatureAlgorithm: apiv1.SHA256WithRSA, Bits: 3072})
		if err != nil {
			return s.fail(err, "the RSA key does not exist and cannot be made")
		}
		d, err = m.CreateDecrypter(&apiv1.CreateDecrypterRequest{DecryptionKey: s.uri})
	}
	if err != nil {
		return s.fail(err, "there is no RSA key that can decrypt")
	}
	return f(d)
}

func (s pkcs11Source) fresh(ctx context.Context) (k [keySize]byte, w wrap, err error) {
	k = newKey()
	err = s.decrypter(ctx, true, func(d crypto.Decrypter) error {
		pub, ok := d.Public().(*rsa.PublicKey)
		if !ok || pub.Size() < 256 {
			return core.Errorf(core.KindInvalid, "%s: the key is not RSA of 2048 bits or more", s.name()).At("kek")
		}
		var last error
		for _, h := range oaepHashes {
			c, err := rsa.EncryptOAEP(h.new(), rand.Reader, pub, k[:], s.label(h.name))
			if err != nil {
				return s.fail(err, "the key cannot be wrapped")
			}
			w = wrap{Source: wrapPKCS11, Wrapped: c, Hash: h.name}
			back, err := s.unwrap(d, w)
			if err == nil && back == k {
				return nil
			}
			last = err
		}
		return s.fail(errors.Join(errors.New("OAEP"), last), "the module does not decrypt RSA-OAEP")
	})
	return k, w, err
}

func (s pkcs11Source) load(ctx context.Context, w wrap) (k [keySize]byte, err error) {
	if w.Source != wrapPKCS11 {
		return k, wrongSource(s, w)
	}
	err = s.decrypter(ctx, false, func(d crypto.Decrypter) error {
		if k, err = s.unwrap(d, w); err != nil {
			return s.fail(err, "the key in the module does not open this key ring: wrong key-encryption key")
		}
		return nil
	})
	return k, err
}

// label is the OAEP label; modules that know SHA-1 only refuse any.
func (s pkcs11Source) label(hash string) []byte {
	if hash == "SHA-1" {
		return nil
	}
	return oaepLabel
}

func (s pkcs11Source) unwrap(d crypto.Decrypter, w wrap) (k [keySize]byte, err error) {
	for _, h := range oaepHashes {
		if h.name != w.Hash {
			continue
		}
		b, err := d.Decrypt(rand.Reader, w.Wrapped, &rsa.OAEPOptions{Hash: h.id, MGFHash: h.id, Label: s.label(h.name)})
		if err != nil {
			return k, err
		}
		if len(b) != keySize {
			return k, errors.New("the wrapped key does not have 32 octets")
		}
		return [keySize]byte(b), nil
	}
	return k, errors.New("unknown OAEP hash")
}
