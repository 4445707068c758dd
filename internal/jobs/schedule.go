package jobs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
)

// Schedule records a job at regular times. One replica leads and does it for
// all; each time is served once, and a time that passed while no replica ran
// is made up for once at the next start.
type Schedule struct {
	Args Args
	// Every is the distance between two times, a second to a day. The times
	// are multiples of it since 1970, UTC: a day means midnight.
	Every time.Duration
	// Offset moves the times, so that not everything happens at midnight.
	Offset time.Duration
}

// slot returns the latest time of the schedule that is not after now.
func (s Schedule) slot(now time.Time) time.Time {
	// Truncate counts from the year 1, of which 1970 is a whole number of days.
	return now.UTC().Add(-s.Offset).Truncate(s.Every).Add(s.Offset)
}

// Next implements river.PeriodicSchedule.
func (s Schedule) Next(now time.Time) time.Time { return s.slot(now).Add(s.Every) }

// periodic says the schedules in River's words.
func (q *Queue) periodic(list []Schedule) ([]*river.PeriodicJob, error) {
	var out []*river.PeriodicJob
	for _, s := range list {
		if s.Every < time.Second || s.Every > 24*time.Hour || s.Offset < 0 || s.Offset >= s.Every {
			return nil, fmt.Errorf("jobs: schedule %s: Every or Offset is out of range", s.Args.Kind())
		}
		// The job of a slot stays unique after it is done, for longer than a
		// slot lasts: starting again or changing the leader repeats nothing.
		make := func() (river.JobArgs, *river.InsertOpts) {
			key := "schedule " + strconv.FormatInt(s.slot(q.d.Now()).Unix(), 10)
			return record{s.Args.Kind(), key, s.Args}, &river.InsertOpts{
				MaxAttempts: defaultAttempts,
				UniqueOpts:  river.UniqueOpts{ByArgs: true, ByState: rivertype.JobStates()},
			}
		}
		out = append(out, river.NewPeriodicJob(s, make, &river.PeriodicJobOpts{RunOnStart: true}))
	}
	return out, nil
}

// adopt takes up jobs that the process before this one left running. It is for
// SQLite, where no other process can be at work on them; elsewhere the leader
// waits for RescueAfter.
func (q *Queue) adopt(ctx context.Context) error {
	if q.d.Dialect != "sqlite" {
		return nil
	}
	const batch = 100
	for exec := q.driver.GetExecutor(); ; {
		left, err := exec.JobGetStuck(ctx, &riverdriver.JobGetStuckParams{Max: batch, StuckHorizon: q.d.Now().Add(time.Minute)})
		if err != nil || len(left) == 0 {
			return err
		}
		p := &riverdriver.JobRescueManyParams{}
		for _, job := range left {
			p.ID = append(p.ID, job.ID)
			p.Error = append(p.Error, []byte(`{"at":"`+q.d.Now().UTC().Format(time.RFC3339Nano)+`","attempt":`+strconv.Itoa(job.Attempt)+
				`,"error":"the process ended while the job was running"}`))
			p.FinalizedAt = append(p.FinalizedAt, nil)
			p.ScheduledAt = append(p.ScheduledAt, q.d.Now())
			p.State = append(p.State, string(rivertype.JobStateRetryable))
		}
		if _, err := exec.JobRescueMany(ctx, p); err != nil {
			return errors.Join(errors.New("jobs: take up what was left running"), err)
		}
	}
}
