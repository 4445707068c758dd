// Package uacme_test drives the C client uacme (Debian package uacme) against
// the shipped binary.
package uacme_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/test/interop/harness"
)

// bundle is where the client's TLS library has its roots. There is no option
// for others: the client runs where the server's root is mounted on them.
const bundle = "/etc/ssl/certs/ca-certificates.crt"

// installation is a folder of uacme with an account.
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

func (i *installation) try(t *testing.T, args ...string) (string, error) {
	t.Helper()
	all := append([]string{"-rm", "sh", "-c", `mount --bind "$0" ` + bundle + ` && exec uacme "$@"`, i.ca.RootPEM,
		"-v", "-a", i.ca.Directory(i.cred), "-c", i.dir, "-e", i.cred.PublicID + ":" + i.key, "-y"}, args...)
	return harness.TryEnv(t, i.dir, nil, "unshare", all...)
}

func (i *installation) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := i.try(t, args...)
	if err != nil {
		t.Fatalf("uacme %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// hook writes the program that the client calls with operation, method, name,
// token and key authorization (dns-01: its digest).
func (i *installation) hook(t *testing.T, method, root string) string {
	t.Helper()
	harness.Shell(t, i.dir, fmt.Sprintf(`cat >hook <<'EOF'
#!/bin/sh
[ "$2" = %[1]s ] || exit 1 # then the next method is offered
case "$1:$2" in
begin:http-01) printf %%s "$5" >"%[2]s/$4";;
begin:dns-01) curl -sSfg -X POST "%[3]s?name=_acme-challenge.$3&value=$5";;
*:http-01) rm "%[2]s/$4";;
*:dns-01) curl -sSfg -X DELETE "%[3]s?name=_acme-challenge.$3&value=$5";;
esac
EOF
chmod 755 hook`, method, root, i.ca.DNS.Control))
	return filepath.Join(i.dir, "hook")
}

func TestUacme(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server")
	}
	need.Program(t, "uacme", "uacme")
	need.Program(t, "curl", "curl")
	need.Program(t, "unshare", "util-linux")
	version, _ := harness.Try(t, ".", "uacme", "--version")
	t.Log(version)
	if out, err := harness.Try(t, ".", "unshare", "-rm", "sh", "-c", "mount --bind /dev/null "+bundle); err != nil {
		need.Missing(t, fmt.Sprintf("the right to mount in a name space of one's own, and the Debian package ca-certificates (%v: %s)", err, out))
	}
	ca := harness.StartCA(t, harness.Options{})
	t.Run("life by http-01", func(t *testing.T) { life(t, ca) })
	t.Run("wildcard by dns-01", func(t *testing.T) {
		i := install(t, ca)
		i.run(t, "new", "ops@example.com")
		i.run(t, "-h", i.hook(t, "dns-01", ""), "-t", "RSA", "issue", "uw.example.internal", "*.uw.example.internal")
		ca.IssuedFile(t, filepath.Join(i.dir, "uw.example.internal", "cert.pem"), i.cred, "uw.example.internal", "*.uw.example.internal")
	})
	t.Run("wrong binding", func(t *testing.T) {
		i := install(t, ca)
		i.key = harness.WrongKey
		if out, err := i.try(t, "new", "ops@example.com"); err == nil || !strings.Contains(out, "wrong key id or HMAC key") {
			t.Errorf("a wrong key: %v\n%s", err, out)
		}
	})
}

func life(t *testing.T, ca *harness.CA) {
	i := install(t, ca)
	const name, other = "uacme.example.internal", "uacme2.example.internal"
	file := filepath.Join(i.dir, name, "cert.pem")
	hook := i.hook(t, "http-01", ca.WebRoot(t))
	i.run(t, "new", "ops@example.com")
	i.run(t, "-t", "EC", "-h", hook, "issue", name, other)
	first := ca.IssuedFile(t, file, i.cred, name, other)
	i.run(t, "-t", "EC", "-h", hook, "-f", "issue", name, other)
	second := ca.IssuedFile(t, file, i.cred, name, other)
	if first.Equal(second) {
		t.Fatal("the renewal gave the old certificate")
	}
	i.run(t, "-r", "4", "revoke", file)
	ca.Revoked(t, second, "superseded")
	i.run(t, "update", "other@example.com")
	i.run(t, "newkey")
	i.run(t, "deactivate")
	actions := ca.Admin.Audited(t, i.cred.ID)
	for _, want := range []string{"acme.account.create", "acme.account.update", "acme.account.key-change", "acme.account.deactivate"} {
		if !slices.Contains(actions, want) {
			t.Errorf("%s is not audited: %v", want, actions)
		}
	}
}
