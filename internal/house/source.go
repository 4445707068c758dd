package house

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Limits of length. The design asks for about 60 lines a function; the test
// leaves room for a table or a switch that would not get clearer in two.
const (
	MaxFileLines     = 500
	MaxFunctionLines = 80
)

// exception lets one place break a rule, for a reason.
type exception struct{ path, name, why string }

// longFunctions may be longer than MaxFunctionLines.
var longFunctions = []exception{}

// clocks are the places that may touch the clock outside of app, cmd and tests.
var clocks = []exception{
	{"internal/store/commit.go", "time.Sleep", "a random pause before a transaction is run again after a conflict"},
}

func excepted(list []exception, path, name string) bool {
	return slices.ContainsFunc(list, func(e exception) bool { return e.path == path && e.name == name })
}

// FileSize finds files that are too long.
func FileSize(f *File) []Finding {
	if n := bytes.Count(f.Src, []byte("\n")); !f.Test() && n > MaxFileLines {
		return []Finding{{f.Path, fmt.Sprintf("%d lines, more than %d: are there two ideas in it?", n, MaxFileLines)}}
	}
	return nil
}

// FunctionSize finds functions that are too long.
func FunctionSize(f *File) []Finding {
	var out []Finding
	for _, d := range f.AST.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || f.Test() || excepted(longFunctions, f.Path, fn.Name.Name) {
			continue
		}
		n := f.Fset.Position(fn.End()).Line - f.Fset.Position(fn.Pos()).Line + 1
		if n > MaxFunctionLines {
			out = append(out, f.at(fn.Pos(), "func %s has %d lines, more than %d", fn.Name.Name, n, MaxFunctionLines))
		}
	}
	return out
}

// uses calls visit for each mention of a name of the imported package pkg.
func (f *File) uses(pkg string, visit func(n *ast.SelectorExpr)) {
	local := ""
	for _, i := range f.AST.Imports {
		if p, _ := strconv.Unquote(i.Path.Value); p == pkg {
			local = path.Base(pkg)
			if i.Name != nil {
				local = i.Name.Name
			}
		}
	}
	if local == "" {
		return
	}
	ast.Inspect(f.AST, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == local {
				visit(s)
			}
		}
		return true
	})
}

// Clock finds places that read the clock or sleep. Time comes from a now
// function that app sets, so that tests decide what time it is.
func Clock(f *File) []Finding {
	var out []Finding
	if f.Test() || within(f.Dir(), "cmd") || within(f.Dir(), "internal/app") || within(f.Dir(), "scripts") {
		return nil
	}
	f.uses("time", func(n *ast.SelectorExpr) {
		name := "time." + n.Sel.Name
		switch n.Sel.Name {
		case "Now", "Since", "Until", "Sleep":
			if !excepted(clocks, f.Path, name) {
				out = append(out, f.at(n.Pos(), "%s: take now from the constructor, or the time as an argument", name))
			}
		}
	})
	return out
}

// servers are the folders where net/http's server side may appear.
var servers = []string{"cmd", "internal/protocol", "internal/api", "internal/portal", "internal/bot", "internal/wire/httpx", "internal/app"}

// serverNames are the names of net/http that serve.
var serverNames = []string{"Handler", "HandlerFunc", "Handle", "HandleFunc", "ResponseWriter", "ResponseController", "NewResponseController",
	"Server", "ServeMux", "NewServeMux", "Serve", "ServeTLS", "ListenAndServe", "ListenAndServeTLS", "Error", "NotFound", "Redirect",
	"StripPrefix", "FileServer", "FileServerFS", "ServeFile", "ServeFileFS", "ServeContent", "MaxBytesReader", "MaxBytesHandler",
	"TimeoutHandler", "SetCookie", "Flusher", "Hijacker", "Pusher", "CrossOriginProtection", "NewCrossOriginProtection"}

// HTTPServers finds net/http's server side in packages that serve nobody.
func HTTPServers(f *File) []Finding {
	var out []Finding
	if f.Test() || slices.ContainsFunc(servers, func(s string) bool { return within(f.Dir(), s) }) {
		return nil
	}
	f.uses("net/http", func(n *ast.SelectorExpr) {
		if slices.Contains(serverNames, n.Sel.Name) {
			out = append(out, f.at(n.Pos(), "http.%s: only %s serve HTTP", n.Sel.Name, strings.Join(servers, ", ")))
		}
	})
	return out
}

// Init finds init functions: what runs is in explicit lists in app.
func Init(f *File) []Finding {
	var out []Finding
	for _, d := range f.AST.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			out = append(out, f.at(fn.Pos(), "func init: register in the explicit list in app instead"))
		}
	}
	return out
}

// noNames are package names that say nothing about what is inside.
var noNames = []string{"util", "utils", "common", "helper", "helpers", "model", "models", "manager", "misc", "base", "pkg", "shared"}

// PackageName finds packages and folders named after nothing.
func PackageName(f *File) []Finding {
	for _, name := range append(strings.Split(f.Dir(), "/"), f.AST.Name.Name) {
		if slices.Contains(noNames, name) {
			return []Finding{{f.Path, fmt.Sprintf("a package named %q: use a word that an administrator or an RFC uses", name)}}
		}
	}
	return nil
}

// Formatted finds files that gofmt would change.
func Formatted(f *File) []Finding {
	if want, err := format.Source(f.Src); err == nil && !bytes.Equal(want, f.Src) {
		return []Finding{{f.Path, "not formatted: run gofmt -w"}}
	}
	return nil
}

// Documented finds exported functions, methods and types without a comment,
// and packages without one.
func Documented(f *File) []Finding {
	var out []Finding
	if f.Test() {
		return nil
	}
	for _, d := range f.AST.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
				out = append(out, f.at(d.Pos(), "%s has no doc comment", d.Name.Name))
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if t, ok := s.(*ast.TypeSpec); ok && t.Name.IsExported() && d.Doc == nil && t.Doc == nil && t.Comment == nil {
					out = append(out, f.at(t.Pos(), "type %s has no doc comment", t.Name.Name))
				}
			}
		}
	}
	return out
}

// exportedReceiver reports whether fn is a function or a method of an exported
// type; methods of private types mostly implement an interface that says all.
func exportedReceiver(fn *ast.FuncDecl) bool {
	if fn.Recv == nil {
		return true
	}
	t := fn.Recv.List[0].Type
	if s, ok := t.(*ast.StarExpr); ok {
		t = s.X
	}
	switch x := t.(type) {
	case *ast.IndexExpr:
		t = x.X
	case *ast.IndexListExpr:
		t = x.X
	}
	id, ok := t.(*ast.Ident)
	return ok && id.IsExported()
}
