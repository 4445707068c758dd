package jobs_test

import (
	"context"
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

// Two queues at work on one database run each job once, while other
// transactions share the database with them.
func TestTwoQueuesRunEachJobOnce(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, db *store.DB) {
		s := &seen{}
		a, b := newQueue(t, db), newQueue(t, db)
		start(t, a, nil, s.handler())
		if db.Dialect() == store.Postgres { // one process owns a SQLite database
			start(t, b, nil, s.handler())
		}
		const writers, each = 8, 50
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					put(t, db, a, jobs.Options{}, fmt.Sprintf("%d-%02d", w, i))
				}
			})
		}
		done := make(chan struct{})
		go func() { wg.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Fatal("transactions starve beside the queue")
		}
		eventually(t, "all jobs have run", func() bool { return len(s.all()) >= writers*each })
		time.Sleep(1500 * time.Millisecond) // room for a second run
		got := s.all()
		if len(got) != writers*each || len(slices.Compact(got)) != writers*each {
			t.Fatalf("%d runs of %d jobs", len(s.all()), writers*each)
		}
	})
}

// A process that must stop before its jobs are through gives them back.
func TestStopInterruptsAndTheNextRunsAgain(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, db *store.DB) {
		begun := make(chan struct{})
		q := newQueue(t, db)
		if err := q.Start(context.Background(), []jobs.Handler{jobs.Handle(func(ctx context.Context, _ jobs.Running, _ note) error {
			close(begun)
			<-ctx.Done()
			return ctx.Err()
		}, time.Minute)}, nil); err != nil {
			t.Fatal(err)
		}
		id := put(t, db, q, jobs.Options{MaxAttempts: 1}, "long").ID
		<-begun
		stop(t, q, 50*time.Millisecond)
		s, next := &seen{}, newQueue(t, db)
		start(t, next, nil, s.handler())
		eventually(t, "the job is done", inState(t, next, id, jobs.Done))
		if !slices.Equal(s.all(), []string{"long"}) {
			t.Fatal(s.all())
		}
	})
}

// A process whose context ends in the middle of a job loses no job.
func TestContextEndRunsAgain(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, db *store.DB) {
		begun := make(chan struct{})
		q := newQueue(t, db)
		ctx, cancel := context.WithCancel(context.Background())
		if err := q.Start(ctx, []jobs.Handler{jobs.Handle(func(ctx context.Context, _ jobs.Running, _ note) error {
			close(begun)
			<-ctx.Done()
			return ctx.Err()
		}, time.Minute)}, nil); err != nil {
			t.Fatal(err)
		}
		id := put(t, db, q, jobs.Options{}, "long").ID
		<-begun
		cancel()
		stop(t, q, time.Minute)
		s, next := &seen{}, newQueue(t, db)
		start(t, next, nil, s.handler())
		eventually(t, "the job is done", inState(t, next, id, jobs.Done))
	})
}

// A process that is killed leaves a job marked as running; it is run again.
func TestAbandonedJobIsRescued(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, db *store.DB) {
		q := newQueue(t, db)
		id := put(t, db, q, jobs.Options{}, "abandoned").ID
		// What a kill in the middle leaves behind.
		past := map[store.Dialect]string{store.SQLite: "datetime('now', '-1 hour')", store.Postgres: "now() - interval '1 hour'"}[db.Dialect()]
		if _, err := db.SQL().Exec("UPDATE river_job SET state = 'running', attempt = 1, attempted_at = " + past); err != nil {
			t.Fatal(err)
		}
		s := &seen{}
		start(t, q, nil, s.handler())
		eventually(t, "the job is done", inState(t, q, id, jobs.Done))
		j, err := q.Get(t.Context(), "", id)
		if err != nil || j.Attempt != 2 || !slices.Equal(s.all(), []string{"abandoned"}) {
			t.Fatalf("%+v, %v, ran %v", j, err, s.all())
		}
	})
}

func TestMigrateTogether(t *testing.T) {
	t.Parallel()
	storetest.Engines(t, func(t *testing.T, db *store.DB) {
		for range 2 {
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() {
					if err := jobs.Migrate(t.Context(), db.SQL(), string(db.Dialect())); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
	})
}

// tick is the job of a schedule.
type tick struct{}

func (tick) Kind() string { return "test.tick" }

// Two replicas with the same schedule serve each of its times once, and so
// does a replica that starts again.
func TestScheduleServesEachTimeOnce(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, db *store.DB) {
		var ticks atomic.Int64
		handler := jobs.Handle(func(context.Context, jobs.Running, tick) error { ticks.Add(1); return nil }, 0)
		daily := []jobs.Schedule{{Args: tick{}, Every: 24 * time.Hour, Offset: time.Hour}}
		a := newQueue(t, db)
		if err := a.Start(context.Background(), []jobs.Handler{handler}, daily); err != nil {
			t.Fatal(err)
		}
		if db.Dialect() == store.Postgres {
			start(t, newQueue(t, db), daily, handler)
		}
		eventually(t, "the time that passed is made up for", func() bool { return ticks.Load() == 1 })
		stop(t, a, time.Minute)
		start(t, newQueue(t, db), daily, handler)
		time.Sleep(3 * time.Second)
		if ticks.Load() != 1 {
			t.Fatalf("served %d times", ticks.Load())
		}
	})
}

func TestScheduleTimes(t *testing.T) {
	now := time.Date(2027, 1, 31, 12, 34, 56, 789, time.UTC)
	for _, c := range []struct {
		every, offset time.Duration
		want          string
	}{
		{time.Hour, 0, "2027-01-31T13:00:00Z"},
		{time.Hour, 40 * time.Minute, "2027-01-31T12:40:00Z"},
		{24 * time.Hour, 0, "2027-02-01T00:00:00Z"},
		{24 * time.Hour, 13 * time.Hour, "2027-01-31T13:00:00Z"},
		{10 * time.Second, 0, "2027-01-31T12:35:00Z"},
	} {
		got := jobs.Schedule{Args: tick{}, Every: c.every, Offset: c.offset}.Next(now)
		if got.Format(time.RFC3339Nano) != c.want {
			t.Errorf("every %v + %v: %v, want %s", c.every, c.offset, got, c.want)
		}
	}
	q, err := jobs.New(jobs.Deps{DB: storetest.SQLite(t).SQL(), Dialect: "sqlite", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []jobs.Schedule{{Args: tick{}}, {Args: tick{}, Every: 48 * time.Hour}, {Args: tick{}, Every: time.Hour, Offset: time.Hour}} {
		if err := q.Start(t.Context(), nil, []jobs.Schedule{s}); err == nil {
			t.Errorf("schedule %+v is accepted", s)
		}
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, db *store.DB) {
		begun := make(chan struct{})
		q := newQueue(t, db)
		start(t, q, nil, jobs.Handle(func(ctx context.Context, _ jobs.Running, _ note) error {
			begun <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		}, time.Minute))
		waiting := put(t, db, q, jobs.Options{Account: "a", ScheduledAt: time.Now().Add(time.Hour)}, "waiting").ID
		if err := q.Cancel(t.Context(), "b", waiting); !core.Is(err, core.KindNotFound) {
			t.Fatalf("cancel by another account: %v", err)
		}
		if err := q.Cancel(t.Context(), "a", waiting); err != nil {
			t.Fatal(err)
		}
		if err := q.Cancel(t.Context(), "a", waiting); !core.Is(err, core.KindConflict) {
			t.Fatalf("cancel twice: %v", err)
		}
		// At work here, and at work there: another queue on the same database
		// that knows nothing of the running job.
		for _, from := range []*jobs.Queue{q, newQueue(t, db)} {
			running := put(t, db, q, jobs.Options{}, "running").ID
			<-begun
			if err := from.Cancel(t.Context(), "", running); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the running job is cancelled", inState(t, q, running, jobs.Cancelled))
		}
		if err := q.Cancel(t.Context(), "", 999_999); !core.Is(err, core.KindNotFound) {
			t.Fatalf("cancel of nothing: %v", err)
		}
	})
}
