package httpx

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/netip"
)

// Client is what the plumbing found out about who is at the other end.
type Client struct {
	RequestID string
	Address   netip.Addr // the client's own address, proxies seen through
	// Cert is the client's certificate, from TLS or from a trusted proxy's
	// header; not judged. Nil: none shown.
	Cert *x509.Certificate
	// Direct says that the TLS connection, if any, is the client's own, so
	// that channel bindings can be compared.
	Direct bool
	Scheme string // "https" or "http", as the client sees it
	Host   string // host[:port], as the client sees it
}

type clientKey struct{}

// WithClient returns a context that carries c. Only the plumbing and tests
// call it.
func WithClient(ctx context.Context, c Client) context.Context {
	return context.WithValue(ctx, clientKey{}, &c)
}

func clientOf(ctx context.Context) *Client {
	c, _ := ctx.Value(clientKey{}).(*Client)
	if c == nil {
		c = &Client{}
	}
	return c
}

// RequestID returns the id of the request being served, "" outside of one.
func RequestID(ctx context.Context) string { return clientOf(ctx).RequestID }

// ClientAddr returns the address of the client being served; the zero Addr
// outside of a request.
func ClientAddr(ctx context.Context) netip.Addr { return clientOf(ctx).Address }

// ClientCert returns the certificate that the client showed in TLS or that a
// trusted proxy passed on; nil when there is none. It is not judged: whoever
// uses it must verify it.
func ClientCert(ctx context.Context) *x509.Certificate { return clientOf(ctx).Cert }

// Direct reports whether the TLS connection is the client's own and not a
// trusted proxy's.
func Direct(ctx context.Context) bool { return clientOf(ctx).Direct }

// BaseURL returns the URL, without a slash at the end, under which the client
// reached this server: configured when that is not empty, else what the
// request says (behind trusted proxies X-Forwarded-Proto and
// X-Forwarded-Host). A Host header is the client's own claim, so links that
// other people will follow must come from configuration.
func BaseURL(r *http.Request, configured string) string {
	if configured != "" {
		for len(configured) > 0 && configured[len(configured)-1] == '/' {
			configured = configured[:len(configured)-1]
		}
		return configured
	}
	c := clientOf(r.Context())
	scheme, host := c.Scheme, c.Host
	if scheme == "" {
		scheme = "http"
		if r.TLS != nil {
			scheme = "https"
		}
	}
	if host == "" {
		host = r.Host
	}
	return scheme + "://" + host
}
