package app_test

import (
	"database/sql"
	"encoding/json"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"medbook/internal/api"
	"medbook/internal/app"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb/sqltest"
)

func design(t *testing.T) string { return document(t, "docs/design.md") }

func document(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestTheDesignHasTheSchema compares the definitions of tables with those of
// the database.
func TestTheDesignHasTheSchema(t *testing.T) {
	got := map[string]string{}
	for _, table := range regexp.MustCompile("(?m)^\\*\\*`(\\w+)`\\*\\* – .*\n\n(?:\\|.*\n)*").FindAllStringSubmatch(design(t), -1) {
		for _, column := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| ([A-Z ]+) \\|").FindAllStringSubmatch(table[0], -1) {
			got[table[1]+"."+column[1]] = column[2]
		}
	}
	want := map[string]string{}
	for _, r := range rows(t, postgres(t), `SELECT table_name || '.' || column_name,
			upper(data_type) || CASE is_nullable WHEN 'YES' THEN ' NULL' ELSE '' END
		FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'goose_db_version'`) {
		want[r[0]] = r[1]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/design.md does not define the tables of the database (-database +document):\n%s", diff)
	}
	diagram, _, _ := strings.Cut(design(t), "### Tables")
	for column := range want {
		if table, _, _ := strings.Cut(column, "."); !strings.Contains(diagram, "\n    "+table+" {") {
			t.Errorf("the diagram of docs/design.md lacks %s", table)
		}
	}
}

// TestThePrivacyPageHasEveryTable compares the tables of which docs/privacy.md says
// what is in them, who sees it and how long it stays with those of the database.
func TestThePrivacyPageHasEveryTable(t *testing.T) {
	var got, want []string
	for _, row := range regexp.MustCompile("(?m)^\\|[^|\n]+\\|( `[^|\n]+` )\\|[^|\n]+\\|[^|\n]+\\|$").FindAllStringSubmatch(document(t, "docs/privacy.md"), -1) {
		for _, name := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(row[1], -1) {
			got = append(got, name[1])
		}
	}
	for _, r := range rows(t, postgres(t), `SELECT table_name FROM information_schema.tables
		WHERE table_schema = 'public' AND table_name <> 'goose_db_version'`) {
		want = append(want, r[0])
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/privacy.md does not have the tables of the database, each once (-database +document):\n%s", diff)
	}
}

// TestTheDesignHasEveryRoute compares the list of endpoints with the OpenAPI document.
func TestTheDesignHasEveryRoute(t *testing.T) {
	var got, want []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Z]+)` \\| `(/\\S*)` \\|").FindAllStringSubmatch(design(t), -1) {
		got = append(got, m[2]+" "+m[1])
	}
	for path, methods := range openAPI(t).Paths {
		for method := range methods {
			want = append(want, path+" "+strings.ToUpper(method))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/design.md does not have the routes of the program (-program +document):\n%s", diff)
	}
}

// TestTheDesignHasEveryProblem compares the list of codes with those that the
// code makes, and the statuses with those of the OpenAPI document.
func TestTheDesignHasEveryProblem(t *testing.T) {
	got := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| (\\d{3}) \\| `([a-z-]+)` \\|").FindAllStringSubmatch(design(t), -1) {
		if got[m[2]] != "" {
			t.Errorf("docs/design.md has %s twice", m[2])
		}
		got[m[2]] = m[1]
	}
	made := codes(t)
	for _, code := range made {
		if got[code] == "" {
			t.Errorf("docs/design.md lacks the code %s", code)
		}
	}
	for code := range got {
		if !slices.Contains(made, code) {
			t.Errorf("docs/design.md has the code %s, which nothing makes", code)
		}
	}
	named := regexp.MustCompile("(?m)^- `([a-z-]+)`:")
	for _, methods := range openAPI(t).Paths {
		for _, o := range methods {
			for status, r := range o.Responses {
				for _, m := range named.FindAllStringSubmatch(r.Description, -1) {
					if got[m[1]] != status {
						t.Errorf("docs/design.md says %q of %s, the OpenAPI document %s", got[m[1]], m[1], status)
					}
				}
			}
		}
	}
}

// codes lists the first texts of all calls of errs.New.
func codes(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for n := range ast.Preorder(s.file) {
			call, ok := n.(*ast.CallExpr)
			if !ok || text(call.Fun) != "errs.New" {
				continue
			}
			literal, ok := call.Args[1].(*ast.BasicLit)
			if !ok {
				t.Errorf("%s: the code of an error is not written out", s.path)
				continue
			}
			code, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, code)
		}
	}
	return all
}

// openAPIDocument is what the tests look at in the OpenAPI document.
type openAPIDocument struct {
	Paths map[string]map[string]struct {
		Responses map[string]struct{ Description string }
	}
}

func openAPI(t *testing.T) (d openAPIDocument) {
	t.Helper()
	asJSON, _ := api.OpenAPI()
	if err := json.Unmarshal(asJSON, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestTheDesignsAdoptionWorks puts Medbook beside tables that are there, with
// the statements of docs/design.md, and books an appointment.
func TestTheDesignsAdoptionWorks(t *testing.T) {
	url := sqltest.Postgres(t)
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(script string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), script); err != nil {
			t.Fatal(err)
		}
	}
	exec(`DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE SCHEMA medbook;
		CREATE TABLE users (id UUID PRIMARY KEY, email TEXT, name TEXT, role TEXT, created_at BIGINT);
		CREATE TABLE practitioners (id UUID PRIMARY KEY, user_id UUID REFERENCES users, specialty TEXT, bio TEXT, created_at BIGINT);
		INSERT INTO users VALUES ('01890a5d-ac96-774b-bcce-b302099a8057', 'mina@clinic.example', 'Mina Park', 'practitioner', 1700000000000000),
			('01890a5d-ac96-774b-bcce-b302099a8058', 'ann@mail.example', 'Ann Lee', 'patient', 1700000000000000);
		INSERT INTO practitioners VALUES ('01890a5d-ac96-774b-bcce-b302099a8059', '01890a5d-ac96-774b-bcce-b302099a8057', 'Physiotherapy', 'Backs', 1700000000000000)`)
	columns := func() [][]string {
		return rows(t, db, `SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
			WHERE table_schema = 'public' ORDER BY table_name, ordinal_position`)
	}
	before := columns()

	s, err := app.Open(t.Context(), url+"&search_path=medbook,public")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.DB.Close(); err != nil {
			t.Error(err)
		}
	})
	_, script, _ := strings.Cut(design(t), "\n```sql\n")
	script, _, _ = strings.Cut(script, "\n```\n")
	exec(script)

	signIn := func(email string) auth.Actor {
		t.Helper()
		_, key, err := s.Auth.CreateKey(t.Context(), auth.System, auth.NewKey{Email: email})
		if err != nil {
			t.Fatal(err)
		}
		by, err := s.Auth.Authenticate(t.Context(), auth.Shown{Key: key}, auth.Actor{})
		if err != nil {
			t.Fatal(err)
		}
		return by
	}
	mina, ann := signIn("mina@clinic.example"), signIn("ann@mail.example")
	found, err := s.Scheduling.Practitioners(t.Context(), ann, directory.PractitionerFilter{Query: "BACKS"}, page.Request{Limit: 2})
	if err != nil || len(found.Items) != 1 || found.Items[0].ID != mina.PractitionerID {
		t.Fatalf("the directory has %v, %v, want Mina", found.Items, err)
	}
	days := scheduling.Hours{Kind: scheduling.KindWeekly, Weekly: calendar.Weekly{Weekdays: 0x7f, To: calendar.EndOfDay, First: calendar.Date{Year: 2026, Month: 1, Day: 1}}}
	if _, err := s.Scheduling.Publish(t.Context(), mina, mina.PractitionerID.String(), days); err != nil {
		t.Fatal(err)
	}
	slots, err := s.Scheduling.Slots(t.Context(), ann, scheduling.SlotQuery{Practitioner: mina.PractitionerID.String()}, page.Request{Limit: 2})
	if err != nil || len(slots.Items) != 2 {
		t.Fatalf("found %d slots, %v, want 2", len(slots.Items), err)
	}
	if _, err := s.Scheduling.Hold(t.Context(), ann, scheduling.HoldRequest{Slot: slots.Items[1].ID(), Confirm: true}); err != nil {
		t.Error(err)
	}
	bob := directory.NewUser{Email: phi.Of("bob@mail.example"), Name: phi.Of("Bob Stone"), Role: auth.Patient}
	if _, err := s.Directory.CreateUser(t.Context(), auth.System, bob); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(before, columns()); diff != "" {
		t.Errorf("the columns of the existing tables changed:\n%s", diff)
	}
}
