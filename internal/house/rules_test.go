package house

import (
	"strings"
	"testing"
)

func parse(t *testing.T, name, src string) *File {
	t.Helper()
	f, err := Parse(name, []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// imports makes a file of a package that imports the given paths.
func imports(t *testing.T, name string, paths ...string) *File {
	t.Helper()
	src := "package x\n"
	for _, p := range paths {
		if strings.HasPrefix(p, "internal/") || strings.HasPrefix(p, "scripts/") || strings.HasPrefix(p, "cmd/") {
			p = Module + "/" + p
		}
		src += "import _ \"" + p + "\"\n"
	}
	return parse(t, name, src)
}

func TestLayersFindsBreaks(t *testing.T) {
	for _, c := range []struct{ file, imp, want string }{
		{"internal/core/a.go", "internal/wire/x509x", "layer 0"},
		{"internal/secret/a.go", "internal/audit", "layer 1"},
		{"internal/policy/a.go", "internal/identity", "further left"},
		{"internal/policy/a.go", "internal/enroll", "layer 2 (policy) must not import layer 4"},
		{"internal/connector/a.go", "internal/deploy", "layer 3"},
		{"internal/connector/adcs/a.go", "internal/ca", "layer 3a"},
		{"internal/connector/adcs/a.go", "internal/connector/builtin", "layer 3a"},
		{"internal/connector/adcs/a.go", "internal/enroll", "enroll asks connectors"},
		{"internal/deploy/target/nginx/a.go", "internal/enroll", "issues none"},
		{"internal/deploy/target/nginx/a.go", "internal/deploy/target/iis", "layer 3a"},
		{"internal/enroll/a.go", "internal/provision", "further left"},
		{"internal/enroll/a.go", "internal/protocol", "layer 4"},
		{"internal/protocol/est/a.go", "internal/protocol/acme", "no other protocol"},
		{"internal/protocol/est/a.go", "internal/connector", "no connector"},
		{"internal/protocol/est/a.go", "internal/ca", "never leaves ca"},
		{"internal/protocol/est/a.go", "internal/store", "protocol.State"},
		{"internal/api/a.go", "internal/store", "store is imported only by app"},
		{"internal/api/a.go", "internal/app", "layer 5"},
		{"internal/store/a.go", "internal/app", "layer outer"},
		{"internal/store/a.go", "internal/protocol/est", "layer outer"},
		{"internal/app/a.go", "internal/store/storetest", "for tests only"},
		{"cmd/certwright/a.go", "internal/house/need", "for tests only"},
		{"internal/app/a.go", "cmd/certwright", "outside it"},
		{"internal/novelty/a.go", "internal/core", "no row"},
		{"internal/enroll/a.go", "internal/novelty", "no row"},
	} {
		found := Layers([]*File{imports(t, c.file, c.imp)})
		if len(found) != 1 || !strings.Contains(found[0].What, c.want) {
			t.Errorf("%s importing %s: found %v, want one with %q", c.file, c.imp, found, c.want)
		}
	}
}

func TestLayersAllows(t *testing.T) {
	for _, f := range []*File{
		imports(t, "internal/wire/keystore/a.go", "internal/core", "internal/wire/x509x"),
		imports(t, "internal/identity/a.go", "internal/core", "internal/secret", "internal/policy"),
		imports(t, "internal/connector/builtin/a.go", "internal/connector", "internal/ca", "internal/core"),
		imports(t, "internal/deploy/target/nginx/a.go", "internal/deploy", "internal/core"),
		imports(t, "internal/bot/a.go", "internal/enroll", "internal/provision", "internal/inventory"),
		imports(t, "internal/protocol/est/a.go", "internal/protocol", "internal/enroll", "internal/wire/cms"),
		imports(t, "internal/store/a.go", "internal/enroll", "internal/protocol", "internal/core"),
		imports(t, "internal/app/a.go", "internal/store", "internal/protocol/est", "internal/connector/builtin"),
		imports(t, "cmd/certwright/main.go", "internal/app"),
		imports(t, "scripts/withpostgres/main.go", "internal/store/storetest"),
		imports(t, "internal/enroll/a_test.go", "internal/store", "internal/protocol/est"),
		imports(t, "internal/connector/connectortest/a.go", "internal/store"),
	} {
		if found := Layers([]*File{f}); len(found) != 0 {
			t.Errorf("%v", found)
		}
	}
}

func TestForeignFindsBreaks(t *testing.T) {
	for _, c := range []struct{ file, imp, want string }{
		{"internal/enroll/a.go", "github.com/riverqueue/river", "wrapped by jobs"},
		{"internal/api/a.go", "github.com/uptrace/bun/schema", "store's affair"},
		{"internal/api/a.go", "database/sql", "store's affair"},
		{"internal/protocol/rest/a.go", "github.com/danielgtaylor/huma/v2", "management API"},
		{"internal/core/a.go", "golang.org/x/crypto/cryptobyte", "standard library alone"},
	} {
		found := Foreign([]*File{imports(t, c.file, c.imp)})
		if len(found) != 1 || !strings.Contains(found[0].What, c.want) {
			t.Errorf("%s importing %s: found %v, want one with %q", c.file, c.imp, found, c.want)
		}
	}
	if found := Foreign([]*File{imports(t, "internal/jobs/a.go", "github.com/riverqueue/river", "database/sql")}); len(found) != 0 {
		t.Errorf("%v", found)
	}
}

func TestFileRulesFindBreaks(t *testing.T) {
	const good = "// Package x is good.\npackage x\n"
	for _, c := range []struct {
		rule       func(*File) []Finding
		file, src  string
		want, fine string // text of the one finding; a file name where it is fine, if any
	}{
		{FileSize, "internal/ca/a.go", good + strings.Repeat("\n", MaxFileLines), "two ideas", "internal/ca/a_test.go"},
		{FunctionSize, "internal/ca/a.go", good + "func f() {" + strings.Repeat("\n", MaxFunctionLines) + "}\n", "func f has 81 lines", "internal/ca/a_test.go"},
		{Clock, "internal/ca/a.go", good + "import \"time\"\nvar now = time.Now\n", "time.Now", "internal/app/a.go"},
		{Clock, "internal/ca/a.go", good + "import clock \"time\"\nfunc f(t clock.Time) { _ = clock.Since(t) }\n", "time.Since", "cmd/x/a.go"},
		{Clock, "internal/ca/a.go", good + "import \"time\"\nfunc f() { time.Sleep(1) }\n", "time.Sleep", "internal/store/commit.go"},
		{HTTPServers, "internal/ca/a.go", good + "import \"net/http\"\nvar h http.Handler\n", "http.Handler", "internal/protocol/est/a.go"},
		{Init, "internal/ca/a.go", good + "func init() {}\n", "func init", ""},
		{PackageName, "internal/ca/helpers/a.go", good, `"helpers"`, "internal/ca/a.go"},
		{PackageName, "internal/ca/a.go", "package util\n", `"util"`, ""},
		{Formatted, "internal/ca/a.go", good + "var  x int\n", "gofmt", ""},
		{Skips, "internal/ca/a_test.go", good + "func f() {\n\tt.Skip()\n}\n", "need.Program", "internal/house/a_test.go"},
		{Skips, "internal/ca/a_test.go", good + "func f() {\n\tif testing.Short() {\n\t\tt.Skip()\n\t}\n\tt.Skipf(\"x\")\n}\n", "Skipf", ""},
		{Documented, "internal/ca/a.go", good + "func F() {}\n", "F has no doc", "internal/ca/catest/a.go"},
		{Documented, "internal/ca/a.go", good + "type T[P any] struct{}\n", "type T has no doc", ""},
		{Documented, "internal/ca/a.go", good + "// T is one.\ntype T[P any] struct{}\nfunc (t *T[P]) M() {}\n", "M has no doc", ""},
	} {
		found := c.rule(parse(t, c.file, c.src))
		if len(found) != 1 || !strings.Contains(found[0].String(), c.want) {
			t.Errorf("%s: found %v, want one with %q", c.file, found, c.want)
		}
		if c.fine == "" {
			continue
		}
		if found := c.rule(parse(t, c.fine, c.src)); len(found) != 0 {
			t.Errorf("%s: found %v, want none", c.fine, found)
		}
	}
	for _, r := range fileRules {
		if found := r.check(parse(t, "internal/ca/a.go", good+"\n// T is one.\ntype T struct{}\n\nfunc (T) m() {}\n")); len(found) != 0 {
			t.Errorf("%s: %v in a good file", r.name, found)
		}
	}
}

func TestWordsFindsBreaks(t *testing.T) {
	for _, c := range []struct{ file, text, want string }{
		{"a.go", "x\n// TO" + "DO: later\n", "a.go:2"},
		{"docs/a.md", "FIX" + "ME", "unfinished"},
		{"Makefile", "cd /wo" + "rk/main", "machine"},
		{"scripts/run", "path=/ro" + "ot/go", "machine"},
		{"web/package-lock.json", `"https://registry.npm` + `js.org/x"`, "registry"},
		{"a.sh", "GOPROXY=https://proxy.go" + "lang.org", "registry"},
		{"a.md", "see ../sha" + "red/x", "outside"},
	} {
		found := Words(TextFile{c.file, []byte(c.text)})
		if len(found) != 1 || !strings.Contains(found[0].String(), c.want) {
			t.Errorf("%s: found %v, want one with %q", c.file, found, c.want)
		}
	}
	for _, f := range []TextFile{{"a.go", []byte("// a network/work/load /workload at https://h.example/root/x")}, {"web/package-lock.json", []byte("sha512-X" + "XX/")}} {
		if found := Words(f); len(found) != 0 {
			t.Errorf("%v", found)
		}
	}
}
