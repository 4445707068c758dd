package secret

import (
	"encoding/hex"

	"github.com/certwright/certwright/internal/core"
)

// KeyID names a data-encryption key. It is random and says nothing about it.
type KeyID [8]byte

// String returns the id as 16 hex digits.
func (k KeyID) String() string { return hex.EncodeToString(k[:]) }

// MarshalText returns the hex form.
func (k KeyID) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the hex form.
func (k *KeyID) UnmarshalText(b []byte) error {
	id, err := ParseKeyID(string(b))
	if err == nil {
		*k = id
	}
	return err
}

// ParseKeyID reads the form that [KeyID.String] writes. Any other text gives
// an error of kind invalid.
func ParseKeyID(s string) (k KeyID, err error) {
	if len(s) != hex.EncodedLen(len(k)) {
		return k, core.Errorf(core.KindInvalid, "a key id has 16 hex digits")
	}
	if _, err := hex.Decode(k[:], []byte(s)); err != nil {
		return KeyID{}, core.Errorf(core.KindInvalid, "a key id has 16 hex digits")
	}
	return k, nil
}

const (
	magic      = "CWS\x01" // the last octet is the version
	headerSize = len(magic) + len(KeyID{}) + nonceSize

	// Overhead is by how many octets a sealed value is longer than its plain
	// text.
	Overhead = headerSize + tagSize
)

// record is a sealed value taken apart; the slices point into it.
type record struct {
	key    KeyID
	header []byte
	nonce  []byte
	body   []byte // ciphertext and tag
}

// parse takes a sealed value apart. It checks the form only.
func parse(sealed []byte) (r record, ok bool) {
	if len(sealed) < Overhead || string(sealed[:len(magic)]) != magic {
		return record{}, false
	}
	r.header, r.body = sealed[:headerSize], sealed[headerSize:]
	copy(r.key[:], r.header[len(magic):])
	r.nonce = r.header[len(magic)+len(r.key):]
	return r, true
}

// putHeader writes a header with a nonce still to be filled in.
func putHeader(dst []byte, id KeyID) {
	copy(dst, magic)
	copy(dst[len(magic):], id[:])
}

// broken is the one answer to a value that does not open, whatever the reason:
// tampered, truncated, moved to another row, sealed under an unknown key.
func broken() error {
	return core.Errorf(core.KindInternal, "a sealed value cannot be opened")
}
