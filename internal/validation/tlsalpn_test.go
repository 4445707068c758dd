package validation

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/validation/validationtest"
)

func TestTLSALPN01(t *testing.T) {
	type answer = validationtest.Answer
	names := []string{"a.example"}
	for _, c := range []struct {
		name   string
		answer answer
		code   string
		text   string
	}{
		{"right", answer{DNSNames: names}, "", ""},
		{"upper case", answer{DNSNames: []string{"A.Example"}}, "", ""},
		{"two names", answer{DNSNames: []string{"a.example", "b.example"}}, "unauthorized", "exactly one name"},
		{"the name twice", answer{DNSNames: []string{"a.example", "a.example"}}, "unauthorized", "exactly one name"},
		{"name and address", answer{DNSNames: names, IPs: []net.IP{net.IPv4(127, 0, 0, 1)}}, "unauthorized", "exactly one name"},
		{"name and mailbox", answer{DNSNames: names, Emails: []string{"a@a.example"}}, "unauthorized", "exactly one name"},
		{"mailbox", answer{Emails: []string{"a@a.example"}}, "unauthorized", "something else"},
		{"other name", answer{DNSNames: []string{"b.example"}}, "unauthorized", `for "b.example"`},
		{"address", answer{IPs: []net.IP{net.IPv4(127, 0, 0, 1).To4()}}, "unauthorized", "127.0.0.1"},
		{"no name", answer{}, "unauthorized", "0 extensions 2.5.29.17"},
		{"not critical", answer{DNSNames: names, NotCritical: true}, "unauthorized", "not critical"},
		{"no extension", answer{DNSNames: names, Without: true}, "unauthorized", "0 extensions 1.3.6.1.5.5.7.1.31"},
		{"other digest", answer{DNSNames: names, KeyAuthorization: "other"}, "unauthorized", "acmeIdentifier extension is"},
		{"bare digest", answer{DNSNames: names, Value: make([]byte, 32)}, "unauthorized", "acmeIdentifier extension is"},
		{"not self-signed", answer{DNSNames: names, Signed: true}, "unauthorized", "not self-signed"},
		{"trailing data in names", answer{SAN: append([]byte{0x30, 0x0b, 0x82, 9}, "a.examplexx"...)}, "unauthorized", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := validationtest.NewDNS(t)
			d.Set("a.example", "A", "127.0.0.1")
			srv := validationtest.NewALPN(t, "127.0.0.1:0", "acme-tls/1")
			if c.answer.KeyAuthorization == "" {
				c.answer.KeyAuthorization = keyAuth
			}
			srv.Set("a.example", validationtest.Certificate(t, c.answer))
			s := start(t, d, func(d *Deps) { d.TLSPort = srv.Port })
			r := s.Check(t.Context(), question1(core.MethodTLSALPN01, dnsName("a.example")))
			if c.name == "trailing data in names" && r.Failure != nil && r.Failure.Code == "tls" {
				return // crypto/tls did not take the certificate at all
			}
			want(t, r, c.code, false, c.text)
			wantSeen(t, r, "|TLS acme-tls/1 a.example:", "at 127.0.0.1:")
		})
	}
}

func TestTLSALPN01Addresses(t *testing.T) {
	d := validationtest.NewDNS(t)
	srv := validationtest.NewALPN(t, "127.0.0.1:0", "acme-tls/1")
	s := start(t, d, func(d *Deps) { d.TLSPort = srv.Port })
	q := question1(core.MethodTLSALPN01, ipAddr("127.0.0.1"))
	srv.Set("1.0.0.127.in-addr.arpa", validationtest.Certificate(t, validationtest.Answer{KeyAuthorization: keyAuth, IPs: []net.IP{net.IPv4(127, 0, 0, 1).To4()}}))
	want(t, s.Check(t.Context(), q), "", false)
	if n := srv.Names(); len(n) != 1 || n[0] != "1.0.0.127.in-addr.arpa" {
		t.Errorf("server names %q", n)
	}
	srv.Set("1.0.0.127.in-addr.arpa", validationtest.Certificate(t, validationtest.Answer{KeyAuthorization: keyAuth, DNSNames: []string{"127.0.0.1"}}))
	want(t, s.Check(t.Context(), q), "unauthorized", false)

	six, f := readTarget(question1(core.MethodTLSALPN01, ipAddr("2001:db8::1")))
	if f != nil {
		t.Fatal(f.detail)
	}
	// RFC 8738 section 6.
	if got := serverName(six); got != "1.0.0.0."+strings.Repeat("0.", 20)+"8.b.d.0.1.0.0.2.ip6.arpa" {
		t.Errorf("server name %s", got)
	}
}

func TestTLSALPN01Handshake(t *testing.T) {
	d := validationtest.NewDNS(t)
	d.Set("a.example", "A", "127.0.0.1")
	right := validationtest.Certificate(t, validationtest.Answer{KeyAuthorization: keyAuth, DNSNames: []string{"a.example"}})
	plain, other := validationtest.NewALPN(t, "127.0.0.1:0"), validationtest.NewALPN(t, "127.0.0.1:0", "h2")
	plain.Set("a.example", right)
	other.Set("a.example", right)
	unknown := validationtest.NewALPN(t, "127.0.0.1:0", "acme-tls/1")
	for _, c := range []struct {
		name  string
		port  int
		code  string
		retry bool
		text  string
	}{
		{"knows no protocols", plain.Port, "unauthorized", false, "did not agree on the protocol"},
		{"other protocol", other.Port, "tls", false, "no application protocol"},
		{"unknown name", unknown.Port, "tls", false, "the server refused"},
		{"no TLS", raw(t, "HTTP/1.1 400 Bad\r\n\r\n"), "tls", false, "does not speak TLS"},
		{"silent", raw(t, ""), "connection", true, "timed out"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, d, func(d *Deps) { d.TLSPort, d.Timeout = c.port, time.Second })
			want(t, s.Check(t.Context(), question1(core.MethodTLSALPN01, dnsName("a.example"))), c.code, c.retry, c.text)
		})
	}
	s := start(t, d, func(d *Deps) { d.TLSPort = plain.Port })
	d.Set("a.example", "A", "127.0.0.3")
	want(t, s.Check(t.Context(), question1(core.MethodTLSALPN01, dnsName("a.example"))), "connection", true, "connection refused")
}

func FuzzALPNCertificate(f *testing.F) {
	for _, a := range []validationtest.Answer{
		{KeyAuthorization: keyAuth, DNSNames: []string{"a.example"}},
		{KeyAuthorization: keyAuth, IPs: []net.IP{net.IPv4(127, 0, 0, 1).To4()}},
		{KeyAuthorization: "other", DNSNames: []string{"b.example"}, Emails: []string{"a@a.example"}},
	} {
		f.Add(validationtest.Certificate(f, a).Certificate[0])
	}
	good := validationtest.Certificate(f, validationtest.Answer{KeyAuthorization: keyAuth, DNSNames: []string{"a.example"}}).Certificate[0]
	t := target{name: "a.example"}
	if err := checkALPNCertificate(good, t, keyAuth); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(tt *testing.T, der []byte) {
		if checkALPNCertificate(der, t, keyAuth) == nil && checkALPNCertificate(der, t, "other") == nil {
			tt.Error("it proves two key authorizations")
		}
	})
}

func FuzzSubjectAltName(f *testing.F) {
	f.Add(append([]byte{0x30, 0x0b, 0x82, 9}, "a.example"...))
	f.Add([]byte{0x30, 6, 0x87, 4, 127, 0, 0, 1})
	f.Fuzz(func(t *testing.T, der []byte) {
		if onlyName(der, target{name: "a.example"}) == nil && !strings.Contains(strings.ToLower(string(der)), "a.example") {
			t.Error("the name is not in it")
		}
	})
}
