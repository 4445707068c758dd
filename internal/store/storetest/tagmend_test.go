package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/store"
)

// mendAll walks all things in steps of limit.
func mendAll(t *testing.T, db *store.DB, limit int) (n int) {
	t.Helper()
	for _, kind := range store.MendTagKinds {
		for after, first := "", true; first || after != ""; first = false {
			last, mended, err := db.MendTags(t.Context(), kind, after, limit)
			if err != nil {
				t.Fatal(err)
			}
			after = last
			n += mended
		}
	}
	return n
}

// TestMendTags: what a program changes that does not know the tables of tags is in line
// again after a walk, wherever the steps of the walk end, and a second walk finds nothing.
func TestMendTags(t *testing.T) {
	Engines(t, func(t *testing.T, db *store.DB) {
		var c []*core.Certificate
		for i, tags := range [][]string{{"a", "Env:prod"}, {"a"}, nil, {"b"}, {"c"}} {
			c = append(c, foreign(i+1, core.GroupID(fmt.Sprint("g", i%2)), tags...))
			insertForeign(t, db, c[i])
		}
		o, _ := ordered(t, db, 9, func(_ *core.Order, d *core.OrderDetails) { d.Ask.Tags = []string{"a"} })
		if n := mendAll(t, db, 2); n != 0 {
			t.Errorf("%d mended of what was right", n)
		}
		old := func(q string, args ...any) {
			t.Helper()
			if db.Dialect() == store.Postgres {
				for i := range args {
					q = strings.Replace(q, "?", fmt.Sprint("$", i+1), 1)
				}
			}
			if _, err := db.SQL().ExecContext(t.Context(), q, args...); err != nil {
				t.Fatal(err)
			}
		}
		for limit := 1; limit <= 6; limit++ {
			mark := fmt.Sprint("m", limit)
			old(`UPDATE certificates SET tags = ? WHERE id = ?`, `["A","`+mark+`"]`, string(c[0].ID)) // one gone, one new, one spelt otherwise
			old(`UPDATE certificates SET tags = '[]' WHERE id = ?`, string(c[1].ID))                  // all gone
			old(`UPDATE certificates SET tags = ? WHERE id = ?`, `["`+mark+`","`+mark+`"]`, string(c[2].ID))
			old(`UPDATE certificates SET tags = '[]' WHERE id = ?`, string(c[4].ID)) // the last
			old(`UPDATE order_details SET tags = ? WHERE order_id = ?`, `["`+mark+`"]`, string(o.ID))
			if n := mendAll(t, db, limit); n < 3 {
				t.Errorf("limit %d: %d mended", limit, n)
			}
			if got, want := tagsOf(t, db, nil), "a=1/0/0 b=1/0/0 "+mark+"=2/0/1"; got != want {
				t.Errorf("limit %d: %s, want %s", limit, got, want)
			}
			if got := numbersTagged(t, db, core.OpEquals, mark); got != "1 3" {
				t.Errorf("limit %d: %s", limit, got)
			}
			if n := mendAll(t, db, limit); n != 0 {
				t.Errorf("limit %d: %d mended again", limit, n)
			}
		}
		// The numbers are those that the migration would have made.
		before := tagsOf(t, db, nil)
		refill(t, db)
		if got := strings.ToLower(tagsOf(t, db, nil)); got != before {
			t.Errorf("%s, want %s", before, got)
		}
	})
}

// TestMendTagsAtOnce: a walk beside changes leaves the right numbers.
func TestMendTagsAtOnce(t *testing.T) {
	Engines(t, func(t *testing.T, db *store.DB) {
		c := foreign(1, "g1", "a")
		insertForeign(t, db, c)
		done := make(chan error)
		go func() {
			var err error
			for i := 0; i < 20 && err == nil; i++ {
				err = db.InTx(context.Background(), func(ctx context.Context, tx core.Tx) error {
					return db.SetCertificateTags(ctx, tx, "a", c.ID, []string{"a", fmt.Sprint("n", i)})
				})
			}
			done <- err
		}()
		for running := true; running; {
			select {
			case err := <-done:
				if running = false; err != nil {
					t.Error(err)
				}
			default:
				mendAll(t, db, 1)
			}
		}
		if got := tagsOf(t, db, nil); got != "a=1/0/0 n19=1/0/0" {
			t.Error(got)
		}
	})
}
