package httpx

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Timeouts of every connection. A handler that streams for longer sets its own
// deadline with http.ResponseController.
type Timeouts struct {
	Header time.Duration // to read a request's header, TLS handshake included; 0 means 10 s
	Read   time.Duration // to read a whole request; 0 means 60 s
	Write  time.Duration // from the end of the header to the end of the answer; 0 means 120 s
	Idle   time.Duration // keep-alive; 0 means 120 s
}

func (t Timeouts) filled() Timeouts {
	or := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	or(&t.Header, 10*time.Second)
	or(&t.Read, 60*time.Second)
	or(&t.Write, 120*time.Second)
	or(&t.Idle, 120*time.Second)
	return t
}

// TLS is how a listener speaks TLS.
type TLS struct {
	// GetCertificate answers with the server's certificate of the moment, so
	// that a renewed one needs no restart.
	GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// ClientCert asks for a client certificate and takes whatever is shown or
	// none: who asks judges it, so that the answer can be 401 or 403 rather
	// than a TLS alert.
	ClientCert bool
	// HTTP2 offers h2 beside HTTP/1.1.
	HTTP2 bool
	// MinVersion is tls.VersionTLS12 when 0.
	MinVersion uint16
}

// Config returns the TLS settings of a listener.
func (t *TLS) Config() *tls.Config {
	c := &tls.Config{
		GetCertificate: t.GetCertificate,
		MinVersion:     max(t.MinVersion, tls.VersionTLS12),
		// strongSwan's EST client takes only one record for the rest of an
		// answer; Go would begin with small ones.
		DynamicRecordSizingDisabled: true,
	}
	if t.ClientCert {
		c.ClientAuth = tls.RequestClientCert
	}
	return c
}

// Listener is one address of a Server.
type Listener struct {
	Name    string // "main", "mtls", "plain"
	Addr    string // host:port
	Handler http.Handler
	TLS     *TLS // nil: plain HTTP
}

// ServerDeps is what a Server stands on.
type ServerDeps struct {
	Log      *slog.Logger
	Timeouts Timeouts
	Limits   Limits // of each listener
}

// Server runs listeners together.
type Server struct {
	d      ServerDeps
	list   []Listener
	mu     sync.Mutex
	http   []*http.Server
	addrs  map[string]net.Addr
	failed chan error
	wg     sync.WaitGroup
}

// NewServer makes a Server; Start opens its listeners.
func NewServer(d ServerDeps, list ...Listener) *Server {
	d.Timeouts = d.Timeouts.filled()
	return &Server{d: d, list: list, addrs: make(map[string]net.Addr), failed: make(chan error, len(list))}
}

// Start opens all listeners, or none and returns the error.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lc net.ListenConfig
	open := make([]net.Listener, 0, len(s.list))
	for _, l := range s.list {
		nl, err := lc.Listen(ctx, "tcp", l.Addr)
		if err != nil {
			for _, o := range open {
				_ = o.Close()
			}
			return fmt.Errorf("listener %s: %w", l.Name, err)
		}
		open = append(open, newLimitListener(nl, s.d.Limits))
	}
	for i, l := range s.list {
		srv := s.server(l)
		s.http = append(s.http, srv)
		s.addrs[l.Name] = open[i].Addr()
		s.d.Log.InfoContext(ctx, "listening", "listener", l.Name, "address", open[i].Addr().String(), "tls", l.TLS != nil)
		s.wg.Go(func() { s.serve(srv, l, open[i]) })
	}
	return nil
}

func (s *Server) server(l Listener) *http.Server {
	srv := &http.Server{
		Handler:           l.Handler,
		ReadHeaderTimeout: s.d.Timeouts.Header,
		ReadTimeout:       s.d.Timeouts.Read,
		WriteTimeout:      s.d.Timeouts.Write,
		IdleTimeout:       s.d.Timeouts.Idle,
		MaxHeaderBytes:    64 << 10, // a Kerberos ticket or a forwarded certificate fits
		ErrorLog:          slog.NewLogLogger(s.d.Log.Handler(), slog.LevelDebug),
		Protocols:         new(http.Protocols),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 100},
	}
	srv.Protocols.SetHTTP1(true)
	if l.TLS != nil {
		srv.TLSConfig = l.TLS.Config()
		srv.Protocols.SetHTTP2(l.TLS.HTTP2)
	}
	return srv
}

func (s *Server) serve(srv *http.Server, l Listener, nl net.Listener) {
	var err error
	if l.TLS != nil {
		err = srv.ServeTLS(nl, "", "")
	} else {
		err = srv.Serve(nl)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		s.failed <- fmt.Errorf("listener %s: %w", l.Name, err)
	}
}

// Addr returns where the named listener listens, nil before Start.
func (s *Server) Addr(name string) net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addrs[name]
}

// Failed delivers the error of a listener that died by itself.
func (s *Server) Failed() <-chan error { return s.failed }

// Stop closes the listeners, lets running requests finish until ctx ends, and
// then cuts them. It returns ctx's error when it had to cut.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	servers := s.http
	s.mu.Unlock()
	errs := make([]error, len(servers))
	var wg sync.WaitGroup
	for i, srv := range servers {
		wg.Go(func() {
			if errs[i] = srv.Shutdown(ctx); errs[i] != nil {
				_ = srv.Close()
			}
		})
	}
	wg.Wait()
	s.wg.Wait()
	return errors.Join(errs...)
}
