package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/audit"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

var errNo = errors.New("no")

// TestGroupCommit: concurrent callers share commits; a failing one loses its
// own writes only; hooks run for those that succeeded.
func TestGroupCommit(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		const n = 400
		var wg sync.WaitGroup
		var hooks, failed atomic.Int64
		release := make(chan struct{})
		for i := range n {
			wg.Go(func() {
				<-release
				err := db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
					a := &core.Account{ID: core.NewID[core.AccountID](time.Now()), Number: int64(i + 1), Name: fmt.Sprint(i), CreatedAt: time.Now()}
					if err := db.InsertAccount(ctx, tx, a); err != nil {
						return err
					}
					tx.OnCommit(func() { hooks.Add(1) })
					db.AppendEvents(tx, core.Event{Account: a.ID, Action: "test", Object: a.Name, Outcome: core.Success, At: time.Now()})
					switch i % 10 {
					case 3:
						return errNo
					case 7:
						panic("at the disco")
					}
					return nil
				})
				if err != nil {
					failed.Add(1)
				}
				if (i%10 == 3) != errors.Is(err, errNo) {
					t.Errorf("caller %d: %v", i, err)
				}
			})
		}
		close(release)
		wg.Wait()
		if failed.Load() != n/5 || hooks.Load() != n-n/5 {
			t.Errorf("%d failed, %d hooks ran", failed.Load(), hooks.Load())
		}
		all, err := db.Accounts(ctx)
		if err != nil || len(all) != n-n/5 {
			t.Errorf("%d accounts are there (%v), want %d", len(all), err, n-n/5)
		}
		commits, calls := db.Stats()
		if calls < n-n/5 || commits >= calls {
			t.Errorf("%d calls in %d commits: nothing was shared", calls, commits)
		}
		heads, err := db.Heads(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var rows int64
		for _, h := range heads {
			rows += h.Seq
		}
		if rows != n-n/5 {
			t.Errorf("%d audit rows, want %d", rows, n-n/5)
		}
		l := audit.New(audit.Deps{Storage: db, Now: time.Now, Signer: mustKey(t)})
		sum, err := l.Verify(ctx, func(p audit.Problem) { t.Error(p) })
		if err != nil {
			t.Fatal(err)
		}
		if sum.Rows != n-n/5 {
			t.Errorf("verified %+v", sum)
		}
	})
}

func mustKey(t *testing.T) *audit.Key {
	k, err := audit.NewKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestCancelledCaller: a caller whose context ended before its turn does
// nothing.
func TestCancelledCaller(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, db *store.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := db.InTx(ctx, func(context.Context, core.Tx) error { t.Error("ran"); return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
