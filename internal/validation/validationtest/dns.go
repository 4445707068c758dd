// Package validationtest holds small working servers that tests of validation
// talk to: a DNS resolver, web servers, and TLS servers for tls-alpn-01. All of
// them listen on loopback addresses and end with the test.
package validationtest

import (
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/certwright/certwright/internal/house/loopback"
)

// Question is one question that the DNS server got.
type Question struct {
	Name     string // lower case, without the dot at the end
	Type     string // "TXT"
	Net      string // "udp" or "tcp"
	DO       bool   // signatures are wanted
	NoChecks bool   // CD: the resolver shall not check them
}

// DNS is a resolver with the records that the test sets. It follows CNAME and
// DNAME records unless told not to.
type DNS struct {
	Addr string // host:port, UDP and TCP

	mu        sync.Mutex
	records   map[string][]dns.RR // by lower-case name with dot
	behaviour map[string]behaviour
	follows   bool
	noEDNS    bool
	asked     []Question
}

// behaviour is what goes wrong with a name.
type behaviour struct {
	rcode     int
	bogus     bool // rcode only as long as signatures are checked
	truncate  bool
	forge     bool
	hold      <-chan struct{}
	extra     string
	extraCode uint16
}

// NewDNS starts a resolver.
func NewDNS(t testing.TB) *DNS {
	t.Helper()
	d := &DNS{records: map[string][]dns.RR{}, behaviour: map[string]behaviour{}, follows: true}
	l, p := loopback.Both(t)
	d.Addr = l.Addr().String()
	serve(t, &dns.Server{Listener: l, Handler: d})
	serve(t, &dns.Server{PacketConn: p, Handler: d})
	return d
}

func serve(t testing.TB, s *dns.Server) {
	ready, done := make(chan struct{}), make(chan struct{})
	s.NotifyStartedFunc = func() { close(ready) }
	go func() {
		defer close(done)
		_ = s.ActivateAndServe()
	}()
	<-ready
	t.Cleanup(func() {
		_ = s.Shutdown()
		<-done
	})
}

func key(name string) string { return dns.CanonicalName(name) }

// Set replaces the records of a name and type. Records are in the form of zone
// files, as in Set("a.example", "TXT", `"text"`); none removes them.
func (d *DNS) Set(name, rrtype string, records ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var keep []dns.RR
	for _, rr := range d.records[key(name)] {
		if rr.Header().Rrtype != dns.StringToType[rrtype] {
			keep = append(keep, rr)
		}
	}
	for _, r := range records {
		rr, err := dns.NewRR(dns.Fqdn(name) + " 60 IN " + rrtype + " " + r)
		if err != nil {
			panic("validationtest: " + err.Error())
		}
		keep = append(keep, rr)
	}
	d.records[key(name)] = keep
}

func (d *DNS) change(name string, f func(*behaviour)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.behaviour[key(name)]
	f(&b)
	d.behaviour[key(name)] = b
}

// Fail answers all questions for a name with a code, such as
// dns.RcodeServerFailure.
func (d *DNS) Fail(name string, rcode int) { d.change(name, func(b *behaviour) { b.rcode = rcode }) }

// Bogus answers with SERVFAIL unless the question says not to check signatures.
func (d *DNS) Bogus(name string) {
	d.change(name, func(b *behaviour) { b.rcode, b.bogus = dns.RcodeServerFailure, true })
}

// Explain adds an extended error (RFC 8914) to answers for a name.
func (d *DNS) Explain(name string, code uint16, text string) {
	d.change(name, func(b *behaviour) { b.extraCode, b.extra = code, text })
}

// Truncate makes answers over UDP say that they are cut.
func (d *DNS) Truncate(name string) { d.change(name, func(b *behaviour) { b.truncate = true }) }

// Forge sends, over UDP, answers to other questions and garbage before each
// answer.
func (d *DNS) Forge(name string) { d.change(name, func(b *behaviour) { b.forge = true }) }

// Hold keeps answers for a name back until the channel is closed.
func (d *DNS) Hold(name string, until <-chan struct{}) {
	d.change(name, func(b *behaviour) { b.hold = until })
}

// Follow tells whether aliases are followed.
func (d *DNS) Follow(yes bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.follows = yes
}

// RefuseEDNS answers questions with EDNS with FORMERR, as old servers do.
func (d *DNS) RefuseEDNS() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.noEDNS = true
}

// Questions returns all questions so far.
func (d *DNS) Questions() []Question {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Question(nil), d.asked...)
}

// ServeDNS implements dns.Handler.
func (d *DNS) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	opt := q.IsEdns0()
	name := key(q.Question[0].Name)
	network := w.LocalAddr().Network()
	d.mu.Lock()
	d.asked = append(d.asked, Question{
		Name: strings.TrimSuffix(name, "."), Type: dns.TypeToString[q.Question[0].Qtype], Net: network,
		DO: opt != nil && opt.Do(), NoChecks: q.CheckingDisabled,
	})
	b, noEDNS := d.behaviour[name], d.noEDNS
	d.mu.Unlock()
	if b.hold != nil {
		<-b.hold
	}
	m := new(dns.Msg).SetReply(q)
	m.RecursionAvailable = true
	switch {
	case noEDNS && opt != nil:
		m.Rcode, m.Question = dns.RcodeFormatError, nil
	case b.rcode != 0 && !(b.bogus && q.CheckingDisabled):
		m.Rcode = b.rcode
	case b.truncate && network == "udp":
		m.Truncated = true
	default:
		d.answer(m, name, q.Question[0].Qtype)
	}
	if opt != nil && m.Rcode != dns.RcodeFormatError {
		m.SetEdns0(1232, opt.Do())
		if b.extraCode != 0 || b.extra != "" {
			o := m.IsEdns0()
			o.Option = append(o.Option, &dns.EDNS0_EDE{InfoCode: b.extraCode, ExtraText: b.extra})
		}
		if network == "udp" {
			m.Truncate(1232)
		}
	}
	if b.forge && network == "udp" {
		forged(w, m)
	}
	_ = w.WriteMsg(m)
}

// forged sends what an attacker might.
func forged(w dns.ResponseWriter, m *dns.Msg) {
	other := m.Copy()
	other.Id++
	_ = w.WriteMsg(other)
	other = m.Copy()
	other.Question[0].Name = "other.example."
	_ = w.WriteMsg(other)
	other = m.Copy()
	other.Response = false
	_ = w.WriteMsg(other)
	_, _ = w.Write([]byte("no DNS"))
	_, _ = w.Write(make([]byte, 40))
}

func (d *DNS) answer(m *dns.Msg, name string, qtype uint16) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for range 20 {
		next := ""
		for _, rr := range d.records[name] {
			switch {
			case rr.Header().Rrtype == qtype:
				m.Answer = append(m.Answer, rr)
			case rr.Header().Rrtype == dns.TypeCNAME:
				m.Answer = append(m.Answer, rr)
				next = key(rr.(*dns.CNAME).Target)
			}
		}
		if next == "" {
			next = d.above(m, name)
		}
		if next == "" {
			if !d.exists(name) {
				m.Rcode = dns.RcodeNameError
			}
			return
		}
		if !d.follows {
			return
		}
		name = next
	}
}

// above looks for a DNAME at a name above.
func (d *DNS) above(m *dns.Msg, name string) string {
	for _, off := range dns.Split(name)[1:] {
		for _, rr := range d.records[name[off:]] {
			if dname, ok := rr.(*dns.DNAME); ok {
				m.Answer = append(m.Answer, rr)
				return key(name[:off] + dname.Target)
			}
		}
	}
	return ""
}

// exists reports whether there is the name or one below.
func (d *DNS) exists(name string) bool {
	for n, rrs := range d.records {
		if len(rrs) > 0 && (n == name || strings.HasSuffix(n, "."+name)) {
			return true
		}
	}
	return false
}
