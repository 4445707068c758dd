package validation

import (
	"crypto/tls"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/validation/validationtest"
)

// TestTLSALPN01Hello is RFC 8737 sections 3 and 4: what is offered in the
// handshake, and that nothing follows it.
func TestTLSALPN01Hello(t *testing.T) {
	right := validationtest.Certificate(t, validationtest.Answer{KeyAuthorization: keyAuth, DNSNames: []string{"a.example"}})
	for _, c := range []struct {
		name    string
		version uint16
		code    string
	}{
		{"TLS 1.3", tls.VersionTLS13, ""},
		{"TLS 1.2", tls.VersionTLS12, ""},
		{"TLS 1.1", tls.VersionTLS11, "tls"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			var hello *tls.ClientHelloInfo
			config := &tls.Config{NextProtos: []string{"acme-tls/1"}, MinVersion: tls.VersionTLS10, MaxVersion: c.version,
				GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) { hello = h; return &right, nil }}
			done := make(chan []byte, 1)
			go func() {
				defer close(done)
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				server := tls.Server(conn, config)
				if server.Handshake() != nil {
					return
				}
				rest, _ := io.ReadAll(server) // ends when the other side closes
				done <- rest
			}()
			d := validationtest.NewDNS(t)
			d.Set("a.example", "A", "127.0.0.1")
			s := start(t, d, func(d *Deps) { d.TLSPort = l.Addr().(*net.TCPAddr).Port })
			want(t, s.Check(t.Context(), question1(core.MethodTLSALPN01, dnsName("a.example"))), c.code, false)
			if rest := <-done; len(rest) > 0 {
				t.Errorf("sent %q after the handshake", rest)
			}
			if c.code == "" && (hello.ServerName != "a.example" || !slices.Equal(hello.SupportedProtos, []string{"acme-tls/1"})) {
				t.Errorf("offered %q %q", hello.ServerName, hello.SupportedProtos)
			}
		})
	}
}

// TestPorts: without settings the ports are those of RFC 8555 section 8.3 and
// RFC 8737 section 3.
func TestPorts(t *testing.T) {
	s := start(t, validationtest.NewDNS(t))
	if s.httpPort != 80 || s.tlsPort != 443 {
		t.Errorf("ports %d and %d", s.httpPort, s.tlsPort)
	}
}
