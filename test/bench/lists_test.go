package bench

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

// BenchmarkLists reads pages of 50 out of a million certificates, on each
// engine. What it stands beside is "plain LIKE": the same question without the
// trigram index, in the same run on the same rows. CERTWRIGHT_BENCH_ROWS sets
// another number of rows.
func BenchmarkLists(b *testing.B) {
	n := 1_000_000
	if v := os.Getenv("CERTWRIGHT_BENCH_ROWS"); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil || n < 1000 {
			b.Fatalf("CERTWRIGHT_BENCH_ROWS=%q is no number of use", v)
		}
	}
	for _, engine := range []struct {
		name string
		open func(testing.TB) *store.DB
	}{{"SQLite", storetest.SQLite}, {"PostgreSQL", storetest.Postgres}} {
		b.Run(engine.name, func(b *testing.B) {
			db := engine.open(b)
			began := time.Now()
			storetest.Certificates(b, db, n)
			storetest.Tag(b, db, "everywhere", 1, n)
			storetest.Tag(b, db, "old", 1, n/50)
			rows := time.Since(began)
			began = time.Now()
			for {
				k, err := db.IndexSearch(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				if k == 0 {
					break
				}
			}
			fmt.Printf("%s: %d rows in %s, trigram table in %s\n", engine.name, n, rows.Round(time.Second), time.Since(began).Round(time.Second))
			for _, l := range lists(n) {
				b.Run(l.name, func(b *testing.B) { l.measure(b, db) })
			}
			b.Run("plain LIKE, rare", func(b *testing.B) { plainLike(b, db, fmt.Sprintf("host-%d.", n/2+1)) })
		})
	}
}

// aList is one question to the list of certificates.
type aList struct {
	name string
	sort core.Sort
	deep time.Time // zero: the first page
	f    core.Filter
	want int // rows of the page; 0: a full page
	// count asks how many rows there are, up to the portal's limit.
	count bool
}

// countLimit is how far the portal counts.
const countLimit = 10_001

func lists(n int) []aList {
	is := func(column string, op core.Operator, values ...string) core.Cond {
		return core.Cond{Column: column, Op: op, Values: values}
	}
	rare := fmt.Sprintf("host-%d.", n/2+1)
	middle := time.UnixMicro(1700000000000000 + int64(n/2)*1000000).UTC()
	groups := is("group", core.OpIn, "g-3", "g-17", "g-41")
	return []aList{
		{name: "first page"},
		{name: "page in the middle", deep: middle},
		{name: "three groups", f: core.Filter{groups}},
		{name: "three groups, middle", f: core.Filter{groups}, deep: middle},
		{name: "by expiry", sort: core.Sort{Column: "not_after"}},
		{name: "revoked", f: core.Filter{is("state", core.OpEquals, "revoked")}},
		{name: "contains, rare", f: core.Filter{is("common_name", core.OpContains, rare)}, want: 1},
		{name: "contains, none", f: core.Filter{is("common_name", core.OpContains, "nowhere.test")}, want: -1},
		{name: "contains, in every row", f: core.Filter{is("names", core.OpContains, "example.com")}},
		{name: "contains, one of 97", f: core.Filter{is("common_name", core.OpContains, "dept-77.")}},
		{name: "contains, middle", f: core.Filter{is("common_name", core.OpContains, "dept-77.")}, deep: middle},
		{name: "starts with", f: core.Filter{is("common_name", core.OpStartsWith, rare)}, want: 1},
		{name: "contains, active, groups", f: core.Filter{is("names", core.OpContains, "dept-7.example"), is("state", core.OpEquals, "active"), groups}},
		{name: "contains one letter", f: core.Filter{is("names", core.OpContains, "m")}},
		{name: "contains two digits", f: core.Filter{is("names", core.OpContains, "99")}},
		{name: "contains two letters, none", f: core.Filter{is("names", core.OpContains, "zq")}, want: -1},
		{name: "tag of every row", f: core.Filter{is("tags", core.OpEquals, "everywhere")}},
		{name: "tag of the oldest", f: core.Filter{is("tags", core.OpEquals, "old")}},
		{name: "valid to after", f: core.Filter{is("not_after", core.OpGreater, "2027-01-16T00:00:00Z")}},
		{name: "created before, the oldest", f: core.Filter{is("created_at", core.OpLess, "2023-11-15T00:00:00Z")}},
		{name: "count, all", count: true},
		{name: "count, contains in every row", count: true, f: core.Filter{is("names", core.OpContains, "example.com")}},
		{name: "count, contains rare", count: true, f: core.Filter{is("common_name", core.OpContains, rare)}},
		{name: "count, contains none", count: true, f: core.Filter{is("common_name", core.OpContains, "nowhere.test")}},
		{name: "count, contains one letter", count: true, f: core.Filter{is("names", core.OpContains, "m")}},
		{name: "count, contains two letters, none", count: true, f: core.Filter{is("names", core.OpContains, "zq")}},
		{name: "count, tag of every row", count: true, f: core.Filter{is("tags", core.OpEquals, "everywhere")}},
		{name: "count, without the tag of every row", count: true, f: core.Filter{is("tags", core.OpNotEquals, "everywhere")}},
		{name: "count, active", count: true, f: core.Filter{is("state", core.OpEquals, "active")}},
		{name: "serial contains", f: core.Filter{is("serial", core.OpContains, "98765432")}, want: -2},
	}
}

func (l *aList) measure(b *testing.B, db *store.DB) {
	q := core.ListQuery{Account: storetest.RowAccount, Filter: l.f, Sort: l.sort}
	if !l.deep.IsZero() {
		before := core.Cond{Column: "created_at", Op: core.OpLess, Values: []string{l.deep.Format(time.RFC3339)}}
		p, err := db.ListCertificates(b.Context(), core.ListQuery{Account: q.Account, Filter: core.Filter{before}})
		if err != nil || p.Next == "" {
			b.Fatal(p.Next, err)
		}
		q.Cursor = p.Next
	}
	if l.count {
		q.Tally = &core.Tally{Limit: countLimit}
	}
	for b.Loop() {
		p, err := db.ListCertificates(b.Context(), q)
		if l.count {
			if err != nil || len(p.Tally) != 1 {
				b.Fatal(p.Tally, err)
			}
			continue
		}
		if err != nil {
			b.Fatal(err)
		}
		if got := len(p.Items); (l.want == 0 && got != core.DefaultPage) || (l.want > 0 && got != l.want) || (l.want == -1 && got != 0) {
			b.Fatalf("%d rows", got)
		}
	}
}

// plainLike is the search as it is without an index: every row is compared.
func plainLike(b *testing.B, db *store.DB, part string) {
	for b.Loop() {
		func() {
			tx, err := db.SQL().BeginTx(context.Background(), nil)
			if err != nil {
				b.Fatal(err)
			}
			defer tx.Rollback() //nolint:errcheck // nothing is written
			mark := "?"
			if db.Dialect() == store.Postgres {
				mark = "$1"
				if _, err := tx.Exec("SET LOCAL enable_bitmapscan = off"); err != nil {
					b.Fatal(err)
				}
			}
			var id string
			if err := tx.QueryRow(`SELECT t.id FROM certificates t WHERE t.account = '`+string(storetest.RowAccount)+`' AND LOWER(COALESCE(t.common_name, '')) LIKE `+mark+
				` ESCAPE '\' ORDER BY t.id DESC LIMIT 51`, "%"+part+"%").Scan(&id); err != nil {
				b.Fatal(err)
			}
		}()
	}
}
