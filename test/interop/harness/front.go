package harness

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Front stands before the servers, as a load balancer does: each request goes
// to the next one.
type Front struct {
	URL   string
	roots *x509.CertPool
	mu    sync.Mutex
	to    []*url.URL
	n     atomic.Uint64
	// Meddle, when set, may answer a request itself (and returns true).
	Meddle func(w http.ResponseWriter, r *http.Request, next http.Handler) bool
}

// NewFront listens with a certificate of its own.
func NewFront(t testing.TB) *Front {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	if err != nil {
		t.Fatal(err)
	}
	f := &Front{URL: fmt.Sprintf("https://localhost:%d", l.Addr().(*net.TCPAddr).Port), roots: x509.NewCertPool()}
	f.roots.AddCert(cert)
	s := &http.Server{Handler: f, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return f
}

// ServeHTTP implements http.Handler.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	to := f.to[f.n.Add(1)%uint64(len(f.to))]
	f.mu.Unlock()
	next := &httputil.ReverseProxy{
		Rewrite:      func(p *httputil.ProxyRequest) { p.SetURL(to); p.Out.Host = p.In.Host },
		Transport:    transport,
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // the server is gone: cut
	}
	if f.Meddle == nil || !f.Meddle(w, r, next) {
		next.ServeHTTP(w, r)
	}
}

// transport is that of all fronts to their servers, whose identity is not the
// point here.
var transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: 64}

// Add puts a server behind the front.
func (f *Front) Add(t testing.TB, s *Server) {
	t.Helper()
	u, err := url.Parse(s.Main)
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.to = append(f.to, u)
}

// Client is a new client of the front, with connections of its own.
func (f *Front) Client() *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: f.roots}, MaxIdleConnsPerHost: 16}}
}
