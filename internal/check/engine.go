package check

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"medbook/internal/sqldb"
)

// Database is what is asked of any database: whether the engine finds it whole,
// whether its schema is what the program's migrations make, and whether what
// refers to a row finds it.
func Database() []Question {
	var want schema
	knowing := func(ask func(ctx context.Context, db *sqldb.DB, want schema, a *Answer) error) func(context.Context, *sqldb.DB, *Answer) error {
		return func(ctx context.Context, db *sqldb.DB, a *Answer) (err error) {
			if want == nil {
				if want, err = reference(ctx); err != nil {
					return err
				}
			}
			return ask(ctx, db, want, a)
		}
	}
	return []Question{
		{Name: "engine", Says: "the engine finds its own structures whole", Ask: askEngine},
		{Name: "schema", Says: "tables, columns, keys and indexes are those that this version makes", Ask: knowing(askSchema)},
		{Name: "references", Says: "foreign keys lead to rows that are there", Ask: knowing(askReferences)},
	}
}

// askEngine has SQLite read its file, and PostgreSQL tell which of its indexes and
// constraints it does not vouch for.
func askEngine(ctx context.Context, db *sqldb.DB, a *Answer) error {
	return db.View(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		*a = Answer{Name: a.Name, Says: a.Says, Findings: []Finding{}} // a View may run again
		if tx.Engine() == sqldb.SQLite {
			complaints, err := integrity(ctx, tx)
			for _, c := range complaints {
				a.Find(Finding{Says: c})
			}
			return err
		}
		doubted, n, err := doubts(ctx, tx)
		a.Judged = n
		for _, d := range doubted {
			a.Find(Finding{Table: d[0], Says: d[1] + " " + d[2] + " is not valid"})
		}
		return err
	})
}

// askSchema compares the schema with that of a database that is made for it.
// What is there beside it is nobody's business.
func askSchema(ctx context.Context, db *sqldb.DB, want schema, a *Answer) error {
	var have schema
	err := db.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		have, err = readSchema(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range want.names() {
		a.Judged++
		t, ok := have[name]
		if !ok {
			a.Find(Finding{Table: name, Says: "the table is missing"})
			continue
		}
		for _, says := range want[name].missing(t) {
			a.Find(Finding{Table: name, Says: says})
		}
	}
	return nil
}

// askReferences follows the foreign keys of the tables that are there.
func askReferences(ctx context.Context, db *sqldb.DB, want schema, a *Answer) error {
	for _, name := range want.names() {
		for _, f := range want[name].references {
			if err := f.rows(name, want[name].key).ask(ctx, db, a); err != nil {
				return err
			}
		}
	}
	return nil
}

// rows is the question whether a foreign key leads anywhere.
func (f foreignKey) rows(table string, key []string) Rows {
	given, joined := make([]string, len(f.columns)), make([]string, len(f.columns))
	for i, c := range f.columns {
		given[i] = "r." + c + " IS NOT NULL"
		joined[i] = "t." + f.to[i] + " = r." + c
	}
	return Rows{
		Table: table, Key: key, Where: strings.Join(given, " AND "),
		Join:   "LEFT JOIN " + f.table + " t ON " + strings.Join(joined, " AND "),
		Broken: []Broken{{"t." + f.to[0] + " IS NULL", "refers to a row of " + f.table + " that is not there"}},
	}
}

// schema is the tables of a database, by name.
type schema map[string]table

func (s schema) names() []string {
	names := make([]string, 0, len(s))
	for n := range s {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// table is what both engines tell alike of a table.
type table struct {
	columns    map[string]column
	key        []string
	indexes    map[string]index
	references []foreignKey
	checks     int
}

type column struct {
	kind     string // "uuid", "text", "bigint", "boolean" or "bytea"
	required bool
}

type index struct {
	unique, partial bool
	columns         string // in their order, with a space between
}

type foreignKey struct {
	columns []string
	table   string
	to      []string
}

func (f foreignKey) text() string { return fmt.Sprint(f.columns, " ", f.table, f.to) }

// missing tells what other lacks of t, or has otherwise.
func (t table) missing(other table) (says []string) {
	for _, name := range sorted(t.columns) {
		switch c, ok := other.columns[name]; {
		case !ok:
			says = append(says, "the column "+name+" is missing")
		case c != t.columns[name]:
			says = append(says, "the column "+name+" is of another type, or may be empty where it must not")
		}
	}
	if !slices.Equal(t.key, other.key) {
		says = append(says, "the primary key is not ("+strings.Join(t.key, ", ")+")")
	}
	for _, name := range sorted(t.indexes) {
		switch i, ok := other.indexes[name]; {
		case !ok:
			says = append(says, "the index "+name+" is missing")
		case i != t.indexes[name]:
			says = append(says, "the index "+name+" is another")
		}
	}
	for _, f := range t.references {
		if !slices.ContainsFunc(other.references, func(o foreignKey) bool { return o.text() == f.text() }) {
			says = append(says, "the foreign key to "+f.table+" is missing")
		}
	}
	if other.checks < t.checks {
		says = append(says, fmt.Sprintf("%d of %d CHECK constraints are missing", t.checks-other.checks, t.checks))
	}
	return says
}

func sorted[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// reference returns the schema that the migrations make, which is one text for
// both engines: of an empty SQLite database that is thrown away.
func reference(ctx context.Context) (s schema, err error) {
	dir, err := os.MkdirTemp("", "medbook-schema-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	db, err := sqldb.Open(ctx, "sqlite:"+filepath.Join(dir, "empty.db"))
	if err != nil {
		return nil, err
	}
	if err = db.Migrate(ctx); err == nil {
		err = db.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			s, err = readSchema(ctx, tx)
			return err
		})
	}
	return s, errors.Join(err, db.Close())
}
