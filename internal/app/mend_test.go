package app

import (
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/store/storetest"
)

// TestMendTagsJob: a row that was changed behind the tables' back is found by its tag.
func TestMendTagsJob(t *testing.T) {
	storetest.URLs(t, func(t *testing.T, url string) {
		ctx, c := t.Context(), config(t, url)
		p := open(t, c)
		if _, err := p.firstStart(ctx); err != nil {
			t.Fatal(err)
		}
		home, err := p.db.AccountByNumber(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.db.SQL().ExecContext(ctx, `UPDATE credentials SET tags = '["old"]'`); err != nil {
			t.Fatal(err)
		}
		q := core.ListQuery{Account: home.ID, Filter: core.Filter{{Column: "tag", Op: core.OpEquals, Values: []string{"old"}}}}
		found := func() int {
			page, err := p.db.ListTags(ctx, q, nil)
			if err != nil {
				t.Fatal(err)
			}
			return len(page.Items)
		}
		if found() != 0 {
			t.Fatal("found before")
		}
		if err := p.mendTags(ctx); err != nil || found() != 1 {
			t.Error(err, found())
		}
	})
}
