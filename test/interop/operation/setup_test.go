package operation_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/test/interop/harness"
)

// TestSetupByProgram sets a new installation up with certwright ctl alone, as
// docs/operate/ctl.md describes, twice: the second run changes nothing.
func TestSetupByProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server")
	}
	s := harness.Start(t, harness.Options{})
	a := s.Admin(t)
	dir := t.TempDir()
	token := harness.WriteFile(t, dir, "token", []byte(a.Token))
	first, err := os.ReadFile(s.RootPEM)
	if err != nil {
		t.Fatal(err)
	}
	roots := harness.WriteFile(t, dir, "roots.pem", first)
	secret := filepath.Join(dir, "est.secret")
	run := func(args ...string) (string, string, error) {
		cmd := exec.CommandContext(t.Context(), harness.Binary(t), append([]string{"ctl", "--url", s.Main, "--roots", roots, "--token-file", token, "--profile", filepath.Join(dir, "none.yaml")}, args...)...)
		var out, say bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &say
		err := cmd.Run()
		return out.String(), say.String(), err
	}
	says := func(want string, args ...string) {
		t.Helper()
		if out, say, err := run(args...); err != nil || !strings.Contains(out+say, want) {
			t.Fatalf("ctl %q: %v, want %q: %s%s", args, err, want, out, say)
		}
	}
	state := func() (st resource.Setup) {
		t.Helper()
		out, say, err := run("-o", "json", "setup", "show")
		if err == nil {
			err = json.Unmarshal([]byte(out), &st)
		}
		if err != nil {
			t.Fatalf("%v: %s%s", err, out, say)
		}
		return st
	}
	if st := state(); st.Started || st.Steps[0].State != "" {
		t.Errorf("%+v", st)
	}
	credential := []string{"setup", "credential", "--type", "est", "--product", "tls-server", "--label", "web", "--secret-file", secret}
	for _, w := range []struct{ organisation, cas, credential string }{
		{"is called Example GmbH", "are made", "In " + secret},
		{"is as wanted", "are there", "is there"},
	} {
		says(w.organisation, "setup", "organisation", "Example GmbH", "--country", "DE", "--locality", "Berlin")
		says(w.cas, "setup", "cas", "--root", "Example Root CA", "--issuing", "Example Issuing CA", "--organisation", "Example GmbH", "--roots-out", roots)
		says("The roots are in", "setup", "trust", "--out", filepath.Join(dir, "trust.pem"))
		says(strings.ToLower(w.credential[:1])+w.credential[1:], credential...)
		says("Nothing is left", "setup", "mark", "done", "security")
		says("any more", "setup", "close")
	}
	st := state()
	for _, x := range st.Steps {
		if x.State != "done" {
			t.Errorf("%+v", x)
		}
	}
	if !st.Closed || st.CAFixed == "" {
		t.Errorf("%+v", st)
	}
	if new, err := os.ReadFile(roots); err != nil || bytes.Equal(new, first) {
		t.Errorf("the roots file was not written anew: %v", err)
	}
	if out, _, err := run("-o", "json", "credential", "list"); err != nil || strings.Count(out, `"label": "web"`) != 1 {
		t.Errorf("%v: %s", err, out)
	}
	// Other names do not pass for what is there, and nothing is half done.
	if _, say, err := run("setup", "cas", "--root", "Another Root", "--issuing", "Another CA"); err == nil || !strings.Contains(say, "replaced already") {
		t.Errorf("%v %s", err, say)
	}
	if _, say, err := run("setup", "mark", "done", "everything"); err == nil || !strings.Contains(say, "must be one of") {
		t.Errorf("%v %s", err, say)
	}
	if key, err := os.ReadFile(secret); err != nil || len(bytes.TrimSpace(key)) < 20 {
		t.Errorf("the secret: %v", err)
	}
}
