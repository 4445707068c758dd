package portal_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/test/interop/harness"
)

// TestForms drives live updates and the forms of products and CAs.
func TestForms(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server and a browser")
	}
	chromium := need.Program(t, "chromium", "chromium")
	modules := harness.NPM(t, "portal")
	server := harness.Start(t, harness.Options{})
	if built, err := os.ReadDir(filepath.Join("..", "..", "..", "internal", "portal", "pages", "app", "assets")); err != nil || len(built) == 0 {
		need.Missing(t, "the built portal (make build)")
	}
	admin := server.Admin(t)
	dir, work := t.TempDir(), t.TempDir()
	settings, err := json.Marshal(map[string]any{"base": server.Main, "password": admin.Password, "chromium": chromium, "profile": t.TempDir(), "dir": dir, "group": admin.Group})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules, filepath.Join(work, "node_modules")); err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("forms.mjs")
	if err != nil {
		t.Fatal(err)
	}
	harness.WriteFile(t, work, "forms.mjs", script)
	cmd := exec.CommandContext(t.Context(), "node", "forms.mjs")
	var stderr bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stderr = work, append(os.Environ(), "CERTWRIGHT_DRIVE="+string(settings)), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s%s", err, out, stderr.String())
	}
	var problems []string
	if err := json.Unmarshal(out, &problems); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, p := range problems {
		t.Error(p)
	}
	keep(t, dir)
}
