package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/store"
)

func TestZZPerf(t *testing.T) {
	Engines(t, func(t *testing.T, db *store.DB) {
		Certificates(t, db, 1_000_000)
		t0 := time.Now()
		for _, q := range []string{
			`UPDATE certificates SET tags = CASE WHEN number % 100000 = 0 THEN '["env:prod","rare"]' ELSE '["env:prod","team:' || CAST(number % 1000 AS TEXT) || '"]' END`,
			`INSERT INTO tag_uses (kind, object, tag, account) SELECT 'certificate', id, 'env:prod', account FROM certificates`,
			`INSERT INTO tag_uses (kind, object, tag, account) SELECT 'certificate', id, CASE WHEN number % 100000 = 0 THEN 'rare' ELSE 'team:' || CAST(number % 1000 AS TEXT) END, account FROM certificates`,
			`INSERT INTO tags (account, tag, name, tag_key, tag_value) SELECT DISTINCT account, tag, tag, tag, '' FROM tag_uses`,
			`INSERT INTO tag_counts (account, tag, kind, group_id, uses) SELECT u.account, u.tag, 'certificate', c.group_id, COUNT(*) FROM tag_uses u JOIN certificates c ON c.id = u.object GROUP BY 1,2,3,4`,
		} {
			if _, err := db.SQL().Exec(q); err != nil {
				t.Fatal(err)
			}
		}
		if db.Dialect() == store.Postgres {
			db.SQL().Exec("VACUUM ANALYZE")
		} else {
			db.SQL().Exec("ANALYZE")
		}
		fmt.Println(db.Dialect(), "fill", time.Since(t0))
		q := core.ListQuery{Account: RowAccount, Sort: core.Sort{Column: "certificates", Desc: true}, Limit: 50}
		for range 2 {
			t0 = time.Now()
			p, err := db.ListTags(t.Context(), q, nil)
			fmt.Println(db.Dialect(), "tags", len(p.Items), err, time.Since(t0))
		}
		for _, tag := range []string{"env:prod", "team:7", "rare", "none"} {
			for _, sort := range []string{"", "not_after"} {
				t0 = time.Now()
				p, err := db.ListCertificates(t.Context(), core.ListQuery{Account: RowAccount, Sort: core.Sort{Column: sort}, Filter: core.Filter{{Column: "tags", Op: core.OpEquals, Values: []string{tag}}}})
				fmt.Println(db.Dialect(), tag, sort, len(p.Items), err, time.Since(t0))
			}
			t0 = time.Now()
			p, err := db.ListCertificates(t.Context(), core.ListQuery{Account: RowAccount, Tally: &core.Tally{}, Filter: core.Filter{{Column: "tags", Op: core.OpEquals, Values: []string{tag}}}})
			fmt.Println(db.Dialect(), tag, "count", p.Tally, err, time.Since(t0))
		}
	})
}
