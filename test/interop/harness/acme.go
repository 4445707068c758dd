package harness

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/house/loopback"
)

// CA is a server for ACME clients, with its administrator, the name server that
// it asks, and the ports at which it looks for proofs.
type CA struct {
	*Server
	Admin    *Admin
	DNS      *DNS
	HTTPPort int // http-01
	TLSPort  int // tls-alpn-01
}

// NewCA makes name server and ports; the server is started by the caller, with
// Args among its arguments.
func NewCA(t testing.TB) *CA {
	t.Helper()
	return &CA{DNS: StartDNS(t), HTTPPort: loopback.Port(t), TLSPort: loopback.Port(t)}
}

// StartCA starts one.
func StartCA(t testing.TB, o Options) *CA {
	t.Helper()
	c := NewCA(t)
	o.Args = append(slices.Clone(o.Args), c.Args()...)
	c.Server = Start(t, o)
	c.Admin = c.Server.Admin(t)
	return c
}

// Args are the arguments of serve that make it look for proofs here.
func (c *CA) Args() []string {
	return []string{"--validation-resolvers", c.DNS.Address(), "--validation-http-port", fmt.Sprint(c.HTTPPort),
		"--validation-tls-port", fmt.Sprint(c.TLSPort), "--validation-loopback"}
}

// ACME makes an ACME credential.
func (a *Admin) ACME(t testing.TB, n resource.NewCredential, o core.ACMEOptions) *Credential {
	t.Helper()
	n.Type, n.Options.ACME = core.CredentialACME, &o
	return a.Credential(t, n)
}

// Credential makes an ACME credential with the usual settings.
func (c *CA) Credential(t testing.TB) *Credential {
	t.Helper()
	return c.Admin.ACME(t, resource.NewCredential{}, core.ACMEOptions{})
}

// Directory is the URL that ACME clients are given.
func (c *CA) Directory(of *Credential) string { return c.Main + "/acme/" + of.Label + "/directory" }

// WrongKey is a HMAC key that is not the credential's, in the form that clients
// take it.
const WrongKey = "d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmctd3I"

// TryEnv runs a program in dir with further environment.
func TryEnv(t testing.TB, dir string, env []string, program string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.WaitDelay = 10 * time.Second // children that still hold the pipe
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// RunEnv is TryEnv; failing is the test's end.
func RunEnv(t testing.TB, dir string, env []string, program string, args ...string) string {
	t.Helper()
	out, err := TryEnv(t, dir, env, program, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return out
}

// ReadChain reads all certificates of a PEM file.
func ReadChain(t testing.TB, file string) []*x509.Certificate {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return ParseChain(t, text)
}

// ParseChain reads all certificates of a PEM text.
func ParseChain(t testing.TB, text []byte) []*x509.Certificate {
	t.Helper()
	var list []*x509.Certificate
	for b, rest := pem.Decode(text); b != nil; b, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		t.Fatalf("no certificates in %q", text)
	}
	return list
}

// Issued checks what a client got: a chain that leads to the root without
// further help, for exactly these names, known to the API as issued through
// the credential and valid. It returns the API's view.
func (c *CA) Issued(t testing.TB, chain []*x509.Certificate, of *Credential, names ...string) *resource.Certificate {
	t.Helper()
	leaf, between := chain[0], x509.NewCertPool()
	for _, x := range chain[1:] {
		between.AddCert(x)
		if x.CheckSignatureFrom(x) == nil {
			t.Errorf("the chain holds the root %s", x.Subject)
		}
	}
	if len(chain) < 2 {
		t.Errorf("a chain of %d", len(chain))
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: c.Roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err != nil {
		t.Errorf("the certificate of %s does not chain to the root: %v", leaf.Subject, err)
	}
	got := slices.Clone(leaf.DNSNames)
	for _, a := range leaf.IPAddresses {
		got = append(got, a.String())
	}
	slices.Sort(got)
	slices.Sort(names)
	if !slices.Equal(got, names) {
		t.Errorf("the certificate is for %v, want %v", got, names)
	}
	row := c.Admin.FindCertificate(t, leaf)
	if row.Credential != of.ID || row.State != core.CertActive {
		t.Errorf("issued through %s, state %s", row.Credential, row.State)
	}
	return row
}

// IssuedFile is Issued for a PEM file.
func (c *CA) IssuedFile(t testing.TB, file string, of *Credential, names ...string) *x509.Certificate {
	t.Helper()
	chain := ReadChain(t, file)
	c.Issued(t, chain, of, names...)
	return chain[0]
}

// Revoked checks that the API knows a certificate as revoked.
func (c *CA) Revoked(t testing.TB, cert *x509.Certificate, reason string) {
	t.Helper()
	row := c.Admin.FindCertificate(t, cert)
	if row.State != core.CertRevoked || row.Reason != reason {
		t.Errorf("state %s, reason %q, want revoked for %q", row.State, row.Reason, reason)
	}
}

// Shown is the certificate that a TLS server shows for a name.
func (c *CA) Shown(ctx context.Context, address, name string) ([]*x509.Certificate, error) {
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: &tls.Config{RootCAs: c.Roots, ServerName: name}}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates, nil
}

// WebRoot serves a folder of tokens at the port of http-01 until the test's
// end, as the web server of a host does for clients that have none.
func (c *CA) WebRoot(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	Serve(t, fmt.Sprintf("127.0.0.1:%d", c.HTTPPort), http.StripPrefix("/.well-known/acme-challenge/", http.FileServer(http.Dir(dir))))
	return dir
}

// Audited lists the actions of the audit log about a credential's use.
func (a *Admin) Audited(t testing.TB, id core.CredentialID) []string {
	t.Helper()
	var list []string
	for _, e := range a.Entries(t, core.Cond{Column: "credential", Op: core.OpEquals, Values: []string{string(id)}}) {
		list = append(list, e.Action)
	}
	return list
}
