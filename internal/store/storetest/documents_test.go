package storetest_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// organisation makes one in the first account.
func (w *world) organisation(t testing.TB, name string) *core.Organisation {
	t.Helper()
	now := w.Clock.Now()
	o := &core.Organisation{ID: core.NewID[core.OrganisationID](now), Account: w.First.Account.ID, Name: name, Country: "DE", CreatedAt: now, UpdatedAt: now}
	w.tx(t, func(ctx context.Context, tx core.Tx) error {
		n, err := w.db.NextNumber(ctx, tx, o.Account, "organisation", 1)
		o.Number = n
		if err != nil {
			return err
		}
		return w.db.InsertOrganisation(ctx, tx, o)
	})
	return o
}

func TestDocuments(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx, now, account := t.Context(), w.Clock.Now(), w.First.Account.ID
		org := w.organisation(t, "Example GmbH")
		order := core.NewID[core.OrderID](now)
		doc := func(o core.OrderID, owner core.OrganisationID, name string) *core.Document {
			return &core.Document{ID: core.NewID[core.DocumentID](now), Account: account, Order: o, Owner: owner, Name: name, Description: "about " + name,
				Type: "application/pdf", Size: 7, SHA256: bytes.Repeat([]byte{1}, 32), Uploader: "user:x", CreatedAt: now, Sealed: []byte("sealed " + name)}
		}
		a, b := doc(order, "", "a.pdf"), doc(order, "", "b.pdf")
		b.ID = core.NewID[core.DocumentID](now.Add(time.Second)) // listed after a
		b.Group = w.First.Group.ID
		c := doc("", org.ID, "c.pdf")
		w.tx(t, func(ctx context.Context, tx core.Tx) error {
			for i, d := range []*core.Document{a, b, c} {
				if err := w.db.InsertDocument(ctx, tx, d); err != nil {
					return err
				}
				if n, err := w.db.CountDocuments(ctx, tx, order); err != nil || n != min(i+1, 2) {
					t.Errorf("after document %d the order has %d, %v", i, n, err)
				}
			}
			n, err := w.db.CountOrganisationDocuments(ctx, tx, org.ID)
			if n != 1 {
				t.Errorf("the organisation has %d", n)
			}
			return err
		})

		same := func(got, want *core.Document, sealed []byte) {
			t.Helper()
			if got.ID != want.ID || got.Account != account || got.Order != want.Order || got.Owner != want.Owner || got.Group != want.Group || got.Name != want.Name ||
				got.Description != want.Description || got.Type != want.Type || got.Size != want.Size || !bytes.Equal(got.SHA256, want.SHA256) ||
				got.Uploader != want.Uploader || !got.CreatedAt.Equal(want.CreatedAt) || !bytes.Equal(got.Sealed, sealed) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
		list, err := w.db.OrderDocuments(ctx, account, order)
		if err != nil || len(list) != 2 {
			t.Fatal(list, err)
		}
		same(&list[0], a, nil)
		same(&list[1], b, nil)
		list, err = w.db.OrganisationDocuments(ctx, account, org.ID)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		same(&list[0], c, nil)
		got, err := w.db.Document(ctx, account, b.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(got, b, b.Sealed)

		other := core.AccountID("another")
		if l, err := w.db.OrderDocuments(ctx, other, order); err != nil || len(l) != 0 {
			t.Errorf("another account lists %v, %v", l, err)
		}
		if l, err := w.db.OrganisationDocuments(ctx, other, org.ID); err != nil || len(l) != 0 {
			t.Errorf("another account lists %v, %v", l, err)
		}
		if _, err := w.db.Document(ctx, other, b.ID); !core.Is(err, core.KindNotFound) {
			t.Error(err)
		}
		err = w.db.InTx(ctx, func(ctx context.Context, tx core.Tx) error { return w.db.DeleteOrganisation(ctx, tx, account, org.ID) })
		if !core.Is(err, core.KindConflict) {
			t.Errorf("an organisation with documents was deleted: %v", err)
		}
	})
}
