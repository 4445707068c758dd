package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/riverqueue/river"

	"github.com/certwright/certwright/internal/core"
)

// Handler runs the jobs of one kind. Make it with Handle.
type Handler struct {
	kind string
	add  func(q *Queue, w *river.Workers) error
}

// Running is the job that a handler works on.
type Running struct {
	ID      int64
	Account core.AccountID
	Attempt int  // 1 for the first
	Last    bool // no further attempt follows when this one fails
	Created time.Time

	queue *Queue
}

// Handle ties a function to the kind of T. The function's context ends after
// timeout (zero: the queue's), when the job is cancelled, and when the process
// must stop. What its error means:
//
//   - kind pending: not finished; run again after RetryAfter, as often as it
//     takes, without counting as a failure
//   - Permanent: failed for good
//   - any other: try again after RetryAfter if the error has one, else after
//     the queue's backoff, up to the job's number of attempts
func Handle[T Args](f func(ctx context.Context, j Running, args T) error, timeout time.Duration) Handler {
	var zero T
	return Handler{kind: zero.Kind(), add: func(q *Queue, ws *river.Workers) error {
		return river.AddWorkerSafely(ws, &worker[T]{queue: q, f: f, timeout: timeout})
	}}
}

// Permanent marks an error that no further attempt can cure.
func Permanent(err error) error { return &permanent{err} }

type permanent struct{ error }

func (p *permanent) Unwrap() error { return p.error }

// stored is record with the arguments' own type, as handlers read it.
type stored[T Args] struct {
	Args T `json:"args"`
	// wait is the pause that a failed attempt asked for.
	wait time.Duration
}

// Kind implements river.JobArgs.
func (s stored[T]) Kind() string { return s.Args.Kind() }

// worker is a handler as River wants it.
type worker[T Args] struct {
	river.WorkerDefaults[stored[T]]
	queue   *Queue
	f       func(ctx context.Context, j Running, args T) error
	timeout time.Duration
}

// Timeout implements river.Worker.
func (w *worker[T]) Timeout(*river.Job[stored[T]]) time.Duration { return w.timeout }

// NextRetry implements river.Worker; zero leaves it to the queue's backoff.
func (w *worker[T]) NextRetry(job *river.Job[stored[T]]) time.Time {
	if job.Args.wait <= 0 {
		return time.Time{}
	}
	return w.queue.d.Now().Add(job.Args.wait)
}

// Work implements river.Worker. What it returns is stored with the job and
// shown to administrators, so it holds no causes; these go to the log.
func (w *worker[T]) Work(ctx context.Context, job *river.Job[stored[T]]) error {
	j := Running{
		ID: job.ID, Account: accountOf(job.Metadata), Attempt: job.Attempt, Last: job.Attempt >= job.MaxAttempts,
		Created: job.CreatedAt.UTC(), queue: w.queue,
	}
	ctx, leave := w.queue.active.enter(ctx, job.ID)
	defer leave()
	err := guarded(func() error { return w.f(ctx, j, job.Args.Args) })
	if err == nil {
		return nil
	}
	if errors.Is(context.Cause(ctx), errCancelled) {
		return river.JobCancel(errCancelled)
	}
	e := core.AsError(err)
	if e.Kind == core.KindPending {
		return river.JobSnooze(max(e.RetryAfter, time.Second))
	}
	if w.queue.stopping.Load() && ctx.Err() != nil {
		return river.JobSnooze(0) // interrupted, not failed
	}
	level := slog.LevelWarn
	if e.Kind == core.KindInternal {
		level = slog.LevelError
	}
	w.queue.d.Logger.Log(ctx, level, "job failed", "job", j.ID, "kind", job.Kind, "attempt", j.Attempt, "last", j.Last, "error", err)
	job.Args.wait = e.RetryAfter
	public := errors.New(publicText(e))
	var p *permanent
	if errors.As(err, &p) {
		return river.JobCancel(public)
	}
	return public
}

// publicText is the part of an error that may be shown.
func publicText(e *core.Error) string {
	if e.Detail == "" {
		return string(e.Kind) + " error; the log has more under the job's id"
	}
	return e.Detail
}

// guarded turns a panic into an error.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return f()
}

// Progress is how far a long job has come.
type Progress struct {
	Done  int    `json:"done"`
	Total int    `json:"total,omitempty"` // 0: not known
	Note  string `json:"note,omitempty"`
}

// Progress records how far the job has come. It writes to the database, so
// call it every few seconds, not for every item.
func (j Running) Progress(ctx context.Context, p Progress) error {
	_, err := j.queue.client().JobUpdate(ctx, j.ID, &river.JobUpdateParams{Output: p})
	return err
}
