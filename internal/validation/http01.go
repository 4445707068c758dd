package validation

import (
	"bufio"
	"context"
	"crypto/subtle"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

const (
	maxRedirects = 10
	maxBody      = 4 << 10  // octets of a body that are read
	maxAll       = 32 << 10 // octets that are read of an answer with its header
	maxLocation  = 2000     // octets of a redirect's target
	userAgent    = "Certwright-validation"
)

// page is an answer over HTTP.
type page struct {
	status   int
	location string
	body     string
	// hidden: the body is not to be shown.
	hidden bool
}

// hop is one request on the way of redirects.
type hop struct {
	t          target
	port       int
	url        *url.URL // without the port that the scheme implies
	redirected bool
}

// http01 is RFC 8555 section 8.3.
func (a *attempt) http01(ctx context.Context, t target, c Check) *failure {
	return a.fetch(ctx, t, "/.well-known/acme-challenge/"+c.Token, c.KeyAuthorization, "the key authorization")
}

// fetch looks at the page under a path, following redirects. want is what must
// stand there; what is its name.
func (a *attempt) fetch(ctx context.Context, t target, path, want, what string) *failure {
	h := hop{t: t, port: a.s.httpPort, url: &url.URL{Scheme: "http", Host: hostPort(t, a.s.httpPort, 80), Path: path}}
	for n := 0; ; n++ {
		p, f := a.get(ctx, h)
		if f != nil {
			return f
		}
		switch p.status {
		case http.StatusOK:
			return p.compare(h.url, want, what)
		case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		default:
			f := fail("unauthorized", "%s answered with status %d, not 200", h.url.Redacted(), p.status)
			// A file that is not in place yet, or a server that is starting.
			f.retry = p.status == http.StatusNotFound || p.status == http.StatusTooManyRequests || p.status >= 500
			return f
		}
		if n == maxRedirects {
			return fail("unauthorized", "more than %d redirects", maxRedirects)
		}
		if h, f = a.s.redirect(h, p.location); f != nil {
			return f
		}
	}
}

// compare checks the body. White space at its end does not count (RFC 8555
// section 8.3).
func (p *page) compare(u *url.URL, want, what string) *failure {
	got := strings.TrimRight(p.body, " \t\r\n\v\f")
	if subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1 {
		return nil
	}
	if p.hidden {
		return fail("unauthorized", "%s does not answer with %s", u.Redacted(), what)
	}
	return fail("unauthorized", "%s answers %q, not %s %q", u.Redacted(), printable(got, 200), what, want)
}

// redirect reads where an answer sends us.
func (s *Service) redirect(from hop, location string) (hop, *failure) {
	const code = "unauthorized"
	if location == "" || len(location) > maxLocation {
		return from, fail(code, "%s redirects to nowhere, or with more than %d octets", from.url.Redacted(), maxLocation)
	}
	u, err := from.url.Parse(location)
	if err != nil {
		return from, fail(code, "%s redirects to what is no URL", from.url.Redacted())
	}
	shown := printable(u.Redacted(), 200)
	implied, port := 80, s.httpPort
	switch {
	case u.Scheme == "https":
		implied, port = 443, s.tlsPort
	case u.Scheme != "http":
		return from, fail(code, "a redirect to %s is not followed: only http and https are", shown)
	}
	if u.User != nil {
		return from, fail(code, "a redirect to %s is not followed: it holds a user", shown)
	}
	if p := u.Port(); p != "" {
		if port, err = strconv.Atoi(p); err != nil || port != s.httpPort && port != s.tlsPort && port != 80 && port != 443 {
			return from, fail(code, "a redirect to %s is not followed: the port is neither %d nor %d", shown, s.httpPort, s.tlsPort)
		}
	}
	to := hop{port: port, redirected: true}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if ip, err := netip.ParseAddr(host); err == nil {
		to.t.ip = ip
	} else if validName(host) {
		to.t.name = host
	} else {
		return from, fail(code, "a redirect to %s is not followed: its host is no DNS name", shown)
	}
	u.Host, u.Fragment, u.RawFragment = hostPort(to.t, port, implied), "", ""
	to.url = u
	return to, nil
}

// get asks for one URL, at an address that was checked.
func (a *attempt) get(ctx context.Context, h hop) (*page, *failure) {
	conn, f := a.connect(ctx, h.t, h.port)
	if f != nil {
		return nil, f.within("%s", h.url.Redacted())
	}
	defer conn.Close()
	asked := "GET " + h.url.Redacted() + " at " + conn.RemoteAddr().String()
	// What a redirect makes us read inside of a private network is not shown:
	// whoever asks chose the place.
	hidden := h.redirected && inside(conn.RemoteAddr())
	if h.url.Scheme == "https" {
		// The certificate is not checked: getting one is what this is for (RFC
		// 8555 section 8.3 and 10.2 count on the address alone).
		t := tls.Client(conn, &tls.Config{ServerName: h.t.name, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
		if err := t.HandshakeContext(ctx); err != nil {
			a.saw(asked, "TLS: "+tlsReason(err))
			f := fail("tls", "%s: %s", h.url.Redacted(), tlsReason(err))
			f.retry = network(err)
			return nil, f
		}
		conn = t
	}
	p, err := exchangeHTTP(ctx, conn, h.url)
	if err != nil {
		a.saw(asked, reason(err))
		return nil, passing("connection", "%s: %s", h.url.Redacted(), reason(err))
	}
	p.hidden = hidden
	a.saw(asked, p.text())
	return p, nil
}

// text is what a record shows of a page. Bodies matter with status 200 only.
func (p *page) text() string {
	out := strconv.Itoa(p.status)
	switch {
	case p.location != "":
		out += ", to " + redacted(p.location)
	case p.status == http.StatusOK && p.hidden:
		out += ", " + strconv.Itoa(len(p.body)) + " octets"
	case p.status == http.StatusOK:
		out += ": " + p.body
	}
	return out
}

// redacted is a URL without a password.
func redacted(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "what is no URL"
	}
	return u.Redacted()
}

func inside(addr net.Addr) bool {
	t, ok := addr.(*net.TCPAddr)
	if !ok {
		return true
	}
	ip := t.AddrPort().Addr().Unmap()
	return private(ip) || ip.IsLoopback()
}

// exchangeHTTP makes one request over a connection, without net/http's
// transport: that may dial again by itself, and writes what a stranger sends too
// early into the log.
func exchangeHTTP(ctx context.Context, conn net.Conn, u *url.URL) (*page, error) {
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	p, err := requestHTTP(ctx, conn, u)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err() // which is why the connection was closed
	}
	return p, err
}

func requestHTTP(ctx context.Context, conn net.Conn, u *url.URL) (*page, error) {
	req := (&http.Request{Method: http.MethodGet, URL: u, Close: true, Header: http.Header{
		"User-Agent": {userAgent}, "Accept": {"*/*"},
	}}).WithContext(ctx)
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	in := bufio.NewReader(io.LimitReader(conn, maxAll))
	for {
		resp, err := http.ReadResponse(in, req)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols {
			continue // an interim response (RFC 9110 section 15.2)
		}
		return readPage(resp)
	}
}

// readPage leaves the body open: closing it would read on to its end. The
// connection is closed instead.
func readPage(resp *http.Response) (*page, error) {
	p := &page{status: resp.StatusCode}
	switch {
	case p.status >= 300 && p.status < 400:
		p.location = resp.Header.Get("Location")
	case p.status == http.StatusOK:
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
		if err != nil {
			return nil, err
		}
		p.body = string(body)
	}
	return p, nil
}
