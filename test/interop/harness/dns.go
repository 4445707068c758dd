package harness

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/certwright/certwright/internal/house/loopback"
)

// DNS is a name server on loopback, over UDP and TCP, that knows what the test
// tells it. Names below .test and .internal are hosts at 127.0.0.1 unless
// something else was set for them.
type DNS struct {
	Port int
	// Control is the URL at which hooks of clients set TXT records:
	// POST <Control>?name=_acme-challenge.a.test&value=... adds one, DELETE
	// takes it away, and without a value all of the name.
	Control string

	mu      sync.Mutex
	records map[record][]string
	asked   map[record]int
}

type record struct {
	name string // lower case, fully qualified
	kind uint16
}

func recordOf(name, kind string) record {
	return record{dns.Fqdn(strings.ToLower(name)), dns.StringToType[kind]}
}

// StartDNS starts a name server; the test's end stops it.
func StartDNS(t testing.TB) *DNS {
	t.Helper()
	d := &DNS{records: map[record][]string{}, asked: map[record]int{}}
	l, pc := loopback.Both(t)
	d.Port = l.Addr().(*net.TCPAddr).Port
	for _, s := range []*dns.Server{{PacketConn: pc, Handler: d}, {Listener: l, Handler: d}} {
		up := make(chan struct{})
		s.NotifyStartedFunc = func() { close(up) }
		go func() { _ = s.ActivateAndServe() }()
		<-up
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	d.Control = Serve(t, "127.0.0.1:0", http.HandlerFunc(d.control))
	return d
}

// Address is where it listens: 127.0.0.1:port.
func (d *DNS) Address() string { return fmt.Sprintf("127.0.0.1:%d", d.Port) }

// Set replaces the records of a name and type (A, AAAA, TXT, CNAME or CAA in
// the form of a zone file: `0 issue "ca.example"`). With an empty list the name
// exists and has none of that type.
func (d *DNS) Set(name, kind string, values ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.records[recordOf(name, kind)] = slices.Clone(values)
}

// Add adds a record.
func (d *DNS) Add(name, kind, value string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := recordOf(name, kind)
	d.records[k] = append(d.records[k], value)
}

// Remove takes a record away.
func (d *DNS) Remove(name, kind, value string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := recordOf(name, kind)
	d.records[k] = slices.DeleteFunc(d.records[k], func(s string) bool { return s == value })
}

// Clear forgets the records of a name and type.
func (d *DNS) Clear(name, kind string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.records, recordOf(name, kind))
}

// Values are the records of a name and type.
func (d *DNS) Values(name, kind string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.records[recordOf(name, kind)])
}

// Asked is how often a name and type was asked for.
func (d *DNS) Asked(name, kind string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked[recordOf(name, kind)]
}

// control is what hooks of clients call.
func (d *DNS) control(w http.ResponseWriter, r *http.Request) {
	name, value := r.URL.Query().Get("name"), r.URL.Query().Get("value")
	switch {
	case name == "":
		http.Error(w, "no name", http.StatusBadRequest)
	case r.Method == http.MethodPost && value != "":
		d.Add(name, "TXT", value)
	case r.Method == http.MethodDelete && value != "":
		d.Remove(name, "TXT", value)
	case r.Method == http.MethodDelete:
		d.Clear(name, "TXT")
	default:
		http.Error(w, "POST or DELETE with name and value", http.StatusBadRequest)
	}
}

// ServeDNS implements dns.Handler.
func (d *DNS) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	m.Authoritative, m.RecursionAvailable = true, true
	if len(q.Question) == 1 {
		d.mu.Lock()
		d.answer(m, q.Question[0].Name, q.Question[0].Qtype)
		d.mu.Unlock()
	}
	if o := q.IsEdns0(); o != nil {
		m.SetEdns0(1232, o.Do())
	}
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		size := dns.MinMsgSize
		if o := q.IsEdns0(); o != nil {
			size = max(size, int(o.UDPSize()))
		}
		m.Truncate(size)
	}
	_ = w.WriteMsg(m)
}

// zone is the zone of a name: the last two labels.
func zone(name string) string {
	labels := dns.SplitDomainName(name)
	return dns.Fqdn(strings.Join(labels[max(0, len(labels)-2):], "."))
}

// answer fills in what is known; the lock is held.
func (d *DNS) answer(m *dns.Msg, name string, kind uint16) {
	lower := strings.ToLower(name)
	d.asked[record{lower, kind}]++
	for hops := 0; hops < 10 && kind != dns.TypeCNAME; hops++ {
		to := d.records[record{lower, dns.TypeCNAME}]
		if len(to) == 0 {
			break
		}
		m.Answer = append(m.Answer, &dns.CNAME{Hdr: header(name, dns.TypeCNAME), Target: dns.Fqdn(to[0])})
		name, lower = dns.Fqdn(to[0]), dns.Fqdn(strings.ToLower(to[0]))
	}
	ours := strings.HasSuffix(lower, ".test.") || strings.HasSuffix(lower, ".internal.")
	values, set := d.records[record{lower, kind}]
	if !set && ours && kind == dns.TypeA {
		values = []string{"127.0.0.1"}
	}
	for _, v := range values {
		if kind == dns.TypeTXT {
			m.Answer = append(m.Answer, &dns.TXT{Hdr: header(name, kind), Txt: []string{v}})
			continue
		}
		rr, err := dns.NewRR(fmt.Sprintf("%s 1 IN %s %s", name, dns.TypeToString[kind], v))
		if err != nil {
			m.Rcode = dns.RcodeServerFailure
			return
		}
		m.Answer = append(m.Answer, rr)
	}
	soa := &dns.SOA{Hdr: header(zone(lower), dns.TypeSOA), Ns: "ns." + zone(lower), Mbox: "admin." + zone(lower), Serial: 1, Refresh: 60, Retry: 60, Expire: 60, Minttl: 1}
	switch {
	case kind == dns.TypeSOA && lower == zone(lower):
		m.Answer = append(m.Answer, soa)
	case kind == dns.TypeNS && lower == zone(lower):
		m.Answer = append(m.Answer, &dns.NS{Hdr: header(name, kind), Ns: "ns." + lower})
	case len(values) == 0:
		m.Ns = append(m.Ns, soa)
		if !ours && !d.exists(lower) {
			m.Rcode = dns.RcodeNameError
		}
	}
}

// exists reports whether a name has been set to anything.
func (d *DNS) exists(name string) bool {
	for k := range d.records {
		if k.name == name {
			return true
		}
	}
	return false
}

func header(name string, kind uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: 1}
}

// Serve answers HTTP at an address until the test's end, and returns the URL.
func Serve(t testing.TB, address string, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return "http://" + l.Addr().String() + "/"
}
