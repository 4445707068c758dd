package validation

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/miekg/dns"
)

// prefixes parses constants.
func prefixes(s ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(s))
	for i := range s {
		out[i] = netip.MustParsePrefix(s[i])
	}
	return out
}

func within(ip netip.Addr, list []netip.Prefix) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// private reports whether ip belongs to a network of its owner's own: RFC 1918,
// RFC 4193, RFC 6598 (carriers), RFC 2544 (benchmarks), and the former
// site-local addresses of RFC 3879.
func private(ip netip.Addr) bool {
	return ip.IsPrivate() || within(ip, prefixes("100.64.0.0/10", "198.18.0.0/15", "fec0::/10"))
}

// refuse says why an address must not be talked to, or "". Clients choose where
// their names point to; the server's own services, the metadata services of
// clouds and detours around these rules are not theirs to reach.
func (s *Service) refuse(ip netip.Addr) string {
	switch {
	case !ip.IsValid() || ip.Zone() != "":
		return "it is not a global address"
	case ip.Is4In6():
		return "an IPv4 address is not written as IPv6"
	case ip.IsLoopback():
		if s.allowLoopback {
			return ""
		}
		return "it is this host itself"
	case ip.IsUnspecified() || within(ip, prefixes("0.0.0.0/8")):
		return "it is unspecified"
	case ip.IsLinkLocalUnicast():
		return "it is link-local"
	case ip.IsMulticast():
		return "it is multicast"
	case within(ip, prefixes("240.0.0.0/4")): // broadcast among them
		return "it is reserved or broadcast"
	case within(ip, prefixes("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")):
		return "it stands for another address (NAT64, 6to4, Teredo or IPv4-compatible)"
	case within(ip, prefixes("100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", "fd00:ec2::/32")):
		return "it is a cloud's metadata service"
	case s.denyPrivate && private(ip):
		return "it is private"
	}
	return ""
}

// perFamily is how many addresses of a family are tried; with more, one slow
// name would use up the whole time.
const perFamily = 2

// connect finds a host's addresses and connects to the first that answers, IPv6
// before IPv4, as RFC 8555 section 8.3 leaves open and most CAs do. The address
// that was checked is the one that is dialled: a second look at the DNS might
// see another one.
func (a *attempt) connect(ctx context.Context, t target, port int) (net.Conn, *failure) {
	if t.name == "" {
		conn, _, f := a.dialFirst(ctx, []netip.Addr{t.ip}, port)
		return conn, f
	}
	six, _, f6 := a.addresses(ctx, t.name, dns.TypeAAAA)
	var dialled *failure
	if len(six) > 0 {
		conn, tried, f := a.dialFirst(ctx, six, port)
		if f == nil {
			return conn, nil
		}
		dialled = f
		if tried && ctx.Err() != nil {
			return nil, f
		}
	}
	four, absent, f4 := a.addresses(ctx, t.name, dns.TypeA)
	switch {
	case len(four) > 0:
		conn, tried, f := a.dialFirst(ctx, four, port)
		if f == nil {
			return conn, nil
		}
		if dialled != nil && dialled.retry && !tried {
			return nil, dialled
		}
		return nil, f
	case dialled != nil:
		return nil, dialled
	case f4 != nil:
		return nil, f4
	case f6 != nil:
		return nil, f6
	case absent:
		return nil, passing("dns", "the name %s does not exist (NXDOMAIN)", t.name)
	}
	return nil, passing("dns", "the name %s has no address", t.name)
}

// addresses asks for addresses of one family; absent: there is no such name.
func (a *attempt) addresses(ctx context.Context, name string, qtype uint16) (out []netip.Addr, absent bool, f *failure) {
	rrs, absent, f := a.lookup(ctx, name, qtype)
	for _, rr := range rrs {
		var ip netip.Addr
		var ok bool
		switch r := rr.(type) {
		case *dns.A:
			ip, ok = netip.AddrFromSlice(r.A.To4())
		case *dns.AAAA:
			ip, ok = netip.AddrFromSlice(r.AAAA.To16())
		}
		if ok {
			out = append(out, ip)
		}
	}
	return out, absent, f
}

// dialFirst dials the addresses in turn; tried tells whether any was allowed.
func (a *attempt) dialFirst(ctx context.Context, ips []netip.Addr, port int) (conn net.Conn, tried bool, f *failure) {
	var refused, failed *failure
	n := 0
	for _, ip := range ips {
		addr := netip.AddrPortFrom(ip, uint16(port)).String()
		if why := a.s.refuse(ip); why != "" {
			refused = fail("connection", "the address %s is not allowed: %s", ip, why)
			a.saw("connection to "+addr, "not allowed: "+why)
			continue
		}
		if n++; n > perFamily {
			break
		}
		conn, err := a.s.dial(ctx, addr)
		if err == nil {
			return conn, true, nil
		}
		a.saw("connection to "+addr, reason(err))
		failed = passing("connection", "no connection to %s: %s", addr, reason(err))
	}
	if failed != nil {
		return nil, true, failed
	}
	return nil, false, refused
}

// dial connects to an address that refuse has let through.
func (s *Service) dial(ctx context.Context, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout/5)
	defer cancel()
	d := net.Dialer{KeepAlive: -1}
	return d.DialContext(ctx, "tcp", addr)
}

// hostPort writes a host of a URL, without the port that the scheme implies.
func hostPort(t target, port, implied int) string {
	host := t.String()
	if t.name == "" && t.ip.Is6() {
		host = "[" + host + "]"
	}
	if port == implied {
		return host
	}
	return host + ":" + strconv.Itoa(port)
}
