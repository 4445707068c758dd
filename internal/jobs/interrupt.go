package jobs

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/riverqueue/river"
)

// errCancelled is the cause of a context whose job a person has cancelled.
var errCancelled = errors.New("the job was cancelled")

// watchEvery is how often a replica looks whether its jobs were cancelled at
// another one.
const watchEvery = 2 * time.Second

// active are the jobs at work in this process. River tells a running job of
// its cancellation by NOTIFY only, which we do not rely on.
type active struct {
	mu   sync.Mutex
	jobs map[int64]context.CancelCauseFunc
}

// enter makes a job's context one that interrupt can end.
func (a *active) enter(ctx context.Context, id int64) (inner context.Context, leave func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.jobs == nil {
		a.jobs = map[int64]context.CancelCauseFunc{}
	}
	a.jobs[id] = cancel
	return ctx, func() {
		cancel(nil)
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.jobs, id)
	}
}

// interrupt ends the context of a job that is at work here.
func (a *active) interrupt(id int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if cancel, ok := a.jobs[id]; ok {
		cancel(errCancelled)
	}
}

// ids returns the jobs at work here.
func (a *active) ids() []int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	ids := make([]int64, 0, len(a.jobs))
	for id := range a.jobs {
		ids = append(ids, id)
	}
	return ids
}

// watch interrupts jobs that were cancelled at another replica, until the
// worker stops.
func (q *Queue) watch(w *client) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-w.Stopped():
			return
		case <-ticker.C:
		}
		ids := q.active.ids()
		if len(ids) == 0 {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), watchEvery)
		params := river.NewJobListParams().IDs(ids...).First(len(ids)).Where("metadata ->> 'cancel_attempted_at' IS NOT NULL")
		res, err := w.JobList(ctx, params)
		cancel()
		if err != nil {
			q.d.Logger.Warn("cannot see which jobs were cancelled", "error", err)
			continue
		}
		for _, j := range res.Jobs {
			q.active.interrupt(j.ID)
		}
	}
}
