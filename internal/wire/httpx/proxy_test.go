package httpx

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"
)

func prefixes(s ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range s {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

func TestRealAddress(t *testing.T) {
	trusted := prefixes("10.0.0.0/8", "fd00::/8")
	for _, c := range []struct {
		name, remote, header, value, want string
	}{
		{"no proxy", "192.0.2.9:1", "", "", "192.0.2.9"},
		{"untrusted peer is not believed", "192.0.2.9:1", "X-Forwarded-For", "198.51.100.1", "192.0.2.9"},
		{"one proxy", "10.0.0.1:1", "X-Forwarded-For", "198.51.100.1", "198.51.100.1"},
		{"right-most untrusted", "10.0.0.1:1", "X-Forwarded-For", "1.1.1.1, 198.51.100.1, 10.9.9.9", "198.51.100.1"},
		{"port", "10.0.0.1:1", "X-Forwarded-For", "198.51.100.1:4711", "198.51.100.1"},
		{"IPv6 in brackets", "[fd00::1]:1", "X-Forwarded-For", "[2001:db8::5]:99", "2001:db8::5"},
		{"IPv6 bare", "[fd00::1]:1", "X-Forwarded-For", "2001:db8::5", "2001:db8::5"},
		{"garbage ends the walk", "10.0.0.1:1", "X-Forwarded-For", "198.51.100.1, evil, 10.2.2.2", "10.2.2.2"},
		{"all trusted", "10.0.0.1:1", "X-Forwarded-For", "10.3.3.3", "10.3.3.3"},
		{"empty", "10.0.0.1:1", "X-Forwarded-For", "", "10.0.0.1"},
		{"mapped", "[::ffff:10.0.0.1]:1", "X-Forwarded-For", "::ffff:198.51.100.1", "198.51.100.1"},
		{"other header is not read", "10.0.0.1:1", "Forwarded", "for=198.51.100.1", "10.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = c.remote
			if c.header != "" {
				r.Header.Set(c.header, c.value)
			}
			p := Proxies{Trusted: trusted}
			if got := p.client(r).Address.String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestForwarded(t *testing.T) {
	p := Proxies{Trusted: prefixes("10.0.0.0/8"), AddressHeader: "Forwarded"}
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "10.0.0.1:1"
	r.Header.Add("Forwarded", `for=1.1.1.1;proto=http, for="[2001:db8::7]:80";by=10.0.0.2`)
	r.Header.Add("Forwarded", `proto=https;For=10.4.4.4`)
	r.Header.Set("X-Forwarded-For", "9.9.9.9")
	if got := p.client(r).Address.String(); got != "2001:db8::7" {
		t.Errorf("got %s", got)
	}
}

func TestForwardedSchemeHostAndID(t *testing.T) {
	r := httptest.NewRequest("GET", "http://inner:8080/", nil)
	r.Header.Set("X-Forwarded-Proto", "https")
	r.Header.Set("X-Forwarded-Host", "evil.example, ca.example:443")
	r.Header.Set("X-Request-Id", "abc-1")
	p := Proxies{Trusted: prefixes("10.0.0.0/8")}

	r.RemoteAddr = "10.0.0.1:1"
	c := p.client(r)
	if c.Scheme != "https" || c.Host != "ca.example:443" || c.RequestID != "abc-1" || c.Direct {
		t.Errorf("trusted: %+v", c)
	}
	if u := BaseURL(r.WithContext(WithClient(r.Context(), c)), ""); u != "https://ca.example:443" {
		t.Error(u)
	}
	if u := BaseURL(r, "https://pki.example/x/"); u != "https://pki.example/x" {
		t.Error(u)
	}
	r.RemoteAddr = "192.0.2.1:1"
	if c := p.client(r); c.Scheme != "http" || c.Host != "inner:8080" || c.RequestID != "" || !c.Direct {
		t.Errorf("untrusted: %+v", c)
	}
	r.RemoteAddr = "10.0.0.1:1"
	r.Header.Set("X-Request-Id", "a b\nc")
	r.Header.Set("X-Forwarded-Host", "a/b")
	if c := p.client(r); c.RequestID != "" || c.Host != "inner:8080" {
		t.Errorf("bad values: %+v", c)
	}
}

func TestClientCertHeader(t *testing.T) {
	cert := selfSigned(t, "device")
	own := selfSigned(t, "the proxy's own")
	rfc9440 := ":" + base64.StdEncoding.EncodeToString(cert.Certificate[0]) + ":"
	nginx := url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})))
	from := prefixes("10.0.0.0/8")
	for _, c := range []struct {
		name, remote string
		p            Proxies
		headers      http.Header
		want         bool
	}{
		{"RFC 9440", "10.0.0.1:1", Proxies{ClientCert: from}, http.Header{"Client-Cert": {rfc9440}}, true},
		{"nginx", "10.0.0.1:1", Proxies{ClientCert: from, CertHeader: HeaderSSLClientCert}, http.Header{"X-Ssl-Client-Cert": {nginx}}, true},
		{"from a stranger", "192.0.2.1:1", Proxies{ClientCert: from}, http.Header{"Client-Cert": {rfc9440}}, false},
		{"from a merely trusted proxy", "10.0.0.1:1", Proxies{Trusted: from}, http.Header{"Client-Cert": {rfc9440}}, false},
		{"the other header", "10.0.0.1:1", Proxies{ClientCert: from}, http.Header{"X-Ssl-Client-Cert": {nginx}}, false},
		{"twice", "10.0.0.1:1", Proxies{ClientCert: from}, http.Header{"Client-Cert": {rfc9440, rfc9440}}, false},
		{"not a byte sequence", "10.0.0.1:1", Proxies{ClientCert: from}, http.Header{"Client-Cert": {rfc9440[1:]}}, false},
		{"garbage", "10.0.0.1:1", Proxies{ClientCert: from}, http.Header{"Client-Cert": {":AAAA:"}}, false},
		{"bad base64", "10.0.0.1:1", Proxies{ClientCert: from}, http.Header{"Client-Cert": {":%%%:"}}, false},
		{"bad PEM", "10.0.0.1:1", Proxies{ClientCert: from, CertHeader: HeaderSSLClientCert}, http.Header{"X-Ssl-Client-Cert": {"abc"}}, false},
		{"bad escape", "10.0.0.1:1", Proxies{ClientCert: from, CertHeader: HeaderSSLClientCert}, http.Header{"X-Ssl-Client-Cert": {"%zz"}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr, r.Header = c.remote, c.headers
			got := c.p.client(r).Cert
			if (got != nil) != c.want || got != nil && !got.Equal(cert.Leaf) {
				t.Errorf("got %v", got)
			}
			for _, h := range certHeaders() {
				if r.Header.Get(h) != "" {
					t.Errorf("%s survived", h)
				}
			}
		})
	}
	t.Run("the proxy's own certificate is not the client's", func(t *testing.T) {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "10.0.0.1:1"
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{own.Leaf}}
		p := Proxies{ClientCert: from}
		if got := p.client(r).Cert; got != nil {
			t.Errorf("got %s", got.Subject)
		}
		r.RemoteAddr = "192.0.2.1:1"
		if got := p.client(r).Cert; got == nil {
			t.Error("a direct client's certificate was lost")
		}
	})
}
