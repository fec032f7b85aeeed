package app_test

import (
	"database/sql"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"medbook/internal/sqldb/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

// accounts are the tables that are small, or looked up by what identifies their
// row, and so need no practitioner or patient as leading key.
var accounts = map[string]string{
	"users":                    "known before anything else, by id or e-mail",
	"user_profiles":            "beside users, by the user's id",
	"practitioners":            "the public directory, by id",
	"practitioner_search":      "beside practitioners; its key is the practitioner's id",
	"accounts":                 "beside users, by the user's id",
	"sessions":                 "found by the handle that is part of a token, before it is known whose it is",
	"account_links":            "found by the hash of the link's token",
	"factors":                  "by the user's id; a passkey by its own, which must be nobody else's",
	"identities":               "by who somebody is at their provider, before it is known whose it is",
	"recovery_codes":           "beside users, by the user's id",
	"spent_challenges":         "by the challenge's id; a passkey is asked before it is known whose it is",
	"throttles":                "by a hash of an account or an address, which need not exist",
	"clinic":                   "one row",
	"key_checks":               "one row",
	"api_keys":                 "found by the id that is part of the key, before it is known whose it is",
	"idempotency_keys":         "by caller; a caller need be neither patient nor practitioner",
	"jobs":                     "by what is due",
	"notifications":            "to users of every role; by the id that the job of writing brings",
	"known_devices":            "beside users, by the user's id",
	"notification_settings":    "beside users, by the user's id",
	"notification_preferences": "beside users, by the user's id",
	"push_subscriptions":       "beside users, by the user's id",
	"orders":                   "of users of every role; by the user's id",
	"webhooks":                 "a few rows; each event looks through them",
	"webhook_deliveries":       "by the delivery's id, and by the webhook; events need be about neither patient nor practitioner",
	"audit_events":             "by id; audit_patients leads to a patient's events",
	"audit_leaves":             "the places of all records, in their order",
	"audit_pending":            "by the record's id; a queue",
	"audit_tree":               "one row",
	"audit_checkpoints":        "the heads of the one tree",
	"schema_compatibility":     "one row",
	"goose_db_version":         "the migration tool's own",
}

// owners reads from the migrations which package owns which table.
func owners(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(root + "/internal/sqldb/migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("found no migrations: %v", err)
	}
	owner := map[string]string{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		tables := regexp.MustCompile(`(?i)create\s+table\s+(\w+)`).FindAllStringSubmatch(string(text), -1)
		marked := regexp.MustCompile(`(?m)^-- owner: (\w+)\n(?:--.*\n)*CREATE TABLE (\w+) `).FindAllStringSubmatch(string(text), -1)
		for _, m := range marked {
			owner[m[2]] = m[1]
			layer(t, m[1])
		}
		for _, m := range tables {
			if owner[m[1]] == "" {
				t.Errorf("%s: table %s has no owner line", path.Base(f), m[1])
			}
		}
	}
	return owner
}

var (
	anySQL = regexp.MustCompile(`\bSELECT\s|(?i:\binsert\s+into\s|\bdelete\s+from\s|\bupdate\s+\w+\s+set\s|\bcreate\s+table\s)`)
	writes = regexp.MustCompile(`(?i)\b(?:insert\s+into|delete\s+from)\s+(\w*)|\bupdate\s+(\w*)\s+(?:(?:as\s+)?\w+\s+)?set\b`)
	pieces = regexp.MustCompile(`(?i)\b(?:insert\s+into|delete\s+from|^\s*update)\s*$`)
)

// TestATableHasOneWriter shows that a package's SQL stands in its files sql*.go
// and writes only tables that the package owns.
func TestATableHasOneWriter(t *testing.T) {
	owner := owners(t)
	written := map[string]bool{}
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.dir, "internal/sqldb") {
			continue
		}
		pkg := path.Base(s.dir)
		for _, text := range literals(t, s.file) {
			if anySQL.MatchString(text) && !strings.HasPrefix(path.Base(s.path), "sql") {
				t.Errorf("%s: SQL outside of a sql*.go file: %.60q", s.path, text)
			}
			if pieces.MatchString(text) {
				t.Errorf("%s: the name of the table is put together in Go: %.60q", s.path, text)
			}
			for _, m := range writes.FindAllStringSubmatch(text, -1) {
				table := m[1] + m[2]
				if owner[table] != pkg {
					t.Errorf("%s writes %s, which %q owns", s.path, table, owner[table])
				}
				written[table] = true
			}
		}
	}
	for table, pkg := range owner {
		if !written[table] && pkg != "sqldb" { // whose the steps write
			t.Errorf("found no statement of %s that writes %s", pkg, table)
		}
	}
}

// TestKeysLeadWithWhoseRowItIs keeps the schema fit for engines that spread
// tables over machines by practitioner or patient: each unique key begins with
// one of them, and foreign keys stay within a group.
func TestKeysLeadWithWhoseRowItIs(t *testing.T) {
	db := postgres(t)
	group := map[string]string{}
	for table := range accounts {
		group[table] = "accounts"
	}
	keys := rows(t, db, `SELECT c.relname, i.relname, a.attname
		FROM pg_index x
		JOIN pg_class c ON c.oid = x.indrelid
		JOIN pg_class i ON i.oid = x.indexrelid
		JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[0]
		WHERE x.indisunique AND c.relnamespace = 'public'::regnamespace`)
	for _, k := range keys {
		table, index, lead := k[0], k[1], k[2]
		if accounts[table] != "" {
			continue
		}
		if lead != "practitioner_id" && lead != "patient_id" {
			t.Errorf("%s: %s leads with %s, not with practitioner_id or patient_id", table, index, lead)
		}
		group[table] = lead
	}
	for _, r := range rows(t, db, `SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace`) {
		if group[r[0]] == "" {
			t.Errorf("%s has no unique key", r[0])
		}
	}
	for _, r := range rows(t, db, `SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'`) {
		if group[r[0]] != group[r[1]] {
			t.Errorf("a foreign key leads from %s (%s) to %s (%s)", r[0], group[r[0]], r[1], group[r[1]])
		}
	}
	if len(keys) < 10 {
		t.Errorf("found only %d keys", len(keys))
	}
}

// TestNothingButTablesAndIndexes shows that the schema has none of what
// distributed engines do without.
func TestNothingButTablesAndIndexes(t *testing.T) {
	db := postgres(t)
	for what, query := range map[string]string{
		"trigger":              `SELECT tgname FROM pg_trigger WHERE NOT tgisinternal`,
		"sequence":             `SELECT relname FROM pg_class WHERE relkind = 'S' AND relname NOT LIKE 'goose_%'`,
		"enum":                 `SELECT typname FROM pg_type WHERE typtype = 'e'`,
		"exclusion constraint": `SELECT conname FROM pg_constraint WHERE contype = 'x'`,
		"function":             `SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace`,
		"view":                 `SELECT relname FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace`,
		"extension":            `SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'`,
		"unlogged table":       `SELECT relname FROM pg_class WHERE relpersistence = 'u'`,
	} {
		for _, r := range rows(t, db, query) {
			t.Errorf("the schema has a %s: %s", what, r[0])
		}
	}
}

// TestEveryTableIsKnown shows that the lists of this file are about this schema.
func TestEveryTableIsKnown(t *testing.T) {
	owner := owners(t)
	var tables []string
	for _, r := range rows(t, postgres(t), `SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace`) {
		tables = append(tables, r[0])
		if owner[r[0]] == "" && r[0] != "goose_db_version" {
			t.Errorf("table %s is in the database and not in the migrations", r[0])
		}
	}
	for table := range accounts {
		if !slices.Contains(tables, table) {
			t.Errorf("table %s is in the list and not in the database", table)
		}
	}
}

func postgres(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", sqltest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// rows returns what a query of text columns answers.
func rows(t *testing.T, db *sql.DB, query string) [][]string {
	t.Helper()
	result, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	columns, err := result.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for result.Next() {
		row := make([]string, len(columns))
		targets := make([]any, len(columns))
		for i := range row {
			targets[i] = &row[i]
		}
		if err := result.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		all = append(all, row)
	}
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
