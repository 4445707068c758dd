package store_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

func TestSettings(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		if _, _, err := db.Setting(ctx, "ring"); !core.Is(err, core.KindNotFound) {
			t.Fatalf("a setting that is not there: %v", err)
		}
		if err := db.CompareAndSetSetting(ctx, "ring", 0, []byte("x")); !core.Is(err, core.KindConflict) {
			t.Fatalf("change of a setting that is not there: %v", err)
		}
		if v, created, err := db.CreateSetting(ctx, "ring", []byte("one")); err != nil || !created || string(v) != "one" {
			t.Fatalf("%q, %v, %v", v, created, err)
		}
		if v, created, err := db.CreateSetting(ctx, "ring", []byte("other")); err != nil || created || string(v) != "one" {
			t.Fatalf("second creation: %q, %v, %v", v, created, err)
		}
		if err := db.CompareAndSetSetting(ctx, "ring", 1, []byte("two")); err != nil {
			t.Fatal(err)
		}
		if err := db.CompareAndSetSetting(ctx, "ring", 1, []byte("three")); !core.Is(err, core.KindConflict) {
			t.Fatalf("change of an old version: %v", err)
		}
		if v, version, err := db.Setting(ctx, "ring"); err != nil || string(v) != "two" || version != 2 {
			t.Fatalf("%q version %d, %v", v, version, err)
		}
	})
}

func TestSettingsConcurrently(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, db *store.DB) {
		var created, changed atomic.Int64
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				_, ok, err := db.CreateSetting(t.Context(), "id", fmt.Append(nil, i))
				if err != nil {
					t.Error(err)
				}
				if ok {
					created.Add(1)
				}
				switch err := db.CompareAndSetSetting(t.Context(), "id", 1, fmt.Append(nil, "changed by ", i)); {
				case err == nil:
					changed.Add(1)
				case !core.Is(err, core.KindConflict):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if created.Load() != 1 || changed.Load() != 1 {
			t.Fatalf("created %d times, changed %d times", created.Load(), changed.Load())
		}
		if _, version, err := db.Setting(t.Context(), "id"); err != nil || version != 2 {
			t.Fatalf("version %d, %v", version, err)
		}
	})
}
