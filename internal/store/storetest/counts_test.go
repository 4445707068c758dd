package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/store"
)

// A count says how many rows the pages of the same filter have, however it is
// found: by the trigrams, by the numbers of tags, or by reading.
func TestCountsAreThoseOfTheList(t *testing.T) {
	Engines(t, func(t *testing.T, db *store.DB) {
		const n = 1200
		Certificates(t, db, n)
		if _, err := db.IndexSearch(t.Context()); err != nil { // some are in the index, others wait for it
			t.Fatal(err)
		}
		id := func(i int) core.CertificateID {
			return core.CertificateID(fmt.Sprintf("01900000-0000-7000-8000-%d", 100000000000+i))
		}
		if _, err := db.SQL().ExecContext(t.Context(), "UPDATE certificates SET group_id = NULL WHERE number % 5 = 0"); err != nil {
			t.Fatal(err)
		}
		for i := 1; i <= n; i += 7 {
			tags := []string{"Env:Prod", "web"}
			if i%2 == 0 {
				tags = tags[:1]
			}
			write(t, db, func(ctx context.Context, tx core.Tx) error {
				return db.SetCertificateTags(ctx, tx, RowAccount, id(i), tags)
			})
		}
		is := func(column string, op core.Operator, values ...string) core.Cond {
			return core.Cond{Column: column, Op: op, Values: values}
		}
		for _, f := range []core.Filter{
			nil,
			{is("tags", core.OpEquals, "env:prod")}, {is("tags", core.OpEquals, "WEB")}, {is("tags", core.OpEquals, "none")}, {is("tags", core.OpNotEquals, "web")},
			{is("tags", core.OpEquals, "web"), is("tags", core.OpEquals, "env:prod")},
			{is("tags", core.OpEquals, "web"), is("group", core.OpEquals, "g-8")}, {is("tags", core.OpEquals, "web"), is("group", core.OpEquals, "")},
			{is("group", core.OpIn, "g-1", "g-8", "g-8"), is("tags", core.OpEquals, "env:prod")}, {is("tags", core.OpEquals, "web"), is("state", core.OpEquals, "active")},
			{is("group", core.OpIn, "g-1", "g-2")},
			{is("names", core.OpContains, "dept-7.")}, {is("names", core.OpContains, "host-7")}, {is("names", core.OpContains, "9")}, {is("names", core.OpContains, "nowhere")},
			{is("common_name", core.OpStartsWith, "HOST-11"), is("group", core.OpIn, "g-1", "g-2", "g-3")},
			{is("not_after", core.OpGreater, "2027-01-20T00:00:00Z")}, {is("not_after", core.OpBetween, "2027-01-16T00:00:00Z", "2027-01-17T00:00:00Z"), is("state", core.OpEquals, "active")},
			{is("created_at", core.OpLess, "2023-11-14T22:20:00Z")},
		} {
			q := core.ListQuery{Account: RowAccount, Filter: f, Limit: 17}
			var rows int64
			seen := map[core.CertificateID]bool{}
			for more := true; more; more = q.Cursor != "" {
				p, err := db.ListCertificates(t.Context(), q)
				if err != nil {
					t.Fatal(f, err)
				}
				for i := range p.Items {
					if seen[p.Items[i].ID] {
						t.Errorf("%v: a row twice", f)
					}
					seen[p.Items[i].ID] = true
				}
				rows, q.Cursor = rows+int64(len(p.Items)), p.Next
			}
			for _, limit := range []int64{0, 10} {
				want := rows
				if limit > 0 {
					want = min(rows, limit)
				}
				p, err := db.ListCertificates(t.Context(), core.ListQuery{Account: RowAccount, Filter: f, Tally: &core.Tally{Limit: limit}})
				if err != nil || len(p.Tally) != 1 || p.Tally[0].Count != want {
					t.Errorf("%v: counted %+v up to %d, listed %d; %v", f, p.Tally, limit, rows, err)
				}
			}
			p, err := db.ListCertificates(t.Context(), core.ListQuery{Account: RowAccount, Filter: f, Tally: &core.Tally{By: "state"}})
			var by int64
			for _, g := range p.Tally {
				by += g.Count
			}
			if err != nil || by != rows {
				t.Errorf("%v: %+v by state, listed %d; %v", f, p.Tally, rows, err)
			}
		}
	})
}
