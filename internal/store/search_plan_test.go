package store

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// TestListPlans holds the default views of the big lists against their indexes:
// no scan and no sorting of more than a page.
func TestListPlans(t *testing.T) {
	db, err := Open(t.Context(), Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "plan.db"), Relaxed: true, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	is := func(column string, op core.Operator, values ...string) core.Filter {
		return core.Filter{{Column: column, Op: op, Values: values}}
	}
	number := core.Sort{Column: "number"}
	for _, x := range []struct {
		index  string
		f      core.Filter
		sort   core.Sort
		orders bool
	}{
		{index: "certificates_account"},
		{index: "certificates_group", f: is("group", core.OpEquals, "g")},
		{index: "certificates_group", f: is("group", core.OpIn, "g", "h", "i")},
		{index: "certificates_product", f: is("product", core.OpEquals, "p")},
		{index: "certificates_owner", f: is("credential", core.OpEquals, "c")},
		{index: "certificates_state", f: is("state", core.OpEquals, "revoked")},
		{index: "certificates_ends", sort: core.Sort{Column: "not_after"}},
		{index: "certificates_ends", sort: core.Sort{Column: "not_after", Desc: true}, f: is("not_after", core.OpLess, "2026-12-01T00:00:00Z")},
		{index: "orders_account", orders: true},
		{index: "orders_state", f: is("state", core.OpEquals, "issued"), orders: true},
		{index: "orders_product", f: is("product", core.OpEquals, "p"), orders: true},
		{index: "orders_group", f: is("group", core.OpIn, "g", "h"), orders: true},
	} {
		q := core.ListQuery{Account: "a", Filter: x.f, Sort: x.sort}
		text, args, err := textOf(t, &certificateList, db, q)
		if x.orders {
			text, args, err = textOf(t, &orderList, db, q)
		}
		if err != nil {
			t.Fatal(err)
		}
		plan := planOf(t, db, text, args...)
		if !strings.Contains(plan, x.index+" ") || strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%v by %v: not by %s\n%s", x.f, x.sort, x.index, plan)
		}
	}
	// A search begins with the rows that the trigrams name.
	text, args, err := textOf(t, &certificateList, db, core.ListQuery{Account: "a", Sort: number, Filter: is("names", core.OpContains, "host-1")})
	if err != nil {
		t.Fatal(err)
	}
	if plan := planOf(t, db, text, args...); !strings.Contains(plan, "certificates_known") || strings.Contains(plan, "SCAN t\n") {
		t.Errorf("search\n%s", plan)
	}
}

func textOf[R, T any](t *testing.T, l *listing[R, T], db *DB, q core.ListQuery) (string, []any, error) {
	order, desc, err := l.order(q)
	if err != nil {
		t.Fatal(err)
	}
	return l.text(t.Context(), db, q, order, desc, 50)
}

// What is looked for never breaks out of the expression of FTS5.
func FuzzTrigrams(f *testing.F) {
	for _, s := range []string{"", "ab", "abc", `a"b`, `"""`, "ÄÖÜ", "a\x00bc", "NEAR(a b)", "*:^()"} {
		f.Add(s)
	}
	db, err := Open(f.Context(), Config{URL: "sqlite:" + filepath.Join(f.TempDir(), "fuzz.db"), Relaxed: true, Now: time.Now})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(f.Context()); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m := match(trigramColumns, core.Filter{{Column: "names", Op: core.OpContains, Values: []string{s}}})
		if m == "" {
			return
		}
		if n := len([]rune(s)); n < 3 {
			t.Fatalf("%d characters", n)
		}
		var n int
		if err := db.queryRow(t.Context(), `SELECT COUNT(*) FROM (`+hits+`)`, m).Scan(&n); err != nil {
			t.Fatalf("%q: %v", m, err)
		}
	})
}
