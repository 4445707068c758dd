package secret

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/certwright/certwright/internal/core"
)

// source is where a key-encryption key comes from.
type source interface {
	// fresh returns a key for a ring that is about to be made (or re-sealed)
	// and what must be known to find it again. A source that can create its
	// key does so, but never in place of one that exists.
	fresh(ctx context.Context) ([keySize]byte, wrap, error)
	// load returns the key of an existing ring. It creates nothing.
	load(ctx context.Context, w wrap) ([keySize]byte, error)
	// name is the URI without anything secret.
	name() string
}

// Values of wrap.Source. File and environment hold the very same thing, so
// moving a key from one to the other needs no rotation.
const (
	wrapKey        = "key"
	wrapPassphrase = "passphrase"
	wrapPKCS11     = "pkcs11"
)

// kmsSchemes are the URIs of key management systems that other programs take
// and that deserve a better answer than "unknown".
var kmsSchemes = []string{"awskms", "cloudkms", "azurekms", "yubikey", "tpmkms", "capi", "mackms", "sshagentkms", "softkms"}

// parseSource reads a KEK URI; see Deps.Source.
func parseSource(uri string, lookupEnv func(string) (string, bool)) (source, error) {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok || rest == "" {
		return nil, core.Errorf(core.KindInvalid,
			"%q is no key-encryption key source; use file:/path, env:NAME, passphrase:env:NAME, passphrase:file:/path or pkcs11:…", scheme).At("kek")
	}
	switch {
	case scheme == "file":
		return fileSource{path: filePath(rest)}, nil
	case scheme == "env":
		return envSource{variable: rest, lookup: lookupEnv}, nil
	case scheme == "passphrase":
		kind, where, _ := strings.Cut(rest, ":")
		if where == "" || (kind != "env" && kind != "file") {
			return nil, core.Errorf(core.KindInvalid, "a passphrase comes from passphrase:env:NAME or passphrase:file:/path").At("kek")
		}
		if kind == "file" {
			where = filePath(where)
		}
		return passphraseSource{kind: kind, where: where, lookup: lookupEnv}, nil
	case scheme == "pkcs11":
		return newPKCS11Source(uri)
	case slices.Contains(kmsSchemes, scheme):
		return nil, core.Errorf(core.KindUnsupported, "key-encryption keys in %s are not supported; of key management systems only pkcs11:… is, in the build made by make build-hsm", scheme).At("kek")
	}
	return nil, core.Errorf(core.KindInvalid, "there is no key-encryption key source %q", scheme).At("kek")
}

// filePath accepts file:/path and file:///path.
func filePath(s string) string {
	if strings.HasPrefix(s, "///") {
		return s[2:]
	}
	return s
}

// wrongSource says that the ring wants another kind of source.
func wrongSource(s source, w wrap) error {
	return core.Errorf(core.KindInvalid,
		"the key ring is sealed under a key from another kind of source (%s) than %s; start with the old source and change it by rotating the key-encryption key", w.Source, s.name()).At("kek")
}

// wrongKEK says that the key is a different one.
func wrongKEK(s source, got string, w wrap) error {
	return core.Errorf(core.KindInvalid,
		"%s holds key %s, but this database was sealed under key %s: wrong key-encryption key. Copy the right one here (from a backup or from another replica)", s.name(), got, w.Fingerprint).At("kek")
}

// decodeKey reads 32 octets in base64 (standard or URL alphabet, with or
// without padding) or in hex.
func decodeKey(text, where string) (k [keySize]byte, err error) {
	text = strings.TrimSpace(text)
	var b []byte
	if len(text) == hex.EncodedLen(keySize) {
		b, err = hex.DecodeString(text)
	} else {
		t := strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(text), "=")
		b, err = base64.RawStdEncoding.DecodeString(t)
	}
	if err != nil || len(b) != keySize { // the cause would quote the key
		return k, core.Errorf(core.KindInvalid, "%s does not hold a key of 32 octets in base64 or hex", where).At("kek")
	}
	return [keySize]byte(b), nil
}

// envSource reads the key from an environment variable.
type envSource struct {
	variable string
	lookup   func(string) (string, bool)
}

func (s envSource) name() string { return "env:" + s.variable }

func (s envSource) fresh(context.Context) ([keySize]byte, wrap, error) {
	k, err := s.read()
	return k, wrap{Source: wrapKey}, err
}

func (s envSource) load(_ context.Context, w wrap) ([keySize]byte, error) {
	if w.Source != wrapKey {
		return [keySize]byte{}, wrongSource(s, w)
	}
	return s.read()
}

func (s envSource) read() (k [keySize]byte, err error) {
	v, ok := s.lookup(s.variable)
	if !ok || v == "" {
		return k, core.Errorf(core.KindInvalid, "the environment variable %s, which should hold the key-encryption key, is not set", s.variable).At("kek")
	}
	return decodeKey(v, s.name())
}

// Argon2id parameters of new rings: the second recommended option of RFC 9106
// section 4. It runs once per start.
const (
	argonTime    = 3
	argonMemory  = 64 << 10 // KiB
	argonThreads = 4

	minPassphrase = 12 // octets
)

// passphraseSource derives the key from a text by argon2id.
type passphraseSource struct {
	kind, where string // "env" and a name, "file" and a path
	lookup      func(string) (string, bool)
}

func (s passphraseSource) name() string { return "passphrase:" + s.kind + ":" + s.where }

func (s passphraseSource) fresh(context.Context) (k [keySize]byte, w wrap, err error) {
	text, err := s.read()
	if err != nil {
		return k, w, err
	}
	w = wrap{Source: wrapPassphrase, Salt: make([]byte, 16), Time: argonTime, Memory: argonMemory, Threads: argonThreads}
	_, _ = rand.Read(w.Salt)
	return stretch(text, w), w, nil
}

func (s passphraseSource) load(_ context.Context, w wrap) (k [keySize]byte, err error) {
	if w.Source != wrapPassphrase {
		return k, wrongSource(s, w)
	}
	// The parameters are not authenticated until the key is known, so they are
	// bounded: a changed ring must not cost all memory.
	if len(w.Salt) < 8 || w.Time < 1 || w.Time > 64 || w.Memory < 8 || w.Memory > 4<<20 || w.Threads < 1 {
		return k, core.Errorf(core.KindInternal, "the stored key ring is damaged: impossible argon2id parameters")
	}
	text, err := s.read()
	if err != nil {
		return k, err
	}
	return stretch(text, w), nil
}

func stretch(text []byte, w wrap) [keySize]byte {
	return [keySize]byte(argon2.IDKey(text, w.Salt, w.Time, w.Memory, w.Threads, keySize))
}

func (s passphraseSource) read() ([]byte, error) {
	var text string
	if s.kind == "env" {
		v, ok := s.lookup(s.where)
		if !ok {
			return nil, core.Errorf(core.KindInvalid, "the environment variable %s, which should hold the passphrase, is not set", s.where).At("kek")
		}
		text = v
	} else {
		b, err := readPrivate(s.where)
		if err != nil {
			return nil, err
		}
		text = strings.TrimRight(string(b), "\r\n")
	}
	if len(text) < minPassphrase {
		return nil, core.Errorf(core.KindInvalid, "the passphrase of %s is shorter than %d octets", s.name(), minPassphrase).At("kek")
	}
	return []byte(text), nil
}
