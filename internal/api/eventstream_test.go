package api_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/audit"
	"github.com/certwright/certwright/internal/audit/audittest"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/identitytest"
	"github.com/certwright/certwright/internal/jobs"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
	"github.com/certwright/certwright/internal/validation"
)

// pipes is a listener whose connections hold nothing back: who writes waits
// until the other end reads.
type pipes struct {
	made chan net.Conn
	gone chan struct{}
	once sync.Once
}

func newPipes() *pipes { return &pipes{made: make(chan net.Conn), gone: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.made:
		return c, nil
	case <-p.gone:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.gone) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// follow asks for a stream over a pipe and reads nothing.
func (p *pipes) follow(t *testing.T, token string) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	t.Cleanup(func() { _ = client.Close() })
	p.made <- server
	_, err := io.WriteString(client, "GET "+api.Prefix+"/events HTTP/1.1\r\nHost: ca.example\r\nAuthorization: Bearer "+token+"\r\n\r\n")
	must(t, err)
	return client
}

// piped serves an API with other settings over pipes; every request that ended
// is told.
func (w *world) piped(t *testing.T, change func(d *api.Deps)) (*api.API, *pipes, *http.Server, chan struct{}) {
	t.Helper()
	d := w.deps
	change(&d)
	a, err := api.New(d)
	must(t, err)
	h, ended := behind(a), make(chan struct{}, 10)
	srv := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		defer func() { ended <- struct{}{} }()
		h.ServeHTTP(rw, r)
	})}
	l := newPipes()
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return a, l, srv, ended
}

// TestSlowReader: a client that does not read loses its stream.
func TestSlowReader(t *testing.T) {
	w := newWorld(t)
	_, l, _, ended := w.piped(t, func(d *api.Deps) { d.EventWrite = 10 * time.Millisecond })
	l.follow(t, w.admin.withToken(t).token)
	select {
	case <-ended:
	case <-time.After(lost):
		t.Fatal("the stream goes on")
	}
}

// TestSlowReaderHTTP2: the same over HTTP/2, where a client that does not read
// lets the window of the stream run full while the connection goes on.
func TestSlowReaderHTTP2(t *testing.T) {
	w := newWorld(t)
	q := &working{Queue: w.queue, job: jobs.Job{ID: 7, State: "active"}}
	d := w.deps
	d.Jobs, d.EventWrite = q, 10*time.Millisecond
	a, err := api.New(d)
	must(t, err)
	h, ended := behind(a), make(chan struct{}, 1)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(rw, r)
		ended <- struct{}{}
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	client := srv.Client()
	client.Transport.(*http.Transport).HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+api.Prefix+"/events", nil)
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+w.admin.withToken(t).token)
	res, err := client.Do(req)
	must(t, err)
	t.Cleanup(func() { _ = res.Body.Close() })
	if res.ProtoMajor != 2 || res.StatusCode != 200 {
		t.Fatalf("%s %d", res.Proto, res.StatusCode)
	}
	q.set(func(j *jobs.Job) { j.Progress = &jobs.Progress{Done: 1, Note: strings.Repeat("long ", 1<<17)} })
	select {
	case <-ended:
	case <-time.After(lost):
		t.Fatal("the stream goes on")
	}
}

// TestStopWithStreams: neither streams that are read nor one that is not keep
// the server from stopping.
func TestStopWithStreams(t *testing.T) {
	w := newWorld(t)
	a, l, srv, ended := w.piped(t, func(d *api.Deps) { d.EventWrite = time.Hour })
	token := w.admin.withToken(t).token
	read := l.follow(t, token)
	lines := bufio.NewScanner(read)
	for lines.Scan() && lines.Text() != ": alive" {
	}
	go func() { _, _ = io.Copy(io.Discard, read) }()
	stuck := l.follow(t, token)
	// With the first octet of the answer the stream is in the middle of a write.
	_, err := io.ReadFull(stuck, make([]byte, 1))
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), lost)
	defer cancel()
	a.Close()
	must(t, srv.Shutdown(ctx))
	<-ended
	<-ended
}

// TestEventsEndWithIdleSession: following events does not keep a session alive,
// and ends with it.
func TestEventsEndWithIdleSession(t *testing.T) {
	w := newWorld(t)
	l := w.admin.listen(t, "")
	l.until(t, "alive")
	w.Clock.Advance(24 * time.Hour)
	l.until(t, "end")
	if e := l.next(); e != "" {
		t.Errorf("after the end: %s", e)
	}
}

// TestUnattended: what a page asks by itself does not keep a session alive,
// what a person asks does.
func TestUnattended(t *testing.T) {
	w := newWorld(t)
	idle := w.person(t, "idle", []core.GroupID{w.group})
	for range 20 {
		w.Clock.Advance(5 * time.Minute)
		w.admin.do(t, "GET", "/session", nil).is(t, 200)
	}
	idle.do(t, "GET", "/session", nil, api.Unattended, "true").is(t, 401)
	w.admin.do(t, "GET", "/session", nil, api.Unattended, "true").is(t, 200)
	for range 20 {
		w.Clock.Advance(5 * time.Minute)
		if w.admin.do(t, "GET", "/session", nil, api.Unattended, "true").status == 401 {
			return
		}
	}
	t.Error("the session lives on")
}

// TestEventsOfCatalogue: products and issuers, for who may see them.
func TestEventsOfCatalogue(t *testing.T) {
	w := newWorld(t)
	l := w.admin.listen(t, "")
	l.until(t, "alive")
	p := decode[resource.Product](t, w.admin.do(t, "POST", "/products/tls-server/disable", nil).is(t, 200))
	l.until(t, `product {"id":"`+string(p.ID)+`","state":"disabled"}`)
	w.admin.do(t, "POST", "/issuers/"+string(w.h.Issuing.ID)+"/crl", nil).is(t, 200)
	l.until(t, `issuer {"id":"`+string(w.h.Issuing.ID)+`","state":"active"}`)
}

// working is a queue with one job that goes on.
type working struct {
	*jobs.Queue
	mu  sync.Mutex
	job jobs.Job
}

func (q *working) set(change func(j *jobs.Job)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	change(&q.job)
}

func (q *working) List(context.Context, core.ListQuery, bool) (core.Page[jobs.Job], error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return core.Page[jobs.Job]{Items: []jobs.Job{q.job}}, nil
}

// TestEventsOfJobs: state and progress of jobs are told as they change.
func TestEventsOfJobs(t *testing.T) {
	w := newWorld(t)
	q := &working{Queue: w.queue, job: jobs.Job{ID: 7, State: "active"}}
	d := w.deps
	d.Jobs = q
	a, err := api.New(d)
	must(t, err)
	w.server.Config.Handler = behind(a)
	l := w.admin.listen(t, "")
	l.until(t, "alive")
	q.set(func(j *jobs.Job) { j.Progress = &jobs.Progress{Done: 3, Total: 9, Note: "hosts"} })
	l.until(t, `job {"id":"7","state":"active","progress":{"done":3,"total":9,"note":"hosts"}}`)
	q.set(func(j *jobs.Job) { j.State = "done" })
	l.until(t, `job {"id":"7","state":"done"`)
}

// failing is a database in which issuers are damaged.
type failing struct{ api.Storage }

func (f failing) Issuer(context.Context, core.AccountID, core.IssuerID) (*core.Issuer, error) {
	return nil, core.Errorf(core.KindInternal, "damaged")
}

// TestEventsBehindDamage: a change that cannot be told does not hold up all
// later ones.
func TestEventsBehindDamage(t *testing.T) {
	w := newWorld(t)
	there := &caller{w: &world{server: httptest.NewTLSServer(behind(w.api))}, cookie: w.admin.cookie}
	t.Cleanup(there.w.server.Close)
	d := w.deps
	d.Storage = failing{d.Storage}
	a, err := api.New(d)
	must(t, err)
	w.server.Config.Handler = behind(a)
	l := w.admin.listen(t, "")
	l.until(t, "alive")
	there.do(t, "POST", "/issuers/"+string(w.h.Issuing.ID)+"/crl", nil).is(t, 200)
	l.until(t, "reset")
	w.admin.domain(t, "later.example", w.group)
	l.until(t, "domain")
}

// gate is a database that lets the hub wait while it reads changes.
type gate struct {
	api.Storage
	shut     atomic.Bool
	entered  chan struct{}
	released chan struct{}
}

func (g *gate) Changes(ctx context.Context, account core.AccountID, chain int, after, until int64, limit int) ([]core.Change, error) {
	if account == "" && g.shut.CompareAndSwap(true, false) {
		close(g.entered)
		<-g.released
	}
	return g.Storage.Changes(ctx, account, chain, after, until, limit)
}

// TestEventsOfNewcomer: the first of an account who comes back while the hub
// reads what others did misses nothing of his own account.
func TestEventsOfNewcomer(t *testing.T) {
	w := newWorld(t)
	other := w.otherAccount(t)
	d := w.deps
	g := &gate{Storage: d.Storage, entered: make(chan struct{}), released: make(chan struct{})}
	d.Storage = g
	a, err := api.New(d)
	must(t, err)
	w.server.Config.Handler = behind(a)
	l := w.admin.listen(t, "")
	l.until(t, "alive")
	g.shut.Store(true)
	w.admin.domain(t, "somewhere.example", w.group)
	other.do(t, "POST", "/groups", resource.GroupFields{Name: "while-away"}).is(t, 201)
	<-g.entered
	back := other.listen(t, l.last)
	back.until(t, "alive")
	close(g.released)
	back.until(t, "reset")
	l.until(t, "domain")
}

// TestQuietRefusal: a browser is told by an event that there is no stream for
// it.
func TestQuietRefusal(t *testing.T) {
	w := newWorld(t)
	for range 8 {
		w.admin.listen(t, "").until(t, "alive")
	}
	l := w.admin.openAt(t, "/events?quiet=true", "")
	if e := l.next(); l.res.StatusCode != 200 || !strings.HasPrefix(e, "busy ") {
		t.Errorf("%d %s", l.res.StatusCode, e)
	}
	if e := l.next(); e != "" {
		t.Errorf("after that: %s", e)
	}
	other := w.withRole(t, "administrator")
	at := other.listen(t, "")
	at.until(t, "alive")
	w.admin.domain(t, "late.example", w.group)
	other.openAt(t, "/events?quiet=true&after="+at.last, "").until(t, "domain")
	other.openAt(t, "/events?after=nonsense", "").until(t, "reset")
}

// TestEventsOfReplica: what a second process of the same installation does
// arrives at a stream of the first.
func TestEventsOfReplica(t *testing.T) {
	clock := identitytest.NewClock()
	url := storetest.PostgresURL(t)
	open := func() *store.DB {
		db, err := store.Open(t.Context(), store.Config{URL: url, Now: clock.Now})
		must(t, err)
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	db := open()
	must(t, db.Migrate(t.Context()))
	w := newWorldOn(t, db, clock)
	l := w.admin.listen(t, "")
	l.until(t, "alive")

	d, second := w.deps, open()
	log := audit.New(audit.Deps{Storage: second, Signer: audittest.Key(t), Now: clock.Now})
	people, err := identity.New(identity.Deps{Storage: second, Catalogue: second, Audit: log, Sealer: w.box, MAC: w.box.MAC, Now: clock.Now, Types: identitytest.Types(),
		BaseURL: func() string { return "https://ca.example" }, Password: identity.PasswordCost{Memory: 64, Time: 1, Threads: 1}})
	must(t, err)
	checks, err := validation.New(validation.Deps{Resolvers: []string{w.dns.Addr}, AllowLoopback: true, Now: clock.Now})
	must(t, err)
	d.Identity, d.Storage, d.Audit = people, second, log
	d.Domains, err = domain.NewService(domain.Deps{Storage: second, Checker: checks, Audit: log, BaseURL: func() string { return "https://ca.example" }, Now: clock.Now})
	must(t, err)
	d.Jobs, err = jobs.New(jobs.Deps{DB: second.SQL(), Dialect: string(second.Dialect()), Now: clock.Now})
	must(t, err)
	a, err := api.New(d)
	must(t, err)
	there := &caller{w: &world{server: httptest.NewTLSServer(behind(a))}, cookie: w.admin.cookie}
	t.Cleanup(there.w.server.Close)
	id := there.domain(t, "replica.example", w.group)
	l.until(t, `domain {"id":"`+string(id)+`","state":"pending"}`)
	// And it goes on there from where it was here.
	w.admin.domain(t, "first.example", w.group)
	there.listen(t, l.last).until(t, "domain")
}
