package secret

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"time"

	"github.com/certwright/certwright/internal/core"
)

const (
	ringFormat  = 1
	maxRingBlob = 1 << 20 // octets; a ring of 5,000 keys is smaller
)

// dataKey is one data-encryption key.
type dataKey struct {
	key      [keySize]byte
	xaes     *xaes
	created  time.Time
	replaced time.Time // when another became active; zero while active
}

// ring is the key ring in the clear. A ring is never changed: rotation makes
// another one.
type ring struct {
	version int64 // of the stored blob
	wrap    wrap
	keys    map[KeyID]*dataKey
	active  KeyID
	pepper  [keySize]byte
}

// wrap says in the clear how to get the key-encryption key of a ring. It holds
// nothing secret, and it is additional data of the sealed part.
type wrap struct {
	Source string `json:"source"` // "key" (file, environment), "passphrase", "pkcs11"
	// Fingerprint tells a wrong KEK from a damaged ring.
	Fingerprint string `json:"fingerprint"`
	// Argon2id (RFC 9106) of a passphrase.
	Salt    []byte `json:"salt,omitempty"`
	Time    uint32 `json:"time,omitempty"`
	Memory  uint32 `json:"memory,omitempty"` // KiB
	Threads uint8  `json:"threads,omitempty"`
	// RSA-OAEP of a random KEK, for a module that can decrypt.
	Wrapped []byte `json:"wrapped,omitempty"`
	Hash    string `json:"hash,omitempty"`
}

// The stored forms.
type (
	ringBlob struct {
		Format int    `json:"format"`
		Wrap   wrap   `json:"kek"`
		Sealed []byte `json:"sealed"` // nonce || ciphertext || tag
	}
	ringBody struct {
		Active KeyID    `json:"active"`
		Keys   []ringOf `json:"keys"`
		Pepper []byte   `json:"pepper"`
	}
	ringOf struct {
		ID       KeyID  `json:"id"`
		Key      []byte `json:"key"`
		Created  int64  `json:"created"` // Unix seconds
		Replaced int64  `json:"replaced,omitempty"`
	}
)

// fingerprint returns 64 bits that tell KEKs apart and do not help to find one.
func fingerprint(kek [keySize]byte) string {
	b, err := hkdf.Key(sha256.New, kek[:], nil, "certwright kek fingerprint v1", 8)
	if err != nil {
		panic("secret: HKDF of 8 octets: " + err.Error())
	}
	return hex.EncodeToString(b)
}

// newRing makes a ring with one key.
func newRing(now time.Time) *ring {
	r := &ring{keys: map[KeyID]*dataKey{}, pepper: newKey()}
	r.add(now)
	return r
}

// add makes a new active key.
func (r *ring) add(now time.Time) {
	var id KeyID
	_, _ = rand.Read(id[:])
	if old := r.keys[r.active]; old != nil {
		c := *old
		c.replaced = now
		r.keys[r.active] = &c
	}
	k := newKey()
	r.keys[id] = &dataKey{key: k, xaes: newXAES(k), created: now}
	r.active = id
}

// clone returns a ring that may be changed.
func (r *ring) clone() *ring {
	c := *r
	c.keys = maps.Clone(r.keys)
	return &c
}

// aad is the additional data of the sealed part of a ring.
func (w wrap) aad() []byte {
	b, err := json.Marshal(w)
	if err != nil {
		panic("secret: ring header: " + err.Error())
	}
	return append([]byte("certwright key ring v1\x00"), b...)
}

// seal returns the blob to store, under kek.
func (r *ring) seal(kek [keySize]byte) ([]byte, error) {
	body := ringBody{Active: r.active, Pepper: r.pepper[:]}
	for id, k := range r.keys {
		o := ringOf{ID: id, Key: k.key[:], Created: k.created.Unix()}
		if !k.replaced.IsZero() {
			o.Replaced = k.replaced.Unix()
		}
		body.Keys = append(body.Keys, o)
	}
	plain, err := json.Marshal(body)
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "the key ring cannot be written")
	}
	nonce := make([]byte, nonceSize)
	_, _ = rand.Read(nonce)
	blob := ringBlob{Format: ringFormat, Wrap: r.wrap}
	blob.Sealed = newXAES(kek).seal(nonce, nonce, plain, r.wrap.aad())
	out, err := json.Marshal(blob)
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "the key ring cannot be written")
	}
	return out, nil
}

// parseRing reads the clear part of a stored ring.
func parseRing(blob []byte) (b ringBlob, err error) {
	if len(blob) > maxRingBlob {
		return b, core.Errorf(core.KindInternal, "the stored key ring has %d octets, more than any ring has", len(blob))
	}
	d := json.NewDecoder(bytes.NewReader(blob))
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		return b, core.Wrap(core.KindInternal, err, "the stored key ring is damaged")
	}
	if _, err := d.Token(); err != io.EOF {
		return b, core.Errorf(core.KindInternal, "the stored key ring is damaged: more follows it")
	}
	if b.Format != ringFormat {
		return b, core.Errorf(core.KindUnsupported, "the stored key ring has format %d; this program knows format %d", b.Format, ringFormat)
	}
	if len(b.Sealed) < nonceSize+tagSize {
		return b, core.Errorf(core.KindInternal, "the stored key ring is damaged: it is cut short")
	}
	return b, nil
}

// open unseals a parsed ring. The fingerprint has been compared before, so a
// failure means damage.
func (b ringBlob) open(kek [keySize]byte, version int64) (*ring, error) {
	plain, err := newXAES(kek).open(b.Sealed[:nonceSize], b.Sealed[nonceSize:], b.Wrap.aad())
	if err != nil {
		return nil, core.Errorf(core.KindInternal, "the stored key ring is damaged: the key-encryption key is right, but the ring does not open; restore it from a backup")
	}
	var body ringBody
	if err := json.Unmarshal(plain, &body); err != nil {
		return nil, core.Wrap(core.KindInternal, err, "the stored key ring is damaged")
	}
	r := &ring{version: version, wrap: b.Wrap, keys: map[KeyID]*dataKey{}, active: body.Active}
	if copy(r.pepper[:], body.Pepper) != keySize {
		return nil, core.Errorf(core.KindInternal, "the stored key ring is damaged: no pepper")
	}
	for _, o := range body.Keys {
		k := &dataKey{created: time.Unix(o.Created, 0).UTC()}
		if o.Replaced != 0 {
			k.replaced = time.Unix(o.Replaced, 0).UTC()
		}
		if copy(k.key[:], o.Key) != keySize || r.keys[o.ID] != nil {
			return nil, core.Errorf(core.KindInternal, "the stored key ring is damaged: key %s", o.ID)
		}
		k.xaes = newXAES(k.key)
		r.keys[o.ID] = k
	}
	if r.keys[r.active] == nil {
		return nil, core.Errorf(core.KindInternal, "the stored key ring is damaged: no active key")
	}
	return r, nil
}
