package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
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
	Last string `header:"Last-Event-ID" maxLength:"1024" doc:"id of the last event that was seen; what happened since comes first"`
}

func (a *API) eventRoutes() {
	a.huma.OpenAPI().Components.Schemas.Schema(eventType, true, "Event")
	register(a, get("events", "stream-events", "/events", "Follow changes of orders, certificates, domains and jobs as server-sent events", "").
		says("Event types order, certificate, domain and job with data {\"id\":…,\"state\":…} of what the caller may see. Type reset: more happened than can be told; read the lists again.").
		streams("text/event-stream"), a.streamEvents)
}

func (a *API) streamEvents(_ context.Context, p *core.Principal, in *eventsRequest) (*stream, error) {
	if mustChange(p) {
		return nil, core.Errorf(core.KindForbidden, "set a new password first")
	}
	if has(p, identity.RoleFactorSetup) {
		return nil, core.Errorf(core.KindForbidden, "set up a second factor first")
	}
	return &stream{Type: "text/event-stream", Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		sub, from, err := a.hub.join(r.Context(), p)
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		defer a.hub.leave(sub)
		rc := http.NewResponseController(w)
		_ = rc.SetWriteDeadline(time.Time{})
		_ = rc.SetReadDeadline(time.Time{})
		w.Header().Set("X-Accel-Buffering", "no") // for nginx
		w.WriteHeader(http.StatusOK)
		s := &eventStream{a: a, r: r, w: w, rc: rc, p: p}
		if err := s.run(r.Context(), sub, from, in.Last); err != nil && r.Context().Err() == nil {
			a.d.Logger.DebugContext(r.Context(), "a stream of events ended", "error", err)
		}
	}}, nil
}

// eventStream is one connection.
type eventStream struct {
	a  *API
	r  *http.Request
	w  io.Writer
	rc *http.ResponseController
	p  *core.Principal
}

// run writes until the client, the session, the process or (it reads too
// slowly) the hub ends it.
func (s *eventStream) run(ctx context.Context, sub *subscriber, from place, last string) error {
	if _, err := io.WriteString(s.w, "retry: 3000\n\n"); err != nil {
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
		case b, open := <-sub.batches:
			if !open {
				return nil
			}
			at = b.end
			if err := s.check(ctx); err != nil {
				return err
			}
			for i := range b.events {
				if err := s.send(ctx, &b.events[i]); err != nil {
					return err
				}
			}
			if err := s.rc.Flush(); err != nil {
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

// check ends the stream with its session, and takes over what its reader may
// see now.
func (s *eventStream) check(ctx context.Context) error {
	p, err := s.a.stillThere(s.r.WithContext(ctx))
	if err == nil {
		s.p = p
	}
	return err
}

// alive writes a comment, and how far the stream has come.
func (s *eventStream) alive(at place) error {
	if _, err := fmt.Fprintf(s.w, ": alive\nid: %s\n\n", at); err != nil {
		return err
	}
	return s.rc.Flush()
}

// replay catches up from the last event that the client saw.
func (s *eventStream) replay(ctx context.Context, until place, last string) error {
	if last == "" {
		return nil
	}
	reset := &event{kind: "reset", at: until.String()}
	at, ok := parsePlace(last)
	if !ok {
		return s.send(ctx, reset)
	}
	var all []core.Change
	for _, chain := range slices.Sorted(maps.Keys(until)) {
		// One more than is told shows that there are too many.
		got, err := s.a.d.Storage.Changes(ctx, s.p.Account, chain, at[chain], until[chain], maxReplay+1-len(all))
		if err != nil {
			return err
		}
		if all = append(all, got...); len(all) > maxReplay {
			return s.send(ctx, reset)
		}
	}
	events, err := s.a.hub.tell(ctx, at, all)
	for i := range events {
		if err == nil {
			err = s.send(ctx, &events[i])
		}
	}
	return err
}

// send writes an event if the reader may see what it is about.
func (s *eventStream) send(ctx context.Context, e *event) error {
	state := e.state
	switch e.kind {
	case "reset":
		if e.account != "" && e.account != s.p.Account {
			return nil
		}
	case "domain":
		if e.account != s.p.Account {
			return nil
		}
		d, err := s.a.d.Domains.Domain(ctx, s.p, core.DomainID(e.id))
		if err != nil {
			return nil //nolint:nilerr // he may not see it, or it is gone
		}
		state = string(d.Control)
	default:
		if e.account != s.p.Account || identity.Can(s.p, viewOf[e.kind], e.group) != nil {
			return nil
		}
	}
	data, err := json.Marshal(resource.Event{ID: e.id, State: state})
	if err != nil {
		return err
	}
	if e.at != "" {
		_, err = fmt.Fprintf(s.w, "id: %s\n", e.at)
	}
	if err == nil {
		_, err = fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", e.kind, data)
	}
	return err
}
