// Package operation_test runs the shipped binary as an operator does: restart,
// reload, stop, several replicas, backup and restore, proxies in front.
package operation_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/test/interop/harness"
)

// soon is how long something may take that does not happen at once.
const soon = 30 * time.Second

// slow marks a test that starts servers, and lets it run beside others.
func slow(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts the server")
	}
	t.Parallel()
}

// get reads a URL: status and body.
func get(t *testing.T, c *http.Client, url string) (int, string) {
	t.Helper()
	r, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

// verified has the host command verify the audit log.
func verified(t *testing.T, args ...string) {
	t.Helper()
	out := harness.Run(t, t.TempDir(), harness.Binary(t), append([]string{"admin", "verify-audit"}, args...)...)
	if !regexp.MustCompile(`^\d+ rows in \d+ chains, \d+ checkpoints`).MatchString(out) {
		t.Errorf("verify-audit: %s", out)
	}
}

// TestRestart: everything is there again, and no secret is printed a second
// time.
func TestRestart(t *testing.T) {
	slow(t)
	s := harness.Start(t, harness.Options{})
	a := s.Admin(t)
	c := a.Credential(t, resource.NewCredential{})
	d := harness.NewDevice(t, "r.example.internal")
	d.Enrol(t, s.Client(), c.EST(s.Main)+"simpleenroll", c)
	revoked := a.Credential(t, resource.NewCredential{})
	if _, err := a.RevokeCredential(t.Context(), revoked.ID, ""); err != nil {
		t.Fatal(err)
	}
	s.Stop(t)
	again := harness.Start(t, harness.Options{Dir: s.Dir, Like: s})
	if strings.TrimSpace(again.Welcome) != "" {
		t.Errorf("the second start printed %q", again.Welcome)
	}
	old, err := os.ReadFile(again.RootPEM)
	if err != nil || !bytes.Equal(old, harness.Fetch(t, s.Plain+"/root.crt")) {
		t.Errorf("another root (%v)", err)
	}
	next := d.Again(t)
	next.Enrol(t, again.Client(d.TLS()), c.EST(again.MTLS)+"simplereenroll", nil)
	if row := a.FindCertificate(t, next.Cert); row.Replaces != a.FindCertificate(t, d.Cert).ID { // with the token of before
		t.Errorf("the renewal replaces %q", row.Replaces)
	}
	if status, text, err := harness.NewDevice(t, "x.example.internal").Post(again.Client(), revoked.EST(again.Main)+"simpleenroll", revoked); status != 401 {
		t.Errorf("a revoked credential after the restart: %d %s %v", status, text, err)
	}
	verified(t, "--data", s.Dir)
	again.Stop(t)
	verified(t, "--data", s.Dir) // without a running server, too
}

// keyPair writes a self-signed certificate for localhost.
func keyPair(t *testing.T, cert, key, name string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	harness.WriteFile(t, filepath.Dir(key), filepath.Base(key), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	harness.WriteFile(t, filepath.Dir(cert), filepath.Base(cert), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// shown is the common name of the certificate that a listener shows.
func shown(t *testing.T, url string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
}

// TestReload: SIGHUP takes up log level and certificate files; a broken
// configuration changes nothing.
func TestReload(t *testing.T) {
	slow(t)
	dir := t.TempDir()
	cert, key, file := filepath.Join(dir, "tls.pem"), filepath.Join(dir, "tls.key"), filepath.Join(dir, "certwright.yaml")
	config := func(level string) {
		harness.WriteFile(t, dir, filepath.Base(file), fmt.Appendf(nil, "log:\n  level: %s\ntls:\n  certificate: %s\n  key: %s\n", level, cert, key))
	}
	keyPair(t, cert, key, "before")
	config("info")
	s := harness.Start(t, harness.Options{Args: []string{"--config", file}})
	if got := shown(t, s.Main); got != "before" {
		t.Fatalf("the listener shows %q", got)
	}
	debugs := func() int { // a health check is logged at debug level
		get(t, http.DefaultClient, s.Ops+"/healthz")
		return strings.Count(s.Log(t), `"level":"DEBUG"`)
	}
	if debugs() != 0 {
		t.Error("debug lines at level info")
	}
	reload := func(level string) {
		t.Helper()
		config(level)
		if err := s.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	keyPair(t, cert, key, "after")
	reload("debug")
	harness.Eventually(t, soon, func() error {
		if got := shown(t, s.Main); got != "after" {
			return fmt.Errorf("the listener shows %q", got)
		}
		if shown(t, s.MTLS) != "after" || debugs() == 0 {
			return fmt.Errorf("reloaded by halves")
		}
		return nil
	})
	// Broken files and settings.
	harness.WriteFile(t, dir, "tls.pem", []byte("no certificate"))
	reload("nonsense")
	harness.Eventually(t, soon, func() error {
		if !strings.Contains(s.Log(t), "the configuration stays as it was") {
			return fmt.Errorf("no word about the broken configuration")
		}
		return nil
	})
	reload("debug")
	harness.Eventually(t, soon, func() error {
		if !strings.Contains(s.Log(t), "the server certificate stays as it was") {
			return fmt.Errorf("no word about the broken certificate")
		}
		return nil
	})
	if shown(t, s.Main) != "after" || debugs() == 0 {
		t.Error("a broken configuration changed something")
	}
}

// TestStop: SIGTERM lets a request finish that has begun, and takes no new one.
func TestStop(t *testing.T) {
	slow(t)
	s := harness.Start(t, harness.Options{})
	a := s.Admin(t)
	c := a.Credential(t, resource.NewCredential{})
	d := harness.NewDevice(t, "stop.example.internal")
	basic := base64.StdEncoding.EncodeToString([]byte(c.UserPass()))
	conn, err := tls.Dial("tcp", strings.TrimPrefix(s.Main, "https://"), &tls.Config{RootCAs: s.Roots, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	half := len(d.Body) / 2
	fmt.Fprintf(conn, "POST /.well-known/est/%s/simpleenroll HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic %s\r\nContent-Type: application/pkcs10\r\nContent-Length: %d\r\n\r\n%s",
		c.Label, basic, len(d.Body), d.Body[:half])
	// The request is in the handler when the metrics count it.
	harness.Eventually(t, soon, func() error {
		if _, m := get(t, http.DefaultClient, s.Ops+"/metrics"); !regexp.MustCompile(`(?m)^certwright_\S*in_flight\S*"est"\S* 1$`).MatchString(m) {
			return fmt.Errorf("the request is not in flight: %s", regexp.MustCompile(`(?m)^certwright_.*$`).FindAllString(m, -1))
		}
		return nil
	})
	if err := s.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, soon, func() error {
		probe, err := tls.Dial("tcp", strings.TrimPrefix(s.Main, "https://"), &tls.Config{RootCAs: s.Roots})
		if err == nil {
			probe.Close()
			return fmt.Errorf("it still takes connections")
		}
		return nil
	})
	select {
	case <-s.Exited():
		t.Fatal("it went although a request was open")
	default:
	}
	if _, err := conn.Write(d.Body[half:]); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 200 ")) {
		t.Fatalf("%v %s", err, answer)
	}
	select {
	case <-s.Exited():
	case <-time.After(soon):
		t.Fatal("it did not go")
	}
	if log := s.Log(t); strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("errors while stopping: %s", log)
	}
	verified(t, "--data", s.Dir)
}

// TestHealth: what probes and scrapers see, and where.
func TestHealth(t *testing.T) {
	slow(t)
	s := harness.Start(t, harness.Options{})
	c := s.Client()
	for _, base := range []string{s.Main, s.MTLS, s.Plain, s.Ops} {
		if status, text := get(t, c, base+"/healthz"); status != 200 || text != "ok\n" {
			t.Errorf("%s/healthz: %d %q", base, status, text)
		}
		if status, text := get(t, c, base+"/readyz"); status != 200 || text != "ready\n" {
			t.Errorf("%s/readyz: %d %q", base, status, text)
		}
		status, text := get(t, c, base+"/metrics")
		if base == s.Ops {
			if status != 200 || !strings.Contains(text, "certwright_commits_total") || !strings.Contains(text, "go_goroutines") {
				t.Errorf("metrics: %d %s", status, text)
			}
		} else if strings.Contains(text, "go_goroutines") {
			t.Errorf("%s shows metrics to everybody", base)
		}
	}
	d := harness.NewDevice(t, "m.example.internal")
	m := regexp.MustCompile(`-u '([^:']+):([^']+)'`).FindStringSubmatch(s.Commands)
	first := &harness.Credential{CredentialDetail: resource.CredentialDetail{Credential: resource.Credential{PublicID: m[1], Label: "first"}}, Secret: m[2]}
	d.Enrol(t, c, first.EST(s.Main)+"simpleenroll", first)
	_, text := get(t, c, s.Ops+"/metrics")
	if !regexp.MustCompile(`(?m)^certwright_\S+protocol="est"\S*simpleenroll\S* 1$`).MatchString(text) {
		t.Errorf("the enrolment is not counted:\n%s", strings.Join(regexp.MustCompile(`(?m)^certwright_.*est.*$`).FindAllString(text, -1), "\n"))
	}
}

// TestPrintConfig: secrets are masked, and the output is a configuration.
func TestPrintConfig(t *testing.T) {
	slow(t)
	dir := t.TempDir()
	print := func(env []string, args ...string) string {
		return harness.Shell(t, dir, strings.Join(append(append([]string{}, env...), harness.Binary(t), "serve", "--print-config", strings.Join(args, " ")), " "))
	}
	out := print([]string{"CERTWRIGHT_MAIL_PASSWORD=hidden-mail", "CERTWRIGHT_LOG_LEVEL=warn"}, "--data", dir,
		"--database", "'postgres://certwright:hidden-db@db.example.internal/certwright'", "--mail-host", "mail.example.internal", "--mail-from", "pki@example.internal",
		"--proxy-trusted", "192.0.2.0/24,192.0.2.9", "--external-main", "https://pki.example.internal")
	if strings.Contains(out, "hidden") {
		t.Errorf("a secret is shown:\n%s", out)
	}
	for _, w := range []string{`level: "warn"`, `main: "https://pki.example.internal"`, `trusted: ["192.0.2.0/24", "192.0.2.9"]`, "db.example.internal", `host: "mail.example.internal"`} {
		if !strings.Contains(out, w) {
			t.Errorf("%q is missing:\n%s", w, out)
		}
	}
	// As it was printed it is a configuration file that prints the same.
	harness.WriteFile(t, dir, "certwright.yaml", []byte(out))
	if again := print(nil, "--config", "certwright.yaml"); again != out {
		t.Errorf("printed:\n%s\nwith that as configuration:\n%s", out, again)
	}
}

// TestResetPassword: the host's way back in, while the server runs.
func TestResetPassword(t *testing.T) {
	slow(t)
	s := harness.Start(t, harness.Options{})
	a := s.Admin(t)
	session, err := client.New(client.Config{BaseURL: s.Main, Roots: s.Roots, Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := session.SignIn(t.Context(), "admin", a.Password); err != nil {
		t.Fatal(err)
	}
	out := harness.Run(t, t.TempDir(), harness.Binary(t), "admin", "reset-password", "--data", s.Dir)
	m := regexp.MustCompile(`^user admin, one-time password (\S+)\n$`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("%q", out)
	}
	s.Secret(m[1])
	if _, err := session.Me(t.Context()); !core.Is(err, core.KindUnauthenticated) {
		t.Errorf("the session of before goes on: %v", err)
	}
	fresh, err := client.New(client.Config{BaseURL: s.Main, Roots: s.Roots, Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fresh.SignIn(t.Context(), "admin", a.Password); !core.Is(err, core.KindUnauthenticated) {
		t.Errorf("the old password: %v", err)
	}
	me, err := fresh.SignIn(t.Context(), "admin", m[1])
	if err != nil || !me.MustChange {
		t.Fatalf("%+v %v", me, err)
	}
	if _, err := client.Collect(fresh.Credentials(t.Context(), client.Query{}), 1); !core.Is(err, core.KindForbidden) {
		t.Errorf("with a one-time password: %v", err)
	}
	password := rand.Text()
	s.Secret(password)
	if err := fresh.ChangePassword(t.Context(), m[1], password); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Collect(fresh.Credentials(t.Context(), client.Query{}), 1); err != nil {
		t.Error(err)
	}
	if _, err := harness.Try(t, t.TempDir(), harness.Binary(t), "admin", "reset-password", "--data", s.Dir, "nobody"); err == nil {
		t.Error("a password for nobody")
	}
}
