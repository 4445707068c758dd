package harness

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/certwright/certwright/internal/house/need"
)

// NPM installs what package.json and package-lock.json in the test's folder
// name into a folder of the user's cache, named by their content, and returns
// its node_modules. Without Node.js, npm or the registry the test is skipped.
func NPM(t testing.TB, name string) string {
	t.Helper()
	need.Program(t, "node", "nodejs")
	npm := need.Program(t, "npm", "npm")
	h := sha256.New()
	files := []string{"package.json", "package-lock.json", ".npmrc"}
	text := map[string][]byte{}
	for _, f := range files {
		text[f] = ReadFile(t, ".", f)
		_, _ = h.Write(text[f])
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "certwright-interop", fmt.Sprintf("%s-%x", name, h.Sum(nil)[:8]))
	if _, err := os.Stat(dir); err == nil {
		return filepath.Join(dir, "node_modules")
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
		WriteFile(t, fresh, f, text[f])
	}
	if out, err := TryEnv(t, fresh, nil, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"); err != nil {
		need.Missing(t, fmt.Sprintf("the npm packages of %s (npm ci: %v: %s)", name, err, out))
	}
	// Another test program may have been faster.
	if err := os.Rename(fresh, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	return filepath.Join(dir, "node_modules")
}
