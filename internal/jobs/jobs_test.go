package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/jobs"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

// note is the job of these tests.
type note struct {
	Text string `json:"text"`
}

func (note) Kind() string { return "test.note" }

// engines runs f on both engines with the queue's tables in place.
func engines(t *testing.T, f func(t *testing.T, db *store.DB)) {
	t.Helper()
	storetest.Engines(t, func(t *testing.T, db *store.DB) {
		if err := jobs.Migrate(t.Context(), db.SQL(), string(db.Dialect())); err != nil {
			t.Fatal(err)
		}
		f(t, db)
	})
}

// newQueue makes a queue that retries without much waiting.
func newQueue(t *testing.T, db *store.DB) *jobs.Queue {
	t.Helper()
	q, err := jobs.New(jobs.Deps{
		DB: db.SQL(), Dialect: string(db.Dialect()), Now: time.Now,
		Backoff: func(int) time.Duration { return 10 * time.Millisecond },
	})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// start runs q until the test ends.
func start(t *testing.T, q *jobs.Queue, schedules []jobs.Schedule, handlers ...jobs.Handler) {
	t.Helper()
	if err := q.Start(context.Background(), handlers, schedules); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, q, time.Minute) })
}

func stop(t *testing.T, q *jobs.Queue, limit time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := q.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// put records jobs in a transaction of their own.
func put(t *testing.T, db *store.DB, q *jobs.Queue, o jobs.Options, texts ...string) (last jobs.Ticket) {
	t.Helper()
	err := db.InTx(t.Context(), func(ctx context.Context, tx core.Tx) (err error) {
		for _, text := range texts {
			if last, err = q.Enqueue(ctx, tx, note{text}, o); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return last
}

// seen collects what a handler was given.
type seen struct {
	mu   sync.Mutex
	list []string
}

func (s *seen) add(text string) { s.mu.Lock(); s.list = append(s.list, text); s.mu.Unlock() }

func (s *seen) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(slices.Values(s.list))
}

// handler notes what it is given.
func (s *seen) handler() jobs.Handler {
	return jobs.Handle(func(_ context.Context, _ jobs.Running, n note) error { s.add(n.Text); return nil }, 0)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(40 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain until", what)
		}
	}
}

// inState reports whether the job has come to a state.
func inState(t *testing.T, q *jobs.Queue, id int64, want jobs.State) func() bool {
	return func() bool {
		j, err := q.Get(t.Context(), "", id)
		if err != nil {
			t.Fatal(err)
		}
		return j.State == want
	}
}

func TestRunsWithItsTransactionOnly(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, db *store.DB) {
		q, s := newQueue(t, db), &seen{}
		start(t, q, nil, s.handler())
		no := errors.New("no")
		err := db.InTx(t.Context(), func(ctx context.Context, tx core.Tx) error {
			if _, err := q.Enqueue(ctx, tx, note{"rolled back"}, jobs.Options{}); err != nil {
				return err
			}
			return no
		})
		if !errors.Is(err, no) {
			t.Fatal(err)
		}
		// Neighbours of one group commit: the failing ones leave nothing.
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				err := db.InTx(t.Context(), func(ctx context.Context, tx core.Tx) error {
					if _, err := q.Enqueue(ctx, tx, note{fmt.Sprintf("%02d", i)}, jobs.Options{}); err != nil {
						return err
					}
					if i%4 == 0 {
						return no
					}
					return nil
				})
				if (err != nil) != (i%4 == 0) {
					t.Errorf("%d: %v", i, err)
				}
			})
		}
		wg.Wait()
		var want []string
		for i := range 40 {
			if i%4 != 0 {
				want = append(want, fmt.Sprintf("%02d", i))
			}
		}
		eventually(t, "all jobs have run", func() bool { return len(s.all()) >= len(want) })
		time.Sleep(100 * time.Millisecond)
		if got := s.all(); !slices.Equal(got, want) {
			t.Fatalf("ran %v, want %v", got, want)
		}
	})
}

func TestUniqueKey(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, db *store.DB) {
		q, s := newQueue(t, db), &seen{}
		first := put(t, db, q, jobs.Options{UniqueKey: "issuer-1"}, "a")
		if again := put(t, db, q, jobs.Options{UniqueKey: "issuer-1"}, "b"); !again.Duplicate || again.ID != first.ID || first.Duplicate {
			t.Fatalf("first %+v, again %+v", first, again)
		}
		if other := put(t, db, q, jobs.Options{UniqueKey: "issuer-2"}, "c"); other.Duplicate {
			t.Fatal("another key counts as the same")
		}
		put(t, db, q, jobs.Options{}, "d", "d")
		start(t, q, nil, s.handler())
		eventually(t, "all jobs have run", func() bool { return len(s.all()) == 4 })
		eventually(t, "the first is done", inState(t, q, first.ID, jobs.Done))
		// Done, the key is free again.
		if next := put(t, db, q, jobs.Options{UniqueKey: "issuer-1"}, "e"); next.Duplicate {
			t.Fatal("the key of a finished job is still taken")
		}
		eventually(t, "the next has run", func() bool { return slices.Equal(s.all(), []string{"a", "c", "d", "d", "e"}) })
	})
}

func TestFailures(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, db *store.DB) {
		q := newQueue(t, db)
		var tries, waits, panics atomic.Int64
		start(t, q, nil, jobs.Handle(func(_ context.Context, j jobs.Running, n note) error {
			switch n.Text {
			case "third":
				if tries.Add(1) < 3 {
					return core.Wrap(core.KindUpstream, errors.New("password=secret"), "the CA does not answer").After(time.Millisecond)
				}
			case "pending":
				if waits.Add(1) < 4 {
					return core.Errorf(core.KindPending, "not yet")
				}
			case "panic":
				panics.Add(1)
				panic("ouch")
			case "never":
				if j.Last != (j.Attempt == 2) {
					t.Errorf("attempt %d, last %v", j.Attempt, j.Last)
				}
				return errors.New("an internal matter")
			case "permanent":
				return jobs.Permanent(core.Errorf(core.KindNotFound, "the order is gone"))
			}
			return nil
		}, 0))
		third := put(t, db, q, jobs.Options{}, "third").ID
		pending := put(t, db, q, jobs.Options{MaxAttempts: 1}, "pending").ID
		panicking := put(t, db, q, jobs.Options{MaxAttempts: 2}, "panic").ID
		never := put(t, db, q, jobs.Options{MaxAttempts: 2}, "never").ID
		permanent := put(t, db, q, jobs.Options{}, "permanent").ID
		for id, want := range map[int64]struct {
			state jobs.State
			text  string
		}{
			third:     {jobs.Done, "the CA does not answer"},
			pending:   {jobs.Done, ""},
			panicking: {jobs.Failed, "internal error; the log has more under the job's id"},
			never:     {jobs.Failed, "internal error; the log has more under the job's id"},
			permanent: {jobs.Cancelled, "the order is gone"},
		} {
			eventually(t, fmt.Sprintf("job %d is %s", id, want.state), inState(t, q, id, want.state))
			j, err := q.Get(t.Context(), "", id)
			if err != nil {
				t.Fatal(err)
			}
			if want.text != "" && j.Error != want.text && j.Error != "JobCancelError: "+want.text {
				t.Errorf("job %d shows %q, want %q", id, j.Error, want.text)
			}
		}
		if tries.Load() != 3 || waits.Load() != 4 || panics.Load() != 2 {
			t.Fatalf("tries %d, waits %d, panics %d", tries.Load(), waits.Load(), panics.Load())
		}
	})
}

func TestScheduledAt(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, db *store.DB) {
		q, s := newQueue(t, db), &seen{}
		start(t, q, nil, s.handler())
		at := time.Now().Add(2500 * time.Millisecond)
		id := put(t, db, q, jobs.Options{ScheduledAt: at}, "later").ID
		if !inState(t, q, id, jobs.Scheduled)() {
			t.Fatal("not scheduled")
		}
		eventually(t, "it has run", func() bool { return len(s.all()) == 1 })
		if early := time.Until(at); early > 0 {
			t.Fatalf("ran %v early", early)
		}
		far := put(t, db, q, jobs.Options{ScheduledAt: time.Now().Add(time.Hour)}, "far").ID
		if err := q.Retry(t.Context(), "", far); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it has run at once", func() bool { return len(s.all()) == 2 })
	})
}
