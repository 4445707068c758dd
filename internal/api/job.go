package api

import (
	"context"
	"strconv"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/jobs"
)

type jobRequest struct {
	ID int64 `path:"id" minimum:"1"`
}

func (a *API) jobRoutes() {
	addList(a, get("jobs", "list-jobs", "/jobs", "List background work", identity.JobView), "jobs", a.d.Jobs.Columns,
		func(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[jobs.Job], error) {
			return a.d.Jobs.List(ctx, q, a.d.Operator(p.Account))
		}, jobResource)
	a.lists[len(a.lists)-1].uncounted = true // the queue's library does not
	register(a, get("jobs", "get-job", "/jobs/{id}", "Read a job", identity.JobView),
		func(ctx context.Context, p *core.Principal, in *jobRequest) (*out[resource.Job], error) {
			return a.jobAnswer(ctx, p, in.ID)
		})
	register(a, post("jobs", "cancel-job", "/jobs/{id}/cancel", "Stop a job for good", identity.JobManage), a.changeJob("job.cancel", a.d.Jobs.Cancel))
	register(a, post("jobs", "retry-job", "/jobs/{id}/retry", "Run a job again at once", identity.JobManage), a.changeJob("job.retry", a.d.Jobs.Retry))
}

// changeJob makes a handler that changes a job and records who did.
func (a *API) changeJob(action string, do func(context.Context, core.AccountID, int64) error) handler[jobRequest, out[resource.Job]] {
	return func(ctx context.Context, p *core.Principal, in *jobRequest) (*out[resource.Job], error) {
		j, err := a.job(ctx, p, in.ID)
		if err != nil {
			return nil, err
		}
		if err := do(ctx, p.Account, in.ID); err != nil {
			return nil, err
		}
		e := core.EventOf(p, a.d.Now(), action, "job:"+strconv.FormatInt(in.ID, 10))
		e.Detail = map[string]any{"kind": j.Kind}
		if err := a.d.Audit.Record(ctx, e); err != nil {
			return nil, err
		}
		return a.jobAnswer(ctx, p, in.ID)
	}
}

// job finds a job. Those of no account exist for operators of the server only.
func (a *API) job(ctx context.Context, p *core.Principal, id int64) (jobs.Job, error) {
	j, err := a.d.Jobs.Get(ctx, p.Account, id)
	if err == nil && j.Account == "" && !a.d.Operator(p.Account) {
		err = core.Errorf(core.KindNotFound, "there is no such job")
	}
	return j, err
}

func (a *API) jobAnswer(ctx context.Context, p *core.Principal, id int64) (*out[resource.Job], error) {
	j, err := a.job(ctx, p, id)
	return shaped(&j, err, jobResource)
}

func jobResource(j *jobs.Job) resource.Job {
	r := resource.Job{ID: j.ID, Kind: j.Kind, State: string(j.State), System: j.Account == "", Attempt: j.Attempt, MaxAttempts: j.MaxAttempts, Error: j.Error,
		CreatedAt: j.Created, ScheduledAt: j.Scheduled, StartedAt: j.Started, FinishedAt: j.Finished}
	if len(j.Args) > 0 {
		r.Args = j.Args
	}
	if j.Progress != nil {
		r.Progress = &resource.Progress{Done: j.Progress.Done, Total: j.Progress.Total, Note: j.Progress.Note}
	}
	return r
}
