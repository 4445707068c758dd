package acme

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Nonces makes and redeems anti-replay nonces (RFC 8555 section 6.5). Each is
// good once, wherever it was made.
type Nonces interface {
	New() string
	// Redeem reports whether the nonce is one of ours, fresh, and was never
	// redeemed before. Of several that redeem one at the same time, one wins.
	Redeem(ctx context.Context, nonce string) (bool, error)
}

// window is how many nonces one process keeps apart; older ones count as used.
// It takes a bit each, 2 MiB in all.
const window = 1 << 24

// processNonces are the nonces of an installation of one process: counters,
// encrypted so that they cannot be guessed, and a bitmap of those used. A
// nonce of an earlier process was made under another key and is refused;
// clients then try again by themselves (section 6.5).
type processNonces struct {
	aead cipher.AEAD
	last atomic.Uint64

	mu   sync.Mutex
	used []uint64
	low  uint64 // counters below are out of the window
}

// NewProcessNonces makes nonces that only this process redeems.
func NewProcessNonces() (Nonces, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	aead, err := newAEAD(key)
	return &processNonces{aead: aead, used: make([]uint64, window/64)}, err
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal encrypts eight octets; the result has 36 octets, 48 characters.
func seal(aead cipher.AEAD, n uint64) string {
	buf := make([]byte, 12, 36)
	_, _ = rand.Read(buf)
	return base64.RawURLEncoding.EncodeToString(aead.Seal(buf, buf, binary.BigEndian.AppendUint64(nil, n), nil))
}

// open reverses seal.
func open(aead cipher.AEAD, nonce string) (n uint64, id []byte, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(nonce)
	if err != nil || len(raw) != 36 {
		return 0, nil, false
	}
	plain, err := aead.Open(nil, raw[:12], raw[12:], nil)
	if err != nil || len(plain) != 8 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint64(plain), raw[:12], true
}

// New implements Nonces.
func (p *processNonces) New() string { return seal(p.aead, p.last.Add(1)) }

// Redeem implements Nonces.
func (p *processNonces) Redeem(_ context.Context, nonce string) (bool, error) {
	n, _, ok := open(p.aead, nonce)
	if !ok {
		return false, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if newest := p.last.Load(); newest >= window && newest-window+1 > p.low {
		p.forget(newest - window + 1)
	}
	if n < p.low {
		return false, nil
	}
	word, bit := n%window/64, uint64(1)<<(n%64)
	if p.used[word]&bit != 0 {
		return false, nil
	}
	p.used[word] |= bit
	return true, nil
}

// forget moves the window up: the places of counters that fell out of it are
// free for new ones.
func (p *processNonces) forget(low uint64) {
	for n := p.low; n < low; n++ {
		p.used[n%window/64] &^= 1 << (n % 64)
	}
	p.low = low
}

// nonceLife is how long a nonce of several replicas is good.
const nonceLife = time.Hour

// sharedNonces are the nonces of several replicas: the time, encrypted under a
// key that all of them have. Making one writes nothing; redeeming one records
// it, and who comes second finds the record.
type sharedNonces struct {
	aead    cipher.AEAD
	storage interface {
		RedeemNonce(ctx context.Context, id []byte, until time.Time) (bool, error)
	}
	now func() time.Time
}

// NewSharedNonces makes nonces that every replica with the same key (32
// octets) and database redeems.
func NewSharedNonces(key []byte, s Storage, now func() time.Time) (Nonces, error) {
	if len(key) != 32 {
		return nil, errors.New("acme: the key of nonces has 32 octets")
	}
	aead, err := newAEAD(key)
	return &sharedNonces{aead, s, now}, err
}

// New implements Nonces.
func (p *sharedNonces) New() string { return seal(p.aead, uint64(p.now().UnixMicro())) }

// Redeem implements Nonces.
func (p *sharedNonces) Redeem(ctx context.Context, nonce string) (bool, error) {
	n, id, ok := open(p.aead, nonce)
	if !ok {
		return false, nil
	}
	made, now := time.UnixMicro(int64(n)), p.now()
	// A replica's clock may be a little ahead.
	if now.Sub(made) > nonceLife || made.Sub(now) > time.Minute {
		return false, nil
	}
	return p.storage.RedeemNonce(ctx, id, made.Add(nonceLife+time.Minute))
}
