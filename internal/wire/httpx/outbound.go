package httpx

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// Outbound describes how this server reaches others.
type Outbound struct {
	// Proxy is the URL of a proxy for everything, "direct" for none, or empty
	// for the environment's HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
	Proxy string
	// NoProxy lists hosts, domains and CIDRs reached directly, in the syntax
	// of the environment variable NO_PROXY; it counts with Proxy only.
	NoProxy string
	// ExtraRoots are trusted beside the system's roots.
	ExtraRoots []*x509.Certificate
	// Certificates are shown to servers that ask for one.
	Certificates []tls.Certificate
	Timeout      time.Duration // for a whole exchange; 0 means 60 s
}

// Client makes an HTTP client. It follows at most five redirects and none
// from https to http.
func (o Outbound) Client() (*http.Client, error) {
	proxy, err := o.proxy()
	if err != nil {
		return nil, err
	}
	timeout := o.Timeout
	if timeout == 0 {
		timeout = 60 * time.Second
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: checkRedirect,
		Transport: &http.Transport{
			Proxy:       proxy,
			DialContext: dialer.DialContext,
			TLSClientConfig: &tls.Config{
				MinVersion:   tls.VersionTLS12,
				RootCAs:      o.Roots(),
				Certificates: o.Certificates,
			},
			TLSHandshakeTimeout:    10 * time.Second,
			ResponseHeaderTimeout:  timeout,
			ExpectContinueTimeout:  time.Second,
			IdleConnTimeout:        90 * time.Second,
			MaxIdleConns:           64,
			MaxIdleConnsPerHost:    8,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
		},
	}, nil
}

func (o Outbound) proxy() (func(*http.Request) (*url.URL, error), error) {
	cfg := httpproxy.FromEnvironment()
	switch o.Proxy {
	case "":
	case "direct":
		return nil, nil
	default:
		u, err := url.Parse(o.Proxy)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("the outbound proxy is not a URL") // its text may hold a password
		}
		switch u.Scheme {
		case "http", "https", "socks5", "socks5h":
		default:
			return nil, fmt.Errorf("the outbound proxy has scheme %q, not http, https or socks5", u.Scheme)
		}
		cfg = &httpproxy.Config{HTTPProxy: o.Proxy, HTTPSProxy: o.Proxy, NoProxy: o.NoProxy}
	}
	choose := cfg.ProxyFunc()
	return func(r *http.Request) (*url.URL, error) { return choose(r.URL) }, nil
}

// Roots returns the system's roots and the extra ones; nil, which means the
// system's, when there are no extra ones.
func (o Outbound) Roots() *x509.CertPool {
	if len(o.ExtraRoots) == 0 {
		return nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // no system store: a minimal container
	}
	for _, c := range o.ExtraRoots {
		pool.AddCert(c)
	}
	return pool
}

func checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) >= 5 {
		return fmt.Errorf("stopped after %d redirects", len(via))
	}
	if via[len(via)-1].URL.Scheme == "https" && r.URL.Scheme != "https" {
		return fmt.Errorf("refused a redirect from https to %s", r.URL.Scheme)
	}
	return nil
}
