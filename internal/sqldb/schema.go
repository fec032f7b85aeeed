package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"

	"medbook/internal/errs"
	"medbook/internal/sqldb/migrations"
)

// Type is the type of a column: one of those that both engines have.
type Type string

// The types. In a row of a Table, their values are uuid.UUID, string, int64, bool
// and []byte, and nil for NULL.
const (
	UUID    Type = "UUID"
	Text    Type = "TEXT"
	BigInt  Type = "BIGINT"
	Boolean Type = "BOOLEAN"
	Bytea   Type = "BYTEA"
)

// Column is a column of a table.
type Column struct {
	Name string `json:"name"`
	Type Type   `json:"type"`
}

// Table is a table of the schema.
type Table struct {
	Name    string   `json:"name"`
	Columns []Column `json:"columns"` // in the order in which they were made
	Key     []string `json:"key"`     // the columns of the primary key, in its order

	refers  []string // tables that foreign keys lead to
	made    int64    // rows that the migrations make
	indexes []index  // beside those of keys
}

// index is an index that a migration made, with the statement that made it, which
// both engines take.
type index struct{ name, made string }

// Layout is what the migrations up to a version make.
type Layout struct {
	Version int64
	Tables  []Table // those that others refer to come first
}

// made returns how many rows of a table the migrations make.
func (l Layout) made(table string) int64 {
	for _, t := range l.Tables {
		if t.Name == table {
			return t.made
		}
	}
	return 0
}

// Newest returns the version that the program's migrations lead to.
func Newest() (newest int64, err error) {
	sources, err := migrations.Files.ReadDir(".")
	for _, s := range sources {
		if v, err := goose.NumericComponent(s.Name()); err == nil {
			newest = max(newest, v)
		}
	}
	return newest, err
}

// LayoutAt returns the tables of a version, as it is: the migrations are run on a
// database in memory, and that is asked. The tables of the migration tool are not
// in it.
func LayoutAt(ctx context.Context, version int64) (s Layout, err error) {
	defer errs.Wrap(&err, "make the schema of version %d", version)
	pool, err := sql.Open("sqlite", ":memory:?_dqs=0")
	if err != nil {
		return s, err
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1) // each connection has a memory of its own
	if err := up(ctx, goose.DialectSQLite3, pool, migrations.Files, version); err != nil {
		return s, err
	}
	s.Version = version
	names, err := listOf[string](ctx, pool, `SELECT name FROM sqlite_schema
		WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'goose_db_version' ORDER BY name`)
	if err != nil {
		return s, err
	}
	for _, name := range names {
		t, err := describe(ctx, pool, name)
		if err != nil {
			return s, err
		}
		s.Tables = append(s.Tables, t)
	}
	s.Tables, err = inOrder(s.Tables)
	return s, err
}

// describe asks SQLite about a table.
func describe(ctx context.Context, pool *sql.DB, name string) (t Table, err error) {
	t.Name = name
	if err := pool.QueryRowContext(ctx, "SELECT count(*) FROM "+name).Scan(&t.made); err != nil {
		return t, err
	}
	rows, err := pool.QueryContext(ctx, `SELECT name, type FROM pragma_table_info($1) ORDER BY cid`, name)
	if err != nil {
		return t, err
	}
	defer rows.Close()
	for rows.Next() {
		var c Column
		if err := rows.Scan(&c.Name, &c.Type); err != nil {
			return t, err
		}
		if !slices.Contains([]Type{UUID, Text, BigInt, Boolean, Bytea}, c.Type) {
			return t, fmt.Errorf("sqldb: %s.%s is %s, which is none of the types that both engines have", name, c.Name, c.Type)
		}
		t.Columns = append(t.Columns, c)
	}
	if err := rows.Err(); err != nil {
		return t, err
	}
	if t.Key, err = listOf[string](ctx, pool, `SELECT name FROM pragma_table_info($1) WHERE pk > 0 ORDER BY pk`, name); err != nil {
		return t, err
	}
	if len(t.Key) == 0 {
		return t, fmt.Errorf("sqldb: table %s has no primary key", name)
	}
	if t.refers, err = listOf[string](ctx, pool, `SELECT DISTINCT "table" FROM pragma_foreign_key_list($1)`, name); err != nil {
		return t, err
	}
	made, err := listOf[string](ctx, pool, `SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = $1 ORDER BY name`, name)
	if err != nil {
		return t, err
	}
	names, err := listOf[string](ctx, pool, `SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = $1 ORDER BY name`, name)
	for i, name := range names {
		t.indexes = append(t.indexes, index{name, made[i]})
	}
	return t, err
}

// listOf returns the first column of what a query answers.
func listOf[T any](ctx context.Context, pool *sql.DB, query string, args ...any) (all []T, err error) {
	rows, err := pool.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// inOrder puts tables that others refer to before those, and else keeps the order.
func inOrder(tables []Table) ([]Table, error) {
	var sorted []Table
	placed := map[string]bool{}
	for len(sorted) < len(tables) {
		before := len(sorted)
		for _, t := range tables {
			waits := slices.ContainsFunc(t.refers, func(other string) bool { return !placed[other] && other != t.Name })
			if !placed[t.Name] && !waits {
				placed[t.Name] = true
				sorted = append(sorted, t)
			}
		}
		if len(sorted) == before {
			return nil, errors.New("sqldb: foreign keys lead round in a circle")
		}
	}
	return sorted, nil
}

// names lists the columns with commas between.
func (t Table) names() string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}

// KeyOf returns the key of a row, which has a value for each column.
func (t Table) KeyOf(row []any) []any {
	key := make([]any, len(t.Key))
	for i, name := range t.Key {
		key[i] = row[slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })]
	}
	return key
}

// keyTypes returns the types of the key's columns.
func (t Table) keyTypes() []Type {
	types := make([]Type, len(t.Key))
	for i, name := range t.Key {
		types[i] = t.Columns[slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })].Type
	}
	return types
}
