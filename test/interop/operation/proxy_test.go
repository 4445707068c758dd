package operation_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/test/interop/harness"
)

// proxy is the address of the only peer that is believed.
const proxy = "127.0.0.9"

// from is a client whose connections come from a loopback address.
func from(s *harness.Server, address string) *http.Client {
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &http.Client{Transport: &http.Transport{DialContext: d.DialContext, TLSClientConfig: &tls.Config{RootCAs: s.Roots}}}
}

// shownTo is the certificate that a listener shows to a client that wants a
// name and trusts roots.
func shownTo(t *testing.T, url string, roots *x509.CertPool, name string) *x509.Certificate {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), &tls.Config{RootCAs: roots, ServerName: name})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

// TestClientCertHeader: a certificate in a header counts from the configured
// proxy, in the configured header, and nowhere else.
func TestClientCertHeader(t *testing.T) {
	slow(t)
	forms := map[string]func(der []byte) string{
		"Client-Cert": func(der []byte) string { return ":" + base64.StdEncoding.EncodeToString(der) + ":" },
		"X-SSL-Client-Cert": func(der []byte) string {
			return url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
		},
	}
	for header, form := range forms {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			other := "Client-Cert"
			if header == other {
				other = "X-SSL-Client-Cert"
			}
			s := harness.Start(t, harness.Options{Args: []string{"--proxy-client-cert", proxy, "--proxy-cert-header", header}})
			a := s.Admin(t)
			c := a.Credential(t, resource.NewCredential{})
			d := harness.NewDevice(t, "p.example.internal")
			d.Enrol(t, s.Client(), c.EST(s.Main)+"simpleenroll", c)
			for _, x := range []struct {
				name, address, header, value string
				status                       int
			}{
				{"from anybody", "127.0.0.1", header, form(d.Cert.Raw), 401},
				{"in the other header", proxy, other, forms[other](d.Cert.Raw), 401},
				{"garbage", proxy, header, "nonsense", 401},
				{"another certificate", proxy, header, form(shownTo(t, s.Main, s.Roots, "localhost").Raw), 401},
				{"from the proxy", proxy, header, form(d.Cert.Raw), 200},
			} {
				next := d.Again(t)
				for _, listener := range []string{s.Main, s.MTLS} {
					status, text, err := next.Post(from(s, x.address), c.EST(listener)+"simplereenroll", nil, x.header, x.value)
					if err != nil || status != x.status {
						t.Errorf("%s at %s: %d %s %v, want %d", x.name, listener, status, text, err, x.status)
					}
				}
			}
			// The proxy's own certificate is not taken for the client's.
			own := from(s, proxy)
			own.Transport.(*http.Transport).TLSClientConfig.Certificates = []tls.Certificate{d.TLS()}
			if status, text, err := d.Again(t).Post(own, c.EST(s.MTLS)+"simplereenroll", nil); err != nil || status != 401 {
				t.Errorf("the proxy's own certificate: %d %s %v", status, text, err)
			}
		})
	}
}

// TestForwardedFor: the address of a client counts when a trusted proxy says
// it, from the right up to the first that is not one.
func TestForwardedFor(t *testing.T) {
	slow(t)
	s := harness.Start(t, harness.Options{Args: []string{"--proxy-trusted", proxy + ",127.0.0.16/30"}})
	a := s.Admin(t)
	inside := a.Credential(t, resource.NewCredential{Sources: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}})
	for _, x := range []struct {
		name, address, forwarded string
		status                   int
	}{
		{"from the proxy", proxy, "203.0.113.7", 200},
		{"through two proxies", proxy, "198.51.100.1, 203.0.113.7, 127.0.0.17", 200},
		{"with port", proxy, "203.0.113.7:4711", 200},
		{"from anybody", "127.0.0.1", "203.0.113.7", 403},
		{"forged in front", proxy, "203.0.113.7, 198.51.100.1", 403},
		{"nothing", proxy, "", 403},
		{"nonsense", proxy, "203.0.113.7, nonsense", 403},
	} {
		d := harness.NewDevice(t, "f.example.internal")
		var header []string
		if x.forwarded != "" {
			header = []string{"X-Forwarded-For", x.forwarded}
		}
		status, text, err := d.Post(from(s, x.address), inside.EST(s.Main)+"simpleenroll", inside, header...)
		if err != nil || status != x.status {
			t.Errorf("%s: %d %s %v, want %d", x.name, status, text, err, x.status)
			continue
		}
		if status != 200 {
			continue
		}
		object := "certificate:" + string(a.FindCertificate(t, d.Cert).ID)
		entries := a.Entries(t, core.Cond{Column: "object", Op: core.OpEquals, Values: []string{object}})
		if len(entries) != 1 || entries[0].Address != "203.0.113.7" {
			t.Errorf("%s: the audit log has %+v", x.name, entries)
		}
	}
}

// TestExternalURL: behind another name, certificates and links carry it.
func TestExternalURL(t *testing.T) {
	slow(t)
	s := harness.Start(t, harness.Options{Args: []string{"--external-main", "https://pki.example.internal", "--external-mtls", "https://pki-mtls.example.internal:9443",
		"--external-plain", "http://crl.example.internal"}})
	if !strings.Contains(s.Welcome, "https://pki.example.internal/api/") || !strings.Contains(s.Commands, "curl -fsS -o certwright-root.pem http://crl.example.internal/root.crt") {
		t.Errorf("%s", s.Welcome)
	}
	a := s.Admin(t)
	c := a.Credential(t, resource.NewCredential{Products: []string{"device"}})
	if c.URL != "https://pki.example.internal/.well-known/est/"+c.Label || !strings.Contains(c.Commands, c.URL+"/simpleenroll") {
		t.Errorf("URL %s, commands %s", c.URL, c.Commands)
	}
	d := harness.NewDevice(t, "e.example.internal")
	d.Enrol(t, s.Client(), c.EST(s.Main)+"simpleenroll", c)
	links := fmt.Sprint(d.Cert.CRLDistributionPoints, d.Cert.OCSPServer, d.Cert.IssuingCertificateURL)
	const slug = "http://crl.example.internal/status/certwright-rsa-issuing-ca"
	if want := fmt.Sprint([]string{slug + ".crl"}, []string{"http://crl.example.internal/status/ocsp/certwright-rsa-issuing-ca"}, []string{slug + ".crt"}); links != want {
		t.Errorf("links %s, want %s", links, want)
	}
	// The links lead here, when the name does.
	port := s.Plain[strings.LastIndexByte(s.Plain, ':')+1:]
	dir := t.TempDir()
	harness.Curl(t, dir, "--connect-to", "crl.example.internal:80:localhost:"+port, d.Cert.CRLDistributionPoints[0]).Want(t, 200)
	harness.Curl(t, dir, "--connect-to", "crl.example.internal:80:localhost:"+port, d.Cert.IssuingCertificateURL[0]).Want(t, 200)
	// The server's own certificate has all these names.
	for name, listener := range map[string]string{"pki.example.internal": s.Main, "pki-mtls.example.internal": s.MTLS, "localhost": s.Main} {
		shownTo(t, listener, s.Roots, name)
	}
	about, err := a.About(t.Context())
	if err != nil || about.BaseURL != "https://pki.example.internal" || about.StatusURL != "http://crl.example.internal" {
		t.Errorf("%+v %v", about, err)
	}
	// Changed at the next start: new certificates carry it, the server's own too.
	s.Stop(t)
	n := harness.Start(t, harness.Options{Dir: s.Dir, Like: s, Args: []string{"--external-plain", "http://pki2.example.internal:8080", "--external-main", "https://pki2.example.internal"}})
	e := harness.NewDevice(t, "e2.example.internal")
	e.Enrol(t, n.Client(), c.EST(n.Main)+"simpleenroll", c)
	if got := e.Cert.OCSPServer[0]; !strings.HasPrefix(got, "http://pki2.example.internal:8080/status/ocsp/") {
		t.Errorf("OCSP at %s", got)
	}
	if c := shownTo(t, n.Main, n.Roots, "pki2.example.internal"); !slices.Contains(c.DNSNames, "pki2.example.internal") {
		t.Errorf("the server's own certificate is for %v", c.DNSNames)
	}
}
