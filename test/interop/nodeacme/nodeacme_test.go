// Package nodeacme_test drives acme-client of npm, the ACME client of Node.js,
// against the shipped binary.
package nodeacme_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/certwright/certwright/test/interop/harness"
)

// result is what the program says.
type result struct{ First, Second, Error string }

func drive(t *testing.T, ca *harness.CA, c *harness.Credential, key string, methods, names []string) result {
	t.Helper()
	settings, err := json.Marshal(map[string]any{"directory": ca.Directory(c), "kid": c.PublicID, "hmacKey": key, "dns": ca.DNS.Control,
		"root": ca.WebRoot(t), "methods": methods, "names": names})
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("drive.mjs")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(harness.NPM(t, "nodeacme"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	harness.WriteFile(t, dir, "drive.mjs", script)
	text := harness.RunEnv(t, dir, []string{"NODE_EXTRA_CA_CERTS=" + ca.RootPEM, "CERTWRIGHT_DRIVE=" + string(settings)}, "node", "drive.mjs")
	var r result
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return r
}

func TestNodeAcme(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server")
	}
	harness.NPM(t, "nodeacme")
	ca := harness.StartCA(t, harness.Options{})
	for method, names := range map[string][]string{
		"http-01": {"node.example.internal", "node2.example.internal"},
		"dns-01":  {"nodew.example.internal", "*.nodew.example.internal"},
	} {
		t.Run(method, func(t *testing.T) {
			c := ca.Credential(t)
			r := drive(t, ca, c, c.Secret, []string{method}, names)
			if r.Error != "" {
				t.Fatal(r.Error)
			}
			ca.Issued(t, harness.ParseChain(t, []byte(r.First)), c, names...)
			ca.Revoked(t, harness.ParseChain(t, []byte(r.Second))[0], "superseded")
			actions := ca.Admin.Audited(t, c.ID)
			for _, want := range []string{"acme.account.update", "acme.account.key-change", "acme.account.deactivate"} {
				if !slices.Contains(actions, want) {
					t.Errorf("%s is not audited: %v", want, actions)
				}
			}
		})
	}
	t.Run("wrong binding", func(t *testing.T) {
		r := drive(t, ca, ca.Credential(t), harness.WrongKey, []string{"http-01"}, []string{"x.example.internal"})
		if !strings.Contains(r.Error, "wrong key id or HMAC key") {
			t.Errorf("a wrong key: %q", r.Error)
		}
	})
}
