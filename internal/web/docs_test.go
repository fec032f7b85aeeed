package web

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of pages into docs/pages.md")

const (
	pagesDoc   = "../../docs/pages.md"
	tableBegin = "<!-- pages: made of internal/web/routes.go by go test ./internal/web -run ThePagesAreDocumented -update -->\n"
	tableEnd   = "<!-- end of pages -->\n"
)

// TestThePagesAreDocumented compares the table of docs/pages.md with that of the
// routes.
func TestThePagesAreDocumented(t *testing.T) {
	content, err := os.ReadFile(pagesDoc)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(content), tableBegin)
	table, after, ended := strings.Cut(rest, tableEnd)
	if !found || !ended {
		t.Fatalf("%s has no place for the table", pagesDoc)
	}
	want := pagesTable()
	if *update {
		if err := os.WriteFile(pagesDoc, []byte(before+tableBegin+want+tableEnd+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != want {
		t.Errorf("the table of %s is not that of the routes: run go test ./internal/web -run ThePagesAreDocumented -update", pagesDoc)
	}
}

// pagesTable is a row for each path: its methods, who may, and what they show again.
func pagesTable() string {
	var b strings.Builder
	b.WriteString("| page | methods | who | shows again who they are for |\n|---|---|---|---|\n")
	type row struct{ methods, who, stepUp string }
	rows, order := map[string]row{}, []string{}
	for _, r := range new(Server).routes() {
		if rows[r.path] == (row{}) {
			order = append(order, r.path)
		}
		who := "anybody"
		if len(r.may) > 0 {
			var names []string
			for _, role := range r.may {
				names = append(names, string(role))
			}
			who = strings.Join(names, ", ")
		}
		old := rows[r.path]
		rows[r.path] = row{strings.TrimPrefix(old.methods+", "+r.method, ", "), who, string(r.stepUp)}
	}
	for _, path := range order {
		r := rows[path]
		if r.stepUp != "" {
			r.stepUp = "`" + r.stepUp + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", strings.TrimSuffix(path, "{$}"), r.methods, r.who, r.stepUp)
	}
	return b.String()
}
