package api_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/agreement"
	"github.com/certwright/certwright/internal/api"
	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/audit"
	"github.com/certwright/certwright/internal/audit/audittest"
	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/connector"
	"github.com/certwright/certwright/internal/connector/builtin"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/federation"
	"github.com/certwright/certwright/internal/identity/identitytest"
	"github.com/certwright/certwright/internal/jobs"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/policy"
	"github.com/certwright/certwright/internal/product"
	"github.com/certwright/certwright/internal/secret"
	"github.com/certwright/certwright/internal/secret/secrettest"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
	"github.com/certwright/certwright/internal/validation"
	"github.com/certwright/certwright/internal/validation/validationtest"
	"github.com/certwright/certwright/internal/vetting"
	"github.com/certwright/certwright/internal/vetting/vettingtest"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// world is an installation: the API over real services and a real database.
type world struct {
	*identitytest.World
	db     *store.DB
	api    *api.API
	deps   api.Deps // of api
	box    *secret.Box
	server *httptest.Server
	enroll *enroll.Service
	audit  *audit.Log
	queue  *jobs.Queue
	ca     *ca.CA
	h      *ca.Hierarchy
	logs   *bytes.Buffer
	dns    *validationtest.DNS
	mail   vettingtest.Mail
	orders *ordering.Service
	names  *domain.Service
	admin  *caller            // signed in
	group  core.GroupID       // "default"
	people map[string]*caller // by login, made by person
}

// nothing implements enroll.Followup.
type nothing struct{}

func (nothing) Revoked(context.Context, core.Tx, core.AccountID, core.IssuerID) error { return nil }

// newWorld makes an installation on SQLite.
func newWorld(t testing.TB) *world {
	t.Helper()
	clock := identitytest.NewClock()
	db, err := store.Open(context.Background(), store.Config{URL: storetest.SQLiteURL(t), Relaxed: true, Now: clock.Now})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	must(t, db.Migrate(context.Background()))
	return newWorldOn(t, db, clock)
}

func newWorldOn(t testing.TB, db *store.DB, clock *identitytest.Clock) *world {
	t.Helper()
	w := &world{db: db, logs: &bytes.Buffer{}, people: map[string]*caller{}}
	w.services(t, clock)
	w.serve(t)
	w.first(t)
	return w
}

// services makes everything that the API stands on.
func (w *world) services(t testing.TB, clock *identitytest.Clock) {
	t.Helper()
	ctx, box := context.Background(), secrettest.New(t)
	w.box = box
	w.World = &identitytest.World{Clock: clock}
	w.audit = audit.New(audit.Deps{Storage: w.db, Signer: audittest.Key(t), Now: clock.Now})
	var err error
	w.Service, err = identity.New(identity.Deps{
		Storage: w.db, Catalogue: w.db, Audit: w.audit, Sealer: box, MAC: box.MAC, Now: clock.Now, Types: identitytest.Types(),
		BaseURL: func() string { return "https://ca.example" }, Password: identity.PasswordCost{Memory: 64, Time: 1, Threads: 1},
	})
	must(t, err)
	w.First, err = w.Bootstrap(ctx, "Example")
	must(t, err)
	w.ca = ca.New(ca.Deps{Storage: store.CA{DB: w.db}, Sealer: box, StatusURL: func() string { return "http://status.example" }, Now: clock.Now})
	host := identity.Host(w.First.Account.ID, "host")
	w.h, err = w.ca.Bootstrap(ctx, host, w.First.Account.ID, ca.Config{Organisation: "Example", RSAName: "-"})
	must(t, err)
	w.enroll = enroll.New(enroll.Deps{Storage: w.db, Audit: w.audit, Sealer: box, Followup: nothing{},
		Connectors: []connector.Connector{builtin.New(builtin.Deps{CA: w.ca})}, Now: clock.Now})
	products := product.New(product.Deps{Storage: w.db, Audit: w.audit, Now: clock.Now, CheckLint: ca.CheckLint})
	for _, p := range policy.Shipped(w.h.Issuing.ID, "") {
		_, err := products.Create(ctx, host, p)
		must(t, err)
	}
	must(t, jobs.Migrate(ctx, w.db.SQL(), string(w.db.Dialect())))
	w.queue, err = jobs.New(jobs.Deps{DB: w.db.SQL(), Dialect: string(w.db.Dialect()), Now: clock.Now})
	must(t, err)
	w.names = w.domains(t)
	v, err := vetting.New(vetting.Deps{Storage: w.db, Audit: w.audit, Sealer: box, Mail: &w.mail, BaseURL: func() string { return "https://ca.example" }, Now: clock.Now})
	must(t, err)
	texts := agreement.New(agreement.Deps{Storage: w.db, Audit: w.audit, Now: clock.Now})
	w.orders = ordering.NewService(ordering.Deps{Agreements: texts, Storage: w.db, Enroll: w.enroll, Domains: w.names, DomainRows: w.db, Vetting: v, Audit: w.audit, Sealer: box, Now: clock.Now})
	fed, err := federation.New(federation.Deps{Storage: w.db, Audit: w.audit, Sealer: box, Identity: w.Service, HTTP: http.DefaultClient, TLS: &tls.Config{},
		Now: clock.Now, BaseURL: func() string { return "https://ca.example" }, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	w.deps = api.Deps{
		Identity: w.Service, Agreements: texts, Providers: fed, Storage: w.db, Enroll: w.enroll, Products: products, Domains: w.names, CA: w.ca, Vetting: v, Orders: w.orders, Inventory: w.inventory(t), Lists: w.lists(t), Audit: w.audit, Jobs: w.queue,
		About: func(context.Context) (*resource.About, error) {
			return &resource.About{Version: "1.2.3", Go: "go", Database: string(w.db.Dialect())}, nil
		},
		BaseURL: func() string { return w.server.URL }, EventTick: 5 * time.Millisecond, Operator: func(a core.AccountID) bool { return a == w.First.Account.ID },
		Now: clock.Now, Logger: slog.New(slog.NewTextHandler(w.logs, nil)),
	}
	w.api, err = api.New(w.deps)
	must(t, err)
}

// domains makes the domain service over a DNS server of the test's own.
func (w *world) domains(t testing.TB) *domain.Service {
	t.Helper()
	w.dns = validationtest.NewDNS(t)
	checks, err := validation.New(validation.Deps{Resolvers: []string{w.dns.Addr}, AllowLoopback: true, Now: w.Clock.Now})
	must(t, err)
	s, err := domain.NewService(domain.Deps{Storage: w.db, Checker: checks, Audit: w.audit, BaseURL: func() string { return "https://ca.example" }, Now: w.Clock.Now,
		Verified: func(ctx context.Context, tx core.Tx, d *core.Domain) error {
			return w.orders.DomainVerified(ctx, tx, d)
		}})
	must(t, err)
	return s
}

// serve puts the API behind TLS, with what the plumbing of a listener adds.
func (w *world) serve(t testing.TB) {
	t.Helper()
	w.server = httptest.NewTLSServer(behind(w.api))
	w.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(w.server.Close)
}

// behind is what the plumbing of a listener puts in front of the API.
func behind(a *api.API) http.Handler {
	h := a.Handler()
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		c := httpx.Client{RequestID: "req-1", Address: netip.MustParseAddr("192.0.2.7"), Scheme: "https", Host: r.Host}
		h.ServeHTTP(rw, r.WithContext(httpx.WithClient(r.Context(), c)))
	})
}

// first signs the administrator in, who must change his password.
func (w *world) first(t testing.TB) {
	t.Helper()
	w.admin = w.signIn(t, w.First.User.Login, w.First.Password.Reveal())
	w.admin.do(t, "POST", "/session/password", resource.PasswordChange{Old: w.First.Password.Reveal(), New: identitytest.AdminPassword}).is(t, 204)
	w.group = w.First.Group.ID
	w.Admin = &core.Principal{Account: w.First.Account.ID, User: w.First.User.ID, Login: "admin", Grants: []core.Grant{{Role: core.RoleAdministrator}}}
}

// caller is somebody who asks.
type caller struct {
	w      *world
	cookie string
	token  string
	id     core.UserID
}

// signIn starts a session.
func (w *world) signIn(t testing.TB, login, password string) *caller {
	t.Helper()
	c := &caller{w: w}
	a := c.do(t, "POST", "/session", resource.SignIn{Login: login, Password: password}).is(t, 200)
	for _, k := range (&http.Response{Header: a.header}).Cookies() {
		if k.Name == api.CookieName {
			c.cookie = k.Value
		}
	}
	if c.cookie == "" {
		t.Fatal("no session cookie")
	}
	c.id = decode[resource.Me](t, a).User
	return c
}

// person makes a user through the API, sets his password and gives back his
// session; the same one for the same login.
func (w *world) person(t testing.TB, login string, groups []core.GroupID, grants ...core.Grant) *caller {
	t.Helper()
	if c := w.people[login]; c != nil {
		return c
	}
	made := decode[resource.IssuedPassword](t, w.admin.do(t, "POST", "/users", resource.NewUser{Login: login, Name: login, Grants: grants, Groups: groups}).is(t, 201))
	c := w.signIn(t, login, made.Password)
	c.do(t, "POST", "/session/password", resource.PasswordChange{Old: made.Password, New: identitytest.AdminPassword}).is(t, 204)
	w.people[login] = c
	return c
}

// newGroup makes a group.
func (w *world) newGroup(t testing.TB, name string) core.GroupID {
	t.Helper()
	return decode[resource.Group](t, w.admin.do(t, "POST", "/groups", resource.GroupFields{Name: name}).is(t, 201)).ID
}

// withToken returns the same person with a personal token.
func (c *caller) withToken(t testing.TB, roles ...core.Role) *caller {
	t.Helper()
	made := decode[resource.IssuedToken](t, c.do(t, "POST", "/tokens", resource.NewToken{Name: "test", Roles: roles}).is(t, 201))
	return &caller{w: c.w, token: made.Secret, id: c.id}
}

// client returns a typed client of the same person.
func (c *caller) client(t testing.TB) *client.Client {
	t.Helper()
	if c.token == "" {
		c = c.withToken(t)
	}
	cl, err := client.New(client.Config{BaseURL: c.w.server.URL, Token: c.token, Transport: c.w.server.Client().Transport})
	must(t, err)
	return cl
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request. A body that is a string or []byte is sent as it is.
// headers are pairs; an empty value removes what would be sent by itself.
func (c *caller) do(t testing.TB, method, path string, body any, headers ...string) *answer {
	t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	case []byte:
		r = bytes.NewReader(b)
	case io.Reader:
		r = b
	default:
		raw, err := json.Marshal(b)
		must(t, err)
		r = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, c.w.server.URL+api.Prefix+path, r)
	must(t, err)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("X-Requested-With", "certwright")
	if c.cookie != "" {
		req.AddCookie(&http.Cookie{Name: api.CookieName, Value: c.cookie})
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Del(headers[i])
		if headers[i+1] != "" {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	resp, err := c.w.server.Client().Do(req)
	must(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return &answer{resp.StatusCode, resp.Header, raw}
}

// is checks the status.
func (a *answer) is(t testing.TB, status int) *answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// problem checks that the answer is a problem of a kind.
func (a *answer) problem(t testing.TB, kind core.Kind) resource.Problem {
	t.Helper()
	var p resource.Problem
	if err := json.Unmarshal(a.body, &p); err != nil || a.header.Get("Content-Type") != resource.ProblemType {
		t.Fatalf("status %d, type %q: %s", a.status, a.header.Get("Content-Type"), a.body)
	}
	if p.Kind() != kind || p.Status != a.status || p.Title == "" || p.RequestID != "req-1" {
		t.Fatalf("status %d, problem %+v, want kind %s", a.status, p, kind)
	}
	return p
}

func decode[T any](t testing.TB, a *answer) T {
	t.Helper()
	var v T
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	return v
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type identityRole = core.Role

// withRole returns somebody who has one role in the whole account and is a
// member of the default group.
func (w *world) withRole(t testing.TB, role string) *caller {
	t.Helper()
	return w.person(t, "the-"+role, []core.GroupID{w.group}, core.Grant{Role: core.Role(role)})
}
