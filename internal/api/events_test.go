package api_test

import (
	"bufio"
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity/identitytest"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

// listener reads a stream of events.
type listener struct {
	cancel context.CancelFunc
	res    *http.Response
	lines  *bufio.Scanner
	last   string
}

// listen opens a stream and waits until it has begun.
func (c *caller) listen(t *testing.T, last string) *listener {
	t.Helper()
	l := c.open(t, last)
	if l.res.StatusCode != 200 || l.res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("status %d, %s", l.res.StatusCode, l.res.Header.Get("Content-Type"))
	}
	return l
}

func (c *caller) open(t *testing.T, last string) *listener {
	t.Helper()
	return c.openAt(t, "/events", last)
}

// lost is how long a test waits for an event that does not come, so that it
// fails and says which instead of holding up all others.
const lost = time.Minute

func (c *caller) openAt(t *testing.T, path, last string) *listener {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), lost)
	req, err := http.NewRequestWithContext(ctx, "GET", c.w.server.URL+api.Prefix+path, nil)
	must(t, err)
	if c.cookie != "" {
		req.AddCookie(&http.Cookie{Name: api.CookieName, Value: c.cookie})
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	res, err := c.w.server.Client().Do(req)
	must(t, err)
	l := &listener{cancel: cancel, res: res, lines: bufio.NewScanner(res.Body)}
	t.Cleanup(l.close)
	return l
}

func (l *listener) close() { l.cancel(); _ = l.res.Body.Close() }

// next waits for an event: "type id state". "" is the end of the stream,
// "alive" a sign of life.
func (l *listener) next() string {
	kind, data, alive := "", "", false
	for l.lines.Scan() {
		switch line := l.lines.Text(); {
		case strings.HasPrefix(line, "id: "):
			l.last = line[4:]
		case strings.HasPrefix(line, "event: "):
			kind = line[7:]
		case strings.HasPrefix(line, "data: "):
			data = line[6:]
		case line == ": alive":
			alive = true
		case line == "" && kind != "":
			return kind + " " + data
		case line == "" && alive:
			return "alive"
		}
	}
	return ""
}

// until reads on to an event that begins so.
func (l *listener) until(t *testing.T, prefix string) string {
	t.Helper()
	for {
		switch e := l.next(); {
		case e == "":
			t.Fatalf("the stream ended before %s", prefix)
		case strings.HasPrefix(e, prefix):
			return e
		}
	}
}

// all reads on until every prefix has begun an event, in whatever order: what
// happens close together may stand in different audit chains.
func (l *listener) all(t *testing.T, prefixes ...string) {
	t.Helper()
	for len(prefixes) > 0 {
		e := l.next()
		if e == "" {
			t.Fatalf("the stream ended before %q", prefixes)
		}
		prefixes = slices.DeleteFunc(prefixes, func(p string) bool { return strings.HasPrefix(e, p) })
	}
}

func (c *caller) domain(t *testing.T, name string, group core.GroupID) core.DomainID {
	t.Helper()
	return decode[resource.DomainDetail](t, c.do(t, "POST", "/domains", resource.NewDomain{Name: name, Group: group}).is(t, 201)).ID
}

func TestEvents(t *testing.T) {
	clock := identitytest.NewClock()
	storetest.EnginesAt(t, clock.Now, func(t *testing.T, db *store.DB) {
		w := newWorldOn(t, db, clock)
		other := w.newGroup(t, "other")
		member := w.person(t, "member", []core.GroupID{other}, core.Grant{Role: core.RoleRequester, Group: other})
		all, some := w.admin.listen(t, ""), member.listen(t, "")
		all.until(t, "alive")
		some.until(t, "alive")
		at := all.last
		hidden := w.admin.domain(t, "hidden.example", w.group)
		seen := w.admin.domain(t, "seen.example", other)
		all.all(t, `domain {"id":"`+string(hidden)+`","state":"pending"}`, `domain {"id":"`+string(seen)+`","state":"pending"}`)
		if e := some.until(t, "domain"); !strings.Contains(e, string(seen)) {
			t.Errorf("the member is told %s", e)
		}
		// What happens while one is away comes at the return.
		all.close()
		w.admin.do(t, "POST", "/domains/"+string(hidden)+"/reject", map[string]string{"reason": "no"}).is(t, 200)
		again := w.admin.listen(t, at)
		again.all(t, `domain {"id":"`+string(seen)+`"`, `domain {"id":"`+string(hidden)+`","state":"rejected"}`)
		w.admin.listen(t, "no place of ours").until(t, `reset {"id":"","state":""}`)
		w.admin.listen(t, "0.0").until(t, `domain {"id":"`)

		// The stream ends with the session.
		member.do(t, "DELETE", "/session", nil).is(t, 204)
		some.until(t, "end")
		for some.next() != "" {
		}
		if l := member.open(t, ""); l.res.StatusCode != 401 {
			t.Errorf("without session: %d", l.res.StatusCode)
		}
		// And with the server.
		w.api.Close()
		for again.next() != "" {
		}
		if l := w.admin.open(t, ""); l.res.StatusCode != 503 {
			t.Errorf("while stopping: %d", l.res.StatusCode)
		}
	})
}

func TestEventsOfIssuing(t *testing.T) {
	w := newWorld(t)
	l := w.admin.listen(t, "")
	l.until(t, "alive")
	c := w.admin.order(t, resource.NewOrder{Product: "tls-server", CSR: csr(t, "events.example")})
	l.until(t, `certificate {"id":"`+string(c.Certificate.ID)+`","state":"active"}`)
}

func TestEventLimit(t *testing.T) {
	w := newWorld(t)
	var open []*listener
	for range 8 {
		open = append(open, w.admin.listen(t, ""))
	}
	if l := w.admin.open(t, ""); l.res.StatusCode != 429 || l.res.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: %d", l.res.StatusCode)
	}
	w.person(t, "another", []core.GroupID{w.group}).listen(t, "").until(t, "alive")
	for _, l := range open {
		l.until(t, "alive")
	}
}
