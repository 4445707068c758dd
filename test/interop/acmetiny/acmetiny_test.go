// Package acmetiny_test drives acme-tiny (Debian package acme-tiny), which
// knows no external account binding and no revocation, against the shipped
// binary.
package acmetiny_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/test/interop/harness"
)

func TestAcmeTiny(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server")
	}
	need.Program(t, "acme-tiny", "acme-tiny")
	need.Program(t, "openssl", "openssl")
	ca := harness.StartCA(t, harness.Options{})
	open := ca.Admin.ACME(t, resource.NewCredential{}, core.ACMEOptions{EABOptional: true, MaxAccounts: 1})
	root, dir := ca.WebRoot(t), t.TempDir()
	const name, other = "tiny.example.internal", "tiny2.example.internal"
	harness.Shell(t, dir, fmt.Sprintf(`openssl genrsa -out account.key 2048 && openssl genrsa -out second.key 2048
openssl req -new -newkey rsa:2048 -nodes -keyout host.key -subj / -addext subjectAltName=DNS:%s,DNS:%s -out host.csr`, name, other))
	tiny := func(c *harness.Credential, key string) (stdout, stderr string, err error) {
		cmd := exec.CommandContext(t.Context(), "acme-tiny", "--account-key", key, "--csr", "host.csr", "--acme-dir", root, "--disable-check",
			"--directory-url", ca.Directory(c), "--contact", "mailto:ops@example.com")
		var out, log strings.Builder
		cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, append(os.Environ(), "SSL_CERT_FILE="+ca.RootPEM), &out, &log
		err = cmd.Run()
		return out.String(), log.String(), err
	}
	var last string
	for range 2 { // the second time with the account that is there
		out, log, err := tiny(open, "account.key")
		if err != nil {
			t.Fatalf("%v\n%s", err, log)
		}
		if out == last {
			t.Error("the same certificate again")
		}
		last = out
		ca.IssuedFile(t, harness.WriteFile(t, dir, "chain.pem", []byte(out)), open, name, other)
	}
	harness.Run(t, dir, "openssl", "verify", "-CAfile", ca.RootPEM, "-untrusted", "chain.pem", filepath.Join(dir, "chain.pem"))
	if _, log, err := tiny(open, "second.key"); err == nil || !strings.Contains(log, "rateLimited") {
		t.Errorf("more accounts than allowed: %v\n%s", err, log)
	}
	if _, log, err := tiny(ca.Credential(t), "account.key"); err == nil || !strings.Contains(log, "externalAccountRequired") {
		t.Errorf("without binding: %v\n%s", err, log)
	}
}
