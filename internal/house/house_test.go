package house

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/certwright/certwright/internal/house/need"
)

// root is the top folder of the repository.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// sources parses the whole tree; it must not come back nearly empty.
func sources(t *testing.T) []*File {
	t.Helper()
	files, err := Packages(root(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("only %d Go files were found", len(files))
	}
	return files
}

func report(t *testing.T, found []Finding) {
	t.Helper()
	for _, f := range found {
		t.Error(f)
	}
}

func TestTree(t *testing.T) {
	files := sources(t)
	t.Run("layers", func(t *testing.T) { report(t, Layers(files)) })
	t.Run("foreign imports", func(t *testing.T) { report(t, Foreign(files)) })
	for _, rule := range fileRules {
		t.Run(rule.name, func(t *testing.T) {
			for _, f := range files {
				report(t, rule.check(f))
			}
		})
	}
}

// fileRules are the rules that look at one Go file.
var fileRules = []struct {
	name  string
	check func(*File) []Finding
}{
	{"file size", FileSize},
	{"function size", FunctionSize},
	{"clock", Clock},
	{"http servers", HTTPServers},
	{"init", Init},
	{"package names", PackageName},
	{"gofmt", Formatted},
	{"doc comments", Documented},
	{"skips", Skips},
}

func TestWordsOfTheRepository(t *testing.T) {
	need.Program(t, "git", "git")
	files, err := Tracked(root(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("only %d files were found", len(files))
	}
	for _, f := range files {
		report(t, Words(f))
	}
}
