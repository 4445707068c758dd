package secret

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Storage keeps the key ring: one blob with a version, sealed by this package.
type Storage interface {
	core.Transactor
	// LoadRing returns the stored blob and its version; (nil, 0, nil) when
	// there is none. It must not need the writer, because a value may be
	// opened inside a write transaction.
	LoadRing(ctx context.Context) (blob []byte, version int64, err error)
	// SaveRing stores blob as version expect+1 if the stored version is expect
	// (0: none is stored), atomically also against other replicas. Otherwise
	// it stores nothing and returns an error of kind conflict.
	SaveRing(ctx context.Context, tx core.Tx, blob []byte, expect int64) error
}

// Deps is what a Box needs.
type Deps struct {
	Storage Storage
	// Source is the URI of the key-encryption key:
	//
	//	file:/path                   made at first start, mode 0600
	//	env:NAME                     32 octets in base64 or hex
	//	passphrase:env:NAME          argon2id of a text of 12 octets or more
	//	passphrase:file:/path
	//	pkcs11:token=…;object=…      an RSA key in a module; needs make build-hsm
	Source string
	Now    func() time.Time
	// LookupEnv reads the environment; nil means os.LookupEnv.
	LookupEnv func(name string) (string, bool)
}

// How rings of replicas keep together. A replica may go on sealing under a
// replaced key for ringStale at most, so a key may be retired only after
// RetireAfter, which is longer.
const (
	ringFresh   = time.Hour       // after this the ring is read again
	ringStale   = 12 * time.Hour  // after this nothing is sealed without reading it
	loadsPerSec = 20              // most reads in a second that Seal and Open cause
	loadTimeout = 5 * time.Second // for each of them

	// RetireAfter is how long a key must have been replaced before
	// [Box.Retire] drops it.
	RetireAfter = 24 * time.Hour
)

// Box seals and opens values. It is safe for concurrent use.
type Box struct {
	storage   Storage
	now       func() time.Time
	lookupEnv func(string) (string, bool)
	ring      atomic.Pointer[ring]
	loaded    atomic.Int64 // Unix nanoseconds of the last good read of the ring

	// changing is held during a change of the stored ring. It may wait for
	// other transactions, so nothing that runs inside one may wait for it.
	changing sync.Mutex

	mu     sync.Mutex // held while the ring is read; guards what follows
	kek    [keySize]byte
	window int64 // Unix second in which loads were caused by Seal and Open
	loads  int   // how many
}

// Open finds the key-encryption key and reads the ring. When none is stored it
// makes both; of several replicas that do so at once one wins and the others
// use its ring. Errors of kind invalid concern the configuration (source,
// permissions, wrong key), unsupported a source that this build lacks, internal
// a damaged ring.
func Open(ctx context.Context, d Deps) (*Box, error) {
	if d.LookupEnv == nil {
		d.LookupEnv = os.LookupEnv
	}
	b := &Box{storage: d.Storage, now: d.Now, lookupEnv: d.LookupEnv}
	src, err := parseSource(d.Source, d.LookupEnv)
	if err != nil {
		return nil, err
	}
	blob, version, err := d.Storage.LoadRing(ctx)
	if err != nil {
		return nil, core.Wrap(core.KindUnavailable, err, "the key ring cannot be read")
	}
	if version == 0 {
		err := b.create(ctx, src)
		if err == nil {
			return b, nil
		}
		if !core.Is(err, core.KindConflict) {
			return nil, err
		}
		if blob, version, err = d.Storage.LoadRing(ctx); err != nil {
			return nil, core.Wrap(core.KindUnavailable, err, "the key ring cannot be read")
		}
	}
	rb, err := parseRing(blob)
	if err != nil {
		return nil, err
	}
	kek, err := src.load(ctx, rb.Wrap)
	if err != nil {
		return nil, err
	}
	if fp := fingerprint(kek); fp != rb.Wrap.Fingerprint {
		return nil, wrongKEK(src, fp, rb.Wrap)
	}
	r, err := rb.open(kek, version)
	if err != nil {
		return nil, err
	}
	b.use(r, kek)
	return b, nil
}

// create makes the first ring. It returns a conflict when another process did.
func (b *Box) create(ctx context.Context, src source) error {
	kek, w, err := src.fresh(ctx)
	if err != nil {
		return err
	}
	w.Fingerprint = fingerprint(kek)
	r := newRing(b.now())
	r.wrap = w
	return b.save(ctx, r, kek, nil)
}

// save stores r under kek in place of the version it was made from, and takes
// it into use. also runs in the same transaction.
func (b *Box) save(ctx context.Context, r *ring, kek [keySize]byte, also []func(core.Tx) error) error {
	blob, err := r.seal(kek)
	if err != nil {
		return err
	}
	err = b.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		for _, f := range also {
			if err := f(tx); err != nil {
				return err
			}
		}
		return b.storage.SaveRing(ctx, tx, blob, r.version)
	})
	if err != nil {
		return core.AsError(err)
	}
	r.version++
	b.mu.Lock()
	defer b.mu.Unlock()
	b.use(r, kek)
	return nil
}

// use takes r into use unless a newer one is; mu is held, or the box is new.
func (b *Box) use(r *ring, kek [keySize]byte) {
	if old := b.ring.Load(); old == nil || r.version >= old.version {
		b.kek = kek
		b.ring.Store(r)
	}
	b.loaded.Store(b.now().UnixNano())
}

// Seal encrypts plain. context says where the value belongs ("issuer:<id>:key")
// and must be the same at Open. The only error is of kind unavailable: the ring
// could not be read for 12 hours, so that the active key may be out of date.
func (b *Box) Seal(plain []byte, context string) ([]byte, error) {
	if b.age() > ringFresh {
		b.refreshQuietly()
		if b.age() > ringStale {
			return nil, core.Errorf(core.KindUnavailable, "the key ring could not be read for %v", ringStale)
		}
	}
	r := b.ring.Load()
	return sealWith(r.keys[r.active].xaes, r.active, plain, context), nil
}

func sealWith(x *xaes, id KeyID, plain []byte, context string) []byte {
	out := make([]byte, headerSize, Overhead+len(plain))
	putHeader(out, id)
	nonce := out[headerSize-nonceSize:]
	_, _ = rand.Read(nonce)
	return x.seal(out, nonce, plain, aad(out, context))
}

// aad is the additional data of a record. The header has a fixed length, so
// the joint is unambiguous.
func aad(header []byte, context string) []byte {
	return append(append(make([]byte, 0, headerSize+len(context)), header...), context...)
}

// Open decrypts a value that Seal made with the same context. Everything else
// gives one and the same error of kind internal. A key that is not known yet
// (another replica rotated) makes Open read the ring again; how often is
// limited, so that garbage cannot be used to load the database.
func (b *Box) Open(sealed []byte, context string) ([]byte, error) {
	rec, ok := parse(sealed)
	if !ok {
		return nil, broken()
	}
	k := b.ring.Load().keys[rec.key]
	if k == nil {
		b.refreshQuietly()
		if k = b.ring.Load().keys[rec.key]; k == nil {
			return nil, broken()
		}
	}
	plain, err := k.xaes.open(rec.nonce, rec.body, aad(rec.header, context))
	if err != nil {
		return nil, broken()
	}
	return plain, nil
}

// Reseal returns the value under the active key: the value itself when it is
// there already. Errors as of Open and Seal.
func (b *Box) Reseal(sealed []byte, context string) ([]byte, error) {
	plain, err := b.Open(sealed, context)
	if err != nil {
		return nil, err
	}
	if rec, _ := parse(sealed); rec.key == b.ring.Load().active {
		return sealed, nil
	}
	return b.Seal(plain, context)
}

// KeyIDOf returns the id of the key that a value is sealed under. A value that
// is none gives the same error as Open. Nothing is decrypted.
func KeyIDOf(sealed []byte) (KeyID, error) {
	rec, ok := parse(sealed)
	if !ok {
		return KeyID{}, broken()
	}
	return rec.key, nil
}

// MAC returns a function that computes HMAC-SHA-256 under a sub-key for
// purpose, derived from the ring's pepper by HKDF (RFC 5869). Results are the
// same on every replica and after every rotation. Compare them with [Equal].
func (b *Box) MAC(purpose string) func(msg []byte) [32]byte {
	key := b.derive("certwright mac v1\x00"+purpose, keySize)
	return func(msg []byte) (sum [32]byte) {
		h := hmac.New(sha256.New, key)
		_, _ = h.Write(msg)
		h.Sum(sum[:0])
		return sum
	}
}

// Derive returns n octets of key for purpose, the same on every replica and
// after every rotation; for AEAD nonces that replicas share and the like. n is
// from 1 to 8160 (RFC 5869 section 2.3); any other is a mistake of the caller
// and panics.
func (b *Box) Derive(purpose string, n int) []byte {
	return b.derive("certwright derive v1\x00"+purpose, n)
}

func (b *Box) derive(info string, n int) []byte {
	r := b.ring.Load()
	k, err := hkdf.Key(sha256.New, r.pepper[:], nil, info, n)
	if err != nil || n < 1 {
		panic("secret: a key cannot be derived in this length")
	}
	return k
}

// Equal compares in constant time; slices of different length are not equal.
func Equal(a, b []byte) bool { return hmac.Equal(a, b) }

func (b *Box) age() time.Duration {
	return time.Duration(b.now().UnixNano() - b.loaded.Load())
}
