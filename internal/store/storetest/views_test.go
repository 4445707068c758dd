package storetest_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

func TestViews(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, db *store.DB) {
		ctx, now := t.Context(), time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
		account, one, two := core.NewID[core.AccountID](now), core.NewID[core.UserID](now), core.NewID[core.UserID](now)
		do := func(f func(context.Context, core.Tx, *core.View) error, v *core.View) error {
			return db.InTx(ctx, func(ctx context.Context, tx core.Tx) error { return f(ctx, tx, v) })
		}
		view := func(user core.UserID, name string, shared bool) *core.View {
			return &core.View{ID: core.NewID[core.ViewID](now), Account: account, User: user, List: "orders", Name: name, Shared: shared,
				Filter: []string{`subject:contains:a\,b`}, Sort: "-number", Columns: []string{"number"}, Version: 1, CreatedAt: now, UpdatedAt: now}
		}
		a, b, c := view(one, "a", false), view(one, "b", true), view(two, "a", false)
		for _, v := range []*core.View{a, b, c} {
			if err := do(db.InsertView, v); err != nil {
				t.Fatal(err)
			}
		}
		if err := do(db.InsertView, view(one, "a", false)); !core.Is(err, core.KindExists) {
			t.Errorf("the same name twice: %v", err)
		}
		if got, err := db.View(ctx, account, a.ID); err != nil || !reflect.DeepEqual(got, a) {
			t.Errorf("%+v %v, want %+v", got, err, a)
		}
		if _, err := db.View(ctx, core.NewID[core.AccountID](now), a.ID); !core.Is(err, core.KindNotFound) {
			t.Errorf("of another account: %v", err)
		}
		names := func(user core.UserID) (out string) {
			got, err := db.ListViews(ctx, core.ListQuery{Account: account, Sort: core.Sort{Column: "name"}}, user)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range got.Items {
				out += v.Name
			}
			return out
		}
		if names(one) != "ab" || names(two) != "ab" || names("' OR TRUE --") != "b" {
			t.Errorf("%s %s %s", names(one), names(two), names("' OR TRUE --"))
		}
		if n, err := db.CountViews(ctx, account, one); n != 2 || err != nil {
			t.Error(n, err)
		}
		old := *a
		a.Name, a.Version = "b", 2
		if err := do(db.UpdateView, a); !core.Is(err, core.KindExists) {
			t.Errorf("a name that is taken: %v", err)
		}
		a.Name = "z"
		if err := do(db.UpdateView, a); err != nil {
			t.Fatal(err)
		}
		if err := do(db.DeleteView, &old); err == nil {
			t.Error("an old version was deleted")
		}
		if err := do(db.DeleteView, a); err != nil {
			t.Error(err)
		}
	})
}

func TestTally(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, db *store.DB) {
		ctx, now := t.Context(), time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
		account := core.NewID[core.AccountID](now)
		for i, name := range []string{"a", "b", "a", "c", "a", "b"} {
			v := &core.View{ID: core.NewID[core.ViewID](now), Account: account, User: core.NewID[core.UserID](now), List: "x", Name: name, Shared: i != 0, Version: 1, CreatedAt: now, UpdatedAt: now}
			if err := db.InTx(ctx, func(ctx context.Context, tx core.Tx) error { return db.InsertView(ctx, tx, v) }); err != nil {
				t.Fatal(err)
			}
		}
		tally := func(y core.Tally, f ...core.Cond) []core.Tallied {
			t.Helper()
			got, err := db.ListViews(ctx, core.ListQuery{Account: account, Tally: &y, Filter: f}, "")
			if err != nil {
				t.Fatal(err)
			}
			if got.Items != nil || got.Next != "" {
				t.Errorf("rows, too: %+v", got)
			}
			return got.Tally
		}
		for _, c := range []struct {
			got, want []core.Tallied
		}{
			{tally(core.Tally{}), []core.Tallied{{Count: 5}}},
			{tally(core.Tally{Limit: 4}), []core.Tallied{{Count: 4}}},
			{tally(core.Tally{By: "name"}), []core.Tallied{{Value: "a", Count: 2}, {Value: "b", Count: 2}, {Value: "c", Count: 1}}},
			{tally(core.Tally{By: "name"}, core.Cond{Column: "name", Op: core.OpIn, Values: []string{"b", "c"}}), []core.Tallied{{Value: "b", Count: 2}, {Value: "c", Count: 1}}},
			{tally(core.Tally{By: "shared"}), []core.Tallied{{Value: "true", Count: 5}}},
			{tally(core.Tally{By: "name"}, core.Cond{Column: "name", Op: core.OpEquals, Values: []string{"none"}}), []core.Tallied{}},
		} {
			if !reflect.DeepEqual(c.got, c.want) {
				t.Errorf("%+v, want %+v", c.got, c.want)
			}
		}
		for _, by := range []string{"updated_at", "nothing"} {
			if _, err := db.ListViews(ctx, core.ListQuery{Account: account, Tally: &core.Tally{By: by}}, ""); !core.Is(err, core.KindInvalid) {
				t.Errorf("by %s: %v", by, err)
			}
		}
	})
}
