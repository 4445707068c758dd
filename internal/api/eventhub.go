package api

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/jobs"
)

var eventType = reflect.TypeFor[resource.Event]()

// viewOf is what one must be allowed to do to hear of a thing.
var viewOf = map[string]identity.Action{
	"order": identity.OrderView, "certificate": identity.CertificateView, "job": identity.JobView,
	"product": identity.ProductView, "issuer": identity.IssuerView,
}

// event is one thing that changed. Domains carry no state: who may see them
// depends on their owner, so each stream asks for itself.
type event struct {
	at       string // place after it; empty: none, it is not repeated
	kind     string
	account  core.AccountID // of a reset: empty means everybody
	id       string
	state    string
	group    core.GroupID
	progress *jobs.Progress
}

type batch struct {
	events []event
	end    place
}

// subscriber is a stream in the eyes of the hub.
type subscriber struct {
	who     string
	account core.AccountID
	batches chan *batch // closed by the hub: the stream ends
	// cut ends the stream at once, also one that waits for its client or for
	// the database.
	cut func()
	// writing is set while the stream waits for its client.
	writing atomic.Bool
}

// jobMark is what of a job was told last.
type jobMark struct {
	state    jobs.State
	progress jobs.Progress
}

// hub asks the database for changes, once for all streams of the process. It
// works while there are streams. It never waits for a stream or for the
// database while it holds its lock, so nothing can keep close from ending all
// streams.
type hub struct {
	a      *API
	mu     sync.Mutex
	subs   map[*subscriber]bool
	at     place
	jobs   map[core.AccountID]map[int64]jobMark // as last told
	stop   context.CancelFunc                   // nil: at rest
	closed bool
}

func newHub(a *API) *hub { return &hub{a: a, subs: map[*subscriber]bool{}} }

// join adds a stream. What happens behind the place that it returns is sent to
// it.
func (h *hub) join(ctx context.Context, p *core.Principal, cut func()) (*subscriber, place, error) {
	// What there is now is no news. Both are read before the lock is taken and
	// used only when nobody else follows yet; what changes meanwhile is told.
	at, err := h.heads(ctx)
	if err != nil {
		return nil, nil, err
	}
	now, jobsErr := h.jobMarks(ctx, p.Account)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, nil, core.Errorf(core.KindUnavailable, "the server is stopping").After(5 * time.Second)
	}
	s := &subscriber{who: p.Actor(), account: p.Account, batches: make(chan *batch, 16), cut: cut}
	n := 1
	for other := range h.subs {
		if other.who == s.who {
			n++
		}
	}
	if n > maxStreams {
		return nil, nil, core.Errorf(core.KindRateLimited, "you have %d streams of events open", maxStreams).After(30 * time.Second)
	}
	if h.stop == nil {
		h.at, h.jobs = at, map[core.AccountID]map[int64]jobMark{}
		run, stop := context.WithCancel(context.WithoutCancel(ctx))
		h.stop = stop
		go h.run(run)
	}
	if h.jobs[p.Account] == nil && jobsErr == nil {
		h.jobs[p.Account] = now
	}
	h.subs[s] = true
	return s, maps.Clone(h.at), nil
}

func (h *hub) leave(s *subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(s)
}

func (h *hub) drop(s *subscriber) {
	if !h.subs[s] {
		return
	}
	delete(h.subs, s)
	close(s.batches)
	if len(h.subs) == 0 {
		h.stop()
		h.stop = nil
	}
}

// close ends all streams; there will be no others. Streams that wait for their
// client are cut off, so that the server need not wait for it.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for s := range h.subs {
		h.drop(s)
		if s.writing.Load() {
			s.cut()
		}
	}
}

func (h *hub) heads(ctx context.Context) (place, error) {
	list, err := h.a.d.Storage.Heads(ctx)
	p := place{}
	for _, x := range list {
		p[x.Chain] = x.Seq
	}
	return p, err
}

func (h *hub) run(ctx context.Context) {
	t := time.NewTicker(h.a.d.EventTick)
	defer t.Stop()
	failures := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			err := h.poll(ctx, failures >= giveUpTicks)
			if err == nil || ctx.Err() != nil {
				failures = 0
				continue
			}
			failures++
			h.a.d.Logger.ErrorContext(ctx, "look for changes to tell of", "error", err)
		}
	}
}

// giveUpTicks is after how many failures in a row the streams are told to read
// everything again instead of waiting behind a change that cannot be told.
const giveUpTicks = 5

// poll reads what is new and hands it to the streams. Only one poll runs at a
// time; streams that join meanwhile begin behind it or see it too.
func (h *hub) poll(ctx context.Context, giveUp bool) error {
	h.mu.Lock()
	at, accounts := maps.Clone(h.at), map[core.AccountID]bool{}
	for s := range h.subs {
		accounts[s.account] = true
	}
	h.mu.Unlock()
	now, err := h.heads(ctx)
	if err != nil {
		return err
	}
	b := &batch{end: now}
	if giveUp {
		b.events = []event{{kind: "reset", at: now.String()}}
	} else if b.events, err = h.news(ctx, at, now, accounts); err != nil {
		return err
	}
	for account := range accounts {
		b.events = append(b.events, h.freshJobs(ctx, account)...)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if ctx.Err() != nil {
		return nil
	}
	h.at = now
	missed := &batch{end: now}
	if !maps.Equal(at, now) {
		missed.events = []event{{kind: "reset", at: now.String()}}
	}
	for s := range h.subs {
		told := b
		if !accounts[s.account] {
			// The first of his account, who came meanwhile: what happened
			// there was left out.
			told = missed
		}
		if len(told.events) == 0 {
			continue
		}
		select {
		case s.batches <- told:
		default:
			// It reads too slowly, and comes again with its last id.
			h.drop(s)
			s.cut()
		}
	}
	return nil
}

// news reads what the audit chains say happened between two places.
func (h *hub) news(ctx context.Context, at, now place, accounts map[core.AccountID]bool) ([]event, error) {
	var list []core.Change
	for _, chain := range slices.Sorted(maps.Keys(now)) {
		seq := now[chain]
		if seq == at[chain] {
			continue
		}
		got, err := h.a.d.Storage.Changes(ctx, "", chain, at[chain], seq, maxReplay+1)
		if err != nil {
			return nil, err
		}
		if len(got) > maxReplay {
			return []event{{kind: "reset", at: now.String()}}, nil
		}
		for _, c := range got {
			if accounts[c.Account] {
				list = append(list, c)
			}
		}
	}
	return h.tell(ctx, at, list)
}

// tell turns changes behind a place into events: one for each thing, with the
// state that it has now. What different audit chains say comes chain by chain,
// not in the order in which it happened.
func (h *hub) tell(ctx context.Context, from place, list []core.Change) ([]event, error) {
	last := map[string]int{}
	for i, c := range list {
		last[c.Object] = i
	}
	at := maps.Clone(from)
	var out []event
	for i, c := range list {
		at[c.Chain] = c.Seq
		if last[c.Object] != i {
			continue
		}
		e := event{at: at.String(), account: c.Account}
		e.kind, e.id, _ = strings.Cut(c.Object, ":")
		there, err := h.describe(ctx, &e)
		if err != nil {
			return nil, err
		}
		if there {
			out = append(out, e)
		}
	}
	return out, nil
}

// describe adds the state that the thing has now; false: it is gone, or nobody
// is told of its kind.
func (h *hub) describe(ctx context.Context, e *event) (bool, error) {
	var err error
	switch e.kind {
	case "order":
		var o *core.Order
		if o, err = h.a.d.Storage.Order(ctx, e.account, core.OrderID(e.id)); err == nil {
			e.state, e.group = string(o.State), o.Group
		}
	case "certificate":
		var k *core.Certificate
		if k, err = h.a.d.Storage.Certificate(ctx, e.account, core.CertificateID(e.id)); err == nil {
			e.state, e.group = string(k.State), k.Group
		}
	case "product":
		var p *core.Product
		if p, err = h.a.d.Products.Get(ctx, e.account, e.id); err == nil {
			e.state = string(p.State)
		}
	case "issuer":
		var i *core.Issuer
		if i, err = h.a.d.Storage.Issuer(ctx, e.account, core.IssuerID(e.id)); err == nil {
			e.state = string(i.State)
		}
	case "domain":
	default:
		return false, nil
	}
	if core.Is(err, core.KindNotFound) {
		return false, nil
	}
	return err == nil, err
}

// jobMarks reads the states of an account's newest jobs.
func (h *hub) jobMarks(ctx context.Context, account core.AccountID) (map[int64]jobMark, error) {
	p, err := h.a.d.Jobs.List(ctx, core.ListQuery{Account: account, Limit: 100}, h.a.d.Operator(account))
	out := make(map[int64]jobMark, len(p.Items))
	for _, j := range p.Items {
		m := jobMark{state: j.State}
		if j.Progress != nil {
			m.progress = *j.Progress
		}
		out[j.ID] = m
	}
	return out, err
}

// freshJobs tells of jobs whose state or progress is another than at the last
// look. Jobs are no entries of the audit log, so their changes have no place to
// resume at and are not repeated: whoever was away reads the jobs again when he
// is back, as the portal does. That they cannot be read now holds nothing else
// up; the next look compares with the last that worked.
func (h *hub) freshJobs(ctx context.Context, account core.AccountID) []event {
	marks, err := h.jobMarks(ctx, account)
	if err != nil {
		if ctx.Err() == nil {
			h.a.d.Logger.WarnContext(ctx, "look for changes of jobs to tell of", "error", err)
		}
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	before, known := h.jobs[account]
	h.jobs[account] = marks
	var out []event
	for id, m := range marks {
		if !known || before[id] == m {
			continue
		}
		e := event{kind: "job", account: account, id: strconv.FormatInt(id, 10), state: string(m.state)}
		if m.progress != (jobs.Progress{}) {
			e.progress = &m.progress
		}
		out = append(out, e)
	}
	return out
}

// Close ends the streams of events, so that the server can stop.
func (a *API) Close() { a.hub.close() }
