package protocoltest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/protocol"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// World is everything behind a protocol.
type World struct {
	CA      *CA
	Auth    *Authenticator
	Enroll  *Enroller
	Audit   *Auditor
	Log     *slog.Logger
	Account core.AccountID
	Product *core.Product // what New credentials are for; see DefaultProduct

	mu    sync.Mutex
	clock time.Time
	logs  bytes.Buffer
}

// New makes a world whose clock stands at now until Advance.
func New(t testing.TB, now time.Time) *World {
	t.Helper()
	return newWorld(t, now, NewCA(t, now, false))
}

// NewRSA makes a world whose CAs and TLS servers have RSA keys.
func NewRSA(t testing.TB, now time.Time) *World {
	t.Helper()
	return newWorld(t, now, NewCA(t, now, true))
}

func newWorld(t testing.TB, now time.Time, ca *CA) *World {
	t.Helper()
	w := &World{clock: now.UTC().Truncate(time.Second), CA: ca, Audit: &Auditor{}}
	w.Log = slog.New(slog.NewJSONHandler((*worldLog)(w), &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.Enroll = &Enroller{RetryAfter: 90 * time.Second, ca: w.CA, now: w.Now, products: map[core.ProductID]*core.Product{},
		orders: map[core.OrderID]*order{}, byKey: map[string]*order{}}
	w.Auth = &Authenticator{now: w.Now, enroll: w.Enroll, secrets: map[core.CredentialID]string{}}
	w.Account = core.NewID[core.AccountID](now)
	w.Product = w.AddProduct(DefaultProduct())
	return w
}

// Now is the world's clock.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

// Advance moves the clock.
func (w *World) Advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

// Logs returns everything logged so far.
func (w *World) Logs() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.logs.String()
}

type worldLog World

func (l *worldLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.logs.Write(p)
}

// DefaultProduct allows DNS names under example and test.internal and any IP
// address, keys of the usual kinds, keys made by the server, and writes
// O=Example itself.
func DefaultProduct() core.Profile {
	return core.Profile{
		ValidityAmount: 90, ValidityUnit: "days", Backdate: 5,
		Keys: []core.KeyRule{
			{Algorithm: "ECDSA", Curves: []string{"P-256", "P-384"}},
			{Algorithm: "RSA", MinBits: 2048, MaxBits: 4096},
		},
		Subject: []core.SubjectRule{
			{Type: "CN", Mode: "optional"},
			{Type: "O", Mode: "fixed", Values: []string{"Example"}},
		},
		Names: []core.NameRule{
			{Kind: "dns", Suffixes: []string{"example", "test.internal"}},
			{Kind: "ip"},
		},
		CommonName:   "in-san",
		KeyUsage:     []string{"digitalSignature", "keyEncipherment"},
		ExtKeyUsage:  []string{"serverAuth", "clientAuth"},
		Lint:         "none",
		Approval:     "automatic",
		RenewDays:    90,
		RenewSameKey: true,
		ServerKeys:   true,
	}
}

// AddProduct offers another product of the world's account.
func (w *World) AddProduct(p core.Profile) *core.Product {
	id := core.NewID[core.ProductID](w.Now())
	product := &core.Product{ID: id, Account: w.Account, Code: "p-" + string(id[24:]), Name: "Product",
		Issuer: core.NewID[core.IssuerID](w.Now()), State: core.ProductActive, Profile: p, Version: 1}
	w.Enroll.AddProduct(product)
	return product
}

// Password is the secret of credentials that AddCredential makes. It is
// recognisable in logs.
const Password = "pw-SECRET-9f3c71"

// AddCredential makes an active credential for the world's product and lets
// change alter it before it is stored. Its public id is "user-<label>", its
// secret Password.
func (w *World) AddCredential(typ core.CredentialType, auth core.AuthKind, label string, change ...func(*core.Credential)) *core.Credential {
	c := &core.Credential{
		ID: core.NewID[core.CredentialID](w.Now()), Account: w.Account, Type: typ, Auth: auth, Label: label,
		State: core.CredentialActive, User: core.NewID[core.UserID](w.Now()), Group: core.NewID[core.GroupID](w.Now()),
		Products: []core.ProductID{w.Product.ID}, Product: w.Product.ID, PublicID: "user-" + label, Version: 1,
	}
	for _, f := range change {
		f(c)
	}
	secret := Password
	if auth == core.AuthClientCert {
		secret = ""
	}
	w.Auth.Add(c, secret)
	return c
}

// Site is a protocol on real listeners.
type Site struct {
	Main, MTLS, Plain string // base URLs
	w                 *World
	mu                sync.Mutex
	failures          []string
}

// Options of Serve.
type Options struct {
	Proxies httpx.Proxies
}

// Serve opens the three listeners on the loopback interface until the test
// ends.
func (w *World) Serve(t testing.TB, o Options, protocols ...protocol.Protocol) *Site {
	t.Helper()
	s := &Site{w: w}
	stack := httpx.New(httpx.Deps{Log: w.Log, Now: w.Now, Proxies: o.Proxies})
	handler := func(on protocol.Listener) http.Handler {
		var routes []httpx.Route
		for _, p := range protocols {
			for _, r := range p.Routes() {
				if r.On&on != 0 {
					routes = append(routes, httpx.Route{Protocol: p.Name(), Pattern: r.Pattern, Handler: r.Handler, MaxBody: r.MaxBody})
				}
			}
		}
		h, err := stack.Mux(routes)
		if err != nil {
			t.Fatal(err)
		}
		return s.watch(h)
	}
	cert := w.CA.ServerCert(t, w.Now())
	get := func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil }
	server := httpx.NewServer(httpx.ServerDeps{Log: w.Log, Limits: httpx.Limits{PerAddress: 1000}},
		httpx.Listener{Name: "main", Addr: "127.0.0.1:0", Handler: handler(protocol.Main), TLS: &httpx.TLS{GetCertificate: get, HTTP2: true}},
		httpx.Listener{Name: "mtls", Addr: "127.0.0.1:0", Handler: handler(protocol.MTLS), TLS: &httpx.TLS{GetCertificate: get, ClientCert: true}},
		httpx.Listener{Name: "plain", Addr: "127.0.0.1:0", Handler: handler(protocol.Plain)})
	if err := server.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Stop(ctx)
	})
	s.Main = "https://" + server.Addr("main").String()
	s.MTLS = "https://" + server.Addr("mtls").String()
	s.Plain = "http://" + server.Addr("plain").String()
	return s
}

// On returns the base URL of a listener.
func (s *Site) On(l protocol.Listener) string {
	switch l {
	case protocol.Main:
		return s.Main
	case protocol.Plain:
		return s.Plain
	}
	return s.MTLS
}

// watch remembers every 500, which no client may ever cause.
func (s *Site) watch(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &statusWriter{ResponseWriter: w}
		h.ServeHTTP(rec, r)
		if rec.status == http.StatusInternalServerError {
			s.mu.Lock()
			s.failures = append(s.failures, r.Method+" "+r.URL.Path)
			s.mu.Unlock()
		}
	})
}

// Failures lists the requests that were answered with 500 and forgets them.
func (s *Site) Failures() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := strings.Join(s.failures, ", ")
	s.failures = nil
	return f
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Client makes an HTTP client that trusts the world's root and shows certs. It
// follows no redirect.
func (s *Site) Client(t testing.TB, certs ...tls.Certificate) *http.Client {
	return s.ClientTLS(t, &tls.Config{Certificates: certs})
}

// ClientTLS is Client with TLS settings of the caller's.
func (s *Site) ClientTLS(t testing.TB, c *tls.Config) *http.Client {
	t.Helper()
	if c.RootCAs == nil {
		c.RootCAs = s.w.CA.Roots()
	}
	tr := &http.Transport{TLSClientConfig: c, MaxIdleConnsPerHost: 100}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{
		Transport:     tr,
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Roots returns a pool with the world's root.
func (s *Site) Roots() *x509.CertPool { return s.w.CA.Roots() }
