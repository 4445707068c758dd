package need

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// spy is a testing.TB that remembers how a test was ended.
type spy struct {
	testing.TB
	skipped, failed string
}

func (s *spy) Helper()             {}
func (s *spy) Name() string        { return "TestSpy" }
func (s *spy) Logf(string, ...any) {}
func (s *spy) Skip(args ...any)    { s.skipped = args[0].(string); runtime.Goexit() }
func (s *spy) Fatalf(f string, _ ...any) {
	s.failed = f
	runtime.Goexit()
}

func run(f func(*spy)) *spy {
	s, done := &spy{}, make(chan struct{})
	go func() { defer close(done); f(s) }()
	<-done
	return s
}

func TestMissingProgramSkipsAndIsRecorded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "skips")
	t.Setenv("CI", "")
	t.Setenv(SkipsFile, file)
	s := run(func(s *spy) { Program(s, "no-such-program-anywhere", "nothing") })
	if !strings.Contains(s.skipped, "no-such-program-anywhere (Debian package nothing)") || s.failed != "" {
		t.Fatalf("skipped %q, failed %q", s.skipped, s.failed)
	}
	if got, _ := os.ReadFile(file); !strings.HasPrefix(string(got), "TestSpy: needs program no-such-program-anywhere") {
		t.Fatalf("recorded %q", got)
	}
}

func TestMissingProgramFailsInCI(t *testing.T) {
	t.Setenv("CI", "true")
	if s := run(func(s *spy) { Program(s, "no-such-program-anywhere", "nothing") }); s.failed == "" || s.skipped != "" {
		t.Fatalf("skipped %q, failed %q", s.skipped, s.failed)
	}
}

func TestProgramInFurtherDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "only-here"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := Program(t, "only-here", "x", "/nonexistent", dir); got != filepath.Join(dir, "only-here") {
		t.Fatalf("got %q", got)
	}
}
