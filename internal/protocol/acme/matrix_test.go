package acme_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sections are those that say MUST, MUST NOT, REQUIRED or SHALL of what goes
// over the wire, conventions and registries left out.
func sections() map[string][]string {
	return map[string][]string{
		"8555": strings.Fields(`5 6.1 6.2 6.3 6.4 6.4.1 6.5 6.5.1 6.5.2 6.6 6.7 6.7.1 7.1 7.1.1 7.1.2 7.1.2.1 7.1.3 7.1.4 7.2 7.3 7.3.1 7.3.2 7.3.3
			7.3.4 7.3.5 7.3.6 7.4 7.4.1 7.4.2 7.5.1 7.5.2 7.6 8 8.1 8.2 8.3 8.4 9.1 11.1 11.4`),
		"8737": {"3", "4"},
		"8738": {"3", "4", "5", "6", "7"},
		"9773": {"3", "4.1", "4.2", "4.3", "4.3.2", "4.3.3", "5"},
		"9444": {"4.1", "4.3"},
	}
}

// must is a row of testdata/musts.tsv.
type must struct {
	rfc, section, text, tests string
}

// parseMusts reads the table strictly.
func parseMusts(text string) ([]must, []error) {
	var out []must
	var bad []error
	wrong := func(n int, format string, a ...any) {
		bad = append(bad, fmt.Errorf("line %d: "+format, append([]any{n + 1}, a...)...))
	}
	if !strings.HasSuffix(text, "\n") {
		bad = append(bad, errors.New("the last line does not end"))
	}
	seen := map[string]bool{}
	for n, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if n == 0 {
			if line != "rfc\tsection\trequirement\ttests" {
				wrong(n, "the columns are %q", line)
			}
			continue
		}
		c := strings.Split(line, "\t")
		if len(c) != 4 {
			wrong(n, "%d columns", len(c))
			continue
		}
		for _, s := range c {
			if s == "" || s != strings.TrimSpace(s) {
				wrong(n, "the column %q is empty or has space around it", s)
			}
		}
		m := must{c[0], c[1], c[2], c[3]}
		known, ok := sections()[m.rfc]
		if !ok {
			wrong(n, "the RFC %q is not one of those served", m.rfc)
		}
		if ok && !slices.Contains(known, m.section) {
			wrong(n, "RFC %s has no MUST in section %q", m.rfc, m.section)
		}
		if key := m.rfc + " " + m.section + " " + strings.ToLower(m.text); seen[key] {
			wrong(n, "stands twice: %s", key)
		} else {
			seen[key] = true
		}
		out = append(out, m)
	}
	for rfc, list := range sections() {
		for _, s := range list {
			if !slices.ContainsFunc(out, func(m must) bool { return m.rfc == rfc && m.section == s }) {
				bad = append(bad, fmt.Errorf("RFC %s section %s is not in the table", rfc, s))
			}
		}
	}
	return out, bad
}

// moduleRoot is where the module begins, seen from this package.
const moduleRoot = "../../.."

// testsOf lists the test functions of a folder of the module, "" for this one.
func testsOf(dir string) (map[string]bool, error) {
	where := "."
	if dir != "" {
		where = filepath.Join(moduleRoot, filepath.FromSlash(dir))
	}
	out := map[string]bool{}
	entries, err := os.ReadDir(where)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(where, e.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") && fn.Type.Params.NumFields() == 1 {
				out[fn.Name.Name] = true
			}
		}
	}
	return out, nil
}

// judge says what is wrong with the last column of a row.
func (m must) judge(tests func(dir string) (map[string]bool, error)) []error {
	if reason, ok := strings.CutPrefix(m.tests, "n/a: "); ok {
		if len(reason) < 20 {
			return []error{fmt.Errorf("n/a without a reason: %q", reason)}
		}
		return nil
	}
	if m.tests == "client" {
		return nil
	}
	var bad []error
	seen := map[string]bool{}
	for _, name := range strings.Split(m.tests, ",") {
		dir, fn, ok := strings.Cut(name, ":")
		if !ok {
			dir, fn = "", name
		}
		if seen[name] {
			bad = append(bad, fmt.Errorf("%s stands twice", name))
		}
		seen[name] = true
		if !strings.HasPrefix(fn, "Test") || ok && !strings.HasPrefix(dir, "internal/") {
			bad = append(bad, fmt.Errorf("%q is no test", name))
			continue
		}
		known, err := tests(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			bad = append(bad, fmt.Errorf("there is no package %s", dir))
		case err != nil:
			bad = append(bad, err)
		case !known[fn]:
			bad = append(bad, fmt.Errorf("there is no test %s", name))
		}
	}
	return bad
}

// TestMatrix: every MUST for servers has a test.
func TestMatrix(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "musts.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	rows, bad := parseMusts(string(text))
	for _, err := range bad {
		t.Error(err)
	}
	cache := map[string]map[string]bool{}
	tests := func(dir string) (map[string]bool, error) {
		if known, ok := cache[dir]; ok {
			return known, nil
		}
		known, err := testsOf(dir)
		cache[dir] = known
		return known, err
	}
	tested, none := 0, 0
	for _, m := range rows {
		for _, err := range m.judge(tests) {
			t.Errorf("RFC %s section %s, %s: %v", m.rfc, m.section, m.text, err)
		}
		if strings.HasPrefix(m.tests, "n/a: ") {
			none++
		}
		if strings.Contains(m.tests, "Test") {
			tested++
		}
	}
	if tested < 175 || none > 5 {
		t.Errorf("%d rows have tests, %d are not applicable: rows went away", tested, none)
	}
}

// TestMatrixFindsFaults shows that the table cannot be wrong unseen.
func TestMatrixFindsFaults(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "musts.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	row := "8555\t5\tsomething new\tTestUTF8\n"
	if _, bad := parseMusts(good + row); len(bad) > 0 {
		t.Error(bad)
	}
	for name, text := range map[string]string{
		"another header": strings.Replace(good, "requirement", "text", 1), "a fifth column": good + strings.Replace(row, "\n", "\tx\n", 1),
		"three columns": good + "8555\t5\tsomething\n", "no tests": good + "8555\t5\tsomething\t\n", "space": good + strings.Replace(row, "some", " some", 1),
		"twice": good + row + row, "an unknown RFC": good + strings.Replace(row, "8555", "8556", 1), "an unknown section": good + strings.Replace(row, "\t5\t", "\t55\t", 1),
		"an empty line": good + "\n", "cut off": strings.TrimSuffix(good, "\n"), "a section without a row": strings.ReplaceAll(good, "8738\t7\t", "8738\t6\t"),
	} {
		if _, bad := parseMusts(text); len(bad) == 0 {
			t.Errorf("%s: no fault found", name)
		}
	}
	for _, tests := range []string{"TestNowhere", "TestUTF8,TestNowhere", "TestUTF8,TestUTF8", "internal/validation:TestUTF8", "internal/nowhere:TestUTF8", "n/a", "n/a: no", "n/a: ",
		"clients", "none", "TestUTF8, TestMatrix", "checkText", "internal/validation:start", "../validation:TestDNS01"} {
		if (must{"8555", "5", "x", tests}).judge(testsOf) == nil {
			t.Errorf("%q passes", tests)
		}
	}
	for _, tests := range []string{"TestUTF8", "TestUTF8,internal/validation:TestDNS01", "client", "n/a: the server does nothing of the kind"} {
		if bad := (must{"8555", "5", "x", tests}).judge(testsOf); bad != nil {
			t.Errorf("%q: %v", tests, bad)
		}
	}
}
