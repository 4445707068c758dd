package httpx

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func start(t *testing.T, d ServerDeps, list ...Listener) *Server {
	t.Helper()
	d.Log, _ = newLog()
	s := NewServer(d, list...)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = s.Stop(ctx)
	})
	return s
}

func TestListeners(t *testing.T) {
	cert, client := selfSigned(t, "server"), selfSigned(t, "client")
	getCert := func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil }
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := -1
		if r.TLS != nil {
			n = len(r.TLS.PeerCertificates)
		}
		fmt.Fprint(w, r.Proto, " ", n)
	})
	s := start(t, ServerDeps{},
		Listener{Name: "main", Addr: "127.0.0.1:0", Handler: h, TLS: &TLS{GetCertificate: getCert, HTTP2: true}},
		Listener{Name: "mtls", Addr: "127.0.0.1:0", Handler: h, TLS: &TLS{GetCertificate: getCert, ClientCert: true}},
		Listener{Name: "plain", Addr: "127.0.0.1:0", Handler: h})
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	for _, c := range []struct {
		name, scheme string
		h2           bool
		certs        []tls.Certificate
		want         string
	}{
		{"main", "https", true, []tls.Certificate{client}, "HTTP/2.0 0"},
		{"main", "https", false, nil, "HTTP/1.1 0"},
		{"mtls", "https", true, []tls.Certificate{client}, "HTTP/1.1 1"},
		{"mtls", "https", true, nil, "HTTP/1.1 0"},
		{"plain", "http", false, nil, "HTTP/1.1 -1"},
	} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: c.certs}, ForceAttemptHTTP2: c.h2}
		res, err := (&http.Client{Transport: tr}).Get(c.scheme + "://" + s.Addr(c.name).String())
		if err != nil {
			t.Fatal(c, err)
		}
		b, _ := io.ReadAll(res.Body)
		res.Body.Close()
		tr.CloseIdleConnections()
		if string(b) != c.want {
			t.Errorf("%+v: got %s", c, b)
		}
	}
	_, err := tls.Dial("tcp", s.Addr("main").String(), &tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10})
	if err == nil {
		t.Error("TLS 1.1 was taken")
	}
	if !(&TLS{}).Config().DynamicRecordSizingDisabled {
		t.Error("small records first")
	}
}

func TestStartAllOrNone(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	log, _ := newLog()
	s := NewServer(ServerDeps{Log: log}, Listener{Name: "a", Addr: "127.0.0.1:0"}, Listener{Name: "b", Addr: taken.Addr().String()})
	if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "listener b") {
		t.Error(err)
	}
	if s.Addr("a") != nil {
		t.Error("a stays open")
	}
}

func TestGracefulStop(t *testing.T) {
	in, out := make(chan bool), make(chan bool)
	s := start(t, ServerDeps{}, Listener{Name: "p", Addr: "127.0.0.1:0", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in <- true
		<-out
		fmt.Fprint(w, "done")
	})})
	got := make(chan string)
	go func() {
		res, err := http.Get("http://" + s.Addr("p").String())
		if err != nil {
			got <- err.Error()
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		got <- string(b)
	}()
	<-in
	stopped := make(chan error)
	go func() { stopped <- s.Stop(context.Background()) }()
	time.Sleep(20 * time.Millisecond)
	close(out)
	if g := <-got; g != "done" {
		t.Error(g)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	select {
	case err := <-s.Failed():
		t.Error(err)
	default:
	}
}

func TestStopDeadline(t *testing.T) {
	in, out := make(chan bool), make(chan bool)
	defer close(out)
	s := start(t, ServerDeps{}, Listener{Name: "p", Addr: "127.0.0.1:0", Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(in)
		select {
		case <-out:
		case <-r.Context().Done():
		}
	})})
	go func() {
		if res, err := http.Get("http://" + s.Addr("p").String()); err == nil {
			res.Body.Close()
		}
	}()
	<-in
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if err := s.Stop(ctx); err == nil {
		t.Error("no error although a request was cut")
	}
}

func TestConnectionLimits(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") })
	s := start(t, ServerDeps{Limits: Limits{PerAddress: 2}}, Listener{Name: "p", Addr: "127.0.0.1:0", Handler: h})
	addr := s.Addr("p").String()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	alive := func(c net.Conn) bool {
		_ = c.SetDeadline(time.Now().Add(2 * time.Second))
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		n, err := c.Read(make([]byte, 500))
		return n > 0 && err == nil
	}
	a, b := dial(), dial()
	defer b.Close()
	if !alive(a) || !alive(b) {
		t.Fatal("two places")
	}
	c := dial()
	if alive(c) {
		t.Error("a third connection was served")
	}
	c.Close()
	a.Close()
	for deadline := time.Now().Add(2 * time.Second); ; {
		d := dial()
		ok := alive(d)
		d.Close()
		if ok {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the place was not given back")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestOutbound(t *testing.T) {
	cert := selfSigned(t, "target")
	target := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/down" {
			http.Redirect(w, r, "http://"+r.Host+"/", http.StatusFound)
			return
		}
		fmt.Fprint(w, "target")
	}))
	target.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	target.StartTLS()
	defer target.Close()
	proxied := ""
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxied = r.Method + " " + r.RequestURI
		http.Error(w, "no", http.StatusBadGateway)
	}))
	defer proxy.Close()

	fetch := func(o Outbound, u string) (string, error) {
		c, err := o.Client()
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseIdleConnections()
		res, err := c.Get(u)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return string(b), err
	}
	if _, err := fetch(Outbound{Proxy: "direct"}, target.URL); err == nil {
		t.Error("an unknown root was trusted")
	}
	direct := Outbound{Proxy: "direct", ExtraRoots: []*x509.Certificate{cert.Leaf}}
	if b, err := fetch(direct, target.URL); b != "target" || err != nil {
		t.Error(b, err)
	}
	if _, err := fetch(direct, target.URL+"/down"); err == nil || !strings.Contains(err.Error(), "refused a redirect") {
		t.Error(err)
	}
	via := direct
	via.Proxy = proxy.URL
	if _, err := fetch(via, "https://ca.example.invalid/x"); err == nil || proxied != "CONNECT ca.example.invalid:443" {
		t.Error(proxied, err)
	}
	via.NoProxy = "127.0.0.1,.internal"
	proxied = ""
	if b, err := fetch(via, target.URL); b != "target" || err != nil || proxied != "" {
		t.Error(b, err, proxied)
	}
	t.Setenv("HTTPS_PROXY", proxy.URL)
	if _, err := fetch(Outbound{}, "https://other.example.invalid/"); err == nil || proxied != "CONNECT other.example.invalid:443" {
		t.Error(proxied, err)
	}
}

func TestOutboundRefusesBadProxies(t *testing.T) {
	for _, bad := range []string{"ftp://x", "::", "host", (&url.URL{Scheme: "http"}).String()} {
		if _, err := (Outbound{Proxy: bad}).Client(); err == nil || strings.Contains(err.Error(), "host") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
