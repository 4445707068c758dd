// Package strongswan_test enrols with strongSwan's pki at the shipped binary.
// It speaks TLS with a stack of its own and checks the server's certificate
// over OCSP, so this is a test of both, too.
package strongswan_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/test/interop/harness"
)

// pki is strongSwan's program in a directory of its own.
type pki struct {
	dir  string
	root string // file
}

// try runs a command. What it makes comes on standard output, what it says on
// standard error.
func (p *pki) try(t *testing.T, args ...string) (out []byte, said string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "pki", args...)
	cmd.Dir = p.dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.Bytes(), stderr.String(), err
}

func (p *pki) run(t *testing.T, args ...string) (out []byte, said string) {
	t.Helper()
	out, said, err := p.try(t, args...)
	if err != nil {
		t.Fatalf("pki %s: %v\n%s", strings.Join(args, " "), err, said)
	}
	return out, said
}

// request makes <base>.key and <base>.req for a name.
func (p *pki) request(t *testing.T, base, kind, size, name string) {
	t.Helper()
	key, _ := p.run(t, "--gen", "--type", kind, "--size", size, "--outform", "pem")
	harness.WriteFile(t, p.dir, base+".key", key)
	req, _ := p.run(t, "--req", "--type", kind, "--in", base+".key", "--dn", "CN="+name, "--san", name, "--outform", "pem")
	harness.WriteFile(t, p.dir, base+".req", req)
}

// est is the command line of an enrolment of <base>.req.
func (p *pki) est(url, base string, more ...string) []string {
	return append([]string{"--est", "--url", url, "--in", base + ".req", "--cacert", p.root, "--outform", "pem"}, more...)
}

// enrol keeps the certificate as <base>.pem.
func (p *pki) enrol(t *testing.T, s *harness.Server, url, base string, more ...string) *x509.Certificate {
	t.Helper()
	out, said := p.run(t, p.est(url, base, more...)...)
	harness.WriteFile(t, p.dir, base+".pem", out)
	c := harness.ParsePEM(t, out)
	s.Verify(t, c)
	if !strings.Contains(said, "certificate status is good") {
		t.Errorf("the server's own certificate was not checked over OCSP:\n%s", said)
	}
	return c
}

func TestStrongSwan(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server")
	}
	need.Program(t, "pki", "strongswan-pki")
	help, said, _ := (&pki{dir: t.TempDir()}).try(t, "--help") // exit status 2
	said = string(help) + said
	t.Log(said)
	plugins := regexp.MustCompile(`loaded plugins: (.*)`).FindString(said)
	if !strings.Contains(plugins, " curl") {
		need.Missing(t, "strongSwan's plug-in curl (Debian package libstrongswan-extra-plugins)")
	}
	if !strings.Contains(plugins, " openssl") {
		need.Missing(t, "strongSwan's plug-in openssl, for ECDSA (Debian package libstrongswan-standard-plugins)")
	}
	s := harness.Start(t, harness.Options{})
	a := s.Admin(t)
	t.Run("CA certificates", func(t *testing.T) {
		t.Parallel()
		p := &pki{t.TempDir(), s.RootPEM}
		c := a.Credential(t, resource.NewCredential{Products: []string{"device"}})
		_, said := p.run(t, "--estca", "--url", s.MTLS+"/est/"+c.Label, "--cacert", p.root, "--caout", "ca.pem", "--outform", "pem")
		for _, w := range []string{"Root CA equals trusted TLS Root CA", "Sub CA cert is trusted"} {
			if !strings.Contains(said, w) {
				t.Errorf("pki does not say %q:\n%s", w, said)
			}
		}
		root := harness.ParsePEM(t, harness.ReadFile(t, p.dir, "ca.pem"))
		if !root.Equal(harness.ParsePEM(t, harness.ReadFile(t, filepath.Dir(p.root), filepath.Base(p.root)))) {
			t.Error("another root")
		}
		if sub := harness.ParsePEM(t, harness.ReadFile(t, p.dir, "ca-1.pem")); sub.Subject.CommonName != "Certwright RSA Issuing CA" {
			t.Errorf("issuing CA %s", sub.Subject)
		}
		// The main listener asks for no client certificate; EST is there, too.
		p.run(t, "--estca", "--url", s.Main+"/est/"+c.Label, "--cacert", p.root, "--caout", "more.pem", "--outform", "pem")
	})
	for _, k := range []struct{ kind, size, product string }{
		{"ecdsa", "256", "tls-server"}, {"ecdsa", "384", "tls-server"}, {"rsa", "2048", "device"}, {"rsa", "3072", "tls-server"},
	} {
		t.Run(k.kind+" "+k.size, func(t *testing.T) {
			t.Parallel()
			enrolments(t, s, a, k.kind, k.size, k.product)
		})
	}
	t.Run("documented commands", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		c := a.Credential(t, resource.NewCredential{})
		harness.WriteFile(t, dir, "certwright-root.pem", harness.ReadFile(t, filepath.Dir(s.RootPEM), filepath.Base(s.RootPEM)))
		out := harness.Shell(t, dir, fmt.Sprintf("SWAN=%s/est/%s USERPASS=%s\n", s.MTLS, c.Label, c.UserPass())+harness.Recipe(t, "protocol/est.md", "strongSwan"))
		if n := strings.Count(out, "Issued certificate is trusted"); n != 2 {
			t.Errorf("pki trusts %d of the two certificates: %s", n, out)
		}
		for _, cert := range []string{"vpn-cert.pem", "vpn-cert2.pem"} {
			s.Verify(t, harness.ParsePEM(t, harness.ReadFile(t, dir, cert)))
		}
	})
	t.Run("default credential", func(t *testing.T) {
		t.Parallel()
		p := &pki{t.TempDir(), s.RootPEM}
		m := regexp.MustCompile(`-u '([^']+)'`).FindStringSubmatch(s.Commands)
		if m == nil {
			t.Fatalf("no credential in %q", s.Commands)
		}
		p.request(t, "one", "ecdsa", "256", "bare.example.internal")
		p.enrol(t, s, s.MTLS, "one", "--userpass", m[1])
		p.request(t, "two", "ecdsa", "256", "bare.example.internal")
		p.enrol(t, s, s.MTLS, "two", "--cert", "one.pem", "--key", "one.key")
	})
	t.Run("approval", func(t *testing.T) { t.Parallel(); approval(t, s, a) })
}

// enrolments enrols by password, renews by certificate, and is refused.
func enrolments(t *testing.T, s *harness.Server, a *harness.Admin, kind, size, product string) {
	p := &pki{t.TempDir(), s.RootPEM}
	c := a.Credential(t, resource.NewCredential{Products: []string{product}})
	url := s.MTLS + "/est/" + c.Label
	p.request(t, "one", kind, size, "vpn.example.internal")
	one := p.enrol(t, s, url, "one", "--userpass", c.UserPass())
	p.request(t, "two", kind, size, "vpn.example.internal")
	two := p.enrol(t, s, url, "two", "--cert", "one.pem", "--key", "one.key")
	if row := a.FindCertificate(t, two); row.Replaces != a.FindCertificate(t, one).ID {
		t.Errorf("the renewal replaces %q", row.Replaces)
	}
	refused := func(base string, more ...string) {
		t.Helper()
		before := len(a.CertificatesOf(t, c.ID))
		out, said, err := p.try(t, p.est(url, base, more...)...)
		if err == nil || len(out) > 0 || !strings.Contains(said, "EST request failed: HTTP 4") {
			t.Errorf("%v: not refused: %v\n%s", more, err, said)
		}
		if n := len(a.CertificatesOf(t, c.ID)); n != before {
			t.Errorf("%v: %d certificates, %d before", more, n, before)
		}
	}
	refused("two", "--userpass", c.PublicID+":wrong")
	// Another name than the certificate's.
	p.request(t, "other", kind, size, "other.example.internal")
	refused("other", "--cert", "two.pem", "--key", "two.key")
	// A revoked certificate renews nothing.
	if _, err := a.Revoke(t.Context(), string(a.FindCertificate(t, two).ID), resource.Revocation{Reason: "keyCompromise"}); err != nil {
		t.Fatal(err)
	}
	p.request(t, "three", kind, size, "vpn.example.internal")
	refused("three", "--cert", "two.pem", "--key", "two.key")
	if _, err := a.RevokeCredential(t.Context(), c.ID, ""); err != nil {
		t.Fatal(err)
	}
	refused("three", "--userpass", c.UserPass())
	found := false
	for _, e := range a.Refusals(t, c.ID) {
		found = found || e.Action == "certificate.request" && e.Detail["kind"] == string(core.KindForbidden)
	}
	if !found {
		t.Error("the refused name is not in the audit log")
	}
}

// approval: pki waits as long as the server says, which is minutes; here it is
// ended once its order is there. When a person has said yes, the same request
// gets the certificate.
func approval(t *testing.T, s *harness.Server, a *harness.Admin) {
	p := &pki{t.TempDir(), s.RootPEM}
	a.ProductLike(t, "tls-server", "approved", func(p *core.Profile) { p.Approval = "manual" })
	c := a.Credential(t, resource.NewCredential{Products: []string{"approved"}})
	url := s.MTLS + "/est/" + c.Label
	p.request(t, "one", "ecdsa", "256", "wait.example.internal")
	waiting := exec.Command("pki", p.est(url, "one", "--userpass", c.UserPass())...)
	waiting.Dir = p.dir
	var out bytes.Buffer
	waiting.Stdout = &out
	if err := waiting.Start(); err != nil {
		t.Fatal(err)
	}
	var order resource.Order
	harness.Eventually(t, 30*time.Second, func() error {
		orders, err := client.Collect(a.Orders(t.Context(), client.Query{Filter: core.Filter{{Column: "credential", Op: core.OpEquals, Values: []string{string(c.ID)}}}}), 0)
		if err == nil && len(orders) != 1 {
			err = fmt.Errorf("%d orders", len(orders))
		}
		if err == nil {
			order = orders[0]
		}
		return err
	})
	_ = waiting.Process.Kill()
	_ = waiting.Wait()
	if out.Len() > 0 || order.State != core.OrderApproval {
		t.Fatalf("a certificate without approval, order %s", order.State)
	}
	if _, err := a.ApproveOrder(t.Context(), string(order.ID), ""); err != nil {
		t.Fatal(err)
	}
	p.enrol(t, s, url, "one", "--userpass", c.UserPass())
}
