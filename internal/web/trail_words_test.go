package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"medbook/internal/web/words"
)

// notActions are texts of the form noun.verb that are not put on record: kinds of
// jobs and of webhooks' events, fields of requests, names of files, keys of build
// information.
var notActions = []string{
	"appointment.cancelled", "appointment.completed", "appointment.confirmed", "appointment.expired", "appointment.held", "appointment.moved",
	"audit.adopt", "audit.prune", "auth.clean", "auth.mail", "directory.index", "encounter.amended", "encounter.created",
	"idempotency.clean", "medbook.checkpoints", "medbook.keys", "notify.deliver", "notify.event", "notify.prune",
	"order.placed", "patient.erased", "policy.slot_minutes", "scheduling.freed", "scheduling.hold_ends",
	"shipping.city", "shipping.country", "shipping.name", "shipping.postal_code", "shipping.region",
	"vcs.modified", "vcs.revision", "vcs.time",
	"webhooks.deliver", "webhooks.event", "webhooks.prune",
}

// deed is the form of an action.
var deed = regexp.MustCompile(`^[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*$`)

// goFiles parses the Go files below the folders of the repository, without tests and
// what is generated.
func goFiles(t *testing.T, folders ...string) map[string]*ast.File {
	t.Helper()
	files, set := map[string]*ast.File{}, token.NewFileSet()
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join("..", "..", folder), func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_templ.go") {
				return err
			}
			files[name], err = parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// texts lists the string literals of a file that are not import paths.
func texts(f *ast.File) (all []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		if _, ok := n.(*ast.ImportSpec); ok {
			return false
		}
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if text, err := strconv.Unquote(l.Value); err == nil {
				all = append(all, text)
			}
		}
		return true
	})
	return all
}

// TestEveryActionHasWords collects what the program puts on record from its source,
// and looks for the words for it.
func TestEveryActionHasWords(t *testing.T) {
	found := map[string]bool{}
	services := []string{"audit", "auth", "directory", "notify", "webhooks", "scheduling", "encounters", "orders", "privacy", "archive", "app"}
	folders := []string{"cmd/medbook"}
	for _, s := range services {
		folders = append(folders, "internal/"+s)
	}
	for name, f := range goFiles(t, folders...) {
		if strings.HasPrefix(filepath.Base(name), "sql") { // columns
			continue
		}
		for _, text := range texts(f) {
			if deed.MatchString(text) {
				found[text] = true
			}
		}
	}
	found["page.open"] = true // of this package, where keys of texts have the same form
	for _, other := range notActions {
		if !found[other] {
			t.Errorf("%q is in the list and nowhere in the source", other)
		}
		delete(found, other)
	}
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, trailActions) {
		for _, a := range got {
			if !slices.Contains(trailActions, a) {
				t.Errorf("%q is put on record and not among trailActions; if it is not, it belongs to notActions", a)
			}
		}
		for _, a := range trailActions {
			if !found[a] {
				t.Errorf("%q is among trailActions and nowhere put on record", a)
			}
		}
	}
	for _, list := range []struct {
		prefix string
		values []string
	}{{"trail.did.", trailActions}, {"trail.thing.", trailThings}, {"trail.outcome.", trailOutcomes}} {
		for _, v := range list.values {
			if !words.Has(list.prefix + v) {
				t.Errorf("there are no words for %s%s", list.prefix, v)
			}
		}
	}
}

// TestEveryThingHasWords collects what records are about.
func TestEveryThingHasWords(t *testing.T) {
	found := map[string]bool{"audit_event": true} // a constant of package audit
	text := func(e ast.Expr) string {
		l, ok := e.(*ast.BasicLit)
		if !ok {
			return ""
		}
		s, _ := strconv.Unquote(l.Value)
		return s
	}
	for _, f := range goFiles(t, "internal", "cmd/medbook") {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				s, ok := n.Fun.(*ast.SelectorExpr)
				if ok && (s.Sel.Name == "Event" || s.Sel.Name == "Intends") && len(n.Args) >= 3 {
					found[text(n.Args[1])] = true
				}
			case *ast.ValueSpec: // const action, what = "time_off.take", "practitioner"
				for i, name := range n.Names {
					if name.Name == "what" && i < len(n.Values) {
						found[text(n.Values[i])] = true
					}
				}
			case *ast.KeyValueExpr:
				if k, ok := n.Key.(*ast.Ident); ok && k.Name == "ResourceType" {
					found[text(n.Value)] = true
				}
			}
			return true
		})
	}
	delete(found, "")
	if len(found) < 20 {
		t.Errorf("found %d only", len(found))
	}
	for thing := range found {
		if !slices.Contains(trailThings, thing) {
			t.Errorf("records are about a %q, which is not among trailThings", thing)
		}
	}
}
