package portal_test

import (
	"testing"

	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/test/interop/harness"
)

// TestSignIn registers passkeys and an app for codes in the browser, with
// Chromium's virtual authenticator, and signs in with them.
func TestSignIn(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server and a browser")
	}
	chromium := need.Program(t, "chromium", "chromium")
	modules := harness.NPM(t, "portal")
	server := harness.Start(t, harness.Options{})
	admin := server.Admin(t)
	dir := t.TempDir()
	drive(t, "signin.mjs", chromium, modules, map[string]any{"base": server.Main, "password": admin.Password, "dir": dir})
	keep(t, dir)
}
