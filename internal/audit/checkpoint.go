package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Signer signs checkpoints and knows the keys that signed earlier ones.
type Signer interface {
	// KeyID names the key that Sign uses, as [KeyIDOf] does.
	KeyID() string
	// Sign returns the Ed25519 signature of msg (RFC 8032, pure).
	Sign(msg []byte) ([]byte, error)
	// Public returns a present or former public key.
	Public(keyID string) (ed25519.PublicKey, bool)
}

// KeyIDOf returns the first 8 octets of the SHA-256 of pub as hex.
func KeyIDOf(pub ed25519.PublicKey) string {
	h := sha256.Sum256(pub)
	return hex.EncodeToString(h[:8])
}

// Key is a [Signer] over a key in memory.
type Key struct {
	private ed25519.PrivateKey
	id      string
	known   map[string]ed25519.PublicKey
}

// NewKey makes a Key from a seed of 32 octets (for example from
// secret.Box.Derive) and the public keys that were in use before. A seed or
// key of another length gives an error of kind invalid.
func NewKey(seed []byte, former ...ed25519.PublicKey) (*Key, error) {
	if len(seed) != ed25519.SeedSize {
		return nil, core.Errorf(core.KindInvalid, "the seed of an audit key has 32 octets")
	}
	k := &Key{private: ed25519.NewKeyFromSeed(seed), known: map[string]ed25519.PublicKey{}}
	for _, p := range append(former, k.PublicKey()) {
		if len(p) != ed25519.PublicKeySize {
			return nil, core.Errorf(core.KindInvalid, "an audit public key has 32 octets")
		}
		k.known[KeyIDOf(p)] = p
	}
	k.id = KeyIDOf(k.PublicKey())
	return k, nil
}

// PublicKey returns the key that offline verification needs.
func (k *Key) PublicKey() ed25519.PublicKey { return k.private.Public().(ed25519.PublicKey) }

// KeyID implements [Signer].
func (k *Key) KeyID() string { return k.id }

// Sign implements [Signer].
func (k *Key) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(k.private, msg), nil }

// Public implements [Signer].
func (k *Key) Public(id string) (ed25519.PublicKey, bool) { p, ok := k.known[id]; return p, ok }

// Checkpoint is a signed statement about the heads of all chains, as stored.
type Checkpoint struct {
	Number    int64  // from 1 without gaps; unique
	Body      []byte // canonical JSON of a Statement, kept octet for octet
	Signature []byte // Ed25519 of Body
}

// Statement is what a checkpoint says.
type Statement struct {
	Number int64
	At     time.Time // UTC, whole microseconds
	Key    string    // id of the signing key
	Prev   Hash      // of the checkpoint before; zero for the first
	Heads  []Head    // ascending by chain
}

// Hash identifies a checkpoint; the next one names it.
func (c Checkpoint) Hash() Hash {
	return sha256.Sum256(append([]byte(domainCheckpoint), c.Body...))
}

// The wire form; fields in octet order of their names.
type (
	statementJSON struct {
		At     string     `json:"at"`
		Heads  []headJSON `json:"heads"`
		Key    string     `json:"key"`
		Number int64      `json:"number"`
		Prev   string     `json:"prev"`
		Type   string     `json:"type"`
	}
	headJSON struct {
		Chain int    `json:"chain"`
		Hash  string `json:"hash"`
		Seq   int64  `json:"seq"`
	}
)

const (
	statementType = "certwright audit checkpoint v1"
	statementTime = "2006-01-02T15:04:05.000000Z"
	maxStatement  = 1 << 20 // octets; 10,000 chains fit
)

// body writes s.
func (s Statement) body() []byte {
	j := statementJSON{
		At: s.At.UTC().Format(statementTime), Heads: []headJSON{}, Key: s.Key,
		Number: s.Number, Prev: hex.EncodeToString(s.Prev[:]), Type: statementType,
	}
	for _, h := range s.Heads {
		j.Heads = append(j.Heads, headJSON{Chain: h.Chain, Hash: hex.EncodeToString(h.Hash[:]), Seq: h.Seq})
	}
	b, err := json.Marshal(j)
	if err != nil {
		panic("audit: a statement cannot be written: " + err.Error())
	}
	return b
}

// Statement reads the body. Anything but exactly the canonical form gives an
// error of kind invalid. The signature is not looked at.
func (c Checkpoint) Statement() (s Statement, err error) {
	bad := func(why string) (Statement, error) {
		return Statement{}, core.Errorf(core.KindInvalid, "checkpoint %d: %s", c.Number, why)
	}
	if len(c.Body) > maxStatement {
		return bad("too long")
	}
	var j statementJSON
	if err := json.Unmarshal(c.Body, &j); err != nil || j.Type != statementType {
		return bad("no checkpoint")
	}
	s = Statement{Number: j.Number, Key: j.Key}
	if s.At, err = time.Parse(statementTime, j.At); err != nil {
		return bad("no time")
	}
	if !unhex(&s.Prev, j.Prev) {
		return bad("no hash of the one before")
	}
	for _, h := range j.Heads {
		x := Head{Chain: h.Chain, Seq: h.Seq}
		if !unhex(&x.Hash, h.Hash) || h.Seq < 1 || h.Chain < 0 ||
			(len(s.Heads) > 0 && s.Heads[len(s.Heads)-1].Chain >= h.Chain) {
			return bad("impossible heads")
		}
		s.Heads = append(s.Heads, x)
	}
	if !bytes.Equal(s.body(), c.Body) {
		return bad("not in canonical form")
	}
	return s, nil
}

func unhex(dst *Hash, s string) bool {
	if len(s) != hex.EncodedLen(len(dst)) {
		return false
	}
	_, err := hex.Decode(dst[:], []byte(s))
	return err == nil
}

// Checkpoint signs the heads of all chains. It returns the newest checkpoint
// and whether it was made now: when no head has moved since, or another replica
// was faster, none is made. Rows written while it runs may or may not be
// covered.
func (l *Log) Checkpoint(ctx context.Context) (Checkpoint, bool, error) {
	// The last checkpoint is read before the heads, so the heads are never
	// older than those it names.
	last, err := l.storage.LastCheckpoint(ctx)
	if err != nil {
		return Checkpoint{}, false, core.AsError(err)
	}
	heads, err := l.storage.Heads(ctx)
	if err != nil {
		return Checkpoint{}, false, core.AsError(err)
	}
	s := Statement{Number: 1, At: l.now().UTC().Truncate(time.Microsecond), Key: l.signer.KeyID()}
	for _, h := range heads {
		if h.Seq > 0 {
			s.Heads = append(s.Heads, h)
		}
	}
	slices.SortFunc(s.Heads, func(a, b Head) int { return a.Chain - b.Chain })
	if last != nil {
		old, err := last.Statement()
		if err != nil {
			return Checkpoint{}, false, core.Wrap(core.KindInternal, err, "the newest audit checkpoint is damaged; verify the log")
		}
		if slices.Equal(old.Heads, s.Heads) {
			return *last, false, nil
		}
		s.Number, s.Prev = last.Number+1, last.Hash()
	} else if len(s.Heads) == 0 {
		return Checkpoint{}, false, nil
	}
	c := Checkpoint{Number: s.Number, Body: s.body()}
	if c.Signature, err = l.signer.Sign(c.Body); err != nil {
		return Checkpoint{}, false, core.Wrap(core.KindInternal, err, "the audit checkpoint cannot be signed")
	}
	err = l.storage.InTx(ctx, func(_ context.Context, tx core.Tx) error { return l.storage.SaveCheckpoint(tx, c) })
	if core.Is(err, core.KindConflict) {
		if last, err = l.storage.LastCheckpoint(ctx); err == nil && last != nil {
			return *last, false, nil
		}
	}
	if err != nil {
		return Checkpoint{}, false, core.AsError(err)
	}
	return c, true, nil
}

// verifySignature returns "" or what is wrong with c, given the keys that are
// trusted.
func (c Checkpoint) verifySignature(s Statement, public func(string) (ed25519.PublicKey, bool)) string {
	pub, ok := public(s.Key)
	if !ok {
		return "it is signed with key " + s.Key + ", which is not known here"
	}
	if !ed25519.Verify(pub, c.Body, c.Signature) {
		return "its signature is wrong"
	}
	return ""
}
