package ctl

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// rootPath is where the server shows the roots of its built-in CA.
const rootPath = "/root.crt"

// contactTime bounds the first contact.
const contactTime = 30 * time.Second

// trust finds out which root to trust for the server: "" when the system's
// roots do, else PEM. A root that nobody has named is trusted only when its
// fingerprint is the one given, or a person says so.
func (s *session) trust(ctx context.Context, base, fingerprint string) (string, error) {
	if s.cli.Roots != "" {
		b, err := s.readFile(s.cli.Roots)
		return string(b), err
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		if u != nil && u.Scheme == "http" && loopback(u.Hostname()) {
			return "", nil
		}
		return "", usage("--url", "%q is not the URL of a server; write https://HOST[:PORT]", base)
	}
	ctx, cancel := context.WithTimeout(ctx, contactTime)
	defer cancel()
	chain, roots, err := meet(ctx, base)
	if err != nil {
		return "", err
	}
	if fingerprint == "" && verifies(chain, nil, u.Hostname(), s.now) {
		return "", nil
	}
	root := rootOf(chain, roots, u.Hostname(), s.now)
	if root == nil {
		return "", core.Errorf(core.KindForbidden, "the server's certificate comes from none of the roots that it shows at %s; give --roots with the root to trust", rootPath)
	}
	print := sha256.Sum256(root.Raw)
	if err := s.acceptRoot(ctx, root, hex.EncodeToString(print[:]), fingerprint); err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})), nil
}

// acceptRoot compares the fingerprint with the one expected, or asks.
func (s *session) acceptRoot(ctx context.Context, root *x509.Certificate, have, want string) error {
	if want != "" {
		if plainHex(want) != have {
			return core.Errorf(core.KindForbidden, "the server's root has the fingerprint %s, not the one given: somebody may stand between", colons(have))
		}
		return nil
	}
	s.note("The certificate of the server comes from a root that this machine does not know:\n\n  Subject  %s\n  Valid    %s to %s\n  SHA-256  %s\n\n"+
		"Compare the fingerprint with the one on the server (openssl x509 -in root.crt -noout -fingerprint -sha256).",
		clean(root.Subject.String()), date(root.NotBefore), date(root.NotAfter), colons(have))
	if !s.interactive {
		return usage("--fingerprint", "the root is not trusted yet: give --fingerprint %s once you have compared it", have)
	}
	ok, err := s.agree(ctx, "Trust this root for this server?")
	if err == nil && !ok {
		err = &failure{text: "the root is not trusted; nothing was sent to the server", code: codeRefused}
	}
	return err
}

// meet makes the first contact, which trusts nobody and sends no secret: it
// returns the chain that the server shows and the roots that it offers.
func meet(ctx context.Context, base string) (chain, roots []*x509.Certificate, err error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	// Whether to trust is decided afterwards, by fingerprint.
	t.TLSClientConfig = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}
	defer t.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(base, "/")+rootPath, nil)
	if err != nil {
		return nil, nil, usage("--url", "%q is not a URL", base)
	}
	resp, err := t.RoundTrip(req)
	if err != nil {
		return nil, nil, core.Wrap(core.KindUnavailable, err, "the server cannot be reached: %v", err)
	}
	defer resp.Body.Close()
	chain = resp.TLS.PeerCertificates
	if resp.StatusCode != http.StatusOK {
		return chain, nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxFile))
	if err != nil {
		return nil, nil, core.Wrap(core.KindUnavailable, err, "the server's answer broke off: %v", err)
	}
	return chain, parseCertificates(body), nil
}

// parseCertificates reads the certificates of a PEM text, or one in DER.
func parseCertificates(b []byte) []*x509.Certificate {
	if c, err := x509.ParseCertificate(b); err == nil {
		return []*x509.Certificate{c}
	}
	var out []*x509.Certificate
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			return out
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
			out = append(out, c)
		}
	}
}

// rootOf returns the root among roots that the chain leads to.
func rootOf(chain, roots []*x509.Certificate, host string, now time.Time) *x509.Certificate {
	for _, r := range roots {
		pool := x509.NewCertPool()
		pool.AddCert(r)
		if verifies(chain, pool, host, now) {
			return r
		}
	}
	return nil
}

// verifies reports whether a server's chain is good for host; roots nil means
// the system's.
func verifies(chain []*x509.Certificate, roots *x509.CertPool, host string, now time.Time) bool {
	if len(chain) == 0 {
		return false
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: between, CurrentTime: now})
	return err == nil
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// plainHex takes a fingerprint as people write it: with colons or spaces, in
// capitals, behind "SHA256:" or "sha256 Fingerprint=".
func plainHex(s string) string {
	if i := strings.LastIndexByte(s, '='); i >= 0 {
		s = s[i+1:]
	}
	s = strings.ToLower(strings.TrimSpace(s))
	s = strings.TrimPrefix(s, "sha256:")
	return strings.NewReplacer(":", "", " ", "").Replace(s)
}

// colons writes hex as openssl does.
func colons(s string) string {
	var b strings.Builder
	for i := 0; i+1 < len(s); i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(strings.ToUpper(s[i : i+2]))
	}
	return b.String()
}

// hostPort is the server's name in a sentence.
func hostPort(base string) string {
	if u, err := url.Parse(base); err == nil && u.Host != "" {
		if h, p, err := net.SplitHostPort(u.Host); err == nil && p == "443" {
			return h
		}
		return u.Host
	}
	return base
}
