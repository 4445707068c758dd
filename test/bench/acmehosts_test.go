package bench

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// hosts is a DNS server by which every name leads to this process, and a web
// server there that answers the challenges of http-01 (RFC 8555 section 8.3).
type hosts struct {
	dns  string // address:port, UDP and TCP
	port int    // of the web server
	// answers are key authorizations by token.
	answers sync.Map
}

func newHosts(t testing.TB) (*hosts, error) {
	h := &hosts{}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h.dns = udp.LocalAddr().String()
	resolver := &dns.Server{PacketConn: udp, Handler: dns.HandlerFunc(resolve)}
	go func() { _ = resolver.ActivateAndServe() }()
	t.Cleanup(func() { _ = udp.Close() })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h.port = l.Addr().(*net.TCPAddr).Port
	web := &http.Server{Handler: h}
	// Each name is asked once. A client that keeps connections would keep one
	// for each name.
	web.SetKeepAlivesEnabled(false)
	go func() { _ = web.Serve(l) }()
	t.Cleanup(func() { _ = web.Close() })
	return h, nil
}

// resolve gives every name the address 127.0.0.1 and nothing else.
func resolve(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	m.RecursionAvailable = true
	if len(q.Question) == 1 && q.Question[0].Qtype == dns.TypeA {
		m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1)}}
	}
	_ = w.WriteMsg(m)
}

// put makes the web server answer for a token.
func (h *hosts) put(token, thumbprint string) { h.answers.Store(token, token+"."+thumbprint) }

// ServeHTTP implements http.Handler.
func (h *hosts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, ok := strings.CutPrefix(r.URL.Path, "/.well-known/acme-challenge/")
	answer, known := h.answers.LoadAndDelete(token)
	if !ok || !known {
		http.NotFound(w, r)
		return
	}
	_, _ = w.Write([]byte(answer.(string)))
}
