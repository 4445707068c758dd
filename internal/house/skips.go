package house

import (
	"go/ast"
	"strings"
)

// Skips finds tests that leave themselves out in silence. A test that cannot
// run says so through package need, which fails it in CI and puts it on the
// list that closes make test. Free to skip are the long tests under
// testing.Short and the inputs of a fuzz target.
func Skips(f *File) []Finding {
	var out []Finding
	if !f.Test() || within(f.Dir(), "internal/house") {
		return nil
	}
	for _, d := range f.AST.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || strings.HasPrefix(fn.Name.Name, "Fuzz") {
			continue
		}
		short := shortBranches(fn)
		ast.Inspect(fn, func(n ast.Node) bool {
			if short[n] {
				return false
			}
			if s, ok := n.(*ast.SelectorExpr); ok {
				switch s.Sel.Name {
				case "Skip", "Skipf", "SkipNow":
					out = append(out, f.at(s.Pos(), "%s: use need.Program or need.Missing, so that it fails in CI", s.Sel.Name))
				}
			}
			return true
		})
	}
	return out
}

// shortBranches returns the if statements that ask testing.Short.
func shortBranches(fn *ast.FuncDecl) map[ast.Node]bool {
	found := map[ast.Node]bool{}
	ast.Inspect(fn, func(n ast.Node) bool {
		if branch, ok := n.(*ast.IfStmt); ok {
			ast.Inspect(branch.Cond, func(c ast.Node) bool {
				if s, ok := c.(*ast.SelectorExpr); ok && s.Sel.Name == "Short" {
					found[branch] = true
				}
				return true
			})
		}
		return true
	})
	return found
}
