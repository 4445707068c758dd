// Package dehydrated_test drives the shell client dehydrated (Debian package
// dehydrated) against the shipped binary.
package dehydrated_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/test/interop/harness"
)

// installation is a folder of dehydrated with its configuration.
type installation struct {
	ca   *harness.CA
	cred *harness.Credential
	dir  string
}

func install(t *testing.T, ca *harness.CA, key, more string) *installation {
	t.Helper()
	i := &installation{ca, ca.Credential(t), t.TempDir()}
	if key == "" {
		key = i.cred.Secret
	}
	harness.WriteFile(t, i.dir, "config", fmt.Appendf(nil, `CA=%q
BASEDIR=%q
CURL_OPTS="--cacert %s"
CONTACT_EMAIL=ops@example.com
EAB_KID=%q
EAB_HMAC_KEY=%q
%s
`, ca.Directory(i.cred), i.dir, ca.RootPEM, i.cred.PublicID, key, more))
	return i
}

func (i *installation) try(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return harness.TryEnv(t, i.dir, nil, "dehydrated", append([]string{"--config", filepath.Join(i.dir, "config")}, args...)...)
}

func (i *installation) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := i.try(t, args...)
	if err != nil {
		t.Fatalf("dehydrated %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (i *installation) file(name, file string) string {
	return filepath.Join(i.dir, "certs", name, file)
}

func TestDehydrated(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server")
	}
	need.Program(t, "dehydrated", "dehydrated")
	need.Program(t, "curl", "curl")
	need.Program(t, "openssl", "openssl")
	t.Log(harness.Run(t, ".", "dehydrated", "--version"))
	ca := harness.StartCA(t, harness.Options{})
	t.Run("life by http-01", func(t *testing.T) { life(t, ca) })
	t.Run("dns-01", func(t *testing.T) { byDNS(t, ca) })
	t.Run("wrong binding", func(t *testing.T) {
		i := install(t, ca, harness.WrongKey, "")
		if out, err := i.try(t, "--register", "--accept-terms"); err == nil || !strings.Contains(out, "wrong key id or HMAC key") {
			t.Errorf("a wrong key: %v\n%s", err, out)
		}
	})
}

func life(t *testing.T, ca *harness.CA) {
	const name, other = "dehydrated.example.internal", "dehydrated2.example.internal"
	i := install(t, ca, "", fmt.Sprintf("WELLKNOWN=%q", ca.WebRoot(t)))
	i.run(t, "--register", "--accept-terms")
	i.run(t, "--cron", "-d", name+" "+other)
	first := ca.IssuedFile(t, i.file(name, "fullchain.pem"), i.cred, name, other)
	harness.Run(t, i.dir, "openssl", "verify", "-CAfile", ca.RootPEM, "-untrusted", i.file(name, "chain.pem"), i.file(name, "cert.pem"))
	i.run(t, "--cron", "--force", "--algo", "rsa", "-d", name+" "+other)
	second := ca.IssuedFile(t, i.file(name, "fullchain.pem"), i.cred, name, other)
	if first.Equal(second) {
		t.Fatal("the renewal gave the old certificate")
	}
	i.run(t, "--revoke", i.file(name, "cert.pem"))
	ca.Revoked(t, second, "unspecified")
	i.run(t, "--account")
	i.run(t, "--deactivate")
	if actions := ca.Admin.Audited(t, i.cred.ID); !slices.Contains(actions, "acme.account.deactivate") {
		t.Errorf("audited: %v", actions)
	}
}

func byDNS(t *testing.T, ca *harness.CA) {
	// The hook is called with an operation, name, token and value.
	i := install(t, ca, "", "CHALLENGETYPE=dns-01\nHOOK=${BASEDIR}/hook")
	harness.Shell(t, i.dir, fmt.Sprintf(`cat >hook <<'EOF'
#!/bin/sh
case "$1" in
deploy_challenge) method=POST;;
clean_challenge) method=DELETE;;
*) exit 0;;
esac
exec curl -sSfg -X $method "%s?name=_acme-challenge.$2&value=$4"
EOF
chmod 755 hook`, ca.DNS.Control))
	i.run(t, "--register", "--accept-terms")
	i.run(t, "--cron", "-d", "*.dehydrated.example.internal dehydrated.example.internal", "--alias", "wild")
	ca.IssuedFile(t, i.file("wild", "fullchain.pem"), i.cred, "*.dehydrated.example.internal", "dehydrated.example.internal")
}
