// Package house holds the rules of the house that a compiler does not check,
// as tests over the whole source tree: who may import whom, where the clock is
// read, how long files and functions are, and which words do not belong.
// docs/DESIGN.md says why each rule is there; this package says what it is.
//
// Every rule is a function from sources to findings, so that its own test can
// show it a small bad sample: a rule that cannot fail guards nothing.
package house

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Module is the path of the project's Go module.
const Module = "github.com/certwright/certwright"

// Finding is one break of a rule.
type Finding struct {
	Where string // file:line relative to the root, or a package
	What  string
}

// String is the form in which tests report it.
func (f Finding) String() string { return f.Where + ": " + f.What }

// File is one parsed Go file.
type File struct {
	Path string // relative to the root, with slashes
	Src  []byte
	AST  *ast.File
	Fset *token.FileSet
}

// Parse reads one Go file.
func Parse(name string, src []byte) (*File, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return &File{Path: name, Src: src, AST: f, Fset: fset}, nil
}

// Dir is the file's folder relative to the root.
func (f *File) Dir() string { return path.Dir(f.Path) }

// Test reports whether the file is compiled into tests only.
func (f *File) Test() bool { return strings.HasSuffix(f.Path, "_test.go") || Support(f.Dir()) }

// at makes a finding at a place in the file.
func (f *File) at(pos token.Pos, format string, args ...any) Finding {
	return Finding{fmt.Sprintf("%s:%d", f.Path, f.Fset.Position(pos).Line), fmt.Sprintf(format, args...)}
}

// Imports returns the import paths.
func (f *File) Imports() []string {
	var out []string
	for _, i := range f.AST.Imports {
		if p, err := strconv.Unquote(i.Path.Value); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// Support reports whether a folder holds code for tests only: its name ends in
// "test" (storetest, connectortest), or it lies in test/ or internal/house.
func Support(dir string) bool {
	return strings.HasSuffix(path.Base(dir), "test") || within(dir, "test") || within(dir, "internal/house")
}

// within reports whether dir is root or lies below it.
func within(dir, root string) bool { return dir == root || strings.HasPrefix(dir, root+"/") }

// Packages asks the go command for the folders of the module's packages, and
// parses all their files, those behind build tags too.
func Packages(root string) ([]*File, error) {
	cmd := exec.Command("go", "list", "-e", "-json=Dir,GoFiles,CgoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles", "./...")
	cmd.Dir = root
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var files []*File
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p struct {
			Dir                                                          string
			GoFiles, CgoFiles, IgnoredGoFiles, TestGoFiles, XTestGoFiles []string
		}
		if err := dec.Decode(&p); err != nil {
			return nil, err
		}
		dir, err := filepath.Rel(root, p.Dir)
		if err != nil {
			return nil, err
		}
		for _, name := range slices.Concat(p.GoFiles, p.CgoFiles, p.IgnoredGoFiles, p.TestGoFiles, p.XTestGoFiles) {
			src, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				return nil, err
			}
			f, err := Parse(path.Join(filepath.ToSlash(dir), name), src)
			if err != nil {
				return nil, err
			}
			files = append(files, f)
		}
	}
	return files, nil
}
