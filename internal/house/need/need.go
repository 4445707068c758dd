// Package need lets a test say what it cannot do without. On a developer's
// machine the test is skipped with a reason that everybody can read; in CI
// (CI=true) a skip is a failure, because a suite that quietly does not run
// proves nothing.
package need

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// SkipsFile is the environment variable that names the file to which every
// skipped test is appended, one line each, for the closing list of make test.
const SkipsFile = "CERTWRIGHT_SKIPS"

// Program returns the path of an executable, or skips (in CI: fails) the test
// and says which Debian package would bring it. Directories that are not on
// everybody's PATH can be named in dirs.
func Program(t testing.TB, name, debianPackage string, dirs ...string) string {
	t.Helper()
	if path, ok := Find(name, dirs...); ok {
		return path
	}
	Missing(t, fmt.Sprintf("program %s (Debian package %s)", name, debianPackage))
	return ""
}

// Find looks for an executable on PATH and then in dirs.
func Find(name string, dirs ...string) (path string, ok bool) {
	if p, err := exec.LookPath(name); err == nil {
		return p, true
	}
	for _, d := range dirs {
		if p, err := exec.LookPath(d + "/" + name); err == nil {
			return p, true
		}
	}
	return "", false
}

// Missing skips (in CI: fails) the test because what is not there.
func Missing(t testing.TB, what string) {
	t.Helper()
	reason := "needs " + what + ", which is not here"
	if InCI() {
		t.Fatalf("%s; with CI=true a test must not be skipped", reason)
	}
	if err := record(os.Getenv(SkipsFile), t.Name(), reason); err != nil {
		t.Logf("cannot record the skip: %v", err)
	}
	t.Skip(reason)
}

// InCI reports whether a skip counts as a failure.
func InCI() bool { return strings.EqualFold(os.Getenv("CI"), "true") || os.Getenv("CI") == "1" }

// record appends one line; O_APPEND keeps lines of parallel test programs whole.
func record(file, test, reason string) error {
	if file == "" {
		return nil
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s: %s\n", test, reason)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
