package jobs_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/jobs"
	"github.com/certwright/certwright/internal/store"
)

func TestList(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, db *store.DB) {
		q := newQueue(t, db)
		release := make(chan struct{})
		// Everything is recorded before work begins, so that states are sure.
		var mine []int64
		for i := range 7 {
			mine = append(mine, put(t, db, q, jobs.Options{Account: "mine"}, fmt.Sprint(i)).ID)
		}
		other := put(t, db, q, jobs.Options{Account: "other"}, "other").ID
		system := put(t, db, q, jobs.Options{}, "system").ID
		later := put(t, db, q, jobs.Options{Account: "mine", ScheduledAt: time.Now().Add(time.Hour)}, "later").ID
		start(t, q, nil,
			jobs.Handle(func(ctx context.Context, j jobs.Running, n note) error {
				if n.Text == "3" {
					if err := j.Progress(ctx, jobs.Progress{Done: 3, Total: 10, Note: "hosts"}); err != nil {
						t.Error(err)
					}
					<-release
				}
				if j.ID == mine[0] && j.Account != "mine" {
					t.Errorf("account %q", j.Account)
				}
				return nil
			}, 0),
			jobs.Handle(func(context.Context, jobs.Running, tick) error { return nil }, 0))
		list := func(system bool, query core.ListQuery) []int64 {
			t.Helper()
			query.Account = "mine"
			page, err := q.List(t.Context(), query, system)
			if err != nil {
				t.Fatal(err)
			}
			var ids []int64
			for _, j := range page.Items {
				ids = append(ids, j.ID)
			}
			return ids
		}
		state := func(op core.Operator, v ...string) core.ListQuery {
			return core.ListQuery{Filter: core.Filter{{Column: "state", Op: op, Values: v}}}
		}
		eventually(t, "all but one are done", func() bool { return len(list(false, state(core.OpEquals, "done"))) == 6 })
		eventually(t, "progress shows", func() bool {
			j, err := q.Get(t.Context(), "mine", mine[3])
			return err == nil && j.Progress != nil && *j.Progress == jobs.Progress{Done: 3, Total: 10, Note: "hosts"} && string(j.Args) != ""
		})
		if _, err := q.Get(t.Context(), "mine", other); !core.Is(err, core.KindNotFound) {
			t.Fatalf("a job of another account: %v", err)
		}
		between := core.Filter{{Column: "created", Op: core.OpBetween, Values: []string{"-1h", "now"}}}
		for name, c := range map[string]struct {
			got, want []int64
		}{
			"active":          {list(false, state(core.OpEquals, "active")), mine[3:4]},
			"active or later": {list(false, state(core.OpIn, "active", "scheduled")), []int64{later, mine[3]}},
			"not done":        {list(false, state(core.OpNotEquals, "done")), []int64{later, mine[3]}},
			"newest two":      {list(false, core.ListQuery{Limit: 2}), []int64{later, mine[6]}},
			"oldest two":      {list(false, core.ListQuery{Limit: 2, Sort: core.Sort{Column: "created"}}), mine[:2]},
			"no other kind":   {list(true, core.ListQuery{Filter: core.Filter{{Column: "kind", Op: core.OpEquals, Values: []string{"test.tick"}}}}), nil},
			"future":          {list(false, core.ListQuery{Filter: core.Filter{{Column: "scheduled", Op: core.OpGreater, Values: []string{"+30m"}}}}), []int64{later}},
			"before":          {list(false, core.ListQuery{Filter: core.Filter{{Column: "created", Op: core.OpLess, Values: []string{"2020-01-01"}}}}), nil},
			"unfinished":      {list(false, core.ListQuery{Filter: core.Filter{{Column: "finished", Op: core.OpEmpty}}}), []int64{later, mine[3]}},
			"begun and over":  {list(false, core.ListQuery{Filter: append(core.Filter{{Column: "finished", Op: core.OpNotEmpty}}, between...), Limit: 1}), mine[6:]},
		} {
			if fmt.Sprint(c.got) != fmt.Sprint(c.want) {
				t.Errorf("%s: %v, want %v", name, c.got, c.want)
			}
		}
		if n := len(list(true, core.ListQuery{Filter: between})); n != 9 {
			t.Errorf("%d jobs with the system's, want 9 (system job %d)", n, system)
		}
		paged(t, q, 8)
		refused(t, q)
		close(release)
	})
}

// paged walks the list page by page and sees each job once.
func paged(t *testing.T, q *jobs.Queue, want int) {
	t.Helper()
	found := map[int64]bool{}
	query := core.ListQuery{Account: "mine", Limit: 3}
	for n := 0; ; n++ {
		page, err := q.List(t.Context(), query, false)
		if err != nil || n > want {
			t.Fatal(n, err)
		}
		for _, j := range page.Items {
			if found[j.ID] {
				t.Errorf("job %d twice", j.ID)
			}
			found[j.ID] = true
		}
		if query.Cursor = page.Next; page.Next == "" {
			break
		}
	}
	if len(found) != want {
		t.Errorf("%d jobs on all pages, want %d", len(found), want)
	}
}

// refused are queries that make no sense.
func refused(t *testing.T, q *jobs.Queue) {
	t.Helper()
	for name, query := range map[string]core.ListQuery{
		"column": {Filter: core.Filter{{Column: "secret", Op: core.OpEquals, Values: []string{"x"}}}},
		"state":  {Filter: core.Filter{{Column: "state", Op: core.OpEquals, Values: []string{"running'; --"}}}},
		"time":   {Filter: core.Filter{{Column: "created", Op: core.OpLess, Values: []string{"yesterday"}}}},
		"cursor": {Cursor: "1 OR 1=1"},
		"sort":   {Sort: core.Sort{Column: "state"}},
	} {
		if _, err := q.List(t.Context(), query, false); !core.Is(err, core.KindInvalid) {
			t.Errorf("a query with a wrong %s: %v", name, err)
		}
	}
}
