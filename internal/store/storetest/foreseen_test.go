package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/store"
)

// On PostgreSQL the statements of issuing are sent in one go, with their
// outcomes foreseen. What callers hear and what is kept is as if each had been
// answered before the next.
func TestForeseenOutcomes(t *testing.T) {
	Engines(t, func(t *testing.T, db *store.DB) {
		ctx, now := t.Context(), time.UnixMicro(1_800_000_000_000_000).UTC()
		order := func(n int, key string) *core.Order {
			return &core.Order{ID: core.NewID[core.OrderID](now), Account: "a", Number: int64(n), User: "u", Product: "p", Issuer: "i", Protocol: "est",
				State: core.OrderIssuing, IdempotencyKey: key, Attempt: 1, CreatedAt: now, UpdatedAt: now}
		}
		reserved := func(serial string) *core.Certificate {
			return &core.Certificate{ID: core.NewID[core.CertificateID](now), Account: "a", Issuer: "i", Product: "p", User: "u", Protocol: "est", Serial: serial,
				SPKIHash: []byte{1}, NotBefore: now, NotAfter: now.Add(time.Hour), CreatedAt: now}
		}
		// Pairs at once for the same serial number: one of each is told, beside
		// neighbours who are not.
		var mu sync.Mutex
		var wg sync.WaitGroup
		told := map[core.Kind]int{}
		for i := range 60 {
			wg.Go(func() {
				c, o := reserved(fmt.Sprint(i/2)), order(1000+i, "")
				err := db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
					if ok, err := db.InsertOrder(ctx, tx, o); err != nil || !ok {
						return fmt.Errorf("order %d: %v %w", i, ok, err)
					}
					if err := db.ReserveCertificate(ctx, tx, c); err != nil {
						return err
					}
					return db.SetCertificateTags(ctx, tx, "a", c.ID, []string{"t"})
				})
				_, missing := db.Order(ctx, "a", o.ID)
				if kept := missing == nil; kept != (err == nil) {
					t.Errorf("the order is kept: %v; the caller heard %v", kept, err)
				}
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					told[""]++
				} else {
					told[core.KindOf(err)]++
				}
			})
		}
		wg.Wait()
		if told[""] != 30 || told[core.KindExists] != 30 || len(told) != 2 {
			t.Errorf("outcomes %v", told)
		}

		// What waits to be sent is there for the next statement.
		gone := reserved("gone")
		gone.Order = "o"
		write(t, db, func(ctx context.Context, tx core.Tx) error {
			if err := db.ReserveCertificate(ctx, tx, gone); err != nil {
				return err
			}
			return db.AbandonReserved(ctx, tx, gone.Order, now)
		})
		if c, err := db.Certificate(ctx, "a", gone.ID); err != nil || c.State != core.CertAbandoned {
			t.Errorf("abandoned in the transaction that reserved: %+v %v", c, err)
		}

		// A caller by himself.
		first := order(1, "key")
		if ok := insertOne(t, db, first); !ok {
			t.Error("the first order is not taken")
		}
		if ok := insertOne(t, db, order(2, "key")); ok {
			t.Error("the key is taken twice")
		}
		// One who goes on behind a conflict keeps what he did besides.
		var conflict error
		third := order(3, "")
		if err := db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
			o := *first
			o.State = core.OrderIssued
			conflict = db.UpdateOrder(ctx, tx, &o, core.OrderIssuing, 7)
			_, err := db.InsertOrder(ctx, tx, third)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if !core.Is(conflict, core.KindConflict) {
			t.Errorf("an attempt that is over: %v", conflict)
		}
		if o, err := db.Order(ctx, "a", first.ID); err != nil || o.State != core.OrderIssuing {
			t.Errorf("the order of the other attempt: %+v %v", o, err)
		}
		if _, err := db.Order(ctx, "a", third.ID); err != nil {
			t.Error(err)
		}
		// One who fails for a reason of his own, on top of what was foreseen.
		if err := db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
			ok, err := db.InsertOrder(ctx, tx, order(4, "key"))
			if err == nil && ok {
				err = core.Errorf(core.KindQuota, "too many")
			}
			return err
		}); err != nil {
			t.Errorf("told of the quota for a key that is taken: %v", err)
		}
	})
}

func insertOne(t *testing.T, db *store.DB, o *core.Order) (ok bool) {
	t.Helper()
	write(t, db, func(ctx context.Context, tx core.Tx) (err error) {
		ok, err = db.InsertOrder(ctx, tx, o)
		return err
	})
	return ok
}
