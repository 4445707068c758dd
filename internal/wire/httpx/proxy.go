package httpx

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// The headers in which a proxy may pass on the client's certificate.
const (
	// HeaderClientCert is RFC 9440: ":" base64 DER ":".
	HeaderClientCert = "Client-Cert"
	// HeaderSSLClientCert is nginx's usual form: URL-escaped PEM
	// ($ssl_client_escaped_cert).
	HeaderSSLClientCert = "X-SSL-Client-Cert"
)

// certHeaders are removed from every request once they have been judged.
func certHeaders() []string {
	return []string{HeaderClientCert, "Client-Cert-Chain", HeaderSSLClientCert}
}

// Proxies says which peers are believed when they speak for a client.
type Proxies struct {
	// Trusted proxies may set X-Forwarded-For (or Forwarded), -Proto, -Host
	// and X-Request-Id.
	Trusted []netip.Prefix
	// AddressHeader is the one header that the trusted proxies append client
	// addresses to: "X-Forwarded-For" (default) or "Forwarded" (RFC 7239).
	// Only one is read, because a client can write the other.
	AddressHeader string
	// ClientCert proxies may pass on the client's certificate in CertHeader.
	// From them a certificate of the TLS connection itself is the proxy's own
	// and is not taken for the client's.
	ClientCert []netip.Prefix
	// CertHeader is HeaderClientCert (default) or HeaderSSLClientCert. Only
	// that one is read, for the same reason.
	CertHeader string
}

func contains(list []netip.Prefix, a netip.Addr) bool {
	return a.IsValid() && slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

// peerAddr reads the address of the TCP peer.
func peerAddr(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// client judges the request's peer and headers. It removes the certificate
// headers from the request whoever sent them.
func (p *Proxies) client(r *http.Request) Client {
	peer := peerAddr(r)
	c := Client{Address: peer, Direct: true, Host: r.Host, Scheme: "http"}
	if r.TLS != nil {
		c.Scheme = "https"
		if len(r.TLS.PeerCertificates) > 0 {
			c.Cert = r.TLS.PeerCertificates[0]
		}
	}
	if contains(p.Trusted, peer) {
		c.Direct = false
		c.Address = p.realAddr(r, peer)
		if s := strings.ToLower(lastElement(r.Header, "X-Forwarded-Proto")); s == "http" || s == "https" {
			c.Scheme = s
		}
		if h := lastElement(r.Header, "X-Forwarded-Host"); validHost(h) {
			c.Host = h
		}
		if id := r.Header.Get("X-Request-Id"); validRequestID(id) {
			c.RequestID = id
		}
	}
	if contains(p.ClientCert, peer) {
		c.Direct = false
		c.Cert = p.headerCert(r.Header)
	}
	for _, h := range certHeaders() {
		r.Header.Del(h)
	}
	return c
}

// realAddr returns the right-most address that is not a trusted proxy's. An
// unreadable element ends the walk: what is left of it cannot be believed.
func (p *Proxies) realAddr(r *http.Request, peer netip.Addr) netip.Addr {
	var hops []string
	if strings.EqualFold(p.AddressHeader, "Forwarded") {
		hops = forwardedFor(r.Header.Values("Forwarded"))
	} else {
		hops = strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	}
	addr := peer
	for _, hop := range slices.Backward(hops) {
		a, ok := parseHop(hop)
		if !ok {
			return addr
		}
		addr = a
		if !contains(p.Trusted, a) {
			return addr
		}
	}
	return addr
}

// parseHop reads "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]"
// and "[2001:db8::1]:80".
func parseHop(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return a.Unmap().WithZone(""), err == nil
}

// forwardedFor lists the "for" parameters of RFC 7239 section 5.2; an element
// without one gives "".
func forwardedFor(values []string) []string {
	var out []string
	for _, element := range strings.Split(strings.Join(values, ","), ",") {
		hop := ""
		for _, pair := range strings.Split(element, ";") {
			k, v, _ := strings.Cut(strings.TrimSpace(pair), "=")
			if strings.EqualFold(k, "for") {
				hop = strings.Trim(v, `"`)
			}
		}
		out = append(out, hop)
	}
	return out
}

// lastElement returns the last list element of a header: the one that the
// nearest proxy wrote.
func lastElement(h http.Header, name string) string {
	v := h.Values(name)
	if len(v) == 0 {
		return ""
	}
	s := v[len(v)-1]
	return strings.TrimSpace(s[strings.LastIndexByte(s, ',')+1:])
}

func validHost(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-_:[]", r))
	})
}

// validRequestID accepts what log systems write without escaping.
func validRequestID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r))
	})
}

// headerCert reads the certificate that a trusted proxy passed on; nil when
// there is none or it cannot be read, which then counts as "none shown".
func (p *Proxies) headerCert(h http.Header) *x509.Certificate {
	name := p.CertHeader
	if name == "" {
		name = HeaderClientCert
	}
	values := h.Values(name)
	if len(values) != 1 || len(values[0]) > 64<<10 {
		return nil // two values: a client wrote one of them
	}
	var der []byte
	if strings.EqualFold(name, HeaderClientCert) {
		s := strings.TrimSpace(values[0])
		if len(s) < 2 || s[0] != ':' || s[len(s)-1] != ':' { // RFC 9440 section 2.1: a Byte Sequence
			return nil
		}
		var err error
		if der, err = base64.StdEncoding.DecodeString(s[1 : len(s)-1]); err != nil {
			return nil
		}
	} else {
		text, err := url.PathUnescape(values[0]) // keeps "+", which base64 uses
		if err != nil {
			return nil
		}
		block, _ := pem.Decode([]byte(text))
		if block == nil || block.Type != "CERTIFICATE" {
			return nil
		}
		der = block.Bytes
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	return cert
}
