package protocoltest

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"testing"
	"time"
)

// Prefixes parses CIDR ranges.
func Prefixes(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// send posts a body to an endpoint with the credential's proof.
func (s *suite) send(t testing.TB, e *Endpoint, method, contentType string, body []byte) (*http.Response, []byte) {
	t.Helper()
	x := s.session(t, "a.example")
	req, err := http.NewRequest(method, s.site.On(e.On)+e.Path(s.cred), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	s.Authorise(x, req)
	res, err := x.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, answer
}

// bad sends what must be refused without a 5xx and without a certificate.
func (s *suite) bad(t *testing.T, e *Endpoint, what, method, contentType string, body []byte) *http.Response {
	t.Helper()
	res, answer := s.send(t, e, method, contentType, body)
	if res.StatusCode >= 500 {
		t.Errorf("%s, %s: status %d %s", e.Name, what, res.StatusCode, answer)
	}
	if n := len(s.w.Enroll.Certificates()); n != 0 {
		t.Fatalf("%s, %s: a certificate was issued", e.Name, what)
	}
	return res
}

func garbage() map[string][]byte {
	deep := bytes.Repeat([]byte{0x30, 0x80}, 20000)
	return map[string][]byte{
		"empty":             nil,
		"one octet":         {0x30},
		"zeros":             make([]byte, 5000),
		"text":              []byte("hello, world"),
		"JSON":              []byte(`{"csr":"x"}`),
		"base64 of nothing": []byte("===="),
		"base64 of zeros":   []byte("AAAAAAAAAAAAAAAA"),
		"indefinite length": deep,
		"huge length":       {0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x00},
		"empty sequence":    {0x30, 0x00},
		"PEM of garbage":    []byte("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"),
		"PEM without end":   []byte("-----BEGIN CERTIFICATE REQUEST-----\nMIIB"),
		"high octets":       bytes.Repeat([]byte{0xff, 0xfe}, 1000),
		"white space":       bytes.Repeat([]byte(" \r\n"), 3000),
	}
}

func testGarbage(t *testing.T, s *suite) {
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		for what, body := range garbage() {
			if res := s.bad(t, e, what, e.Method, e.ContentType, body); res.StatusCode < 300 && e.ContentType != "" {
				t.Errorf("%s, %s: status %d", e.Name, what, res.StatusCode)
			}
		}
	}
}

func testOversized(t *testing.T, s *suite) {
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		valid := e.Body(NewCSR(t, "a.example"))
		limit := max(e.MaxBody, 64<<10)
		body := append(bytes.Repeat([]byte{'\n'}, limit+1-len(valid)), valid...)
		if res := s.bad(t, e, "one octet too many", e.Method, e.ContentType, body); res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: status %d", e.Name, res.StatusCode)
		}
	}
}

func testTruncated(t *testing.T, s *suite) {
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		valid := e.Body(NewCSR(t, "a.example"))
		for _, n := range []int{1, len(valid) / 4, len(valid) / 2, len(valid) - 9} {
			s.bad(t, e, fmt.Sprintf("first %d of %d octets", n, len(valid)), e.Method, e.ContentType, valid[:n])
		}
	}
}

// testCut announces more than it sends and goes away.
func testCut(t *testing.T, s *suite) {
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		base, err := url.Parse(s.site.On(e.On))
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", base.Host)
		if err != nil {
			t.Fatal(err)
		}
		if base.Scheme == "https" {
			c := tls.Client(conn, &tls.Config{RootCAs: s.site.Roots(), ServerName: "localhost"})
			conn = c
		}
		req, err := http.NewRequest(e.Method, base.String()+e.Path(s.cred), nil)
		if err != nil {
			t.Fatal(err)
		}
		s.Authorise(s.session(t, "a.example"), req)
		valid := e.Body(NewCSR(t, "a.example"))
		_, _ = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n", e.Method, req.URL.RequestURI(), base.Host, e.ContentType, len(valid)+1000)
		_ = req.Header.Write(conn)
		_, _ = fmt.Fprintf(conn, "\r\n%s", valid)
		if c, ok := conn.(interface{ CloseWrite() error }); ok {
			_ = c.CloseWrite()
		}
		stop := time.AfterFunc(10*time.Second, func() { _ = conn.Close() })
		_, _ = io.Copy(io.Discard, conn)
		stop.Stop()
		_ = conn.Close()
		if n := len(s.w.Enroll.Certificates()); n != 0 {
			t.Errorf("%s: a certificate was issued for a request that never ended", e.Name)
		}
	}
}

func testContentType(t *testing.T, s *suite) {
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		if e.ContentType == "" {
			continue
		}
		valid := e.Body(NewCSR(t, "a.example"))
		for _, ct := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/pkcs10x", ";;;"} {
			if res := s.bad(t, e, "content type "+ct, e.Method, ct, valid); res.StatusCode != http.StatusUnsupportedMediaType {
				t.Errorf("%s: content type %q gives %d", e.Name, ct, res.StatusCode)
			}
		}
	}
}

func testMethod(t *testing.T, s *suite) {
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		for _, m := range e.Methods {
			res := s.bad(t, e, m, m, e.ContentType, e.Body(NewCSR(t, "a.example")))
			if res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") == "" {
				t.Errorf("%s: %s gives %d, Allow %q", e.Name, m, res.StatusCode, res.Header.Get("Allow"))
			}
		}
	}
}
