package api

import (
	"context"
	"maps"
	"reflect"
	"strconv"
	"strings"
	"sync"
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
}

// event is one thing that changed. Domains carry no state: who may see them
// depends on their owner, so each stream asks for itself.
type event struct {
	at      string // place after it; empty: none, it is not repeated
	kind    string
	account core.AccountID // of a reset: empty means everybody
	id      string
	state   string
	group   core.GroupID
}

type batch struct {
	events []event
	end    place
}

type subscriber struct {
	who     string
	account core.AccountID
	batches chan *batch
}

// hub asks the database for changes, once for all streams of the process. It
// works while there are streams.
type hub struct {
	a      *API
	mu     sync.Mutex
	subs   map[*subscriber]bool
	at     place
	jobs   map[core.AccountID]map[int64]jobs.State // as last told
	stop   context.CancelFunc                      // nil: at rest
	closed bool
}

func newHub(a *API) *hub { return &hub{a: a, subs: map[*subscriber]bool{}} }

// join adds a stream. What happens behind the place that it returns is sent to
// it.
func (h *hub) join(ctx context.Context, p *core.Principal) (*subscriber, place, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, nil, core.Errorf(core.KindUnavailable, "the server is stopping").After(5 * time.Second)
	}
	s := &subscriber{who: p.Actor(), account: p.Account, batches: make(chan *batch, 16)}
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
		at, err := h.heads(ctx)
		if err != nil {
			return nil, nil, err
		}
		h.at, h.jobs = at, map[core.AccountID]map[int64]jobs.State{}
		run, stop := context.WithCancel(context.WithoutCancel(ctx))
		h.stop = stop
		go h.run(run)
	}
	if h.jobs[p.Account] == nil { // what is there now is no news
		if states, err := h.jobStates(ctx, p.Account); err == nil {
			h.jobs[p.Account] = states
		}
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

// close ends all streams; there will be no others.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for s := range h.subs {
		h.drop(s)
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
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if err := h.poll(ctx); err != nil && ctx.Err() == nil {
				h.a.d.Logger.ErrorContext(ctx, "look for changes to tell of", "error", err)
			}
		}
	}
}

// poll reads what is new and hands it to the streams. Only one poll runs at a
// time; streams that join meanwhile begin behind it or see it too.
func (h *hub) poll(ctx context.Context) error {
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
	var list []core.Change
	missed := false
	for chain, seq := range now {
		if seq == at[chain] {
			continue
		}
		got, err := h.a.d.Storage.Changes(ctx, "", chain, at[chain], seq, maxReplay+1)
		if err != nil {
			return err
		}
		missed = missed || len(got) > maxReplay
		for _, c := range got {
			if accounts[c.Account] {
				list = append(list, c)
			}
		}
	}
	b := &batch{end: now}
	if missed {
		b.events = []event{{kind: "reset", at: now.String()}}
	} else if b.events, err = h.tell(ctx, at, list); err != nil {
		return err
	}
	for account := range accounts {
		fresh, err := h.freshJobs(ctx, account)
		if err != nil {
			return err
		}
		b.events = append(b.events, fresh...)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if ctx.Err() != nil {
		return nil
	}
	h.at = now
	if len(b.events) == 0 {
		return nil
	}
	for s := range h.subs {
		select {
		case s.batches <- b:
		default:
			h.drop(s) // it reads too slowly, and comes again with its last id
		}
	}
	return nil
}

// tell turns changes behind a place into events: one for each thing, with the
// state that it has now.
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
		switch e.kind {
		case "order":
			o, err := h.a.d.Storage.Order(ctx, c.Account, core.OrderID(e.id))
			if core.Is(err, core.KindNotFound) {
				continue
			} else if err != nil {
				return nil, err
			}
			e.state, e.group = string(o.State), o.Group
		case "certificate":
			k, err := h.a.d.Storage.Certificate(ctx, c.Account, core.CertificateID(e.id))
			if core.Is(err, core.KindNotFound) {
				continue
			} else if err != nil {
				return nil, err
			}
			e.state, e.group = string(k.State), k.Group
		case "domain":
		default:
			continue
		}
		out = append(out, e)
	}
	return out, nil
}

// jobStates reads the states of an account's newest jobs.
func (h *hub) jobStates(ctx context.Context, account core.AccountID) (map[int64]jobs.State, error) {
	p, err := h.a.d.Jobs.List(ctx, core.ListQuery{Account: account, Limit: 100}, h.a.d.Operator(account))
	out := make(map[int64]jobs.State, len(p.Items))
	for _, j := range p.Items {
		out[j.ID] = j.State
	}
	return out, err
}

// freshJobs tells of jobs whose state is another than at the last look.
func (h *hub) freshJobs(ctx context.Context, account core.AccountID) ([]event, error) {
	states, err := h.jobStates(ctx, account)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	before, known := h.jobs[account]
	h.jobs[account] = states
	var out []event
	for id, s := range states {
		if known && before[id] != s {
			out = append(out, event{kind: "job", account: account, id: strconv.FormatInt(id, 10), state: string(s)})
		}
	}
	return out, nil
}

// Close ends the streams of events, so that the server can stop.
func (a *API) Close() { a.hub.close() }
