package est

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/internal/protocol/protocoltest"
)

func toPEM(label string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
}

// tools is a directory and the programs that a test drives.
type tools struct {
	t   *testing.T
	dir string
}

// with needs programs, given with the Debian package that brings them.
func with(t *testing.T, programs map[string]string) *tools {
	t.Helper()
	for p, pkg := range programs {
		need.Program(t, p, pkg)
	}
	return &tools{t, t.TempDir()}
}

func (x *tools) path(name string) string { return filepath.Join(x.dir, name) }

func (x *tools) write(name string, b []byte) string {
	x.t.Helper()
	if err := os.WriteFile(x.path(name), b, 0o600); err != nil {
		x.t.Fatal(err)
	}
	return x.path(name)
}

// run returns standard output; fails says whether a failure is expected.
func (x *tools) run(fails bool, name string, args ...string) []byte {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = x.dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if (err != nil) != fails {
		x.t.Fatalf("%s %s: %v\n%s\n%s", name, strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.Bytes()
}

func (x *tools) cert(b []byte) *x509.Certificate {
	x.t.Helper()
	if block, _ := pem.Decode(b); block != nil {
		b = block.Bytes
	}
	c, err := x509.ParseCertificate(b)
	if err != nil {
		x.t.Fatal(err)
	}
	return c
}

func TestStrongSwan(t *testing.T) {
	x := with(t, map[string]string{"pki": "strongswan-pki"})
	b := benchOn(t, protocoltest.NewRSA(t, time.Now()), func(c *core.Credential) { c.Default = true }) // Debian's pki may come without an ECDSA plugin
	root := x.write("root.pem", b.CA.RootPEM())
	url := strings.Replace(b.site.MTLS, "127.0.0.1", "localhost", 1) + "/est/lab"

	x.run(false, "pki", "--estca", "--url", url, "--cacert", root, "--caout", "ca.pem", "--outform", "pem", "--force")
	found, _ := filepath.Glob(x.path("ca*.pem"))
	if len(found) == 0 {
		t.Error("no CA certificate was written")
	}
	x.write("key.pem", x.run(false, "pki", "--gen", "--type", "rsa", "--size", "2048", "--outform", "pem"))
	x.write("req.pem", x.run(false, "pki", "--req", "--type", "rsa", "--in", "key.pem", "--dn", "CN=s.example", "--san", "s.example", "--outform", "pem"))
	user := b.cred.PublicID + ":" + protocoltest.Password
	out := x.run(false, "pki", "--est", "--url", url, "--in", "req.pem", "--cacert", root, "--userpass", user, "--outform", "pem")
	if c := x.cert(out); c.Subject.CommonName != "s.example" {
		t.Error(c.Subject)
	}
	x.write("cert.pem", out)

	x.write("key2.pem", x.run(false, "pki", "--gen", "--type", "rsa", "--size", "2048", "--outform", "pem"))
	x.write("req2.pem", x.run(false, "pki", "--req", "--type", "rsa", "--in", "key2.pem", "--dn", "CN=s.example", "--san", "s.example", "--outform", "pem"))
	out = x.run(false, "pki", "--est", "--url", url, "--in", "req2.pem", "--cacert", root, "--cert", "cert.pem", "--key", "key.pem", "--outform", "pem")
	list := b.Enroll.Certificates()
	if len(list) != 2 || list[1].Replaces != list[0].ID || !bytes.Equal(x.cert(out).Raw, list[1].DER) {
		t.Fatalf("%d certificates", len(list))
	}
	x.run(true, "pki", "--est", "--url", url, "--in", "req.pem", "--cacert", root, "--userpass", b.cred.PublicID+":wrong", "--outform", "pem")

	// 202: the client waits as told and sends the same again. Its second
	// request has lost the path of the URL (strongSwan 5.9.8 cuts its own copy),
	// so polling works with the default credential only.
	url, _ = strings.CutSuffix(url, "/est/lab")
	b.Enroll.SetManual(true)
	b.Enroll.RetryAfter = time.Second
	x.write("req3.pem", x.run(false, "pki", "--req", "--type", "rsa", "--in", "key.pem", "--dn", "CN=p.example", "--san", "p.example", "--outform", "pem"))
	approved := make(chan error)
	before := len(b.Enroll.Requests())
	go func() {
		for len(b.Enroll.Requests()) < before+2 {
			time.Sleep(20 * time.Millisecond)
		}
		approved <- b.Enroll.Approve()
	}()
	x.run(false, "pki", "--est", "--url", url, "--in", "req3.pem", "--cacert", root, "--userpass", user, "--interval", "1", "--outform", "pem")
	if err := <-approved; err != nil {
		t.Fatal(err)
	}
	if n := len(b.Enroll.Certificates()); n != 3 {
		t.Errorf("%d certificates", n)
	}
}

// TestStrongSwanSizes walks the answer's length over the borders of net/http's
// buffers: strongSwan wants the rest of an answer in one TLS record.
func TestStrongSwanSizes(t *testing.T) {
	x := with(t, map[string]string{"pki": "strongswan-pki"})
	w := protocoltest.NewRSA(t, time.Now())
	chain := &padded{Enroller: w.Enroll, root: w.CA.Root.Raw}
	site := w.Serve(t, protocoltest.Options{}, New(Deps{Auth: w.Auth, Enroll: chain, Audit: w.Audit, Log: w.Log, Now: w.Now}))
	w.AddCredential(core.CredentialEST, core.AuthPassword, "lab")
	root := x.write("root.pem", w.CA.RootPEM())
	url := strings.Replace(site.MTLS, "127.0.0.1", "localhost", 1) + "/est/lab"
	for n := range int32(13) {
		chain.copies.Store(n)
		t.Run(strconv.Itoa(int(n)), func(t *testing.T) {
			x.t = t
			x.run(false, "pki", "--estca", "--url", url, "--cacert", root, "--caout", "ca.pem", "--outform", "pem", "--force")
		})
	}
}

// padded repeats the root to make cacerts longer.
type padded struct {
	*protocoltest.Enroller
	root   []byte
	copies atomic.Int32
}

func (p *padded) Chain(ctx context.Context, a core.AccountID, id core.ProductID) ([][]byte, error) {
	chain, err := p.Enroller.Chain(ctx, a, id)
	for range p.copies.Load() {
		chain = append(chain, p.root)
	}
	return chain, err
}

func TestCurl(t *testing.T) {
	x := with(t, map[string]string{"curl": "curl", "openssl": "openssl"})
	b := newBench(t)
	root := x.write("root.pem", b.CA.RootPEM())
	url := b.site.MTLS + "/.well-known/est/lab/"

	x.run(false, "curl", "-sS", "--fail", "--cacert", root, "-o", "cacerts.b64", url+"cacerts")
	x.run(false, "openssl", "base64", "-d", "-A", "-in", "cacerts.b64", "-out", "cacerts.p7")
	if out := x.run(false, "openssl", "pkcs7", "-inform", "DER", "-in", "cacerts.p7", "-print_certs"); bytes.Count(out, []byte("BEGIN CERTIFICATE")) != 2 {
		t.Errorf("%s", out)
	}
	x.run(false, "openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-subj", "/CN=c.example",
		"-addext", "subjectAltName=DNS:c.example,IP:192.0.2.7", "-outform", "DER", "-out", "req.der")
	x.run(false, "openssl", "base64", "-in", "req.der", "-out", "req.b64") // wrapped at 64
	user := b.cred.PublicID + ":" + protocoltest.Password
	post := func(op, out string, extra ...string) {
		args := append([]string{"-sS", "--fail", "--cacert", root, "-H", "Content-Type: application/pkcs10", "--data-binary", "@req.b64", "-o", out}, extra...)
		x.run(false, "curl", append(args, url+op)...)
	}
	read := func(file string) *x509.Certificate {
		x.run(false, "openssl", "base64", "-d", "-A", "-in", file, "-out", file+".p7")
		return x.cert(x.run(false, "openssl", "pkcs7", "-inform", "DER", "-in", file+".p7", "-print_certs"))
	}
	// --anyauth sends an empty request first and expects a 401.
	post("simpleenroll", "cert.b64", "--anyauth", "-u", user)
	c := read("cert.b64")
	x.run(false, "curl", "-sS", "--fail", "--http2", "--cacert", root, "--anyauth", "-u", user, "-H", "Content-Type: application/pkcs10",
		"--data-binary", "@req.b64", "-o", "h2.b64", b.site.Main+"/.well-known/est/lab/simpleenroll")
	if !read("h2.b64").Equal(c) {
		t.Error("the same request over HTTP/2 gave another certificate")
	}
	if c.Subject.CommonName != "c.example" || len(c.IPAddresses) != 1 {
		t.Error(c.Subject, c.IPAddresses)
	}
	x.write("cert.pem", toPEM("CERTIFICATE", c.Raw))
	post("simplereenroll", "new.b64", "--cert", "cert.pem", "--key", "key.pem")
	if read("new.b64").Equal(c) {
		t.Error("the old certificate came back")
	}
	post("simplereenroll", "new12.b64", "--cert", "cert.pem", "--key", "key.pem", "--tlsv1.2", "--tls-max", "1.2")
	post("serverkeygen", "key.multi", "-u", user)
	x.run(true, "curl", "-sS", "--fail", "--cacert", root, "-H", "Content-Type: application/pkcs10", "--data-binary", "@req.b64", "-u", b.cred.PublicID+":wrong", url+"simpleenroll")
	x.run(false, "curl", "-sS", "--fail", "--cacert", root, "-o", "csrattrs.b64", url+"csrattrs")
	x.run(false, "openssl", "base64", "-d", "-A", "-in", "csrattrs.b64", "-out", "csrattrs.der")
	if out := x.run(false, "openssl", "asn1parse", "-inform", "DER", "-in", "csrattrs.der"); !bytes.Contains(out, []byte("prime256v1")) || !bytes.Contains(out, []byte("Extended Key Usage")) {
		t.Errorf("%s", out)
	}
	if b.site.Failures() != "" {
		t.Error("500")
	}
}
