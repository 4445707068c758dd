// Package lego_test drives the lego program (Debian package lego) against the
// shipped binary; its library has a module of its own beside this folder.
package lego_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/test/interop/harness"
)

// installation is a folder of lego with an account.
type installation struct {
	ca   *harness.CA
	cred *harness.Credential
	dir  string
	key  string // HMAC key
}

func install(t *testing.T, ca *harness.CA) *installation {
	cred := ca.Credential(t)
	return &installation{ca, cred, t.TempDir(), cred.Secret}
}

func (l *installation) try(t *testing.T, args ...string) (string, error) {
	t.Helper()
	// The hook is called with present or cleanup, name and value.
	hook := filepath.Join(l.dir, "hook")
	harness.Shell(t, l.dir, fmt.Sprintf(`cat >hook <<'EOF'
#!/bin/sh
[ "$1" = present ] && method=POST || method=DELETE
exec curl -sSfg -X $method "%s?name=$2&value=$3"
EOF
chmod 755 hook`, l.ca.DNS.Control))
	all := append([]string{"--server", l.ca.Directory(l.cred), "--path", l.dir, "--accept-tos", "--email", "ops@example.com",
		"--eab", "--kid", l.cred.PublicID, "--hmac", l.key}, args...)
	return harness.TryEnv(t, l.dir, []string{"LEGO_CA_CERTIFICATES=" + l.ca.RootPEM, "EXEC_PATH=" + hook, "EXEC_POLLING_INTERVAL=1", "EXEC_SEQUENCE_INTERVAL=1"}, "lego", all...)
}

func (l *installation) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := l.try(t, args...)
	if err != nil {
		t.Fatalf("lego %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (l *installation) http() []string {
	return []string{"--http", "--http.port", fmt.Sprintf("127.0.0.1:%d", l.ca.HTTPPort)}
}

func (l *installation) tls() []string {
	return []string{"--tls", "--tls.port", fmt.Sprintf("127.0.0.1:%d", l.ca.TLSPort)}
}

func (l *installation) dns() []string {
	return []string{"--dns", "exec", "--dns.disable-cp", "--dns.resolvers", l.ca.DNS.Address()}
}

func (l *installation) crt(name string) string {
	return filepath.Join(l.dir, "certificates", name+".crt")
}

func TestLego(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server")
	}
	need.Program(t, "lego", "lego")
	need.Program(t, "curl", "curl")
	t.Log(harness.Run(t, ".", "lego", "--version"))
	ca := harness.StartCA(t, harness.Options{})
	t.Run("http-01", func(t *testing.T) { life(t, ca) })
	t.Run("tls-alpn-01", func(t *testing.T) {
		l := install(t, ca)
		l.run(t, append(l.tls(), "-d", "alpn.example.internal", "run")...)
		ca.IssuedFile(t, l.crt("alpn.example.internal"), l.cred, "alpn.example.internal")
	})
	t.Run("wildcard by dns-01", func(t *testing.T) {
		l := install(t, ca)
		l.run(t, append(l.dns(), "-d", "*.wild.example.internal", "-d", "wild.example.internal", "run")...)
		ca.IssuedFile(t, l.crt("_.wild.example.internal"), l.cred, "*.wild.example.internal", "wild.example.internal")
	})
	t.Run("dns-01 through a CNAME", func(t *testing.T) {
		l := install(t, ca)
		ca.DNS.Set("_acme-challenge.alias.example.internal", "CNAME", "alias.elsewhere.internal")
		// The server follows the alias; the record is there for whatever token.
		l.run(t, append(l.dns(), "-d", "alias.example.internal", "run")...)
		ca.IssuedFile(t, l.crt("alias.example.internal"), l.cred, "alias.example.internal")
	})
	t.Run("address", func(t *testing.T) {
		l := install(t, ca)
		// This version orders it as a DNS name; the library beside does better.
		if out, err := l.try(t, append(l.http(), "-d", "127.0.0.1", "run")...); err == nil || !strings.Contains(out, "its identifier type is ip") {
			t.Errorf("an address as DNS name: %v\n%s", err, out)
		}
	})
	t.Run("wrong binding", func(t *testing.T) {
		l := install(t, ca)
		l.key = harness.WrongKey
		if out, err := l.try(t, append(l.http(), "-d", "a.example.internal", "run")...); err == nil || !strings.Contains(out, "wrong key id or HMAC key") {
			t.Errorf("a wrong key: %v\n%s", err, out)
		}
	})
}

func life(t *testing.T, ca *harness.CA) {
	l := install(t, ca)
	const name, other = "lego.example.internal", "lego2.example.internal"
	base := append(l.http(), "-d", name, "-d", other)
	l.run(t, append(base, "--key-type", "rsa2048", "run")...)
	first := ca.IssuedFile(t, l.crt(name), l.cred, name, other)
	l.run(t, append(base, "renew", "--days", "4000", "--no-random-sleep")...)
	second := ca.IssuedFile(t, l.crt(name), l.cred, name, other)
	if first.Equal(second) {
		t.Fatal("the renewal gave the old certificate")
	}
	l.run(t, append(base, "revoke", "--reason", "4", "--keep")...)
	ca.Revoked(t, second, "superseded")
}
