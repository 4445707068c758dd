package secret

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// KeyInfo describes a data-encryption key of the ring.
type KeyInfo struct {
	ID       KeyID
	Created  time.Time
	Replaced time.Time // when another became active; zero while Active
	Active   bool
}

// Keys lists the keys of the ring, oldest first.
func (b *Box) Keys() []KeyInfo {
	r := b.ring.Load()
	out := make([]KeyInfo, 0, len(r.keys))
	for id, k := range r.keys {
		out = append(out, KeyInfo{ID: id, Created: k.created, Replaced: k.replaced, Active: id == r.active})
	}
	sortKeys(out)
	return out
}

// Active returns the id of the key that Seal uses.
func (b *Box) Active() KeyID { return b.ring.Load().active }

// Fingerprint returns 16 hex digits that identify the key-encryption key in
// use, for operators with several copies. They do not help to find it.
func (b *Box) Fingerprint() string { return b.ring.Load().wrap.Fingerprint }

// Refresh reads the ring again. Replicas learn in this way of keys that others
// made; Open and Seal do it by themselves when they have to. A ring that was
// re-sealed under another KEK gives an error of kind invalid: this process
// needs the new source and a restart, until then it uses the keys it knows.
func (b *Box) Refresh(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refresh(ctx)
}

// refresh does Refresh; mu is held.
func (b *Box) refresh(ctx context.Context) error {
	blob, version, err := b.storage.LoadRing(ctx)
	if err != nil {
		return core.Wrap(core.KindUnavailable, err, "the key ring cannot be read")
	}
	old := b.ring.Load()
	if version == old.version {
		b.use(old, b.kek)
		return nil
	}
	rb, err := parseRing(blob)
	if err != nil {
		return err
	}
	if rb.Wrap.Fingerprint != fingerprint(b.kek) {
		return core.Errorf(core.KindInvalid,
			"the key ring was re-sealed under another key-encryption key (%s); restart with the new source", rb.Wrap.Fingerprint).At("kek")
	}
	r, err := rb.open(b.kek, version)
	if err != nil {
		return err
	}
	if !bytes.Equal(r.pepper[:], old.pepper[:]) {
		return core.Errorf(core.KindInternal, "the key ring was replaced by that of another installation")
	}
	b.use(r, b.kek)
	return nil
}

// refreshQuietly is the read that Open and Seal need: one at a time and at
// most loadsPerSec in a second, whoever sends garbage.
func (b *Box) refreshQuietly() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if sec := b.now().Unix(); sec != b.window {
		b.window, b.loads = sec, 0
	}
	if b.loads++; b.loads > loadsPerSec {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), loadTimeout)
	defer cancel()
	_ = b.refresh(ctx) // the caller finds out by what the ring lacks
}

// changeFunc changes a ring that was sealed under kek and returns the key that
// it is to be sealed under.
type changeFunc func(r *ring, kek [keySize]byte) ([keySize]byte, error)

// change reads the newest ring, lets f change a copy, and stores it under kek.
// It starts again when another replica was faster.
func (b *Box) change(ctx context.Context, also []func(core.Tx) error, f changeFunc) error {
	b.changing.Lock()
	defer b.changing.Unlock()
	for try := 1; ; try++ {
		r, kek, err := b.newest(ctx)
		if err != nil {
			return err
		}
		if kek, err = f(r, kek); err != nil {
			return err
		}
		err = b.save(ctx, r, kek, also)
		if err == nil || !core.Is(err, core.KindConflict) || try == 5 {
			return err
		}
	}
}

// newest reads the ring and returns a copy that may be changed, and its key.
func (b *Box) newest(ctx context.Context) (*ring, [keySize]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := b.refresh(ctx)
	return b.ring.Load().clone(), b.kek, err
}

// RotateKEK seals the ring under the key of another source (see Deps.Source);
// no sealed value changes. The source is made ready as at first start: a file
// that does not exist is created. Afterwards every replica must be configured
// with the new source before its next start. also runs in the transaction of
// the change, for the audit log. Errors as of Open.
func (b *Box) RotateKEK(ctx context.Context, newSource string, also ...func(core.Tx) error) error {
	src, err := parseSource(newSource, b.lookupEnv)
	if err != nil {
		return err
	}
	kek, w, err := src.fresh(ctx)
	if err != nil {
		return err
	}
	w.Fingerprint = fingerprint(kek)
	return b.change(ctx, also, func(r *ring, _ [keySize]byte) ([keySize]byte, error) {
		r.wrap = w
		return kek, nil
	})
}

// RotateDEK adds a data-encryption key, makes it active and returns its id.
// also runs in the transaction of the change.
func (b *Box) RotateDEK(ctx context.Context, also ...func(core.Tx) error) (KeyID, error) {
	var id KeyID
	err := b.change(ctx, also, func(r *ring, old [keySize]byte) ([keySize]byte, error) {
		r.add(b.now())
		id = r.active
		return old, nil
	})
	return id, err
}

// Retire drops a replaced key for good: values sealed under it are lost. The
// caller first puts all of them through Reseal, finding them by KeyIDOf;
// also runs in the transaction of the change and should count them once more
// and return an error if any is left. Errors: conflict for the active key or
// one replaced less than RetireAfter ago (another replica may still be sealing
// under it), not-found for an unknown one.
func (b *Box) Retire(ctx context.Context, id KeyID, also ...func(core.Tx) error) error {
	return b.change(ctx, also, func(r *ring, old [keySize]byte) ([keySize]byte, error) {
		k := r.keys[id]
		switch {
		case k == nil:
			return old, core.Errorf(core.KindNotFound, "the ring has no key %s", id)
		case id == r.active:
			return old, core.Errorf(core.KindConflict, "key %s is active", id)
		case b.now().Before(k.replaced.Add(RetireAfter)):
			return old, core.Errorf(core.KindConflict, "key %s was replaced less than %v ago", id, RetireAfter)
		}
		delete(r.keys, id)
		return old, nil
	})
}

func sortKeys(k []KeyInfo) {
	slices.SortFunc(k, func(a, b KeyInfo) int {
		return cmp.Or(a.Created.Compare(b.Created), bytes.Compare(a.ID[:], b.ID[:]))
	})
}
