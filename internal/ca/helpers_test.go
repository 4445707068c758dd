package ca_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/ca/catest"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/house/need"
)

// start is the moment at which the tests' CAs are made. It is the real day,
// because openssl looks at the real clock.
var start = time.Now().UTC().Truncate(time.Second)

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *clock) add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.t = c.t.Add(d) }

type world struct {
	ca    *ca.CA
	store *catest.Storage
	clock *clock
	h     *ca.Hierarchy
	deps  ca.Deps // those of ca, where a test changes them
}

func build(t testing.TB) *world {
	t.Helper()
	w := &world{clock: &clock{t: start}}
	var err error
	if w.ca, w.store, w.h, err = catest.New(w.clock.now); err != nil {
		t.Fatal(err)
	}
	return w
}

var shared = sync.OnceValue(func() *world {
	w := &world{clock: &clock{t: start}}
	var err error
	if w.ca, w.store, w.h, err = catest.New(w.clock.now); err != nil {
		panic(err)
	}
	return w
})

// fixed is a world that tests only read and issue from: RSA keys are dear.
func fixed(t testing.TB) *world { t.Helper(); return shared() }

// p256 makes a world without RSA, for tests that change it.
func p256(t testing.TB) *world {
	t.Helper()
	w := &world{clock: &clock{t: start}, store: &catest.Storage{}}
	w.deps = ca.Deps{Storage: w.store, Sealer: catest.Sealer{}, Now: w.clock.now, StatusURL: func() string { return "http://pki.internal" }}
	w.ca = ca.New(w.deps)
	var err error
	if w.h, err = w.ca.Bootstrap(context.Background(), nil, catest.Account, ca.Config{Organisation: "Example", RSAName: "-"}); err != nil {
		t.Fatal(err)
	}
	return w
}

func spki(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func ecKey(t testing.TB) crypto.Signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func edKey(t testing.TB) crypto.Signer {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// template is that of an ordinary TLS server.
func template(t testing.TB) core.Template {
	return core.Template{
		Subject: core.DN{{Type: "O", Value: "Example"}, {Type: "CN", Value: "web.internal"}},
		Names:   core.Names{DNS: []string{"web.internal", "web"}, IP: []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1")}},
		SPKI:    spki(t, ecKey(t)), NotBefore: start.Add(-time.Minute), NotAfter: start.AddDate(0, 0, 200),
		KeyUsage: []string{"digitalSignature"}, ExtKeyUsage: []string{"serverAuth"}, Lint: ca.LintPrivate,
	}
}

// issue prepares and signs.
func (w *world) issue(t testing.TB, i *core.Issuer, tmpl core.Template) *x509.Certificate {
	t.Helper()
	p, err := w.ca.Prepare(context.Background(), i, tmpl)
	if err != nil {
		t.Fatalf("prepare: %v %v", err, core.AsError(err).Reasons)
	}
	der, err := p.Sign(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// row records a certificate as the enrolment service does.
func (w *world) row(i *core.Issuer, cert *x509.Certificate, state core.CertificateState) core.Certificate {
	c := core.Certificate{ID: core.NewID[core.CertificateID](w.clock.now()), Account: i.Account, Issuer: i.ID, State: state,
		Serial: serial(cert), NotBefore: cert.NotBefore, NotAfter: cert.NotAfter}
	w.store.Set(c)
	return c
}

func serial(cert *x509.Certificate) string {
	return strings.TrimLeft(cert.SerialNumber.Text(16), "0")
}

// openssl runs the program and returns its output; its absence skips the test,
// in CI it fails.
func openssl(t testing.TB, args ...string) (string, error) {
	t.Helper()
	path := need.Program(t, "openssl", "openssl")
	out, err := exec.Command(path, args...).CombinedOutput()
	return string(out), err
}

// files writes PEM files into a directory.
type files struct {
	t   testing.TB
	dir string
}

func tempFiles(t testing.TB) files { return files{t, t.TempDir()} }

func (f files) raw(name string, b []byte) string {
	p := filepath.Join(f.dir, name)
	if err := os.WriteFile(p, b, 0o600); err != nil {
		f.t.Fatal(err)
	}
	return p
}

func (f files) pem(name, typ string, ders ...[]byte) string {
	var out []byte
	for _, d := range ders {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: d})...)
	}
	return f.raw(name, out)
}
