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

// browser is what a test needs to drive Chromium.
type browser struct {
	t                 *testing.T
	chromium, modules string
	dir               string // of files that the script and the test exchange
}

// browse finds the browser, and skips short runs. Tests with it run beside each other: most
// of the time they wait for what a page shows.
func browse(t *testing.T) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("starts the server and a browser")
	}
	t.Parallel()
	b := &browser{t, need.Program(t, "chromium", "chromium"), harness.NPM(t, "portal"), t.TempDir()}
	t.Cleanup(b.keep)
	return b
}

// drive runs a script with the browser and settings; what it says went wrong fails the
// test.
func (b *browser) drive(script string, settings map[string]any) {
	t := b.t
	t.Helper()
	settings["chromium"], settings["profile"], settings["dir"] = b.chromium, t.TempDir(), b.dir
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	if err := os.Symlink(b.modules, filepath.Join(work, "node_modules")); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"browser.mjs", script} {
		harness.WriteFile(t, work, f, harness.ReadFile(t, ".", f))
	}
	cmd := exec.CommandContext(t.Context(), "node", script)
	var stderr bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stderr = work, append(os.Environ(), "CERTWRIGHT_DRIVE="+string(text)), &stderr
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
}

// keep copies the pictures of parts that failed to where CI or a developer
// finds them.
func (b *browser) keep() {
	to := os.Getenv("CERTWRIGHT_PICTURES")
	if to == "" {
		return
	}
	pictures, _ := filepath.Glob(filepath.Join(b.dir, "*.png"))
	for _, p := range pictures {
		harness.WriteFile(b.t, to, filepath.Base(p), harness.ReadFile(b.t, filepath.Dir(p), filepath.Base(p)))
	}
}
