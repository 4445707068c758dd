package api

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

const (
	// eventTick is how often the database is asked for changes.
	eventTick = time.Second
	// aliveTicks is after how many ticks without an event a stream shows that
	// it lives, and that its reader is still signed in is looked at.
	aliveTicks = 15
	// maxStreams is how many streams a user may have open at one process.
	maxStreams = 8
	// maxReplay is how many changes a stream catches up with.
	maxReplay = 500
	// eventWrite is how long a write to a stream may take.
	eventWrite = 20 * time.Second
)

// place is how far each audit chain was read. As text it is the id of an event.
type place map[int]int64

func (p place) String() string {
	parts := make([]string, 0, len(p))
	for _, chain := range slices.Sorted(maps.Keys(p)) {
		parts = append(parts, strconv.Itoa(chain)+"."+strconv.FormatInt(p[chain], 10))
	}
	return strings.Join(parts, "-")
}

// parsePlace reads an id that a client sends back; false: it is none of ours.
func parsePlace(s string) (place, bool) {
	p := place{}
	if s == "" || len(s) > 1024 {
		return nil, false
	}
	for part := range strings.SplitSeq(s, "-") {
		c, n, ok := strings.Cut(part, ".")
		chain, err := strconv.Atoi(c)
		seq, err2 := strconv.ParseInt(n, 10, 64)
		if !ok || err != nil || err2 != nil || chain < 0 || seq < 0 || len(p) == 64 {
			return nil, false
		}
		p[chain] = seq
	}
	return p, true
}

type eventsRequest struct {
	Last  string `header:"Last-Event-ID" maxLength:"1024" doc:"id of the last event that was seen; what happened since comes first"`
	After string `query:"after" maxLength:"1024" doc:"as Last-Event-ID, for browsers, which cannot set a header here"`
	Quiet bool   `query:"quiet" doc:"that too many streams are open, or that the server stops, is said by an event of type busy and not by a status: browsers log every refused request as an error of the page"`
}

func (a *API) eventRoutes() {
	a.huma.OpenAPI().Components.Schemas.Schema(eventType, true, "Event")
	register(a, get("events", "stream-events", "/events", "Follow changes of orders, certificates, domains, products, issuers and jobs as server-sent events", "").
		says("Event types order, certificate, domain, product, issuer and job with data {\"id\":…,\"state\":…} of what the caller may see, of jobs with their progress. "+
			"Type reset: more happened than can be told; read the lists again. Type end: the session or token is over; the stream closes.").
		streams("text/event-stream"), a.streamEvents)
}

func (a *API) streamEvents(_ context.Context, p *core.Principal, in *eventsRequest) (*stream, error) {
	if mustChange(p) {
		return nil, core.Errorf(core.KindForbidden, "set a new password first")
	}
	if has(p, identity.RoleFactorSetup) {
		return nil, core.Errorf(core.KindForbidden, "set up a second factor first")
	}
	return &stream{Type: "text/event-stream", Body: func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		s := &eventStream{a: a, r: r, w: w, rc: http.NewResponseController(w), p: p, cancel: cancel}
		defer s.end()
		sub, from, err := a.hub.join(ctx, p, s.cut)
		if err != nil && (!in.Quiet || r.Context().Err() != nil) {
			a.refuse(w, r, err)
			return
		}
		_ = s.rc.SetWriteDeadline(time.Time{})
		_ = s.rc.SetReadDeadline(time.Time{})
		w.Header().Set("X-Accel-Buffering", "no") // for nginx
		w.WriteHeader(http.StatusOK)
		if err != nil {
			a.problem(ctx, err)
			_, _ = io.WriteString(w, "event: busy\ndata: {\"id\":\"\",\"state\":\"\"}\n\n")
			return
		}
		defer a.hub.leave(sub)
		s.sub = sub
		if in.Last == "" {
			in.Last = in.After
		}
		if err := s.run(ctx, from, in.Last); err != nil && ctx.Err() == nil {
			a.d.Logger.DebugContext(ctx, "a stream of events ended", "error", err)
		}
	}}, nil
}

// eventStream is one connection.
type eventStream struct {
	a      *API
	r      *http.Request
	w      io.Writer
	rc     *http.ResponseController
	p      *core.Principal
	sub    *subscriber
	cancel context.CancelFunc

	mu   sync.Mutex
	over bool // the connection belongs to somebody else
}

// cut ends the stream at once, whatever it waits for.
func (s *eventStream) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.cancel()
	// A time that is long past: what is being written fails now.
	_ = s.rc.SetWriteDeadline(time.Unix(1, 0))
}

// end keeps cut from touching a connection that another request may have by
// now.
func (s *eventStream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

// write hands text to the client and waits until it is on its way, at most
// EventWrite: a client that does not read must not keep a stream for ever.
func (s *eventStream) write(text string) error {
	s.sub.writing.Store(true)
	defer s.sub.writing.Store(false)
	t := time.AfterFunc(s.a.d.EventWrite, s.cut)
	defer t.Stop()
	if _, err := io.WriteString(s.w, text); err != nil {
		return err
	}
	return s.rc.Flush()
}

// run writes until the client, the session, the process or (it reads too
// slowly) the hub ends it.
func (s *eventStream) run(ctx context.Context, from place, last string) error {
	if err := s.write("retry: 3000\n\n"); err != nil {
		return err
	}
	if err := s.replay(ctx, from, last); err != nil {
		return err
	}
	if err := s.alive(from); err != nil {
		return err
	}
	t := time.NewTicker(s.a.d.EventTick * aliveTicks)
	defer t.Stop()
	at := from
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case b, open := <-s.sub.batches:
			if !open {
				return nil
			}
			at = b.end
			if err := s.check(ctx); err != nil {
				return err
			}
			if err := s.tell(ctx, b.events); err != nil {
				return err
			}
		case <-t.C:
			if err := s.check(ctx); err != nil {
				return err
			}
			if err := s.alive(at); err != nil {
				return err
			}
		}
	}
}

// tell writes the events that the reader may see.
func (s *eventStream) tell(ctx context.Context, events []event) error {
	var b strings.Builder
	for i := range events {
		text, err := s.text(ctx, &events[i])
		if err != nil {
			return err
		}
		b.WriteString(text)
	}
	if b.Len() == 0 {
		return nil
	}
	return s.write(b.String())
}

// check ends the stream with its session, and takes over what its reader may
// see now.
func (s *eventStream) check(ctx context.Context) error {
	p, err := s.a.stillThere(s.r.WithContext(ctx))
	if err == nil {
		s.p = p
		return nil
	}
	if core.Is(err, core.KindUnauthenticated) {
		_ = s.write("event: end\ndata: {\"id\":\"\",\"state\":\"\"}\n\n")
	}
	return err
}

// alive writes a comment, and how far the stream has come.
func (s *eventStream) alive(at place) error {
	return s.write(": alive\nid: " + at.String() + "\n\n")
}

// replay catches up from the last event that the client saw.
func (s *eventStream) replay(ctx context.Context, until place, last string) error {
	if last == "" {
		return nil
	}
	reset := []event{{kind: "reset", at: until.String()}}
	at, ok := parsePlace(last)
	if !ok {
		return s.tell(ctx, reset)
	}
	var all []core.Change
	for _, chain := range slices.Sorted(maps.Keys(until)) {
		// One more than is told shows that there are too many.
		got, err := s.a.d.Storage.Changes(ctx, s.p.Account, chain, at[chain], until[chain], maxReplay+1-len(all))
		if err != nil {
			return err
		}
		if all = append(all, got...); len(all) > maxReplay {
			return s.tell(ctx, reset)
		}
	}
	events, err := s.a.hub.tell(ctx, at, all)
	if err != nil {
		return err
	}
	return s.tell(ctx, events)
}

// text is an event as it is sent; empty if the reader may not see what it is
// about.
func (s *eventStream) text(ctx context.Context, e *event) (string, error) {
	data := resource.Event{ID: e.id, State: e.state}
	switch e.kind {
	case "reset":
		if e.account != "" && e.account != s.p.Account {
			return "", nil
		}
	case "domain":
		if e.account != s.p.Account {
			return "", nil
		}
		d, err := s.a.d.Domains.Domain(ctx, s.p, core.DomainID(e.id))
		if core.Is(err, core.KindNotFound) || core.Is(err, core.KindForbidden) {
			return "", nil
		}
		if err != nil { // the client comes again and is told then
			return "", err
		}
		data.State = string(d.Control)
	default:
		if e.account != s.p.Account || identity.Can(s.p, viewOf[e.kind], e.group) != nil {
			return "", nil
		}
	}
	if e.progress != nil {
		data.Progress = &resource.Progress{Done: e.progress.Done, Total: e.progress.Total, Note: e.progress.Note}
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return "", err
	}
	id := ""
	if e.at != "" {
		id = "id: " + e.at + "\n"
	}
	return id + "event: " + e.kind + "\ndata: " + string(raw) + "\n\n", nil
}
