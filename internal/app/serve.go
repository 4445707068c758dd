package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/certwright/certwright/internal/api"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/portal"
	"github.com/certwright/certwright/internal/protocol"
	"github.com/certwright/certwright/internal/protocol/acme"
	"github.com/certwright/certwright/internal/protocol/est"
	"github.com/certwright/certwright/internal/protocol/status"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/wire/httpx"
)

const (
	apiPath      = api.Prefix
	stopDeadline = 20 * time.Second
)

// server is a running platform.
type server struct {
	*parts
	tls      *serverTLS
	jobs     *work
	api      *api.API
	acme     *acme.Service
	http     *httpx.Server
	registry *prometheus.Registry
	level    *slog.LevelVar
}

// Serve runs the platform until ctx ends. What the first start has to say goes
// to out.
func Serve(ctx context.Context, cfg Config, reload Reload, out io.Writer) error {
	level := new(slog.LevelVar)
	level.Set(cfg.Log.slogLevel())
	log := logger(cfg.Log, level, os.Stderr)
	if path, ok := strings.CutPrefix(cfg.Database, "sqlite:"); ok {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		unlock, err := lock(path + ".lock")
		if err != nil {
			return err
		}
		defer unlock()
	}
	p, err := build(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() {
		if err := p.db.Close(); err != nil {
			log.Error("close the database", "error", err)
		}
	}()
	s := &server{parts: p, tls: &serverTLS{p: p}, level: level, registry: prometheus.NewRegistry()}
	p.followup.serverTLS = s.tls.renew
	hello, err := p.firstStart(ctx)
	if err != nil {
		return fmt.Errorf("first start: %w", err)
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	if hello != nil {
		if err := hello.print(out, cfg); err != nil {
			return err
		}
		if err := p.welcomed(ctx); err != nil {
			return err
		}
	}
	log.Info("ready", "main", cfg.External.Main, "mtls", cfg.External.MTLS, "plain", cfg.External.Plain, "engine", string(p.db.Dialect()), "version", Version())
	return s.run(ctx, reload)
}

// logger writes structured lines to w.
func logger(c Log, level *slog.LevelVar, w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "text" {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

func (s *server) start(ctx context.Context) error {
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "certwright_commits_total", Help: "Durable commits of the database."},
		func() float64 { c, _ := s.db.Stats(); return float64(c) }))
	s.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "certwright_transactions_total", Help: "Transactions carried by them."},
		func() float64 { _, t := s.db.Stats(); return float64(t) }))
	if err := s.tls.load(ctx); err != nil {
		return err
	}
	recoverOrders := s.enroll.Sweep
	if s.db.Dialect() == store.SQLite { // one process: whoever held a lease is gone
		recoverOrders = s.enroll.Recover
	}
	if n, err := recoverOrders(ctx); err != nil {
		s.log.Warn("orders that an earlier process left half issued", "error", err)
	} else if n > 0 {
		s.log.Info("finished orders that an earlier process left half issued", "orders", n)
	}
	var err error
	if s.jobs, err = newWork(ctx, s); err != nil {
		return err
	}
	if s.acme, err = s.newACME(); err != nil {
		return err
	}
	listeners, err := s.listeners()
	if err != nil {
		return err
	}
	limits := httpx.Limits{}
	limits.Exempt, _ = prefixes(slices.Concat(s.cfg.Proxy.Trusted, s.cfg.Limit.Exempt))
	s.http = httpx.NewServer(httpx.ServerDeps{Log: s.log, Limits: limits}, listeners...)
	if err := s.http.Start(ctx); err != nil {
		return err
	}
	if err := s.jobs.start(ctx); err != nil {
		return err
	}
	return s.resumeACME(ctx)
}

// run waits for the end, and for SIGHUP.
func (s *server) run(ctx context.Context, reload Reload) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	var failed error
loop:
	for {
		select {
		case <-ctx.Done():
			break loop
		case failed = <-s.http.Failed():
			break loop
		case <-hup:
			s.reload(ctx, reload)
		}
	}
	s.log.Info("stopping")
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopDeadline)
	defer cancel()
	s.api.Close()
	err := s.http.Stop(end)
	s.acme.Close()
	err = errors.Join(err, s.jobs.stop(end), s.audit.Flush(end, true))
	if _, _, cerr := s.audit.Checkpoint(end); cerr != nil {
		err = errors.Join(err, cerr)
	}
	return errors.Join(failed, err)
}

// reload acts on SIGHUP: log level and certificate files. A configuration that
// cannot be read changes nothing.
func (s *server) reload(ctx context.Context, load Reload) {
	cfg, err := load()
	if err != nil {
		s.log.Error("reload: the configuration stays as it was", "error", err)
		return
	}
	s.level.Set(cfg.Log.slogLevel())
	if cfg.TLS.Certificate != "" {
		s.cfg.TLS.Certificate, s.cfg.TLS.Key = cfg.TLS.Certificate, cfg.TLS.Key
	}
	if err := s.tls.load(ctx); err != nil {
		s.log.Error("reload: the server certificate stays as it was", "error", err)
		return
	}
	s.log.Info("reloaded", "level", s.level.Level().String())
}

// protocols is the list of wire protocols. A protocol adds its line here.
func (s *server) protocols() []protocol.Protocol {
	return []protocol.Protocol{
		est.New(est.Deps{Auth: s.identity, Enroll: s.enroll, Audit: s.audit, Log: s.log, Now: s.now, KeySigner: s.tls.keySigner}),
		s.acme,
		s.newREST(),
		status.New(status.Deps{Status: statusOf{s.parts}, Log: s.log, Now: s.now}),
	}
}

// listeners makes the map of what is served where.
func (s *server) listeners() ([]httpx.Listener, error) {
	trusted, err := prefixes(s.cfg.Proxy.Trusted)
	if err != nil {
		return nil, err
	}
	certFrom, err := prefixes(s.cfg.Proxy.ClientCert)
	if err != nil {
		return nil, err
	}
	exempt, err := prefixes(slices.Concat(s.cfg.Limit.Exempt, s.cfg.Proxy.Trusted))
	if err != nil {
		return nil, err
	}
	metrics, err := httpx.NewPrometheus(s.registry)
	if err != nil {
		return nil, err
	}
	limiter := httpx.NewRateLimiter(httpx.RateLimit{PerSecond: s.cfg.Limit.PerSecond, Burst: s.cfg.Limit.Burst, Exempt: exempt, Now: s.now})
	stack := httpx.New(httpx.Deps{Log: s.log, Now: s.now, Metrics: metrics, Limit: limiter,
		Proxies: httpx.Proxies{Trusted: trusted, AddressHeader: s.cfg.Proxy.AddressHeader, ClientCert: certFrom, CertHeader: s.cfg.Proxy.CertHeader}})
	main, err := s.mainRoutes()
	if err != nil {
		return nil, err
	}
	health := s.healthRoutes()
	routes := map[protocol.Listener][]httpx.Route{
		protocol.Main: append(main, health...), protocol.MTLS: slices.Clone(health), protocol.Plain: slices.Clone(health),
	}
	for _, p := range s.protocols() {
		for _, r := range p.Routes() {
			for l := range routes {
				if r.On&l != 0 {
					routes[l] = append(routes[l], httpx.Route{Protocol: p.Name(), Pattern: r.Pattern, Handler: r.Handler, MaxBody: r.MaxBody})
				}
			}
		}
	}
	var out []httpx.Listener
	for _, l := range []struct {
		name, addr string
		routes     []httpx.Route
		tls        *httpx.TLS
	}{
		{"main", s.cfg.Listen.Main, routes[protocol.Main], &httpx.TLS{GetCertificate: s.tls.get, HTTP2: true}},
		{"mtls", s.cfg.Listen.MTLS, routes[protocol.MTLS], &httpx.TLS{GetCertificate: s.tls.get, ClientCert: true}},
		{"plain", s.cfg.Listen.Plain, routes[protocol.Plain], nil},
		{"ops", s.cfg.Listen.Ops, append(s.opsRoutes(), health...), nil},
	} {
		if l.addr == "-" {
			continue
		}
		h, err := stack.Mux(l.routes)
		if err != nil {
			return nil, fmt.Errorf("listener %s: %w", l.name, err)
		}
		out = append(out, httpx.Listener{Name: l.name, Addr: l.addr, Handler: h, TLS: l.tls})
	}
	return out, nil
}

// mainRoutes are portal and management API.
func (s *server) mainRoutes() ([]httpx.Route, error) {
	base := func() string { return s.cfg.External.Main }
	a, err := api.New(api.Deps{Identity: s.identity, Agreements: s.agreements, Providers: s.federation, Storage: s.db, Enroll: s.enroll, Products: s.products, Domains: s.domains, CA: s.ca, Vetting: s.vetting, Orders: s.orders, Setup: s.setup, Inventory: s.inventory, Lists: s.lists,
		Audit: s.audit, Jobs: s.jobs, About: s.about, BaseURL: base,
		Operator: s.operator, Now: s.now, Logger: s.log})
	if err != nil {
		return nil, err
	}
	s.api = a
	p, err := portal.New(portal.Deps{Identity: s.identity, Domains: s.domains, Consents: s.vetting, Providers: s.federation, BaseURL: base, APIPath: apiPath, RootURL: s.rootURL, Cookie: api.CookieName, Now: s.now, Log: s.log})
	if err != nil {
		return nil, err
	}
	return append(p.Routes(), httpx.Route{Protocol: "api", Pattern: apiPath + "/", Handler: a.Handler(), MaxBody: api.MaxUpload}), nil
}

// healthRoutes are served on every listener: /healthz says that the process
// lives, /readyz that it can do its work.
func (s *server) healthRoutes() []httpx.Route {
	return []httpx.Route{
		{Protocol: "health", Pattern: "GET /healthz", Quiet: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			httpx.Reply(w, r, http.StatusOK, []byte("ok\n"))
		})},
		{Protocol: "health", Pattern: "GET /readyz", Quiet: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if trouble := s.trouble(r.Context()); len(trouble) > 0 {
				s.log.WarnContext(r.Context(), "not ready", "because", strings.Join(trouble, "; "))
				httpx.Reply(w, r, http.StatusServiceUnavailable, []byte("not ready\n"))
				return
			}
			httpx.Reply(w, r, http.StatusOK, []byte("ready\n"))
		})},
	}
}

// opsRoutes are for operators only.
func (s *server) opsRoutes() []httpx.Route {
	return []httpx.Route{{Protocol: "metrics", Pattern: "GET /metrics", Quiet: true, Handler: promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{})}}
}

// trouble lists why the server cannot do its work now.
func (s *server) trouble(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := s.db.Ping(ctx); err != nil {
		return []string{"the database does not answer"}
	}
	var out []string
	if skew, err := s.db.Skew(ctx); err != nil || skew > 2*time.Second || skew < -2*time.Second {
		out = append(out, "the clocks of host and database differ")
	}
	list, err := s.ca.Status(ctx, "")
	if err != nil {
		return append(out, "the issuers cannot be read")
	}
	for i := range list {
		if list[i].KeyError != nil {
			out = append(out, "the key of issuer "+list[i].Slug+" cannot be used")
		}
	}
	return out
}

// operator reports whether an account is the installation's own: the first.
func (s *server) operator(account core.AccountID) bool {
	a, err := s.db.AccountByNumber(context.Background(), 0)
	return err == nil && a.ID == account
}

// rootURL is where the root certificates are had without TLS.
func (s *server) rootURL() string {
	if s.cfg.External.Plain == "" {
		return ""
	}
	return s.cfg.External.Plain + "/root.crt"
}
