package secret_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/secret"
	"github.com/certwright/certwright/internal/secret/secrettest"
)

// clock is a settable time source.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func open(t *testing.T, st secret.Storage, c *clock) *secret.Box {
	t.Helper()
	b, err := secret.Open(context.Background(), secret.Deps{Storage: st, Source: secrettest.Source, LookupEnv: secrettest.Env, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func seal(t *testing.T, b *secret.Box, plain, ctx string) []byte {
	t.Helper()
	s, err := b.Seal([]byte(plain), ctx)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func wantOpen(t *testing.T, b *secret.Box, sealed []byte, ctx, plain string) {
	t.Helper()
	got, err := b.Open(sealed, ctx)
	if err != nil || string(got) != plain {
		t.Fatalf("Open = %q, %v; want %q", got, err, plain)
	}
}

func wantKind(t *testing.T, err error, kind core.Kind) {
	t.Helper()
	var e *core.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Fatalf("error %v; want a *core.Error of kind %s", err, kind)
	}
}

func TestSealOpen(t *testing.T) {
	b := secrettest.New(t)
	for _, n := range []int{0, 1, 15, 16, 17, 4096} {
		plain := bytes.Repeat([]byte{7}, n)
		s, err := b.Seal(plain, "a")
		if err != nil {
			t.Fatal(err)
		}
		if len(s) != n+secret.Overhead {
			t.Errorf("%d octets became %d", n, len(s))
		}
		got, err := b.Open(s, "a")
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d octets: %v", n, err)
		}
	}
	if bytes.Equal(seal(t, b, "x", "a"), seal(t, b, "x", "a")) {
		t.Error("two seals of one value are equal")
	}
}

// Every single-bit change, every truncation and every other context gives the
// very same error.
func TestOpenRefuses(t *testing.T) {
	b := secrettest.New(t)
	good := seal(t, b, "topsecret", "issuer:1:key")
	_, want := b.Open(nil, "")
	wantKind(t, want, core.KindInternal)
	check := func(what string, sealed []byte, ctx string) {
		t.Helper()
		got, err := b.Open(sealed, ctx)
		if err == nil || err.Error() != want.Error() || got != nil {
			t.Errorf("%s: %q, %v; want error %v", what, got, err, want)
		}
	}
	for i := range len(good) * 8 {
		bad := bytes.Clone(good)
		bad[i/8] ^= 1 << (i % 8)
		check(fmt.Sprintf("bit %d", i), bad, "issuer:1:key")
	}
	for i := range good {
		check(fmt.Sprintf("cut at %d", i), good[:i], "issuer:1:key")
	}
	check("longer", append(bytes.Clone(good), 0), "issuer:1:key")
	for _, ctx := range []string{"", "issuer:2:key", "issuer:1:key ", "issuer:1:ke"} {
		check("context "+ctx, good, ctx)
	}
	check("another installation", seal(t, secrettest.New(t), "topsecret", "issuer:1:key"), "issuer:1:key")
	wantOpen(t, b, good, "issuer:1:key", "topsecret")
}

func TestKeyIDOf(t *testing.T) {
	b := secrettest.New(t)
	id, err := secret.KeyIDOf(seal(t, b, "x", "c"))
	if err != nil || id != b.Active() {
		t.Fatalf("KeyIDOf = %v, %v", id, err)
	}
	_, err = secret.KeyIDOf([]byte("garbage"))
	wantKind(t, err, core.KindInternal)
	back, err := secret.ParseKeyID(id.String())
	if err != nil || back != id {
		t.Fatalf("ParseKeyID = %v, %v", back, err)
	}
	for _, s := range []string{"", "00", "zz00000000000000", "000000000000000000"} {
		_, err := secret.ParseKeyID(s)
		wantKind(t, err, core.KindInvalid)
	}
}

func TestMACAndDerive(t *testing.T) {
	st, c := &secrettest.Storage{}, newClock()
	b := open(t, st, c)
	a := b.MAC("api")([]byte("m"))
	key := b.Derive("nonce", 64)
	if b.MAC("other")([]byte("m")) == a || b.MAC("api")([]byte("n")) == a {
		t.Error("purpose or message does not matter")
	}
	if bytes.Equal(b.Derive("api", 32), b.Derive("nonce", 32)) || len(key) != 64 {
		t.Error("Derive does not separate purposes")
	}
	for range 3 {
		if _, err := b.RotateDEK(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, st, c)
	if again.MAC("api")([]byte("m")) != a || !bytes.Equal(again.Derive("nonce", 64), key) {
		t.Error("rotation or restart changed MAC or Derive")
	}
	if secrettest.New(t).MAC("api")([]byte("m")) == a {
		t.Error("two installations share a pepper")
	}
	if !secret.Equal(a[:], bytes.Clone(a[:])) || secret.Equal(a[:], a[:31]) {
		t.Error("Equal is wrong")
	}
}

func TestRotateDEK(t *testing.T) {
	ctx, st, c := context.Background(), &secrettest.Storage{}, newClock()
	b := open(t, st, c)
	first := b.Active()
	old := seal(t, b, "v", "c")
	id, err := b.RotateDEK(ctx)
	if err != nil || id == first || b.Active() != id {
		t.Fatalf("RotateDEK = %v, %v", id, err)
	}
	wantOpen(t, b, old, "c", "v")
	renewed, err := b.Reseal(old, "c")
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := secret.KeyIDOf(renewed); got != id {
		t.Errorf("resealed under %v", got)
	}
	if same, err := b.Reseal(renewed, "c"); err != nil || !bytes.Equal(same, renewed) {
		t.Errorf("a current value was sealed again: %v", err)
	}
	if _, err := b.Reseal(old, "other"); err == nil {
		t.Error("Reseal took a wrong context")
	}
	wantKind(t, b.Retire(ctx, id), core.KindConflict)
	wantKind(t, b.Retire(ctx, first), core.KindConflict)
	wantKind(t, b.Retire(ctx, secret.KeyID{}), core.KindNotFound)
	c.pass(secret.RetireAfter)
	left := core.Errorf(core.KindConflict, "3 left")
	if err := b.Retire(ctx, first, func(core.Tx) error { return left }); !core.Is(err, core.KindConflict) {
		t.Fatalf("Retire went past its check: %v", err)
	}
	wantOpen(t, b, old, "c", "v")
	if err := b.Retire(ctx, first); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Open(old, "c"); err == nil {
		t.Error("a retired key still opens")
	}
	wantOpen(t, b, renewed, "c", "v")
	wantOpen(t, open(t, st, c), renewed, "c", "v")
	if k := b.Keys(); len(k) != 1 || !k[0].Active || k[0].ID != id || !k[0].Replaced.IsZero() {
		t.Errorf("Keys = %+v", k)
	}
}

// A replica opens what another sealed under a key it has not heard of, and
// garbage does not make it read the ring without end.
func TestReplicaLearnsKeys(t *testing.T) {
	ctx, st, c := context.Background(), &secrettest.Storage{}, newClock()
	a, b := open(t, st, c), open(t, st, c)
	for range 3 {
		if _, err := a.RotateDEK(ctx); err != nil {
			t.Fatal(err)
		}
		wantOpen(t, b, seal(t, a, "v", "c"), "c", "v")
	}
	foreign := seal(t, secrettest.New(t), "v", "c")
	before := st.Loads()
	for range 1000 {
		if _, err := b.Open(foreign, "c"); err == nil {
			t.Fatal("foreign value opened")
		}
	}
	if n := st.Loads() - before; n > 20 {
		t.Errorf("garbage caused %d reads", n)
	}
	c.pass(time.Second)
	if _, err := a.RotateDEK(ctx); err != nil {
		t.Fatal(err)
	}
	wantOpen(t, b, seal(t, a, "v", "c"), "c", "v")
}

// Seal takes up a new active key within an hour, and stops after twelve hours
// without the ring.
func TestSealStaysFresh(t *testing.T) {
	ctx, st, c := context.Background(), &secrettest.Storage{}, newClock()
	a, b := open(t, st, c), open(t, st, c)
	id, err := a.RotateDEK(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c.pass(61 * time.Minute)
	if got, _ := secret.KeyIDOf(seal(t, b, "v", "c")); got != id {
		t.Errorf("sealed under %v an hour after the rotation to %v", got, id)
	}
	st.Fail = errors.New("database down")
	c.pass(11 * time.Hour)
	seal(t, b, "v", "c")
	c.pass(2 * time.Hour)
	_, err = b.Seal([]byte("v"), "c")
	wantKind(t, err, core.KindUnavailable)
	wantKind(t, b.Refresh(ctx), core.KindUnavailable)
	st.Fail = nil
	c.pass(time.Second)
	seal(t, b, "v", "c")
}

// Two replicas rotate at once: both keys end up in the ring.
func TestRotateRace(t *testing.T) {
	ctx, st, c := context.Background(), &secrettest.Storage{}, newClock()
	a, b := open(t, st, c), open(t, st, c)
	var other secret.KeyID
	st.BeforeSave = func() {
		var err error
		if other, err = b.RotateDEK(ctx); err != nil {
			t.Error(err)
		}
	}
	calls := 0
	id, err := a.RotateDEK(ctx, func(core.Tx) error { calls++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	if calls != 2 || len(a.Keys()) != 3 || a.Active() != id {
		t.Errorf("%d tries, keys %v", calls, a.Keys())
	}
	wantOpen(t, a, seal(t, b, "v", "c"), "c", "v")
	if got, _ := secret.KeyIDOf(seal(t, b, "v", "c")); got != other {
		t.Errorf("b seals under %v", got)
	}
}

// A value can be opened in the transaction of a rotation: nothing in there
// waits for the change to end.
func TestOpenInsideChange(t *testing.T) {
	ctx, st, c := context.Background(), &secrettest.Storage{}, newClock()
	b := open(t, st, c)
	foreign := seal(t, secrettest.New(t), "v", "c")
	own := seal(t, b, "v", "c")
	_, err := b.RotateDEK(ctx, func(core.Tx) error {
		c.pass(2 * time.Hour)
		seal(t, b, "v", "c")
		wantOpen(t, b, own, "c", "v")
		if _, err := b.Open(foreign, "c"); err == nil {
			t.Error("foreign value opened")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A ring of another installation is not taken, not even under the same KEK:
// its pepper would make every stored hash wrong.
func TestForeignRing(t *testing.T) {
	ctx, st, other, c := context.Background(), &secrettest.Storage{}, &secrettest.Storage{}, newClock()
	b := open(t, st, c)
	open(t, other, c)
	s := seal(t, b, "v", "c")
	blob, _, _ := other.LoadRing(ctx)
	st.Put(blob)
	wantKind(t, b.Refresh(ctx), core.KindInternal)
	wantOpen(t, b, s, "c", "v")
}

func TestConcurrentUse(t *testing.T) {
	ctx, st, c := context.Background(), &secrettest.Storage{}, newClock()
	b := open(t, st, c)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				where := fmt.Sprint(i, j)
				s, err := b.Seal([]byte(where), where)
				if err != nil {
					t.Error(err)
				}
				if i == 0 && j%10 == 0 {
					if _, err := b.RotateDEK(ctx); err != nil {
						t.Error(err)
					}
				}
				if got, err := b.Open(s, where); err != nil || string(got) != where {
					t.Errorf("%q, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkSeal(b *testing.B) {
	box := secrettest.New(b)
	plain := make([]byte, 256)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = box.Seal(plain, "credential:0190-1234:secret")
	}
}

func BenchmarkOpen(b *testing.B) {
	box := secrettest.New(b)
	s, _ := box.Seal(make([]byte, 256), "credential:0190-1234:secret")
	b.ReportAllocs()
	for b.Loop() {
		_, _ = box.Open(s, "credential:0190-1234:secret")
	}
}

func BenchmarkMAC(b *testing.B) {
	mac := secrettest.New(b).MAC("api")
	msg := make([]byte, 32)
	b.ReportAllocs()
	for b.Loop() {
		mac(msg)
	}
}
