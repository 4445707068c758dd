// Package notifytest has a small real mail server that records what it is
// given and can be told to misbehave.
package notifytest

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// Mail is a message that the server accepted.
type Mail struct {
	From string   // MAIL FROM
	To   []string // RCPT TO
	Data string   // header and body as sent, dots unstuffed, CRLF kept
	TLS  bool     // over TLS
	User string   // authenticated as
	HELO string
}

// Options say what the server does; zero values are a server without TLS and
// without AUTH.
type Options struct {
	StartTLS bool // offers STARTTLS
	TLS      bool // speaks TLS from the first octet
	// Auth lists the AUTH methods offered ("PLAIN", "LOGIN"); User and Password
	// are what is right.
	Auth           []string
	User, Password string
	SMTPUTF8       bool
	// Reply answers a command ("EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT",
	// "DATA", "." after the data, "QUIT", and "" for the greeting) with another
	// line, such as "451 later". arg is what follows the command. An empty
	// answer means the usual one; "cut" closes the connection; "hang" says
	// nothing more.
	Reply func(command, arg string) string
}

// Server is a running mail server on a loopback port.
type Server struct {
	Host string // "127.0.0.1"
	Port int
	Pool *x509.CertPool // trusts the server's certificate

	opts     Options
	tls      *tls.Config
	mu       sync.Mutex
	mails    []Mail
	sessions int
	conns    map[net.Conn]bool
	wg       sync.WaitGroup
}

// Start runs a server until the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{Host: "127.0.0.1", opts: o, conns: map[net.Conn]bool{}}
	if err := s.certify(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Port = l.Addr().(*net.TCPAddr).Port
	s.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns[c] = true
			s.sessions++
			s.mu.Unlock()
			s.wg.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		s.mu.Lock()
		for c := range s.conns {
			_ = c.Close()
		}
		s.mu.Unlock()
		s.wg.Wait()
	})
	return s
}

// certify makes a certificate for the loopback names.
func (s *Server) certify() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "notifytest"},
		NotBefore: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		return err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	s.Pool = x509.NewCertPool()
	s.Pool.AddCert(parsed)
	s.tls = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	return nil
}

// Mails returns the messages accepted so far.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Sessions returns how many connections were made.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions
}

// session is one connection.
type session struct {
	s    *Server
	conn net.Conn
	r    *bufio.Reader
	mail Mail
	over bool // Reply wants the connection to end
}

func (s *Server) serve(c net.Conn) {
	defer func() {
		_ = c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	x := &session{s: s, conn: c}
	if s.opts.TLS {
		x.conn, x.mail.TLS = tls.Server(c, s.tls), true
	}
	x.r = bufio.NewReader(x.conn)
	if x.answer("", "", "220 notifytest ESMTP"); x.over {
		return
	}
	for {
		text, err := x.r.ReadString('\n')
		if err != nil {
			return
		}
		verb, arg, _ := strings.Cut(strings.TrimRight(text, "\r\n"), " ")
		if !x.command(strings.ToUpper(verb), arg) {
			return
		}
	}
}

// answer writes the answer to a command, or what Reply wants instead. It
// returns false at the end of the session.
func (x *session) answer(command, arg, usual string) bool {
	if f := x.s.opts.Reply; f != nil {
		switch r := f(command, arg); r {
		case "":
		case "cut":
			x.over = true
			return false
		case "hang":
			x.over = true
			_, _ = io.Copy(io.Discard, x.r) // until the other side goes
			return false
		default:
			usual = r
		}
	}
	_, err := io.WriteString(x.conn, usual+"\r\n")
	return err == nil && usual[0] < '4'
}

// command handles one command. It returns false at the end of the session;
// after an error answer the session goes on.
func (x *session) command(verb, arg string) bool {
	ok := func(usual string) bool { return x.answer(verb, arg, usual) }
	switch verb {
	case "EHLO", "HELO":
		x.mail.HELO = arg
		ok(x.capabilities())
	case "STARTTLS":
		if ok("220 go ahead") {
			t := tls.Server(x.conn, x.s.tls)
			if t.Handshake() != nil {
				return false
			}
			x.conn, x.r, x.mail.TLS = t, bufio.NewReader(t), true
		}
	case "AUTH":
		return x.auth(arg)
	case "MAIL":
		if ok("250 ok") {
			x.mail.From, x.mail.To = address(arg), nil
		}
	case "RCPT":
		if ok("250 ok") {
			x.mail.To = append(x.mail.To, address(arg))
		}
	case "DATA":
		if ok("354 go ahead") {
			return x.data()
		}
	case "QUIT":
		ok("221 bye")
		return false
	default:
		ok("502 unknown")
	}
	return !x.over
}

func (x *session) capabilities() string {
	lines := []string{"notifytest", "8BITMIME"}
	if x.s.opts.StartTLS && !x.mail.TLS {
		lines = append(lines, "STARTTLS")
	}
	if len(x.s.opts.Auth) > 0 {
		lines = append(lines, "AUTH "+strings.Join(x.s.opts.Auth, " "))
	}
	if x.s.opts.SMTPUTF8 {
		lines = append(lines, "SMTPUTF8")
	}
	for i, l := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		lines[i] = "250" + sep + l
	}
	return strings.Join(lines, "\r\n")
}

func address(arg string) string {
	_, a, _ := strings.Cut(arg, "<")
	a, _, _ = strings.Cut(a, ">")
	return a
}

// auth does AUTH PLAIN and AUTH LOGIN.
func (x *session) auth(arg string) bool {
	method, first, _ := strings.Cut(arg, " ")
	ask := func(prompt string) string {
		_, _ = fmt.Fprintf(x.conn, "334 %s\r\n", base64.StdEncoding.EncodeToString([]byte(prompt)))
		text, _ := x.r.ReadString('\n')
		b, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		return string(b)
	}
	var user, password string
	switch strings.ToUpper(method) {
	case "PLAIN":
		b, _ := base64.StdEncoding.DecodeString(first)
		if p := strings.Split(string(b), "\x00"); len(p) == 3 {
			user, password = p[1], p[2]
		}
	case "LOGIN":
		user, password = ask("Username:"), ask("Password:")
	}
	if user != x.s.opts.User || password != x.s.opts.Password {
		x.answer("AUTH", method, "535 5.7.8 wrong name or password")
		return !x.over
	}
	if x.answer("AUTH", method, "235 ok") {
		x.mail.User = user
	}
	return !x.over
}

// data reads a message up to the line with a dot.
func (x *session) data() bool {
	var b strings.Builder
	for {
		text, err := x.r.ReadString('\n')
		if err != nil {
			return false
		}
		if text == ".\r\n" {
			break
		}
		b.WriteString(strings.TrimPrefix(text, "."))
	}
	if x.answer(".", "", "250 accepted") {
		x.mail.Data = b.String()
		x.s.mu.Lock()
		x.s.mails = append(x.s.mails, x.mail)
		x.s.mu.Unlock()
	}
	return !x.over
}
