package portal_test

import (
	"testing"

	"github.com/certwright/certwright/test/interop/harness"
)

// TestSignIn registers passkeys and an app for codes in the browser, with
// Chromium's virtual authenticator, and signs in with them.
func TestSignIn(t *testing.T) {
	b := browse(t)
	server := harness.Start(t, harness.Options{})
	admin := server.Admin(t)
	b.drive("signin.mjs", map[string]any{"base": server.Main, "password": admin.Password})
}
