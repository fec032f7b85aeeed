package web

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// writing finds the table that a statement writes.
var writing = regexp.MustCompile(`(?i)^\s*(?:WITH\b.*?\b)?(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(\w+)`)

// seen are the tables that looking at a page may write: who looked, the places of
// those records, and when a session was last used.
var seen = map[string]bool{"audit_events": true, "audit_patients": true, "audit_pending": true, "audit_leaves": true, "audit_tree": true, "sessions": true}

// written are the tables that were written, without what was undone: a preview does
// the real work, and takes it back.
type written struct {
	mu     sync.Mutex
	tables []string
	saved  []int // how many there were at each savepoint
}

func (w *written) hear(_ context.Context, statement string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch last := len(w.saved) - 1; {
	case strings.HasPrefix(statement, "SAVEPOINT"):
		w.saved = append(w.saved, len(w.tables))
	case strings.HasPrefix(statement, "ROLLBACK TO") && last >= 0:
		w.tables = w.tables[:w.saved[last]]
	case strings.HasPrefix(statement, "RELEASE") && last >= 0:
		w.saved = w.saved[:last]
	}
	if m := writing.FindStringSubmatch(statement); m != nil {
		w.tables = append(w.tables, m[1])
	}
	return nil
}

// take returns what was written, and forgets it.
func (w *written) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	tables := w.tables
	w.tables, w.saved = nil, nil
	return tables
}

// TestLookingChangesNothing opens every page that people find by following links, and
// hears what is written meanwhile.
func TestLookingChangesNothing(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		var w written
		db.Observe = w.hear
		c := newClinic(t, db)
		c.hours("brown")
		c.treat("ann")
		c.attend()
		opened := 0
		for _, who := range []string{"ann", "grey", "admin", "auditor"} {
			v := c.as(who)
			known := map[string]bool{}
			for todo := append(c.samples(who), v.get("/").attributes("a", "href")...); len(todo) > 0; todo = todo[1:] {
				path, _, _ := strings.Cut(todo[0], "#")
				kind := regexp.MustCompile(`\w*\d[\w.-]*`).ReplaceAllString(path, "{}")
				if !strings.HasPrefix(path, "/") || known[kind] || unsampled.MatchString(path) || strings.HasPrefix(path, "/docs") {
					continue
				}
				known[kind] = true
				w.take()
				p := v.get(path)
				opened++
				for _, table := range w.take() {
					if !seen[table] {
						t.Errorf("%s: looking at %s writes %s", who, path, table)
					}
				}
				todo = append(todo, p.attributes("a", "href")...)
			}
		}
		if opened < 80 {
			t.Errorf("opened %d pages; there are more", opened)
		}
	})
}
