package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/certwright/certwright/internal/core"
)

// State is where a job stands.
type State string

// The states of a job.
const (
	Queued    State = "queued"    // waits for a free worker
	Scheduled State = "scheduled" // waits for its time
	Retrying  State = "retrying"  // failed and waits for the next attempt
	Active    State = "active"    // at work
	Done      State = "done"
	Cancelled State = "cancelled" // by a person, or failed for good
	Failed    State = "failed"    // no attempts left
)

// states pairs our words with River's.
var states = []struct {
	ours  State
	river rivertype.JobState
}{
	{Queued, rivertype.JobStateAvailable},
	{Queued, rivertype.JobStatePending},
	{Scheduled, rivertype.JobStateScheduled},
	{Retrying, rivertype.JobStateRetryable},
	{Active, rivertype.JobStateRunning},
	{Done, rivertype.JobStateCompleted},
	{Cancelled, rivertype.JobStateCancelled},
	{Failed, rivertype.JobStateDiscarded},
}

// Job is a recorded job as the API shows it.
type Job struct {
	ID          int64
	Account     core.AccountID
	Kind        string
	State       State
	Args        json.RawMessage
	Attempt     int // attempts begun
	MaxAttempts int
	Created     time.Time
	Scheduled   time.Time // earliest time of the next attempt, or of the last
	Started     time.Time // of the last attempt
	Finished    time.Time
	Error       string // of the last attempt that failed
	Progress    *Progress
}

// metadata is what we keep in River's metadata column.
type metadata struct {
	Account core.AccountID `json:"account,omitempty"`
	Output  *Progress      `json:"output,omitempty"` // River's name for it
}

func metadataFor(account core.AccountID) []byte {
	b, err := json.Marshal(metadata{Account: account})
	if err != nil {
		return nil // a text always marshals
	}
	return b
}

func accountOf(meta []byte) core.AccountID {
	var m metadata
	_ = json.Unmarshal(meta, &m) // River keeps it valid
	return m.Account
}

// jobOf reads a row.
func jobOf(r *rivertype.JobRow) Job {
	var m metadata
	_ = json.Unmarshal(r.Metadata, &m)
	var args struct{ Args json.RawMessage }
	_ = json.Unmarshal(r.EncodedArgs, &args)
	j := Job{
		ID: r.ID, Account: m.Account, Kind: r.Kind, Args: args.Args, Attempt: r.Attempt, MaxAttempts: r.MaxAttempts,
		Created: r.CreatedAt.UTC(), Scheduled: r.ScheduledAt.UTC(), Progress: m.Output,
	}
	if r.AttemptedAt != nil {
		j.Started = r.AttemptedAt.UTC()
	}
	if r.FinalizedAt != nil {
		j.Finished = r.FinalizedAt.UTC()
	}
	if n := len(r.Errors); n > 0 {
		j.Error = r.Errors[n-1].Error
	}
	for _, s := range states {
		if s.river == r.State {
			j.State = s.ours
		}
	}
	return j
}

// Columns describes the list for the filter.
func (q *Queue) Columns() []core.Column {
	var words []string
	for _, s := range states {
		words = append(words, string(s.ours))
	}
	kinds := slices.Sorted(slices.Values(q.kinds))
	return []core.Column{
		{Name: "kind", Title: "Kind", Type: core.TypeEnum, Values: kinds, Default: true},
		{Name: "state", Title: "State", Type: core.TypeEnum, Values: slices.Compact(words), Default: true},
		{Name: "created", Title: "Created", Type: core.TypeTime, Sortable: true, Default: true},
		{Name: "scheduled", Title: "Scheduled", Type: core.TypeTime, Default: true},
		{Name: "started", Title: "Started", Type: core.TypeTime},
		{Name: "finished", Title: "Finished", Type: core.TypeTime, Default: true},
	}
}

// List returns one page, newest first unless sorted by created ascending. With
// system, jobs that belong to no account are in it, too.
func (q *Queue) List(ctx context.Context, query core.ListQuery, system bool) (core.Page[Job], error) {
	var page core.Page[Job]
	if err := query.Filter.Check(q.Columns()); err != nil {
		return page, err
	}
	limit := query.Limit
	if limit <= 0 {
		limit = core.DefaultPage
	}
	limit = min(limit, core.MaxPage)
	order := river.SortOrderDesc
	switch {
	case query.Sort.Column == "created" && !query.Sort.Desc:
		order = river.SortOrderAsc
	case query.Sort.Column != "" && query.Sort.Column != "created":
		return page, core.Errorf(core.KindInvalid, "the list cannot be sorted by %q", query.Sort.Column).At("sort")
	}
	w := where{q: q, params: river.NewJobListParams().OrderBy(river.JobListOrderByID, order).First(limit + 1)}
	w.account(query.Account, system)
	for _, c := range query.Filter {
		if err := w.cond(c); err != nil {
			return page, err
		}
	}
	if query.Cursor != "" {
		last, err := strconv.ParseInt(query.Cursor, 10, 64)
		if err != nil {
			return page, core.Errorf(core.KindInvalid, "the cursor is not one of this list").At("cursor")
		}
		w.add("id "+map[river.SortOrder]string{river.SortOrderDesc: "<", river.SortOrderAsc: ">"}[order]+" ", last)
	}
	res, err := q.client().JobList(ctx, w.params)
	if err != nil {
		return page, err
	}
	for _, r := range res.Jobs[:min(limit, len(res.Jobs))] {
		page.Items = append(page.Items, jobOf(r))
	}
	if len(res.Jobs) > limit {
		page.Next = strconv.FormatInt(res.Jobs[limit-1].ID, 10)
	}
	return page, nil
}

// Get returns a job of the account, or one of no account.
func (q *Queue) Get(ctx context.Context, account core.AccountID, id int64) (Job, error) {
	r, err := q.client().JobGet(ctx, id)
	if errors.Is(err, rivertype.ErrNotFound) {
		return Job{}, core.Errorf(core.KindNotFound, "there is no such job")
	}
	if err != nil {
		return Job{}, err
	}
	j := jobOf(r)
	if j.Account != "" && j.Account != account {
		return Job{}, core.Errorf(core.KindNotFound, "there is no such job")
	}
	return j, nil
}

// Cancel ends a job for good. One that is at work is interrupted: at once in
// this process, within seconds at another replica; it counts as cancelled when
// its handler gives up, and as done when that finishes all the same. A job that
// is over already is a conflict.
func (q *Queue) Cancel(ctx context.Context, account core.AccountID, id int64) error {
	j, err := q.Get(ctx, account, id)
	if err != nil {
		return err
	}
	if !j.Finished.IsZero() {
		return core.Errorf(core.KindConflict, "the job is over")
	}
	if _, err = q.client().JobCancel(ctx, id); err != nil {
		return err
	}
	q.active.interrupt(id)
	return nil
}

// Retry runs a job again at once: one that failed, was cancelled, or waits for
// its next attempt or its time. One at work is a conflict.
func (q *Queue) Retry(ctx context.Context, account core.AccountID, id int64) error {
	j, err := q.Get(ctx, account, id)
	if err != nil {
		return err
	}
	if j.State == Active || j.State == Done {
		return core.Errorf(core.KindConflict, "the job is %s", j.State)
	}
	_, err = q.client().JobRetry(ctx, id)
	return err
}
