package e2e

import (
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"medbook/client"
)

// TestKeysAreWrappedAnewWhileTheServerRuns rotates the keys and has those of
// patients wrapped by the new ones, while encounters are read and written.
func TestKeysAreWrappedAnewWhileTheServerRuns(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx, patients, written := t.Context(), 0, map[string]string{}
		admin, auditor, ann := c.user("admin", newYork), c.user("auditor", newYork), c.user("patient", newYork)
		v := c.visit(ann.Client)
		document := func(patient string) {
			n := v.note(fmt.Sprintf(`{"number":"%d of many"}`, len(written)))
			n.PatientID, n.AppointmentID = patient, ""
			e := must(v.practitioner.Document(ctx, n))(t)
			written[e.ID] = string(n.ClinicalData)
		}
		newcomer := func() string {
			patients++
			u := must(admin.CreateUser(ctx, client.NewUser{Email: fmt.Sprintf("p%d@clinic.example", patients), Name: "A newcomer", Role: "patient"}))(t)
			if err := admin.AssignPatient(ctx, u.ID, v.id); err != nil {
				t.Fatal(err)
			}
			document(u.ID)
			return u.ID
		}
		readable := func(when string) {
			t.Helper()
			for id, want := range written {
				if e, err := v.practitioner.Encounter(ctx, id); err != nil || string(e.ClinicalData) != want {
					t.Errorf("%s: %s, %v, want %s", when, e.ClinicalData, err, want)
				}
			}
		}
		rewraps := func(when, want string, args ...string) {
			t.Helper()
			if got := c.command(append([]string{"keys", "rewrap"}, args...)...); got != want+" keys of patients were wrapped anew" {
				t.Errorf("%s: medbook keys rewrap says %q, want %s", when, got, want)
			}
		}
		document(ann.ID)
		for range 2 {
			newcomer()
		}
		rewraps("before a rotation", "0")
		if r := run(t, t.TempDir(), c.env(), "keys", "rotate"); r.status != 0 {
			t.Fatalf("rotate: %+v", r)
		}
		late := newcomer() // the server does not know of the new keys yet
		rewraps("after the rotation", "4")
		rewraps("once more", "0")
		readable("after the keys were wrapped anew")
		document(late)
		newcomer()
		rewraps("after the server has met the new keys", "0")
		rewraps("all of them", "5", "--all")
		readable("after all keys were wrapped anew")
		c.restart()
		readable("after a restart")
		now := v.now.Add(2 * time.Minute)
		c.setTime(now)
		newcomer()
		rewraps("at the end", "0")
		c.signs(auditor.Client, now) // with the new key, after others with the old one
		c.intact(c.clock + ".checkpoints")
	})
}

// dump returns all that who has the database has: the files of SQLite, and what
// PostgreSQL answers of every table, with its bytes also as bytes.
func (c *clinic) dump() string {
	c.t.Helper()
	var all strings.Builder
	if file, ok := strings.CutPrefix(c.database, "sqlite:"); ok {
		for _, suffix := range []string{"", "-wal"} {
			text, err := os.ReadFile(file + suffix)
			if err != nil {
				c.t.Fatal(err)
			}
			all.Write(text)
		}
		return all.String()
	}
	db, err := sql.Open("pgx", c.database)
	if err != nil {
		c.t.Fatal(err)
	}
	defer db.Close()
	for _, table := range c.texts(db, `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`) {
		for _, row := range c.texts(db, `SELECT row_to_json(t)::text FROM `+table+` t`) {
			all.WriteString(row + "\n")
			for _, bytes := range isBytes.FindAllStringSubmatch(row, -1) {
				raw, err := hex.DecodeString(bytes[1])
				if err != nil {
					c.t.Fatal(err)
				}
				all.Write(raw)
			}
		}
	}
	return all.String()
}

var isBytes = regexp.MustCompile(`"\\\\x((?:[0-9a-f]{2})*)"`)

// texts returns what a query for one text answers.
func (c *clinic) texts(db *sql.DB, query string) (all []string) {
	c.t.Helper()
	rows, err := db.QueryContext(c.t.Context(), query)
	if err != nil {
		c.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			c.t.Fatal(err)
		}
		all = append(all, text)
	}
	if err := rows.Err(); err != nil {
		c.t.Fatal(err)
	}
	return all
}

// TestACopyOfTheDatabaseTellsNothingClinical writes what is clinical, and why
// records were opened and held, and looks for it in all that is stored.
func TestACopyOfTheDatabaseTellsNothingClinical(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx := t.Context()
		ann, admin := c.user("patient", newYork), c.user("admin", newYork)
		v := c.visit(ann.Client)
		clinical := []string{"quillwort allergy", "kestrel tendinopathy", "078-05-1120", "Überbein am Handgelenk"}
		data, err := json.Marshal(map[string]any{"complaint": clinical[0], clinical[1]: []string{clinical[2]}})
		if err != nil {
			t.Fatal(err)
		}
		e := must(v.practitioner.Document(ctx, v.note(string(data)), client.IdempotencyKey("one")))(t)
		amended, err := json.Marshal(map[string]string{"complaint": clinical[3]})
		if err != nil {
			t.Fatal(err)
		}
		must(v.practitioner.Amend(ctx, e.ID, e.ETag, client.EncounterChange{ClinicalData: amended}))(t)
		reasons := []string{"lost consciousness in the lift", "docket of the bramble court"}
		must(c.user("practitioner", newYork).OpenInEmergency(ctx, ann.ID, reasons[0], client.IdempotencyKey("one")))(t)
		must(admin.PlaceLegalHold(ctx, ann.ID, reasons[1]))(t)

		copied := c.dump()
		if !strings.Contains(copied, "initial_assessment") || len(newFinder("patient1@clinic.example").in(copied)) == 0 {
			t.Fatal("the copy lacks what is there in clear")
		}
		if found := newFinder(append(clinical, reasons...)...).in(copied); len(found) > 0 {
			t.Errorf("the copy holds in clear: %s", strings.Join(found, ", "))
		}
	})
}
