package validation

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/miekg/dns"
)

const (
	// maxAliases is how many CNAME and DNAME records are followed for one
	// question.
	maxAliases = 8
	// udpSize avoids fragments, which are lost or forged more easily (DNS flag
	// day 2020).
	udpSize = 1232
	// rounds is how often the list of resolvers is gone through.
	rounds = 2
)

// lookup asks for the records of one type and follows aliases to their end. It
// gives no records when name or type does not exist; absent tells the former
// (NXDOMAIN). Nothing is kept for later questions.
func (a *attempt) lookup(ctx context.Context, name string, qtype uint16) (rrs []dns.RR, absent bool, f *failure) {
	name = dns.CanonicalName(name)
	seen := map[string]bool{name: true}
	for {
		m, f := a.ask(ctx, name, qtype)
		if f != nil {
			return nil, false, f
		}
		end, f := follow(m.Answer, name, seen)
		if f != nil {
			return nil, false, f
		}
		rrs = ofType(m.Answer, end, qtype)
		switch {
		case m.Rcode == dns.RcodeNameError: // of the last name in the chain (RFC 6604 section 3)
			return nil, true, nil
		case len(rrs) > 0 || end == name:
			return rrs, false, nil
		}
		name = end // the resolver went only so far
	}
}

func ofType(answer []dns.RR, name string, qtype uint16) (out []dns.RR) {
	for _, rr := range answer {
		if h := rr.Header(); h.Rrtype == qtype && h.Class == dns.ClassINET && dns.CanonicalName(h.Name) == name {
			out = append(out, rr)
		}
	}
	return out
}

// follow walks the aliases of an answer, from name to where they end. seen holds
// the names so far.
func follow(answer []dns.RR, name string, seen map[string]bool) (string, *failure) {
	for {
		next, ok := alias(answer, name)
		if !ok {
			return name, nil
		}
		if seen[next] {
			return "", passing("dns", "the alias of %s leads in a circle", plain(name))
		}
		if len(seen) > maxAliases {
			return "", passing("dns", "more than %d aliases follow each other, up to %s", maxAliases, plain(name))
		}
		seen[next], name = true, next
	}
}

// alias finds where a CNAME or DNAME (RFC 6672 section 2.2) sends a name.
func alias(answer []dns.RR, name string) (string, bool) {
	for _, rr := range answer {
		if c, ok := rr.(*dns.CNAME); ok && dns.CanonicalName(c.Hdr.Name) == name {
			return dns.CanonicalName(c.Target), true
		}
	}
	for _, rr := range answer {
		d, ok := rr.(*dns.DNAME)
		if !ok {
			continue
		}
		owner := dns.CanonicalName(d.Hdr.Name)
		if prefix, below := strings.CutSuffix(name, "."+owner); below && owner != "." {
			next := dns.CanonicalName(prefix + "." + strings.TrimPrefix(d.Target, "."))
			_, valid := dns.IsDomainName(next)
			return next, valid
		}
	}
	return "", false
}

// plain is a name without the dot at its end.
func plain(name string) string { return strings.TrimSuffix(name, ".") }

// ask gets one answer, NOERROR or NXDOMAIN. When a resolver cannot give one, but
// can when told not to check signatures, then these are what is wrong.
func (a *attempt) ask(ctx context.Context, name string, qtype uint16) (*dns.Msg, *failure) {
	what := dns.TypeToString[qtype] + " " + plain(name)
	m, server, f := a.anyResolver(ctx, name, qtype)
	if f != nil {
		return nil, f
	}
	switch m.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
		return m, nil
	case dns.RcodeServerFailure:
		why := because(m)
		c, err := a.query(ctx, server, name, qtype, true)
		if err == nil && (c.Rcode == dns.RcodeSuccess || c.Rcode == dns.RcodeNameError) {
			return nil, passing("dnssec", "%s: the resolver answers only when it may leave DNSSEC unchecked: the signatures of the zone do not check out%s", what, why)
		}
		return nil, passing("dns", "%s: the resolver answered SERVFAIL%s", what, why)
	}
	return nil, passing("dns", "%s: the resolver answered %s%s", what, rcode(m), because(m))
}

// anyResolver asks one resolver after the other until one answers. SERVFAIL is
// an answer: another resolver may be one that does not check DNSSEC.
func (a *attempt) anyResolver(ctx context.Context, name string, qtype uint16) (*dns.Msg, string, *failure) {
	var refusal *dns.Msg
	var refuser string
	for range rounds {
		for _, server := range a.s.resolvers {
			m, err := a.query(ctx, server, name, qtype, false)
			switch {
			case err == nil && m.Rcode != dns.RcodeRefused && m.Rcode != dns.RcodeNotImplemented:
				return m, server, nil
			case err == nil:
				refusal, refuser = m, server
			}
			if ctx.Err() != nil {
				break
			}
		}
		if refusal != nil || ctx.Err() != nil {
			break
		}
	}
	if refusal != nil {
		return refusal, refuser, nil
	}
	return nil, "", passing("dns", "%s %s: no resolver answered", dns.TypeToString[qtype], plain(name))
}

// query asks one resolver, over UDP and, when the answer does not fit, over TCP,
// and notes both.
func (a *attempt) query(ctx context.Context, server, name string, qtype uint16, unchecked bool) (*dns.Msg, error) {
	asked := dns.TypeToString[qtype] + " " + plain(name) + " at " + server
	if unchecked {
		asked += " without DNSSEC"
	}
	q := new(dns.Msg).SetQuestion(name, qtype)
	q.CheckingDisabled = unchecked
	q.SetEdns0(udpSize, true)
	m, err := a.s.exchange(ctx, "udp", server, q)
	if err == nil && m.Rcode == dns.RcodeFormatError { // it may not know EDNS (RFC 6891 section 7)
		q.Extra = nil
		m, err = a.s.exchange(ctx, "udp", server, q)
	}
	if err == nil && m.Truncated {
		asked += " over TCP"
		m, err = a.s.exchange(ctx, "tcp", server, q)
	}
	if err != nil {
		a.saw(asked, reason(err))
		return nil, err
	}
	a.saw(asked, answerText(m))
	return m, nil
}

// errForeign is an answer to something else.
var errForeign = errors.New("the answer belongs to another question")

// exchange sends a question and waits for its answer. Over UDP what does not
// belong to the question is passed over: anybody may send that.
func (s *Service) exchange(ctx context.Context, network, server string, q *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout/5)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if end, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(end)
	}
	c := &dns.Conn{Conn: conn, UDPSize: udpSize}
	if err := c.WriteMsg(q); err != nil {
		return nil, err
	}
	for {
		m, err := c.ReadMsg()
		var n net.Error
		switch {
		case m != nil && answers(m, q) && (err == nil || m.Truncated): // what is cut need not parse
			return m, nil
		case network == "udp" && (err == nil || !errors.As(err, &n) && !broken(err)):
			continue
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err == nil:
			return nil, errForeign
		default:
			return nil, err
		}
	}
}

// answers reports whether m answers q. A server that could not read the
// question need not repeat it.
func answers(m, q *dns.Msg) bool {
	if m.Id != q.Id || !m.Response {
		return false
	}
	if len(m.Question) == 0 {
		return m.Rcode == dns.RcodeFormatError
	}
	g, w := m.Question[0], q.Question[0]
	return len(m.Question) == 1 && strings.EqualFold(g.Name, w.Name) && g.Qtype == w.Qtype && g.Qclass == w.Qclass
}

func rcode(m *dns.Msg) string {
	if s, ok := dns.RcodeToString[m.Rcode]; ok {
		return s
	}
	return "an unknown code"
}

// because is what the resolver says about a failure (RFC 8914), in brackets.
func because(m *dns.Msg) string {
	var out []string
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			e, ok := o.(*dns.EDNS0_EDE)
			if !ok {
				continue
			}
			text := dns.ExtendedErrorCodeToString[e.InfoCode]
			if e.ExtraText != "" {
				text = strings.TrimPrefix(text+": "+printable(e.ExtraText, 200), ": ")
			}
			if text != "" {
				out = append(out, text)
			}
		}
	}
	if len(out) == 0 {
		return ""
	}
	return " (" + strings.Join(out, "; ") + ")"
}

// answerText sums up an answer: the code when it is no success, or the records.
func answerText(m *dns.Msg) string {
	if m.Rcode != dns.RcodeSuccess {
		return rcode(m) + because(m)
	}
	var out []string
	for _, rr := range m.Answer {
		if h := rr.Header(); h.Rrtype != dns.TypeRRSIG {
			out = append(out, dns.TypeToString[h.Rrtype]+" "+strings.TrimPrefix(rr.String(), h.String()))
		}
	}
	if len(out) == 0 {
		return "no such record"
	}
	return strings.Join(out, ", ")
}
