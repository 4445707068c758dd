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

// drive runs a script of this folder in Chromium. Its settings are in, and
// browser, profile and folder for pictures; what it prints is what went wrong.
func drive(t *testing.T, script string, in map[string]any) {
	t.Helper()
	chromium := need.Program(t, "chromium", "chromium")
	modules := harness.NPM(t, "portal")
	dir, work := t.TempDir(), t.TempDir()
	in["chromium"], in["profile"], in["dir"], in["pictures"] = chromium, t.TempDir(), dir, os.Getenv("CERTWRIGHT_PICTURES")
	settings, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules, filepath.Join(work, "node_modules")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{script, "browser.mjs"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		harness.WriteFile(t, work, name, text)
	}
	cmd := exec.CommandContext(t.Context(), "node", script)
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
