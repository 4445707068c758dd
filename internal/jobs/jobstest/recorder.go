// Package jobstest has a queue for the tests of services that record jobs.
package jobstest

import (
	"context"
	"sync"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/jobs"
)

// Entry is a recorded job.
type Entry struct {
	Args    jobs.Args
	Options jobs.Options
}

// Recorder keeps the jobs of committed transactions in memory and runs none.
type Recorder struct {
	mu      sync.Mutex
	entries []Entry
	keys    map[string]int64
	last    int64
}

// Enqueue has the signature and the unique keys of jobs.Queue.Enqueue. Keys
// stay taken, because no job ever finishes here.
func (r *Recorder) Enqueue(_ context.Context, tx core.Tx, args jobs.Args, o jobs.Options) (jobs.Ticket, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := args.Kind() + "\x00" + o.UniqueKey
	if id, taken := r.keys[key]; taken && o.UniqueKey != "" {
		return jobs.Ticket{ID: id, Duplicate: true}, nil
	}
	r.last++
	id := r.last
	tx.OnCommit(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.keys == nil {
			r.keys = map[string]int64{}
		}
		r.keys[key] = id
		r.entries = append(r.entries, Entry{args, o})
	})
	return jobs.Ticket{ID: id}, nil
}

// Entries returns the jobs recorded so far, in the order of their commits.
func (r *Recorder) Entries() []Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Entry(nil), r.entries...)
}
