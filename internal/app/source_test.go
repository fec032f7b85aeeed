package app_test

import (
	"go/ast"
	"go/token"
	"iter"
	"strconv"
	"testing"
)

// selector is a use of a name of something: "time.Now", "u.Email.Reveal".
type selector struct {
	text string
	in   string // the function, "" outside of any
}

// selectors iterates over the selectors of a file.
func selectors(file *ast.File) iter.Seq[selector] {
	return func(yield func(selector) bool) {
		for _, d := range file.Decls {
			in := ""
			if f, ok := d.(*ast.FuncDecl); ok {
				in = f.Name.Name
				if r := receiver(f); r != "" {
					in = r + "." + in
				}
			}
			for n := range ast.Preorder(d) {
				if s, ok := n.(*ast.SelectorExpr); ok && !yield(selector{text(s), in}) {
					return
				}
			}
		}
	}
}

// receiver returns the name of the type that f is a method of.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	e := f.Recv.List[0].Type
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if generic, ok := e.(*ast.IndexExpr); ok {
		e = generic.X
	}
	return text(e)
}

// text writes a name with its selectors; what it is a selector of, if that is
// not a name, is "_".
func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return text(e.X) + "." + e.Sel.Name
	default:
		return "_"
	}
}

// literals returns the texts of a file's string literals.
func literals(t *testing.T, file *ast.File) []string {
	t.Helper()
	var all []string
	for n := range ast.Preorder(file) {
		if b, ok := n.(*ast.BasicLit); ok && b.Kind == token.STRING {
			s, err := strconv.Unquote(b.Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
	}
	return all
}
