package portal_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/certwright/certwright/test/interop/harness"
)

// TestSetup goes through the assistant from a fresh start, over a kill of the
// server in its middle, to a certificate that the commands shown issue.
func TestSetup(t *testing.T) {
	b := browse(t)
	dir := b.dir
	server := harness.Start(t, harness.Options{})
	if !strings.Contains(server.Welcome, server.Main+"/setup") {
		t.Errorf("the first start does not say how to go on:\n%s", server.Welcome)
	}
	in := map[string]any{"base": server.Main, "first": server.Password, "password": "unrelated words here", "pictures": os.Getenv("CERTWRIGHT_PICTURES"), "until": "ca"}
	b.drive("setup.mjs", in)
	server.Kill()
	again := harness.Start(t, harness.Options{Dir: server.Dir, Like: server})
	in["until"], in["base"] = "end", again.Main
	b.drive("setup.mjs", in)
	if t.Failed() {
		return
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-e", "commands.sh")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	subject := harness.RunEnv(t, dir, nil, "openssl", "x509", "-in", "cert.pem", "-noout", "-issuer", "-subject")
	if !strings.Contains(subject, "Wren Works Issuing") || !strings.Contains(subject, "www.example.internal") {
		t.Error(subject)
	}
}
