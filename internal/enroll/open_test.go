package enroll_test

import (
	"context"
	"sync"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/enroll/enrolltest"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

// TestOpen: an order that stands already is filled, keeps what it is known by,
// and of several that hand it over one wins.
func TestOpen(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, db *store.DB) {
		w := enrolltest.New(t, db)
		ctx, p := t.Context(), w.Principal(t, "tls-server")
		now := w.Now()
		o := &core.Order{ID: core.NewID[core.OrderID](now), Account: w.Account, Number: 77, Credential: p.Credential.ID, User: p.User, Group: p.Group,
			Product: p.Product, Protocol: "rest", State: core.OrderCSR, IdempotencyKey: "key", CreatedAt: now, UpdatedAt: now}
		err := db.InTx(ctx, func(ctx context.Context, tx core.Tx) error { _, err := db.InsertOrder(ctx, tx, o); return err })
		if err != nil {
			t.Fatal(err)
		}
		begun, ended := 0, 0
		r := enroll.Request{Principal: &core.Principal{Account: w.Account, System: "test"}, Product: p.Product, Judged: true,
			CSR:   enrolltest.CSR(t, enrolltest.Key(t), "a.example"),
			Open:  &enroll.Open{Order: o.ID, State: core.OrderCSR, AllowedNames: []string{"b.example"}},
			Begin: func(_ context.Context, tx core.Tx, _ *core.Order) error { tx.OnCommit(func() { begun++ }); return nil },
			With:  func(_ context.Context, tx core.Tx, _ *core.Order) error { tx.OnCommit(func() { ended++ }); return nil }}
		if _, err := w.Enroll.Submit(ctx, r); core.KindOf(err) != core.KindBadName {
			t.Fatalf("outside of the names of who ordered: %v", err)
		}
		r.Open.AllowedNames = nil
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				res, err := w.Enroll.Submit(ctx, r)
				if err != nil || res.Order.ID != o.ID {
					t.Errorf("%+v %v", res, err)
				}
			})
		}
		wg.Wait()
		got, err := db.Order(ctx, w.Account, o.ID)
		if err != nil || got.State != core.OrderIssued || got.Number != 77 || got.Credential != p.Credential.ID || got.IdempotencyKey != "key" || got.Attempt != 1 || len(got.Names) != 1 {
			t.Fatalf("%+v %v", got, err)
		}
		if begun != 1 || ended != 1 {
			t.Errorf("begun %d times, ended %d times", begun, ended)
		}
	})
}
