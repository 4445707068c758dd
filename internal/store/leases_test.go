package store_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

// clock is a time that a test sets while others read it.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) Advance(d time.Duration) { c.at.Add(int64(d)) }

func TestLeaseConcurrentAcquisitionHasOneWinner(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, db *store.DB) {
		for round := range 5 {
			name := fmt.Sprintf("work-%d", round)
			var won atomic.Int64
			var wg sync.WaitGroup
			for i := range 32 {
				wg.Go(func() {
					token, ok, err := db.AcquireLease(t.Context(), name, fmt.Sprintf("replica-%d", i), time.Minute)
					if err != nil {
						t.Error(err)
					}
					if ok {
						won.Add(1)
						if token != 1 {
							t.Errorf("first token %d", token)
						}
					}
				})
			}
			wg.Wait()
			if won.Load() != 1 {
				t.Fatalf("%d replicas hold the lease", won.Load())
			}
		}
	})
}

func TestLeaseLife(t *testing.T) {
	now := newClock()
	storetest.EnginesAt(t, now.Now, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		acquire := func(owner string, want bool) int64 {
			t.Helper()
			token, ok, err := db.AcquireLease(ctx, "crl", owner, time.Minute)
			if err != nil || ok != want {
				t.Fatalf("acquire by %s: ok %v, %v", owner, ok, err)
			}
			return token
		}
		first := acquire("a", true)
		acquire("b", false)

		// Renewal pushes the end; a renewed lease is not taken over.
		now.Advance(40 * time.Second)
		if err := db.RenewLease(ctx, "crl", "a", first, time.Minute); err != nil {
			t.Fatal(err)
		}
		now.Advance(40 * time.Second)
		acquire("b", false)

		// Once expired it is taken over with a greater token, and the old
		// holder can neither renew nor, by releasing, free it.
		now.Advance(30 * time.Second)
		second := acquire("b", true)
		if second <= first {
			t.Fatalf("token %d after %d", second, first)
		}
		if err := db.RenewLease(ctx, "crl", "a", first, time.Minute); !core.Is(err, core.KindConflict) {
			t.Fatalf("renewal of a lost lease: %v", err)
		}
		if err := db.ReleaseLease(ctx, "crl", "a", first); err != nil {
			t.Fatal(err)
		}
		acquire("a", false)

		// Released, it is free at once, and the token still grows.
		if err := db.ReleaseLease(ctx, "crl", "b", second); err != nil {
			t.Fatal(err)
		}
		if err := db.RenewLease(ctx, "crl", "b", second, time.Minute); !core.Is(err, core.KindConflict) {
			t.Fatalf("renewal of a released lease: %v", err)
		}
		third := acquire("a", true)
		// A restarted process fences off its former self.
		if fourth := acquire("a", true); third <= second || fourth <= third {
			t.Fatalf("tokens %d, %d, %d", second, third, fourth)
		}
	})
}

func TestLeaseGuardsWrites(t *testing.T) {
	now := newClock()
	storetest.EnginesAt(t, now.Now, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		write := func(token int64, value string) error {
			return db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
				if _, _, err := db.CreateSettingIn(ctx, tx, value, []byte(value)); err != nil {
					return err
				}
				return db.GuardLease(ctx, tx, "crl", token)
			})
		}
		old, _, err := db.AcquireLease(ctx, "crl", "a", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if err := write(old, "one"); err != nil {
			t.Fatal(err)
		}
		now.Advance(2 * time.Minute)
		// Past its end but not taken over: no other writer exists.
		if err := write(old, "two"); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := db.AcquireLease(ctx, "crl", "b", time.Minute); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if err := write(old, "three"); !core.Is(err, core.KindConflict) {
			t.Fatalf("write of the old holder: %v", err)
		}
		if _, _, err := db.Setting(ctx, "three"); !core.Is(err, core.KindNotFound) {
			t.Fatalf("the refused write left something: %v", err)
		}
		if err := write(1<<40, "four"); !core.Is(err, core.KindConflict) {
			t.Fatalf("write with a token from the future: %v", err)
		}
	})
}

func TestSkew(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, db *store.DB) {
		skew, err := db.Skew(t.Context())
		if err != nil || skew.Abs() > store.MaxSkew {
			t.Fatalf("skew %v on one machine, %v", skew, err)
		}
	})
	late := func() time.Time { return time.Now().Add(-time.Hour) }
	t.Run("late", func(t *testing.T) {
		storetest.EnginesAt(t, late, func(t *testing.T, db *store.DB) {
			skew, err := db.Skew(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if found := skew < -59*time.Minute; found != (db.Dialect() == store.Postgres) {
				t.Fatalf("skew %v", skew)
			}
		})
	})
}
