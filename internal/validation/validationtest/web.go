package validationtest

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
)

// Request is one request that a web server got.
type Request struct{ Host, Path, UserAgent string }

// Web is a web server with the pages that the test sets.
type Web struct {
	Port int

	mu    sync.Mutex
	pages map[string]page
	asked []Request
}

type page struct {
	status   int
	body     string
	location string
}

// NewWeb starts a server on an address such as "127.0.0.1:0".
func NewWeb(t testing.TB, addr string) *Web { return newWeb(t, addr, (*httptest.Server).Start) }

// NewWebTLS starts a server that speaks TLS, with a certificate that nobody
// trusts.
func NewWebTLS(t testing.TB, addr string) *Web { return newWeb(t, addr, (*httptest.Server).StartTLS) }

func newWeb(t testing.TB, addr string, start func(*httptest.Server)) *Web {
	t.Helper()
	l := listen(t, addr)
	w := &Web{Port: l.Addr().(*net.TCPAddr).Port, pages: map[string]page{}}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: w}}
	start(s)
	t.Cleanup(s.Close)
	return w
}

func listen(t testing.TB, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Set sets what a path answers.
func (w *Web) Set(path string, status int, body string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pages[path] = page{status: status, body: body}
}

// Redirect sends whoever asks for a path elsewhere.
func (w *Web) Redirect(path string, status int, location string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pages[path] = page{status: status, location: location}
}

// Requests returns all requests so far.
func (w *Web) Requests() []Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Request(nil), w.asked...)
}

// ServeHTTP implements http.Handler.
func (w *Web) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	p, ok := w.pages[r.URL.Path]
	w.asked = append(w.asked, Request{Host: r.Host, Path: r.URL.Path, UserAgent: r.UserAgent()})
	w.mu.Unlock()
	if !ok {
		http.NotFound(rw, r)
		return
	}
	if p.location != "" {
		rw.Header().Set("Location", p.location)
	}
	rw.Header().Set("Content-Length", strconv.Itoa(len(p.body)))
	rw.WriteHeader(p.status)
	_, _ = rw.Write([]byte(p.body))
}

// ALPN is a TLS server for tls-alpn-01.
type ALPN struct {
	Port int

	mu    sync.Mutex
	certs map[string]tls.Certificate
	names []string
}

// NewALPN starts a server that agrees on the protocols given, usually
// "acme-tls/1"; with none it agrees on nothing but does not refuse either.
func NewALPN(t testing.TB, addr string, protocols ...string) *ALPN {
	t.Helper()
	l := listen(t, addr)
	a := &ALPN{Port: l.Addr().(*net.TCPAddr).Port, certs: map[string]tls.Certificate{}}
	config := &tls.Config{NextProtos: protocols, GetCertificate: a.certificate}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				c := tls.Server(conn, config)
				if c.Handshake() == nil {
					_, _ = c.Read(make([]byte, 1)) // until the other side is done
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return a
}

// Set sets the certificate for a server name.
func (a *ALPN) Set(serverName string, c tls.Certificate) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.certs[serverName] = c
}

// Names returns the server names that were asked for.
func (a *ALPN) Names() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.names...)
}

func (a *ALPN) certificate(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.names = append(a.names, h.ServerName)
	c, ok := a.certs[h.ServerName]
	if !ok {
		return nil, nil // which crypto/tls answers with an alert
	}
	return &c, nil
}
