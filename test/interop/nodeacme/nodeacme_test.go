// Package nodeacme_test drives acme-client of npm, the ACME client of Node.js,
// against the shipped binary.
package nodeacme_test

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/test/interop/harness"
)

// install puts the client into a folder of the user's cache, named by what is
// to be installed, and returns the folder.
func install(t *testing.T) string {
	t.Helper()
	need.Program(t, "node", "nodejs")
	npm := need.Program(t, "npm", "npm")
	h := sha256.New()
	files := []string{"package.json", "package-lock.json", ".npmrc"}
	text := map[string][]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		text[f] = b
		_, _ = h.Write(b)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "certwright-interop", fmt.Sprintf("nodeacme-%x", h.Sum(nil)[:8]))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), "new-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(fresh)
	for _, f := range files {
		harness.WriteFile(t, fresh, f, text[f])
	}
	if out, err := harness.TryEnv(t, fresh, nil, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"); err != nil {
		need.Missing(t, fmt.Sprintf("the npm package acme-client (npm ci: %v: %s)", err, out))
	}
	// Another test program may have been faster.
	if err := os.Rename(fresh, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	return dir
}

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
	if err := os.Symlink(filepath.Join(install(t), "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
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
	install(t)
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
