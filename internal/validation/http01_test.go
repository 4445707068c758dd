package validation

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/house/loopback"
	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/internal/validation/validationtest"
)

func http01(name string) Check { return question1(core.MethodHTTP01, dnsName(name)) }

// site is a web server with the name a.example, and TLS at another port.
func site(t *testing.T, change ...func(*Deps)) (*Service, *validationtest.DNS, *validationtest.Web, *validationtest.Web) {
	t.Helper()
	d := validationtest.NewDNS(t)
	web, secure := validationtest.NewWeb(t, loopback.Address(t)), validationtest.NewWebTLS(t, "127.0.0.1:0")
	for _, n := range []string{"a.example", "b.example"} {
		d.Set(n, "A", "127.0.0.1")
	}
	s := start(t, d, append([]func(*Deps){func(d *Deps) { d.HTTPPort, d.TLSPort = web.Port, secure.Port }}, change...)...)
	return s, d, web, secure
}

func TestHTTP01Content(t *testing.T) {
	for _, c := range []struct {
		name, body string
		status     int
		code       string
		retry      bool
		text       string
	}{
		{name: "exact", status: 200, body: keyAuth},
		{name: "white space behind", status: 200, body: keyAuth + " \t\r\n\n"},
		{name: "white space before", status: 200, body: " " + keyAuth, code: "unauthorized", text: "not the key authorization"},
		{name: "other", status: 200, body: "<html>\x1b", code: "unauthorized", text: `"<html>?"`},
		{name: "empty", status: 200, code: "unauthorized"},
		{name: "more", status: 200, body: keyAuth + "x", code: "unauthorized"},
		{name: "long", status: 200, body: strings.Repeat("x", 1<<20), code: "unauthorized", text: "xxx…"},
		{name: "right up to the limit only", status: 200, body: keyAuth + strings.Repeat(" ", 1<<20)},
		{name: "not found", status: 404, body: keyAuth, code: "unauthorized", retry: true, text: "status 404"},
		{name: "forbidden", status: 403, body: keyAuth, code: "unauthorized", text: "status 403"},
		{name: "created", status: 201, body: keyAuth, code: "unauthorized"},
		{name: "unavailable", status: 503, code: "unauthorized", retry: true},
		{name: "see other", status: 303, code: "unauthorized"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _, web, _ := site(t)
			web.Set(path, c.status, c.body)
			r := s.Check(t.Context(), http01("a.example"))
			want(t, r, c.code, c.retry, c.text)
			wantSeen(t, r, fmt.Sprintf("|GET http://a.example:%d%s at 127.0.0.1:%d|%d", web.Port, path, web.Port, c.status))
			q := web.Requests()[0]
			if q.Host != fmt.Sprintf("a.example:%d", web.Port) || q.UserAgent != "Certwright-validation" {
				t.Errorf("asked %+v", q)
			}
		})
	}
}

func TestHTTP01Redirects(t *testing.T) {
	for _, c := range []struct {
		name, to string
		status   int
		code     string
		text     string
	}{
		{name: "301", status: 301, to: "http://b.example:WEB/x"},
		{name: "302", status: 302, to: "http://b.example:WEB/x"},
		{name: "307", status: 307, to: "http://b.example:WEB/x"},
		{name: "308", status: 308, to: "http://b.example:WEB/x"},
		{name: "the port stands for 80", status: 302, to: "http://b.example/x"},
		{name: "relative", status: 302, to: "/x"},
		{name: "https without a trusted certificate", status: 302, to: "https://b.example:TLS/x"},
		{name: "the port stands for 443", status: 302, to: "https://B.example./x#part"},
		{name: "address", status: 302, to: "http://127.0.0.1/x"},
		{name: "303", status: 303, to: "http://b.example:WEB/x", code: "unauthorized", text: "303"},
		{name: "300", status: 300, to: "http://b.example:WEB/x", code: "unauthorized", text: "300"},
		{name: "scheme", status: 302, to: "ftp://b.example/x", code: "unauthorized", text: "only http and https"},
		{name: "file", status: 302, to: "file:///etc/hostname", code: "unauthorized", text: "only http and https"},
		{name: "port", status: 302, to: "http://b.example:22/x", code: "unauthorized", text: "the port"},
		{name: "port text", status: 302, to: "http://b.example:http/x", code: "unauthorized"},
		{name: "user", status: 302, to: "http://user:secret@b.example/x", code: "unauthorized", text: "holds a user"},
		{name: "nowhere", status: 302, to: "", code: "unauthorized", text: "nowhere"},
		{name: "long", status: 302, to: "/" + strings.Repeat("x", 3000), code: "unauthorized", text: "2000"},
		{name: "host", status: 302, to: "http://b%20.example/x", code: "unauthorized"},
		{name: "unicode", status: 302, to: "http://bücher.example/x", code: "unauthorized", text: "no DNS name"},
		{name: "decimal address", status: 302, to: "http://2130706433/x", code: "unauthorized", text: "no DNS name"},
		{name: "forbidden address", status: 302, to: "http://169.254.169.254/x", code: "connection", text: "link-local"},
		{name: "mapped", status: 302, to: "http://[::ffff:127.0.0.1]/x", code: "connection", text: "not allowed"},
		{name: "zone", status: 302, to: "http://[fe80::1%25lo]/x", code: "connection", text: "not allowed"},
		{name: "name of a forbidden address", status: 302, to: "http://meta.example/x", code: "connection", text: "link-local"},
		{name: "no such name", status: 302, to: "http://gone.example/x", code: "dns", text: "NXDOMAIN"},
		{name: "TLS with a server that has none", status: 302, to: "https://b.example:WEB/x", code: "tls", text: "does not speak TLS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, d, web, secure := site(t)
			d.Set("meta.example", "A", "169.254.169.254")
			to := strings.NewReplacer("WEB", fmt.Sprint(web.Port), "TLS", fmt.Sprint(secure.Port)).Replace(c.to)
			web.Redirect(path, c.status, to)
			web.Set("/x", 200, keyAuth)
			secure.Set("/x", 200, keyAuth)
			r := s.Check(t.Context(), http01("a.example"))
			want(t, r, c.code, c.code == "dns", c.text)
			if strings.Contains(seen(r)+fmt.Sprint(r.Failure), "secret@") {
				t.Error("a password is shown")
			}
		})
	}
}

func TestHTTP01RedirectsEnd(t *testing.T) {
	s, _, web, _ := site(t)
	web.Redirect(path, 302, "/1")
	for i := 1; i < 10; i++ {
		web.Redirect(fmt.Sprintf("/%d", i), 302, fmt.Sprintf("/%d", i+1))
	}
	web.Set("/10", 200, keyAuth)
	want(t, s.Check(t.Context(), http01("a.example")), "", false)
	web.Redirect("/10", 302, "/11")
	web.Set("/11", 200, keyAuth)
	want(t, s.Check(t.Context(), http01("a.example")), "unauthorized", false, "more than 10 redirects")
}

func TestHTTP01ShowsNothingOfInsideAfterRedirect(t *testing.T) {
	s, _, web, _ := site(t)
	web.Redirect(path, 302, "/internal")
	web.Set("/internal", 200, "the inside of a network")
	r := s.Check(t.Context(), http01("a.example"))
	want(t, r, "unauthorized", false)
	if strings.Contains(seen(r)+r.Failure.Detail, "inside") {
		t.Errorf("shown: %v\n%s", r.Failure, seen(r))
	}
}

func TestHTTP01FallsBackToIPv4(t *testing.T) {
	s, d, web, _ := site(t)
	d.Set("a.example", "AAAA", "::1") // where nobody listens, or there is no IPv6
	web.Set(path, 200, keyAuth)
	r := s.Check(t.Context(), http01("a.example"))
	want(t, r, "", false)
	wantSeen(t, r, fmt.Sprintf("|connection to [::1]:%d|", web.Port))
}

func TestHTTP01DoesNotFallBackAfterWrongAnswer(t *testing.T) {
	s, d, web, _ := site(t)
	l, err := net.Listen("tcp", fmt.Sprintf("[::1]:%d", web.Port))
	if err != nil {
		need.Missing(t, "IPv6 on the loopback interface")
	}
	l.Close()
	six := validationtest.NewWeb(t, fmt.Sprintf("[::1]:%d", web.Port))
	d.Set("a.example", "AAAA", "::1")
	six.Set(path, 200, "wrong")
	web.Set(path, 200, keyAuth)
	want(t, s.Check(t.Context(), http01("a.example")), "unauthorized", false)
	six.Set(path, 200, keyAuth)
	want(t, s.Check(t.Context(), http01("a.example")), "", false)
	if n := len(web.Requests()); n != 0 {
		t.Errorf("%d requests over IPv4", n)
	}
	want(t, s.Check(t.Context(), question1(core.MethodHTTP01, ipAddr("::1"))), "", false)
	if q := six.Requests(); q[len(q)-1].Host != fmt.Sprintf("[::1]:%d", web.Port) {
		t.Errorf("asked %+v", q)
	}
}

func TestHTTP01Address(t *testing.T) {
	s, d, web, _ := site(t)
	web.Set(path, 200, keyAuth)
	want(t, s.Check(t.Context(), question1(core.MethodHTTP01, ipAddr("127.0.0.1"))), "", false)
	if q := web.Requests()[0]; q.Host != fmt.Sprintf("127.0.0.1:%d", web.Port) {
		t.Errorf("asked %+v", q)
	}
	if n := len(d.Questions()); n != 0 {
		t.Errorf("%d DNS questions for an address", n)
	}
}

func TestHostPort(t *testing.T) {
	if got := hostPort(target{name: "a.example"}, 80, 80); got != "a.example" {
		t.Error(got)
	}
}

func TestHTTP01Connection(t *testing.T) {
	s, d, _, _ := site(t)
	d.Set("nobody.example", "A", "127.0.0.3") // where the server does not listen
	d.Set("text.example", "TXT", "x")
	want(t, s.Check(t.Context(), http01("nobody.example")), "connection", true, "connection refused")
	want(t, s.Check(t.Context(), http01("gone.example")), "dns", true, "NXDOMAIN")
	want(t, s.Check(t.Context(), http01("text.example")), "dns", true, "no address")
	d.Bogus("bogus.example")
	want(t, s.Check(t.Context(), http01("bogus.example")), "dnssec", true)
}

// raw answers each connection with a text.
func raw(t *testing.T, text string) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var open []net.Conn
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open = append(open, c)
			_, _ = c.Write([]byte(text))
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
		for _, c := range open {
			c.Close()
		}
	})
	return l.Addr().(*net.TCPAddr).Port
}

func TestHTTP01ServerThatSpeaksOtherwise(t *testing.T) {
	for text, why := range map[string]string{
		"SSH-2.0-secret banner\r\n\r\n": "no usable answer",
		"":                              "timed out",
		"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort":                                         "timed out",
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n":                               "the connection was closed",
		"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + keyAuth + strings.Repeat(" ", 5000):       "proven", // and then nothing more
		"HTTP/1.1 101 Switching Protocols\r\n\r\n":                                                    "",
		strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 5000):                                         "the connection was closed",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 403 Forbidden\r\n\r\n": "",
	} {
		port := raw(t, text)
		s, _, _, _ := site(t, func(d *Deps) { d.HTTPPort, d.Timeout = port, 500*time.Millisecond })
		r := s.Check(t.Context(), http01("a.example"))
		if why == "proven" {
			want(t, r, "", false)
			continue
		}
		if why == "" {
			want(t, r, "unauthorized", false, "status")
			continue
		}
		want(t, r, "connection", true, why)
		if strings.Contains(seen(r)+r.Failure.Detail, "secret") {
			t.Error("a banner is shown")
		}
	}
}
