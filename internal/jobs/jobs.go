// Package jobs runs everything that may fail and be tried again: polling a CA,
// renewing, publishing a CRL, sending a mail. A job is recorded in the
// transaction of the change that calls for it, so that neither exists without
// the other, and is run at least once by some replica.
//
// It is a thin layer over River, which keeps its tables in the same database;
// no other package knows River. Handlers must be able to run twice: a process
// may die after the work and before the job is marked as done.
package jobs

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"

	"github.com/certwright/certwright/internal/core"
)

// Args are the arguments of a job. They are stored as JSON, must hold no
// secrets, and are implemented by value types.
type Args interface {
	// Kind is the word that ties arguments to their handler, such as
	// "crl.publish"; two characters or more, the same for every value.
	Kind() string
}

// Options say when and how a job runs. The zero value: at once, for no account.
type Options struct {
	// Account owns the job; empty for work that concerns all of them.
	Account core.AccountID
	// UniqueKey, when set, keeps a job from being recorded while one of the
	// same kind and key is unfinished, running ones included. Where a running
	// job may have read too early to see the present change, put something
	// that changes with it into the key, such as a version.
	UniqueKey string
	// ScheduledAt is the earliest time to run; zero: at once.
	ScheduledAt time.Time
	// MaxAttempts is how often a failing job is tried; zero: 20, about half a day.
	MaxAttempts int
}

// Ticket is the outcome of Enqueue.
type Ticket struct {
	ID int64
	// Duplicate: an unfinished job with the same key was there; ID is its id.
	Duplicate bool
}

// SQLTx is what a core.Tx must offer for jobs to be recorded in it; the
// store's does.
type SQLTx interface{ SQLTx() *sql.Tx }

// Deps are what the queue stands on.
type Deps struct {
	DB      *sql.DB // the store's write handle; its only connection on SQLite
	Dialect string  // "sqlite" or "postgres"
	Logger  *slog.Logger
	Now     func() time.Time
	// Workers is how many jobs run at the same time here; default 8.
	Workers int
	// Timeout is how long a job may run unless its handler says otherwise;
	// default two minutes.
	Timeout time.Duration
	// RescueAfter is when a job that another replica has left running counts
	// as abandoned; default Timeout and a minute. On SQLite, which one process
	// uses, abandoned jobs are taken up at start.
	RescueAfter time.Duration
	// Backoff is the pause after the n-th failure; default 10 seconds, doubling
	// up to an hour.
	Backoff func(n int) time.Duration
}

const (
	defaultWorkers  = 8
	defaultTimeout  = 2 * time.Minute
	defaultAttempts = 20
	poll            = time.Second
	keepDone        = 7 * 24 * time.Hour
	keepFailed      = 30 * 24 * time.Hour
)

// client is River's, bound to database/sql.
type client = river.Client[*sql.Tx]

// Queue records jobs and, once started, runs them.
type Queue struct {
	d        Deps
	driver   riverdriver.Driver[*sql.Tx]
	enqueuer *client
	worker   atomic.Pointer[client]
	kinds    []string
	active   active
	stopping atomic.Bool
}

// New makes a queue that records jobs; Start makes it run them, too. The schema
// must be there: see Migrate.
func New(d Deps) (*Queue, error) {
	if d.DB == nil || d.Now == nil {
		return nil, errors.New("jobs: Deps.DB or Deps.Now is missing")
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.Workers == 0 {
		d.Workers = defaultWorkers
	}
	if d.Timeout == 0 {
		d.Timeout = defaultTimeout
	}
	if d.RescueAfter == 0 {
		d.RescueAfter = d.Timeout + time.Minute
	}
	if d.Backoff == nil {
		d.Backoff = backoff
	}
	driver, err := driverOf(d.DB, d.Dialect)
	if err != nil {
		return nil, err
	}
	q := &Queue{d: d, driver: driver}
	q.enqueuer, err = river.NewClient(driver, &river.Config{Logger: quiet(d.Logger)})
	return q, err
}

func driverOf(db *sql.DB, dialect string) (riverdriver.Driver[*sql.Tx], error) {
	switch dialect {
	case "sqlite":
		return riversqlite.New(db), nil
	case "postgres":
		return riverdatabasesql.New(db), nil
	}
	return nil, errors.New("jobs: the dialect must be sqlite or postgres")
}

// backoff doubles from ten seconds to an hour, with a tenth of chance so that
// jobs that failed together do not all come back together.
func backoff(n int) time.Duration {
	d := time.Hour
	if n < 10 {
		d = min(d, 10*time.Second<<max(n-1, 0))
	}
	return d + rand.N(d/10+1)
}

// record is a job as it is stored. River looks at Key for uniqueness.
type record struct {
	kind string
	Key  string `json:"key,omitempty" river:"unique"`
	Args any    `json:"args"`
}

// Kind implements river.JobArgs.
func (r record) Kind() string { return r.kind }

// Enqueue records a job in the caller's transaction: it runs if and when that
// commits.
func (q *Queue) Enqueue(ctx context.Context, tx core.Tx, args Args, o Options) (Ticket, error) {
	t, ok := tx.(SQLTx)
	if !ok {
		return Ticket{}, errors.New("jobs: the transaction is not the store's")
	}
	res, err := q.enqueuer.InsertTx(ctx, t.SQLTx(), record{args.Kind(), o.UniqueKey, args}, insertOpts(o))
	if err != nil {
		return Ticket{}, err
	}
	return Ticket{ID: res.Job.ID, Duplicate: res.UniqueSkippedAsDuplicate}, nil
}

// insertOpts says the same in River's words.
func insertOpts(o Options) *river.InsertOpts {
	opts := &river.InsertOpts{MaxAttempts: o.MaxAttempts, ScheduledAt: o.ScheduledAt, Metadata: metadataFor(o.Account)}
	if opts.MaxAttempts == 0 {
		opts.MaxAttempts = defaultAttempts
	}
	if o.UniqueKey != "" {
		opts.UniqueOpts = river.UniqueOpts{ByArgs: true, ByState: unfinished}
	}
	return opts
}

// unfinished are the states in which a unique key is taken.
var unfinished = []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
}

// Start runs jobs until Stop, or until ctx ends, which interrupts them.
// Handlers and schedules are complete lists: a job without a handler waits for
// a replica that has one.
func (q *Queue) Start(ctx context.Context, handlers []Handler, schedules []Schedule) error {
	workers := river.NewWorkers()
	for _, h := range handlers {
		if err := h.add(q, workers); err != nil {
			return err
		}
		q.kinds = append(q.kinds, h.kind)
	}
	periodic, err := q.periodic(schedules)
	if err != nil {
		return err
	}
	worker, err := river.NewClient(q.driver, &river.Config{
		Workers:                     workers,
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: q.d.Workers}},
		PeriodicJobs:                periodic,
		Logger:                      quiet(q.d.Logger),
		JobTimeout:                  q.d.Timeout,
		RescueStuckJobsAfter:        q.d.RescueAfter,
		RetryPolicy:                 retryPolicy{q},
		FetchPollInterval:           poll,
		PollOnly:                    true, // not every PostgreSQL-like engine can notify
		CompletedJobRetentionPeriod: keepDone,
		CancelledJobRetentionPeriod: keepFailed,
		DiscardedJobRetentionPeriod: keepFailed,
		ReindexerSchedule:           river.NeverSchedule(),
	})
	if err != nil {
		return err
	}
	if err := q.adopt(ctx); err != nil {
		return err
	}
	if err := worker.Start(ctx); err != nil {
		return err
	}
	q.worker.Store(worker)
	go q.watch(worker)
	return nil
}

// Stop lets running jobs finish and takes no more. When ctx ends first they are
// interrupted and go back to the queue without losing an attempt.
func (q *Queue) Stop(ctx context.Context) error {
	w := q.worker.Load()
	if w == nil {
		return nil
	}
	if err := w.Stop(ctx); err == nil {
		return nil
	}
	q.stopping.Store(true)
	hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return w.StopAndCancel(hard)
}

// client is the working client, which can interrupt jobs that run here, or,
// when jobs do not run here, the one that only writes.
func (q *Queue) client() *client {
	if w := q.worker.Load(); w != nil {
		return w
	}
	return q.enqueuer
}

// retryPolicy is q's backoff as River wants it.
type retryPolicy struct{ q *Queue }

// NextRetry implements river.ClientRetryPolicy.
func (p retryPolicy) NextRetry(job *rivertype.JobRow) time.Time {
	return p.q.d.Now().Add(p.q.d.Backoff(len(job.Errors) + 1))
}
