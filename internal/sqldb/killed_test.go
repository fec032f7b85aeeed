package sqldb_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// The test program run with these in its environment migrates the database at an
// address, as the program that knows the steps up to a number, and is killed before
// the nth statement after it has the lock.
const (
	killAddress = "MEDBOOK_TEST_KILL_ADDRESS"
	killStep    = "MEDBOOK_TEST_KILL_STEP"
	killBefore  = "MEDBOOK_TEST_KILL_BEFORE"
)

// doomed is what such a process does; it reports whether this is one.
func doomed() bool {
	address := os.Getenv(killAddress)
	if address == "" {
		return false
	}
	step, _ := strconv.ParseInt(os.Getenv(killStep), 10, 64)
	before, _ := strconv.Atoi(os.Getenv(killBefore))
	ctx := context.Background()
	db, err := sqldb.Open(ctx, address)
	if err == nil {
		db.Observe = killer(before)
		if db.Steps, err = knownSteps(step); err == nil {
			err = errors.Join(db.Migrate(ctx), db.Close())
		}
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return true
}

// killer kills the process before its nth statement after that which takes the lock.
func killer(n int) func(context.Context, string) error {
	locked := false
	return func(_ context.Context, statement string) error {
		switch {
		case locked:
			if n--; n == 0 {
				fmt.Println(statement)
				self, _ := os.FindProcess(os.Getpid())
				_ = self.Kill()
				select {}
			}
		default: // Views before that do not count
			locked = statement == "BEGIN IMMEDIATE" || strings.HasPrefix(statement, "SELECT pg_advisory_xact_lock")
		}
		return nil
	}
}

// upgrade is a database on its way through all versions.
type upgrade struct {
	t       *testing.T
	address string
	db      *sqldb.DB
	schemas []map[string]string // by version: what a database of it looks like
	killed  int
}

// TestAKillLeavesTheOldSchemaOrTheNew takes a database with data in it from each
// version to the next, and kills who does it before every statement. What is there
// then is the schema of the old version or of the new one, with all the data, and
// whoever comes next finishes.
func TestAKillLeavesTheOldSchemaOrTheNew(t *testing.T) {
	last := latest(t)
	for name, address := range empty(t) {
		schemas := allSchemas(t, sqltest.Open(t, empty(t)[name]), last)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := &upgrade{t: t, address: address, db: sqltest.Open(t, address), schemas: schemas}
			for version := range last {
				u.step(version, version+1)
				u.fill(version + 1)
			}
			if u.killed < 200 {
				t.Errorf("%d processes were killed; there are more statements than that", u.killed)
			}
		})
	}
}

// TestAKillBetweenSteps does the same to somebody who has several steps to apply.
func TestAKillBetweenSteps(t *testing.T) {
	last := latest(t)
	for name, address := range empty(t) {
		schemas := allSchemas(t, sqltest.Open(t, empty(t)[name]), last)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := &upgrade{t: t, address: address, db: sqltest.Open(t, address), schemas: schemas}
			u.run(last-3, 0)
			for version := int64(1); version <= last-3; version++ {
				u.fill(version)
			}
			u.step(last-3, last)
		})
	}
}

// step brings the database from one version to another, by processes that are
// killed one statement later each, until one comes to its end.
func (u *upgrade) step(from, to int64) {
	u.t.Helper()
	had := u.counts()
	for before := 1; ; before++ {
		killed := u.run(to, before)
		version := u.version()
		if version < from || version > to || !killed && version != to {
			u.t.Fatalf("after a kill before statement %d of %d to %d the version is %d", before, from, to, version)
		}
		if diff := cmp.Diff(u.schemas[version], schemaOf(u.t, u.db)); diff != "" {
			u.t.Fatalf("after a kill before statement %d of %d to %d the schema is not that of version %d (-want +got):\n%s", before, from, to, version, diff)
		}
		for table, n := range u.counts() {
			if n < had[table] {
				u.t.Fatalf("after a kill before statement %d of %d to %d, %s has %d rows of %d", before, from, to, table, n, had[table])
			}
		}
		if !killed {
			return
		}
		u.killed++
	}
}

// run has a process migrate, and reports whether it was killed.
func (u *upgrade) run(step int64, before int) (killed bool) {
	u.t.Helper()
	cmd := exec.CommandContext(u.t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), killAddress+"="+u.address, fmt.Sprintf("%s=%d", killStep, step), fmt.Sprintf("%s=%d", killBefore, before))
	out, err := cmd.CombinedOutput()
	exit, failed := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return false
	case failed && !exit.Exited():
		return true
	}
	u.t.Fatalf("the process that migrates: %v: %s", err, out)
	return false
}

// version returns the newest step on record.
func (u *upgrade) version() int64 {
	s, err := u.db.Schema(u.t.Context())
	if err != nil {
		u.t.Fatal(err)
	}
	return s.Have
}

// fill adds the rows that a program of that version might have written.
func (u *upgrade) fill(version int64) {
	u.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("testdata/rows/%05d.sql", version))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		u.t.Fatal(err)
	}
	for statement := range strings.SplitSeq(string(text), ";\n") {
		if statement = strings.TrimSpace(statement); statement != "" {
			update(u.t, u.db, statement)
		}
	}
	if version < int64(len(u.schemas)-1) {
		return
	}
	for table, n := range u.counts() {
		if n == 0 {
			u.t.Errorf("%s has no row in testdata/rows: what a step does to it is not tried", table)
		}
	}
}

// counts returns how many rows each table has.
func (u *upgrade) counts() map[string]int {
	u.t.Helper()
	var each []string
	for _, table := range tables(u.t, u.db) {
		each = append(each, "SELECT '"+table+"=' || CAST(COUNT(*) AS TEXT) FROM "+table)
	}
	n := map[string]int{}
	if len(each) == 0 {
		return n
	}
	for _, line := range texts(u.t, u.db, strings.Join(each, " UNION ALL ")) {
		table, count, _ := strings.Cut(line, "=")
		n[table], _ = strconv.Atoi(count)
	}
	return n
}

// latest returns the number of the newest step.
func latest(t *testing.T) int64 {
	t.Helper()
	s, err := sqltest.Open(t, sqltest.SQLite(t)).Schema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.Want
}

// allSchemas makes each version in turn and tells what it looks like.
func allSchemas(t *testing.T, db *sqldb.DB, last int64) []map[string]string {
	t.Helper()
	all := []map[string]string{schemaOf(t, db)}
	for version := int64(1); version <= last; version++ {
		db.Steps = stepsUpTo(t, version)
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		all = append(all, schemaOf(t, db))
	}
	return all
}

// tables returns the program's own tables.
func tables(t *testing.T, db *sqldb.DB) []string {
	t.Helper()
	return slices.DeleteFunc(texts(t, db, map[sqldb.Engine]string{
		sqldb.SQLite:   "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
		sqldb.Postgres: "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace",
	}[db.Engine()]), func(table string) bool { return table == "goose_db_version" })
}

// schemaOf describes tables, indexes and constraints as the engine has them on record.
func schemaOf(t *testing.T, db *sqldb.DB) map[string]string {
	t.Helper()
	parts := texts(t, db, map[sqldb.Engine]string{
		sqldb.SQLite: "SELECT type || ' ' || name || ': ' || COALESCE(sql, '') FROM sqlite_schema WHERE tbl_name NOT LIKE 'sqlite_%' AND tbl_name <> 'goose_db_version'",
		sqldb.Postgres: `SELECT 'column ' || table_name || '.' || column_name || ': ' || concat_ws(' ', data_type, is_nullable, column_default)
			FROM information_schema.columns WHERE table_schema = current_schema() AND table_name <> 'goose_db_version'
			UNION ALL SELECT 'index ' || indexname || ': ' || replace(indexdef, current_schema() || '.', '') FROM pg_indexes WHERE schemaname = current_schema() AND tablename <> 'goose_db_version'
			UNION ALL SELECT 'constraint ' || conrelid::regclass::text || ' ' || conname || ': ' || pg_get_constraintdef(oid) || convalidated::text
			FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND conrelid <> 0 AND conrelid::regclass::text <> 'goose_db_version'`,
	}[db.Engine()])
	schema := map[string]string{}
	for _, part := range parts {
		name, what, _ := strings.Cut(part, ": ")
		schema[name] = what
	}
	return schema
}

// texts returns the column of texts that a query answers.
func texts(t *testing.T, db *sqldb.DB, query string) (all []string) {
	t.Helper()
	err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		all, err = sqldb.All(ctx, tx, value[string], query)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
