// Package directory_test signs people of an OpenLDAP server (Debian's slapd) in
// to the shipped binary, set up with certwright ctl as docs/operate describes.
package directory_test

import (
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity/federation/federationtest"
	"github.com/certwright/certwright/test/interop/harness"
)

const settings = `label: corp
name: Corp directory
kind: ldap
config:
  create: true
  rules:
    - external: cn=pki-operators,ou=groups,dc=corp,dc=example
      role: operator
  ldap:
    urls: [ $url ]
    bind_dn: cn=finder,dc=corp,dc=example
    base_dn: ou=people,dc=corp,dc=example
`

func TestDirectory(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server and slapd")
	}
	ldap := federationtest.StartSlapd(t)
	dir := t.TempDir()
	root := harness.WriteFile(t, dir, "ldap.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ldap.Root.Raw}))
	s := harness.Start(t, harness.Options{Args: []string{"--outbound-roots", root}})
	s.Secret(federationtest.FinderPassword, federationtest.AnnPassword, federationtest.BobPassword)
	a := s.Admin(t)
	file := harness.WriteFile(t, dir, "corp.yaml", []byte(strings.ReplaceAll(settings, "$url", ldap.TLS)))
	password := harness.WriteFile(t, dir, "finder", []byte(federationtest.FinderPassword+"\n"))
	token := harness.WriteFile(t, dir, "token", []byte(a.Token))
	ctl := func(profile, want string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), harness.Binary(t), append([]string{"ctl", "--url", s.Main, "--roots", s.RootPEM, "--profile", filepath.Join(dir, profile)}, args...)...)
		cmd.Env = append(os.Environ(), "CERTWRIGHT_CTL_PASSWORD="+federationtest.AnnPassword)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("ctl %q: %v, want %q: %s", args, err, want, out)
		}
	}
	admin := func(want string, args ...string) {
		t.Helper()
		ctl("admin.yaml", want, append([]string{"--token-file", token}, args...)...)
	}
	admin("is made", "provider", "create", "-f", file, "--secret-file", password)
	admin("People: ok", "provider", "test", "corp")
	admin("is enabled", "provider", "enable", "corp")
	admin("corp", "provider", "list")
	ctl("ann.yaml", "", "login", "ann")
	admin("operator (sign-in provider)", "user", "list")
	admin("ann", "user", "identity", "list", "ann")
	if e := a.Entries(t, core.Cond{Column: "action", Op: core.OpEquals, Values: []string{"identity.link"}}); len(e) != 1 {
		t.Errorf("%d links in the audit log", len(e))
	}
	admin("is disabled", "--yes", "provider", "disable", "corp")
	admin("is deleted", "--yes", "provider", "delete", "corp")
}
