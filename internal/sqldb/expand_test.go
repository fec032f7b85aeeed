package sqldb_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/migrations"
	"medbook/internal/sqldb/sqltest"
)

// firstPromised is the first step beside which servers of an older version go on;
// those before it came before the first release.
const firstPromised = 16

// TestStepsLeaveOlderServersAlone shows that no step takes away, renames or narrows
// what servers of an older version use, unless it tells them: it names the oldest
// program that may go on, and the release that stopped using it.
func TestStepsLeaveOlderServersAlone(t *testing.T) {
	entries, err := migrations.Files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	oldest := int64(firstPromised)
	for _, e := range entries {
		version, err := goose.NumericComponent(e.Name())
		if err != nil || version < firstPromised {
			continue
		}
		text, err := migrations.Files.ReadFile(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		var wrong []string
		if wrong, oldest = judge(string(text), version, oldest); len(wrong) > 0 {
			t.Errorf("%s: %s", e.Name(), strings.Join(wrong, "; "))
		}
	}
}

var (
	lineComment = regexp.MustCompile(`(?m)--.*$`)
	newTable    = regexp.MustCompile(`(?i)^CREATE TABLE (\w+) \(`)
	newIndex    = regexp.MustCompile(`(?i)^CREATE (UNIQUE )?INDEX \w+ ON (\w+) `)
	newRows     = regexp.MustCompile(`(?i)^INSERT INTO (\w+) `)
	newColumn   = regexp.MustCompile(`(?is)^ALTER TABLE \w+ ADD COLUMN \w+ (.*)$`)
	narrow      = regexp.MustCompile(`(?i)\bNOT NULL\b`)
	unique      = regexp.MustCompile(`(?i)\b(UNIQUE|PRIMARY)\b`)
	withDefault = regexp.MustCompile(`(?i)\bDEFAULT\b`)
	newOldest   = regexp.MustCompile(`(?i)^UPDATE schema_compatibility SET oldest_program = (\d+)$`)
	contraction = regexp.MustCompile(`(?m)^-- contract: \S`)
	outside     = regexp.MustCompile(`(?i)\+goose\s+NO\s+TRANSACTION`)
)

// judge returns what is wrong with a step, and the oldest program that may work over
// what it leaves.
func judge(text string, version, oldest int64) (wrong []string, _ int64) {
	if outside.MatchString(text) {
		wrong = append(wrong, "a kill would leave half of what is done outside of a transaction")
	}
	up, _, _ := strings.Cut(text, "-- +goose Down")
	var harm []string
	made, told := map[string]bool{}, false
	for statement := range strings.SplitSeq(lineComment.ReplaceAllString(up, ""), ";") {
		statement = strings.TrimSpace(statement)
		if m := newOldest.FindStringSubmatch(statement); m != nil {
			told = true
			var named int64
			if _, err := fmt.Sscan(m[1], &named); err != nil || named < oldest || named >= version {
				wrong = append(wrong, "the oldest program must be one that was released before it, and no older than before")
			}
			oldest = named
			continue
		}
		if m := newTable.FindStringSubmatch(statement); m != nil {
			made[m[1]] = true
		}
		if statement != "" && !harmless(statement, made) {
			harm = append(harm, statement)
		}
	}
	switch {
	case len(harm) > 0 && !told:
		wrong = append(wrong, fmt.Sprintf("servers of the version before may still need what %q changes: do it in a later step, which sets the oldest program", harm))
	case len(harm) == 0 && told:
		wrong = append(wrong, "it shuts out older programs for nothing")
	case told && !contraction.MatchString(text):
		wrong = append(wrong, `a line "-- contract: " says since which release nobody uses what goes`)
	}
	return wrong, oldest
}

// harmless reports whether servers that know nothing of a statement go on as before.
func harmless(statement string, made map[string]bool) bool {
	if m := newIndex.FindStringSubmatch(statement); m != nil {
		return m[1] == "" || made[m[2]]
	}
	if m := newRows.FindStringSubmatch(statement); m != nil {
		return made[m[1]]
	}
	if m := newColumn.FindStringSubmatch(statement); m != nil {
		return !unique.MatchString(m[1]) && (!narrow.MatchString(m[1]) || withDefault.MatchString(m[1]))
	}
	return newTable.MatchString(statement)
}

// TestTheJudgeOfSteps shows what the test above finds.
func TestTheJudgeOfSteps(t *testing.T) {
	const contract = "-- contract: since 1.2 nobody reads it\n"
	for statement, ok := range map[string]bool{
		"CREATE TABLE a (id UUID PRIMARY KEY, n BIGINT NOT NULL)":                                                 true,
		"CREATE TABLE a (id UUID);\nCREATE UNIQUE INDEX a_id ON a (id);\nINSERT INTO a (id) SELECT id FROM users": true,
		"CREATE INDEX users_name ON users (name)":                                                                 true,
		"ALTER TABLE users ADD COLUMN a TEXT":                                                                     true,
		"ALTER TABLE users ADD COLUMN a TEXT NOT NULL DEFAULT ''":                                                 true,
		"ALTER TABLE users ADD COLUMN a TEXT NOT NULL":                                                            false,
		"ALTER TABLE users ADD COLUMN a TEXT DEFAULT '' UNIQUE":                                                   false,
		"ALTER TABLE users DROP COLUMN name":                                                                      false,
		"ALTER TABLE users RENAME TO people":                                                                      false,
		"ALTER TABLE users RENAME COLUMN name TO called":                                                          false,
		"ALTER TABLE users ALTER COLUMN name TYPE BYTEA":                                                          false,
		"ALTER TABLE users ALTER COLUMN name SET NOT NULL":                                                        false,
		"ALTER TABLE users ADD CONSTRAINT long CHECK (name <> '')":                                                false,
		"CREATE UNIQUE INDEX users_name ON users (name)":                                                          false,
		"DROP TABLE users":           false,
		"DROP INDEX users_email":     false,
		"UPDATE users SET name = ''": false,
		"DELETE FROM users":          false,
		"INSERT INTO users (id) SELECT patient_id FROM patients":                                          false,
		"-- +goose NO TRANSACTION\nCREATE INDEX CONCURRENTLY a ON users (name)":                           false,
		contract + "DROP TABLE waitlist":                                                                  false,
		"DROP TABLE waitlist;\nUPDATE schema_compatibility SET oldest_program = 18":                       false,
		contract + "DROP TABLE waitlist;\nUPDATE schema_compatibility SET oldest_program = 18":            true,
		contract + "DROP TABLE waitlist;\nUPDATE schema_compatibility SET oldest_program = 20":            false,
		contract + "DROP TABLE waitlist;\nUPDATE schema_compatibility SET oldest_program = 15":            false,
		contract + "CREATE INDEX a ON users (name);\nUPDATE schema_compatibility SET oldest_program = 18": false,
	} {
		if wrong, _ := judge("-- +goose Up\n"+statement+";\n-- +goose Down\nSELECT 1;\n", 20, 17); (len(wrong) == 0) != ok {
			t.Errorf("%s: %q, want that it is harmless: %v", statement, wrong, ok)
		}
	}
}

// TestOlderProgramsStillWrite inserts the rows that a program of each version
// writes into a database of the newest one.
func TestOlderProgramsStillWrite(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		u := &upgrade{t: t, db: db, schemas: make([]map[string]string, latest(t)+1)}
		for version := range u.schemas {
			u.fill(int64(version))
		}
	})
}
