package storetest_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

// numbersOf reads all pages of a list of certificates.
func numbersOf(t *testing.T, db *store.DB, q core.ListQuery) []int64 {
	t.Helper()
	q.Account = storetest.RowAccount
	var out []int64
	for {
		p, err := db.ListCertificates(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range p.Items {
			out = append(out, c.Number)
		}
		if q.Cursor = p.Next; q.Cursor == "" {
			return out
		}
	}
}

// indexAll takes all that waits into the trigram table.
func indexAll(t testing.TB, db *store.DB) {
	t.Helper()
	for {
		n, err := db.IndexSearch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// The answers are the same before the index has the rows, with half of them in
// it, and with all.
func TestSearch(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, db *store.DB) {
		storetest.Certificates(t, db, 700)
		row := func(column string, op core.Operator, values ...string) core.Cond {
			return core.Cond{Column: column, Op: op, Values: values}
		}
		check := func(when string) {
			t.Helper()
			for i, x := range []struct {
				filter core.Filter
				want   []int64
			}{
				{core.Filter{row("common_name", core.OpContains, "HOST-70")}, []int64{700, 70}},
				{core.Filter{row("common_name", core.OpStartsWith, "host-69")}, []int64{699, 698, 697, 696, 695, 694, 693, 692, 691, 690, 69}},
				{core.Filter{row("common_name", core.OpEndsWith, "-77.dept-77.example.com")}, []int64{77}},
				{core.Filter{row("common_name", core.OpEquals, "Host-5.dept-5.example.com")}, []int64{5}},
				{core.Filter{row("names", core.OpContains, `"dns:host-12.`)}, []int64{12}},
				{core.Filter{row("subject", core.OpContains, "host-30"), row("names", core.OpContains, "dept-9.")}, []int64{300}},
				{core.Filter{row("subject", core.OpContains, "host-30"), row("state", core.OpEquals, "active"), row("group", core.OpEquals, "g-30")}, []int64{30}},
				{core.Filter{row("common_name", core.OpContains, "st-3_")}, nil},
				{core.Filter{row("common_name", core.OpContains, "-7.d")}, []int64{7}},
				{core.Filter{row("common_name", core.OpContains, "no such")}, nil},
				{core.Filter{row("common_name", core.OpContains, `"*(): AND`)}, nil},
				{core.Filter{row("common_name", core.OpContains, "CN=")}, nil},
				{core.Filter{row("serial", core.OpContains, "")}, numbersOf(t, db, core.ListQuery{})},
			} {
				got := numbersOf(t, db, core.ListQuery{Filter: x.filter, Limit: 3})
				if !slices.Equal(got, x.want) {
					t.Errorf("%s, row %d: %v, not %v", when, i, got, x.want)
				}
			}
		}
		check("unindexed")
		if n, err := db.IndexSearch(t.Context()); err != nil || (n == 0) != (db.Dialect() == store.Postgres) {
			t.Fatal(n, err)
		}
		check("half indexed")
		indexAll(t, db)
		check("indexed")
	})
}

// Pages of several groups are those of one list, in every sort order.
func TestGroupsInOrder(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, db *store.DB) {
		storetest.Certificates(t, db, 400)
		groups := core.Filter{{Column: "group", Op: core.OpIn, Values: []string{"g-3", "g-41", "g-3", "none"}}}
		for _, s := range []core.Sort{{}, {Column: "number"}, {Column: "not_after", Desc: true}, {Column: "revoked_at"}, {Column: "common_name"}} {
			var want []int64
			for _, n := range numbersOf(t, db, core.ListQuery{Sort: s}) {
				if n%50 == 3 || n%50 == 41 {
					want = append(want, n)
				}
			}
			got := numbersOf(t, db, core.ListQuery{Filter: groups, Sort: s, Limit: 4})
			if len(got) != 16 || !slices.Equal(got, want) {
				t.Errorf("sorted by %v: %v, not %v", s, got, want)
			}
		}
		if got := numbersOf(t, db, core.ListQuery{Filter: core.Filter{{Column: "state", Op: core.OpIn, Values: []string{"revoked", "on-hold"}}}}); len(got) != 0 {
			t.Errorf("revoked: %v", got)
		}
	})
}

// A list without the index of PostgreSQL answers as well.
func TestSearchWithoutExtension(t *testing.T) {
	db := storetest.Postgres(t)
	if _, err := db.SQL().ExecContext(t.Context(), "DROP INDEX certificates_trigrams"); err != nil {
		t.Fatal(err)
	}
	storetest.Certificates(t, db, 30)
	got := numbersOf(t, db, core.ListQuery{Filter: core.Filter{{Column: "names", Op: core.OpContains, Values: []string{"host-7."}}}})
	if fmt.Sprint(got) != "[7]" {
		t.Error(got)
	}
	if err := db.Migrate(t.Context()); err != nil { // makes it again
		t.Fatal(err)
	}
	var n int
	if err := db.SQL().QueryRowContext(t.Context(), "SELECT COUNT(*) FROM pg_indexes WHERE indexname = 'certificates_trigrams'").Scan(&n); err != nil || n != 1 {
		t.Error(n, err)
	}
}
