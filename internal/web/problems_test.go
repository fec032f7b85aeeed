package web

import (
	"go/ast"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"medbook/internal/web/words"
)

// made are messages about fields that services put together from a text and a number.
var made = []string{
	"must be from 5 to 240", "must be from 0 to 315360000", "must be from 1 to 315360000", "must be from 1 to 3650", "must be from 1 to 1000",
	"must have 2 to 100 characters, without the space around it",
}

// literal returns the text of a string literal.
func literal(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(l.Value)
	return text, err == nil
}

// pagesAsk reports whether a file is of what pages call: not of the API alone, and of
// no command.
func pagesAsk(name string) bool {
	name = filepath.ToSlash(name)
	return !strings.Contains(name, "/internal/api/") && !strings.Contains(name, "/internal/demo/")
}

// TestEveryProblemHasWords looks for the texts of all errors that a page may have to
// tell of.
func TestEveryProblemHasWords(t *testing.T) {
	n := 0
	for name, f := range goFiles(t, "internal") {
		if !pagesAsk(name) {
			continue
		}
		ast.Inspect(f, func(node ast.Node) bool {
			c, ok := node.(*ast.CallExpr)
			if !ok || len(c.Args) != 3 {
				return true
			}
			s, ok := c.Fun.(*ast.SelectorExpr)
			if !ok || s.Sel.Name != "New" {
				return true
			}
			if p, ok := s.X.(*ast.Ident); !ok || p.Name != "errs" {
				return true
			}
			code, ok := literal(c.Args[1])
			if n++; !ok || !words.Has("problem."+code) {
				t.Errorf("%s: there are no words for %q: problem.%[2]s", filepath.ToSlash(name), code)
			}
			return true
		})
	}
	if n < 100 {
		t.Errorf("found %d errors; there are more", n)
	}
}

// TestEveryMessageAboutAFieldHasWords looks for the texts of what services say is wrong
// with a field.
func TestEveryMessageAboutAFieldHasWords(t *testing.T) {
	found := map[string]string{}
	for name, f := range goFiles(t, "internal") {
		if !pagesAsk(name) {
			continue
		}
		for _, text := range wrongIn(f) {
			found[text] = filepath.ToSlash(name)
		}
	}
	for _, text := range made {
		found[text] = "a number in it"
	}
	if len(found) < 60 {
		t.Errorf("found %d messages; there are more", len(found))
	}
	for text, where := range found {
		if !words.Has("wrong." + text) {
			t.Errorf("%s: there are no words for %q: wrong.%[2]s", where, text)
		}
	}
}

// wrongIn lists what a file says of fields: to errs.Error.Field, to a checker's rule,
// and what functions return that judge one text.
func wrongIn(f *ast.File) (all []string) {
	add := func(e ast.Expr) {
		if text, ok := literal(e); ok && text != "" {
			all = append(all, text)
		}
	}
	ast.Inspect(f, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.CallExpr:
			s, ok := n.Fun.(*ast.SelectorExpr)
			switch {
			case ok && s.Sel.Name == "Field" && len(n.Args) == 2:
				add(n.Args[1])
			case ok && s.Sel.Name == "rule" && len(n.Args) == 3:
				add(n.Args[2])
			}
		case *ast.FuncDecl:
			if n.Name.Name != "checkURL" && (f.Name.Name != "password" || n.Name.Name != "Check") {
				return true
			}
			ast.Inspect(n.Body, func(node ast.Node) bool {
				if r, ok := node.(*ast.ReturnStmt); ok {
					add(r.Results[0])
				}
				return true
			})
		}
		return true
	})
	return all
}
