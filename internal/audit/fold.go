package audit

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/core"
)

const (
	foldWindow = time.Minute
	flushEvery = 10 * time.Second
	lastFlush  = 10 * time.Second // time that the flush at the end of Run has
	// maxFolds bounds memory and, with it, refusals written a minute: past it
	// different actors and addresses fall into one fold per account and action.
	maxFolds = 1000
)

// foldKey is what makes refusals identical. Empty actor, address, object and
// credential stand for several.
type foldKey struct {
	account                        core.AccountID
	action, actor, address, object string
	credential                     core.CredentialID
	kind                           string // of the refusal
}

// fold counts refusals that are not written yet.
type fold struct {
	key         foldKey
	until       time.Time  // end of the window
	event       core.Event // the first
	count       int        // not written
	first, last time.Time  // of those counted
	several     bool       // actors or addresses differ
}

// newFold makes a fold of one event counted n times.
func newFold(e core.Event, n int) *fold {
	kind, _ := e.Detail["kind"].(string)
	return &fold{
		key:   foldKey{e.Account, e.Action, e.Actor, e.Address, e.Object, e.Credential, kind},
		event: e, count: n, first: e.At, last: e.At,
	}
}

// add merges the count of g into f.
func (f *fold) add(g *fold) {
	if g.count == 0 {
		return
	}
	if f.count == 0 || g.first.Before(f.first) {
		f.first = g.first
	}
	if f.count == 0 || g.last.After(f.last) {
		f.last = g.last
	}
	f.count += g.count
}

// events turns folds into what is written.
func events(folds []*fold) []core.Event {
	out := make([]core.Event, 0, len(folds)+1)
	for _, f := range folds {
		e := f.event
		e.At = f.last
		e.Detail = map[string]any{"folded": f.count, "first": f.first, "last": f.last}
		if f.several {
			e.Actor, e.Login, e.Address, e.Object, e.Credential, e.Request = "", "", "", "", "", ""
			e.Detail["several"] = true
		}
		out = append(out, e)
	}
	return out
}

// fold counts e, or says that e must be written. due are folds to be written in
// either case.
func (l *Log) fold(e core.Event) (due []*fold, write bool) {
	now := l.now()
	g := newFold(e, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.folds[g.key]
	if f == nil && len(l.folds) >= maxFolds {
		due = l.take(now, false)
		if len(l.folds) >= maxFolds {
			g.several = true
			g.key = foldKey{account: g.key.account, action: g.key.action}
			f = l.folds[g.key]
		}
	}
	if f != nil && now.Before(f.until) {
		f.add(g)
		return due, false
	}
	if f != nil && f.count > 0 {
		due = append(due, f)
	}
	g.until, g.count = now.Add(foldWindow), 0
	l.folds[g.key] = g
	return due, true
}

// unfold takes up again counts that could not be written.
func (l *Log) unfold(folds []*fold) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range folds {
		if f := l.folds[g.key]; f != nil {
			f.add(g)
		} else {
			l.folds[g.key] = g // its window is over: due at the next flush
		}
	}
}

// take removes the folds whose window is over (or all) and returns those with
// something to write; mu is held.
func (l *Log) take(now time.Time, all bool) (due []*fold) {
	for k, f := range l.folds {
		if !all && now.Before(f.until) {
			continue
		}
		delete(l.folds, k)
		if f.count > 0 {
			due = append(due, f)
		}
	}
	return due
}

// Flush writes the counts of folded refusals whose minute is over; with all
// set, every count. What cannot be written is kept for the next time.
func (l *Log) Flush(ctx context.Context, all bool) error {
	l.mu.Lock()
	due := l.take(l.now(), all)
	l.mu.Unlock()
	if len(due) == 0 {
		return nil
	}
	err := l.commit(ctx, events(due))
	if err != nil {
		l.unfold(due)
	}
	return err
}

// Run flushes every ten seconds until ctx ends, and then everything.
func (l *Log) Run(ctx context.Context) error {
	t := time.NewTicker(flushEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if err := l.Flush(ctx, false); err != nil && ctx.Err() == nil {
				l.logger.Error("folded refusals are not in the audit log yet", "error", err)
			}
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
			defer cancel()
			return l.Flush(last, true)
		}
	}
}
