package restapi_test

import (
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/test/interop/harness"
)

// environment is what the page and the script expect.
func environment(ca *harness.CA, c *harness.Credential) []string {
	return []string{"CERTWRIGHT_URL=" + ca.Main, "CLIENT_ID=" + c.PublicID, "CLIENT_SECRET=" + c.Secret}
}

// folder is one with the root and the hook that publishes records.
func folder(t *testing.T, ca *harness.CA) string {
	t.Helper()
	dir := t.TempDir()
	harness.WriteFile(t, dir, "certwright-root.pem", harness.ReadFile(t, filepath.Dir(ca.RootPEM), filepath.Base(ca.RootPEM)))
	hook := fmt.Sprintf("#!/bin/sh\n# NAME TXT VALUE\ncurl -fsS -G -X POST '%s' --data-urlencode \"name=$1\" --data-urlencode \"value=$3\"\n", ca.DNS.Control)
	if err := os.Chmod(harness.WriteFile(t, dir, "publish", []byte(hook)), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestPage runs the commands of docs/protocol/rest.md as they stand there.
func TestPage(t *testing.T) {
	slow(t)
	tools(t)
	ca := harness.StartCA(t, harness.Options{})
	t.Run("first certificate", func(t *testing.T) {
		c, dir := client(t, ca.Admin), folder(t, ca)
		out := recipe(t, dir, "protocol/rest.md", "A first certificate", environment(ca, c)...)
		for _, w := range []string{"issued\n", "DNS:app.example.internal", "IP Address:10.1.2.3"} {
			if !strings.Contains(out, w) {
				t.Errorf("the commands do not say %q: %s", w, out)
			}
		}
		issued(t, ca, filepath.Join(dir, "cert.pem"), c, "app.example.internal", "10.1.2.3")
		if n := len(ca.Admin.OrdersOf(t, c.ID)); n != 1 {
			t.Errorf("%d orders", n)
		}
		// Once more with a new key pair: another request under the same
		// Idempotency-Key makes no second order.
		out, err := try(t, dir, "protocol/rest.md", "A first certificate", environment(ca, c)...)
		if n := len(ca.Admin.OrdersOf(t, c.ID)); n != 1 {
			t.Errorf("%d orders after another request with the same key (%v): %s", n, err, out)
		}
	})
	t.Run("control of a domain", func(t *testing.T) {
		c, dir := client(t, ca.Admin), folder(t, ca)
		out := recipe(t, dir, "protocol/rest.md", "Control of a domain", append(environment(ca, c), "PUBLISH=./publish")...)
		if !strings.Contains(out, "issued\n") {
			t.Errorf("not issued: %s", out)
		}
		issued(t, ca, filepath.Join(dir, "dv-cert.pem"), c, "www.example.com")
	})
}

// TestPageV1 runs the commands of docs/protocol/rest-v1.md as they stand there;
// their host:8080 is that of the server.
func TestPageV1(t *testing.T) {
	slow(t)
	tools(t)
	ca := harness.StartCA(t, harness.Options{})
	c := ca.Admin.REST(t, resource.NewCredential{Auth: core.AuthAccessKey, Products: []string{"ssl-dv", "tls-server"}})
	dir := t.TempDir()
	script := harness.Recipe(t, "protocol/rest-v1.md", "Example")
	const root = "http://host:8080/root.crt"
	if strings.Count(script, root) != 1 {
		t.Fatalf("the commands do not get the root from %s", root)
	}
	out, err := harness.TryEnv(t, dir, []string{"CERTWRIGHT_URL=" + ca.Main, "ACCOUNT_NUMBER=" + c.PublicID, "ACCESS_KEY=" + c.Secret},
		"sh", "-e", "-c", strings.Replace(script, root, ca.Plain+"/root.crt", 1))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, w := range []string{"842 ", "950 ", "Order Fulfilled\n", "DNS:app.example.internal", "_certwright-challenge.www.example.com TXT ", `"errorCode":"EMS-107`} {
		if !strings.Contains(out, w) {
			t.Errorf("the commands do not say %q: %s", w, out)
		}
	}
	chain := harness.ReadChain(t, filepath.Join(dir, "cert.pem"))
	ca.Revoked(t, chain[0], "superseded")
	var states []string
	for _, o := range ca.Admin.OrdersOf(t, c.ID) {
		states = append(states, string(o.State))
	}
	slices.Sort(states)
	if !slices.Equal(states, []string{"issued", "rejected"}) {
		t.Errorf("orders: %v", states)
	}
}

// recipe runs the commands below a heading with sh -e.
func recipe(t *testing.T, dir, page, heading string, env ...string) string {
	t.Helper()
	out, err := try(t, dir, page, heading, env...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", heading, err, out)
	}
	return out
}

func try(t *testing.T, dir, page, heading string, env ...string) (string, error) {
	t.Helper()
	return harness.TryEnv(t, dir, env, "sh", "-e", "-c", harness.Recipe(t, page, heading))
}

// script is docs/protocol/rest/order.sh.
func script(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../../docs/protocol/rest/order.sh")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestScript runs the script for pipelines.
func TestScript(t *testing.T) {
	slow(t)
	tools(t)
	ca := harness.StartCA(t, harness.Options{})
	run := func(t *testing.T, dir string, c *harness.Credential, env []string, args ...string) (string, int) {
		t.Helper()
		env = slices.Concat(environment(ca, c), []string{"CERTWRIGHT_ROOTS=certwright-root.pem", "WAIT=0"}, env)
		out, err := harness.TryEnv(t, dir, env, "sh", append([]string{script(t)}, args...)...)
		if err == nil {
			return out, 0
		}
		exit, ok := err.(*exec.ExitError)
		if !ok {
			t.Fatal(err)
		}
		return out, exit.ExitCode()
	}
	t.Run("twice is once", func(t *testing.T) {
		c, dir := client(t, ca.Admin), folder(t, ca)
		first, code := run(t, dir, c, []string{"ORDER_KEY=build-1"}, "intranet-ssl", "app.example.internal", "10.9.8.7")
		if code != 0 {
			t.Fatalf("exit code %d: %s", code, first)
		}
		cert := issued(t, ca, filepath.Join(dir, "cert.pem"), c, "app.example.internal", "10.9.8.7")
		harness.Shell(t, dir, `test "$(openssl pkey -in key.pem -pubout)" = "$(openssl x509 -in cert.pem -noout -pubkey)"`)
		second, code := run(t, dir, c, []string{"ORDER_KEY=build-1"}, "intranet-ssl", "app.example.internal", "10.9.8.7")
		if code != 0 {
			t.Fatalf("exit code %d: %s", code, second)
		}
		if again := harness.ReadChain(t, filepath.Join(dir, "cert.pem"))[0]; !again.Equal(cert) {
			t.Errorf("another certificate")
		}
		if first != second || !strings.HasPrefix(first, "order ") {
			t.Errorf("%q, then %q", first, second)
		}
		if n := len(ca.Admin.CertificatesOf(t, c.ID)); n != 1 || len(ca.Admin.OrdersOf(t, c.ID)) != 1 {
			t.Errorf("%d certificates", n)
		}
		fresh := folder(t, ca) // a pipeline whose folder was thrown away
		if out, code := run(t, fresh, c, []string{"ORDER_KEY=build-1"}, "intranet-ssl", "app.example.internal", "10.9.8.7"); code != 0 || out == first {
			t.Errorf("a fresh key pair: exit code %d: %s", code, out)
		}
	})
	t.Run("dv", func(t *testing.T) {
		c, dir := client(t, ca.Admin), folder(t, ca)
		const name = "pipe.example.internal"
		out, code := run(t, dir, c, []string{"ORDER_KEY=build-2", "TRIES=1"}, "dv", name)
		if code != 2 || !strings.Contains(out, "is still pending-dcv") {
			t.Fatalf("exit code %d, want 2: %s", code, out)
		}
		var record []string // publish TXT NAME = VALUE
		for line := range strings.Lines(out) {
			if f := strings.Fields(line); len(f) == 5 && f[0] == "publish" {
				record = f
			}
		}
		if record == nil || record[1] != "TXT" {
			t.Fatalf("the script does not say what to publish: %s", out)
		}
		ca.DNS.Add(record[2], "TXT", record[4])
		again, code := run(t, dir, c, []string{"ORDER_KEY=build-2", "TRIES=20"}, "dv", name)
		if code != 0 {
			t.Fatalf("exit code %d: %s", code, again)
		}
		if a, b := firstLine(out), firstLine(again); a != b {
			t.Errorf("%q, then %q", a, b)
		}
		issued(t, ca, filepath.Join(dir, "cert.pem"), c, name)
		if n := len(ca.Admin.OrdersOf(t, c.ID)); n != 1 {
			t.Errorf("%d orders", n)
		}
		// Control is proven: the next pipeline does not wait.
		next := folder(t, ca)
		if out, code := run(t, next, c, []string{"ORDER_KEY=build-3", "TRIES=1"}, "dv", name); code != 0 {
			t.Errorf("exit code %d: %s", code, out)
		}
	})
	t.Run("rejected", func(t *testing.T) {
		ca.Admin.Change(t, "device", func(p *core.Profile) { p.Approval = "manual" })
		c, dir := client(t, ca.Admin, "device"), folder(t, ca)
		out, code := run(t, dir, c, []string{"ORDER_KEY=build-4", "TRIES=1"}, "device", "printer.example.internal")
		if code != 2 || !strings.Contains(out, "is still pending-approval") {
			t.Fatalf("exit code %d, want 2: %s", code, out)
		}
		list := ca.Admin.OrdersOf(t, c.ID)
		if len(list) != 1 {
			t.Fatalf("%d orders", len(list))
		}
		if _, err := ca.Admin.RejectOrder(t.Context(), string(list[0].ID), "not ours"); err != nil {
			t.Fatal(err)
		}
		out, code = run(t, dir, c, []string{"ORDER_KEY=build-4", "TRIES=3"}, "device", "printer.example.internal")
		if code != 1 || !strings.Contains(out, "is rejected") {
			t.Errorf("exit code %d, want 1: %s", code, out)
		}
		if _, err := os.Stat(filepath.Join(dir, "cert.pem")); err == nil {
			t.Error("a certificate of a rejected order")
		}
	})
	t.Run("wrong secret", func(t *testing.T) {
		c, dir := client(t, ca.Admin), folder(t, ca)
		if out, code := run(t, dir, c, []string{"CLIENT_SECRET=wrong"}, "intranet-ssl", "app.example.internal"); code == 0 || code == 2 {
			t.Errorf("exit code %d: %s", code, out)
		}
		if n := len(ca.Admin.OrdersOf(t, c.ID)); n != 0 {
			t.Errorf("%d orders", n)
		}
	})
}

// issued checks a file that the order API gave: the certificate and its chain,
// the root at the end.
func issued(t *testing.T, ca *harness.CA, file string, of *harness.Credential, names ...string) *x509.Certificate {
	t.Helper()
	chain := harness.ReadChain(t, file)
	last := chain[len(chain)-1]
	if last.CheckSignatureFrom(last) != nil {
		t.Errorf("the chain ends with %s, not with the root", last.Subject)
		return chain[0]
	}
	ca.Issued(t, chain[:len(chain)-1], of, names...)
	return chain[0]
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
