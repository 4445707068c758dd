package storetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/store"
)

var orderNoon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// ordered adds an order with details.
func ordered(t *testing.T, db *store.DB, n int64, edit func(o *core.Order, d *core.OrderDetails)) (*core.Order, *core.OrderDetails) {
	t.Helper()
	at := orderNoon.Add(time.Duration(n) * time.Minute)
	o := &core.Order{ID: core.NewID[core.OrderID](at), Account: "a", Number: n, Group: "g1", Product: "p1", Issuer: "i1", Protocol: "rest", State: core.OrderDCV,
		Names: []string{"dns:shop.example"}, CreatedAt: at, UpdatedAt: at}
	d := &core.OrderDetails{Order: o.ID, Account: "a", Request: 100 + n, Version: 1, CreatedAt: at, UpdatedAt: at}
	edit(o, d)
	write(t, db, func(ctx context.Context, tx core.Tx) error {
		if ok, err := db.InsertOrder(ctx, tx, o); err != nil || !ok {
			t.Errorf("insert: %v %v", ok, err)
			return err
		}
		return db.InsertDetails(ctx, tx, d)
	})
	return o, d
}

func write(t *testing.T, db *store.DB, f func(ctx context.Context, tx core.Tx) error) {
	t.Helper()
	if err := db.InTx(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// TestOrderDetails: what is written comes back, and of two changes one wins.
func TestOrderDetails(t *testing.T) {
	Engines(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		want := core.OrderDetails{Organisation: "o", Owner: "o2", CSR: []byte{1}, Approved: true, Reissues: "c", Mode: "rekey", Reason: "r", RevokeOld: true,
			RevokeAll: true, RevokeReason: 4, Remarks: "m", Digest: "x", DocumentsAfter: orderNoon, Until: orderNoon.AddDate(1, 0, 0), DueAt: orderNoon,
			Agreement: &core.Agreement{SignerName: "Ann", SignedAt: orderNoon, Address: "192.0.2.1"},
			Ask:       core.OrderAsk{Family: core.FamilyDV, Code: 842, Domain: "shop.example", Tags: []string{"a:b"}, Requestor: core.Contact{Email: "Ann@example.com"}}}
		o, d := ordered(t, db, 1, func(_ *core.Order, d *core.OrderDetails) {
			order, request, at := d.Order, d.Request, d.CreatedAt
			*d = want
			d.Order, d.Account, d.Request, d.Version, d.CreatedAt, d.UpdatedAt = order, "a", request, 1, at, at
		})
		got, err := db.OrderDetails(ctx, "a", o.ID)
		if err != nil || got.Ask.Domain != d.Ask.Domain || got.Agreement == nil || !got.Agreement.SignedAt.Equal(orderNoon) || !got.Until.Equal(d.Until) ||
			got.Owner != "o2" || !got.RevokeAll || got.RevokeReason != 4 || got.Digest != "x" || !got.DocumentsAfter.Equal(orderNoon) || !got.DueAt.Equal(orderNoon) ||
			got.Reissues != "c" || string(got.CSR) != "\x01" || got.Remarks != "m" || !got.Approved {
			t.Fatalf("%+v %v", got, err)
		}
		if got, err = db.DetailsByRequest(ctx, "a", d.Request); err != nil || got.Order != o.ID {
			t.Fatalf("%+v %v", got, err)
		}
		if _, err := db.DetailsByRequest(ctx, "b", d.Request); core.KindOf(err) != core.KindNotFound {
			t.Errorf("another account's: %v", err)
		}
		next := *got
		next.Version, next.Remarks, next.DueAt = 2, "changed", time.Time{}
		write(t, db, func(ctx context.Context, tx core.Tx) error { return db.UpdateDetails(ctx, tx, &next) })
		if got, err = db.OrderDetails(ctx, "a", o.ID); err != nil || got.Remarks != "changed" || !got.DueAt.Equal(orderNoon) {
			t.Errorf("a change of the details touched what is due: %+v %v", got, err)
		}
		if err := db.InTx(ctx, func(ctx context.Context, tx core.Tx) error { return db.UpdateDetails(ctx, tx, &next) }); core.KindOf(err) != core.KindConflict {
			t.Errorf("two changes from one version: %v", err)
		}
		for from, kind := range map[core.OrderState]core.Kind{core.OrderDCV: "", core.OrderCSR: core.KindConflict} {
			m := *o
			m.State = from
			if err := db.InTx(ctx, func(ctx context.Context, tx core.Tx) error { return db.MoveOrder(ctx, tx, &m, from, 0) }); core.KindOf(err) != kind {
				t.Errorf("%s stays: %v", from, err)
			}
		}
	})
}

// TestDueOrders: waking is by reference, and nobody's mark is lost to one who
// looked before it was made.
func TestDueOrders(t *testing.T) {
	Engines(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		one, _ := ordered(t, db, 1, func(*core.Order, *core.OrderDetails) {})
		two, _ := ordered(t, db, 2, func(*core.Order, *core.OrderDetails) {})
		many := make([]string, 250)
		for i := range many {
			many[i] = string(rune('a'+i%26)) + string(rune('a'+i/26)) + ".example"
		}
		write(t, db, func(ctx context.Context, tx core.Tx) error {
			if err := db.SetWaits(ctx, tx, "a", one.ID, "domain", append(many, "shop.example", "example")); err != nil {
				return err
			}
			return db.SetWaits(ctx, tx, "a", two.ID, "organisation", []string{"shop.example"})
		})
		due := func(want ...core.OrderID) []core.OrderDetails {
			t.Helper()
			list, err := db.DueOrders(ctx, orderNoon, 10)
			if err != nil || len(list) != len(want) || !slices.EqualFunc(list, want, func(d core.OrderDetails, id core.OrderID) bool { return d.Order == id }) {
				t.Fatalf("due %v %v, want %v", list, err, want)
			}
			return list
		}
		wake := func(account core.AccountID, kind, ref string, at time.Time) {
			t.Helper()
			write(t, db, func(ctx context.Context, tx core.Tx) error { return db.Wake(ctx, tx, account, kind, ref, at) })
		}
		wake("b", "domain", "shop.example", orderNoon)
		wake("a", "domain", "hop.example", orderNoon)
		wake("a", "domain", "example", orderNoon.Add(time.Hour))
		due()
		wake("a", "domain", "shop.example", orderNoon.Add(-time.Second))
		was := due(one.ID)[0].DueAt
		wake("a", "domain", "za.example", orderNoon.Add(-time.Minute))
		write(t, db, func(ctx context.Context, tx core.Tx) error { return db.Postpone(ctx, tx, one.ID, was, time.Time{}) })
		was = due(one.ID)[0].DueAt
		write(t, db, func(ctx context.Context, tx core.Tx) error { return db.Postpone(ctx, tx, one.ID, was, time.Time{}) })
		due()
		wake("a", "organisation", "shop.example", orderNoon)
		due(two.ID)
		write(t, db, func(ctx context.Context, tx core.Tx) error { return db.SetWaits(ctx, tx, "a", one.ID, "", nil) })
		wake("a", "domain", "shop.example", orderNoon)
		due(two.ID)
	})
}

// TestOrderReport: each condition selects what it says.
func TestOrderReport(t *testing.T) {
	EnginesAt(t, func() time.Time { return orderNoon }, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		one, _ := ordered(t, db, 1, func(o *core.Order, d *core.OrderDetails) {
			d.Ask.Tags, d.Ask.Requestor.Email, o.State = []string{"env:prod", "team:web"}, "Ann@example.com", core.OrderIssued
			o.Certificate = "c1"
		})
		two, _ := ordered(t, db, 2, func(o *core.Order, d *core.OrderDetails) {
			d.Ask.Tags, o.Group, o.Product, o.Names, o.State = []string{"env:pro", "team:web"}, "g2", "p2", []string{"dns:50%off.example"}, core.OrderDraft
		})
		three := &core.Order{ID: core.NewID[core.OrderID](orderNoon.Add(time.Hour)), Account: "a", Number: 3, Group: "g1", Product: "p1", Issuer: "i2",
			State: core.OrderFailed, CreatedAt: orderNoon.Add(time.Hour), UpdatedAt: orderNoon}
		write(t, db, func(ctx context.Context, tx core.Tx) error {
			if _, err := db.InsertOrder(ctx, tx, three); err != nil {
				return err
			}
			c := &core.Certificate{ID: "c1", Account: "a", Number: 1, Order: one.ID, Issuer: "i1", Product: "p1", Serial: "1", SPKIHash: []byte{1},
				NotBefore: orderNoon, NotAfter: orderNoon.AddDate(0, 0, 90), CreatedAt: orderNoon}
			return db.ReserveCertificate(ctx, tx, c)
		})
		all := ordering.Scope{AllGroups: true}
		yes, no := true, false
		for name, x := range map[string]struct {
			scope ordering.Scope
			q     ordering.Query
			want  []core.OrderID
		}{
			"all":              {all, ordering.Query{}, []core.OrderID{three.ID, two.ID, one.ID}},
			"page":             {all, ordering.Query{Offset: 1, Limit: 1}, []core.OrderID{two.ID}},
			"behind":           {all, ordering.Query{Offset: 3}, nil},
			"scope":            {ordering.Scope{Groups: []core.GroupID{"g2"}}, ordering.Query{}, []core.OrderID{two.ID}},
			"scope of product": {ordering.Scope{Groups: []core.GroupID{"g2"}, Products: []core.ProductID{"p1"}}, ordering.Query{}, nil},
			"group":            {all, ordering.Query{Groups: []core.GroupID{"g1"}}, []core.OrderID{three.ID, one.ID}},
			"product":          {all, ordering.Query{Products: []core.ProductID{"p2"}}, []core.OrderID{two.ID}},
			"state":            {all, ordering.Query{States: []core.OrderState{core.OrderFailed, core.OrderIssued}}, []core.OrderID{three.ID, one.ID}},
			"certificate":      {all, ordering.Query{CertStates: []core.CertificateState{core.CertReserved}}, []core.OrderID{one.ID}},
			"expired":          {all, ordering.Query{Expired: &yes}, nil},
			"not expired":      {all, ordering.Query{Expired: &no}, []core.OrderID{one.ID}},
			"from":             {all, ordering.Query{From: orderNoon.Add(2 * time.Minute)}, []core.OrderID{three.ID, two.ID}},
			"till":             {all, ordering.Query{Till: orderNoon.Add(time.Minute)}, []core.OrderID{one.ID}},
			"ends":             {all, ordering.Query{EndsFrom: orderNoon, EndsTill: orderNoon.AddDate(0, 0, 90)}, []core.OrderID{one.ID}},
			"name":             {all, ordering.Query{Name: "SHOP"}, []core.OrderID{one.ID}},
			"name with marks":  {all, ordering.Query{Name: "50%off"}, []core.OrderID{two.ID}},
			"name of marks":    {all, ordering.Query{Name: "5_%"}, nil},
			"number":           {all, ordering.Query{Number: 1}, []core.OrderID{one.ID}},
			"number of draft":  {all, ordering.Query{Number: 2}, nil},
			"request":          {all, ordering.Query{Request: 102}, []core.OrderID{two.ID}},
			"requestor":        {all, ordering.Query{Requestor: "ann@EXAMPLE.com"}, []core.OrderID{one.ID}},
			"issuer":           {all, ordering.Query{Issuers: []core.IssuerID{"i2"}}, []core.OrderID{three.ID}},
			"any tag":          {all, ordering.Query{Tags: []string{"env:prod", "env:pro"}}, []core.OrderID{two.ID, one.ID}},
			"whole tag":        {all, ordering.Query{Tags: []string{"env:pro"}}, []core.OrderID{two.ID}},
			"all tags":         {all, ordering.Query{Tags: []string{"Team:web", "env:prod"}, AllTags: true}, []core.OrderID{one.ID}},
			"issued":           {all, ordering.Query{Issued: true}, []core.OrderID{one.ID}},
			"organisation":     {all, ordering.Query{Organisation: "x"}, nil},
		} {
			t.Run(name, func(t *testing.T) {
				if x.q.Limit == 0 {
					x.q.Limit = 100
				}
				rows, total, err := db.ReportOrders(ctx, "a", x.scope, x.q)
				if err != nil || len(rows) != len(x.want) || total < len(rows) || x.q.Offset == 0 && total != len(rows) {
					t.Fatalf("%d of %d rows, %v", len(rows), total, err)
				}
				for i, r := range rows {
					if r.Order.ID != x.want[i] || (r.Details == nil) != (r.Order.ID == three.ID) || (r.Certificate != nil) != (r.Order.ID == one.ID) {
						t.Errorf("row %d: %+v", i, r)
					}
				}
			})
		}
		if _, n, err := db.ReportOrders(ctx, "b", all, ordering.Query{Limit: 10}); err != nil || n != 0 {
			t.Errorf("another account's: %d %v", n, err)
		}
	})
}
