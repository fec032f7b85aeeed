package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"medbook/internal/app"
	"medbook/internal/audit"
	"medbook/internal/check"
	"medbook/internal/keyring"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

var today = time.Date(2027, 3, 17, 15, 20, 0, 0, time.UTC)

// engines are where databases come from.
var engines = []struct {
	name string
	url  func(testing.TB) string
}{{"sqlite", sqltest.SQLite}, {"postgres", sqltest.Postgres}}

// findings checks a database and returns what is wrong with it, each kind once.
func findings(t *testing.T, database string, keys *keyring.Ring) (kinds []string, answers []check.Answer) {
	t.Helper()
	c := app.CheckConfig{Keys: keys, Masters: []keyring.Master{keyring.NewLive(keys, "")}}
	err := app.Check(t.Context(), database, c, func(a check.Answer) {
		answers = append(answers, a)
		for _, f := range a.Findings {
			kinds = append(kinds, a.Name+": "+f.Table+" "+f.Says)
		}
		if a.Verdict == check.Unknown {
			kinds = append(kinds, a.Name+": "+a.Note)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds), answers
}

// a confirmed appointment, a cancelled one and a held one, of the demo clinic.
const (
	confirmed = `(SELECT MIN(CAST(id AS TEXT)) FROM appointments WHERE status = 'confirmed')`
	cancelled = `(SELECT MIN(CAST(id AS TEXT)) FROM appointments WHERE status = 'cancelled')`
	another   = `(SELECT MAX(CAST(id AS TEXT)) FROM appointments WHERE status = 'confirmed')`
	nobody    = `'01234567-89ab-7def-8123-456789abcdef'`
)

// damages are what may have become of a database, as statements that do it, and
// what is to be found then: all of it, and nothing else.
var damages = []struct {
	name             string
	sqlite, postgres []string // both, if there is one only
	want             []string
}{
	{
		"a cell is free", one(`DELETE FROM claims WHERE cell = (SELECT MIN(cell) FROM claims WHERE CAST(appointment_id AS TEXT) = ` + confirmed + `) AND CAST(appointment_id AS TEXT) = ` + confirmed), nil,
		one("cells: appointments lacks a cell of its time"),
	},
	{
		"a cell is elsewhere", one(`UPDATE claims SET cell = cell + 1000000 WHERE cell = (SELECT MIN(cell) FROM claims WHERE CAST(appointment_id AS TEXT) = ` + confirmed + `) AND CAST(appointment_id AS TEXT) = ` + confirmed), nil,
		[]string{"cells: appointments lacks a cell of its time", "claims: claims is outside of its appointment's time"},
	},
	{
		"a cell is nobody's", one(`INSERT INTO claims (practitioner_id, cell, appointment_id) SELECT practitioner_id, 1, ` + nobody + ` FROM schedules`), nil,
		one("claims: claims belongs to no appointment"),
	},
	{
		"a cancelled appointment has a cell", one(`INSERT INTO claims (practitioner_id, cell, appointment_id) SELECT practitioner_id, 1, id FROM appointments WHERE CAST(id AS TEXT) = ` + cancelled), nil,
		one("claims: claims belongs to an appointment that takes no time"),
	},
	{
		"a cell ends", one(`UPDATE claims SET expires_at = 4102444800000000 WHERE CAST(appointment_id AS TEXT) = ` + confirmed), nil,
		one("claims: claims ends at another time than its appointment's hold"),
	},
	{"a practitioner is booked twice", []string{
		`INSERT INTO appointments SELECT practitioner_id, ` + nobody + `, (SELECT patient_id FROM patients WHERE patient_id NOT IN
			(SELECT p.patient_id FROM patient_calendar p JOIN appointments o ON p.starts_at < o.ends_at AND o.starts_at < p.ends_at WHERE CAST(o.id AS TEXT) = ` + confirmed + `) LIMIT 1),
			starts_at + 300000000, ends_at, slots, status, hold_expires_at, reference, reason, override_reason, cancel_reason, created_at, updated_at, version
			FROM appointments WHERE CAST(id AS TEXT) = ` + confirmed,
		`INSERT INTO patient_calendar (patient_id, appointment_id, practitioner_id, starts_at, ends_at, status)
			SELECT patient_id, id, practitioner_id, starts_at, ends_at, status FROM appointments WHERE id = ` + nobody,
	}, nil, []string{"appointments: appointments overlaps another of the practitioner", "cells: appointments lacks a cell of its time"}},
	{
		"a patient is booked twice", one(`INSERT INTO patient_calendar (patient_id, appointment_id, practitioner_id, starts_at, ends_at, status)
			SELECT patient_id, ` + nobody + `, practitioner_id, starts_at, ends_at, status FROM appointments WHERE CAST(id AS TEXT) = ` + confirmed), nil,
		[]string{"calendars: patient_calendar is of no appointment of this patient", "patients: patient_calendar overlaps another of the patient"},
	},
	{
		"a patient knows another status", one(`UPDATE patient_calendar SET status = 'cancelled' WHERE CAST(appointment_id AS TEXT) = ` + confirmed), nil,
		one("sides: appointments is in its patient's calendar with another status"),
	},
	{
		"a patient knows another time", one(`UPDATE patient_calendar SET starts_at = starts_at + 60000000 WHERE CAST(appointment_id AS TEXT) = ` + confirmed), nil,
		one("sides: appointments is in its patient's calendar at another time"),
	},
	{
		"a patient knows another practitioner", one(`UPDATE patient_calendar SET practitioner_id = ` + nobody + ` WHERE CAST(appointment_id AS TEXT) = ` + confirmed), nil,
		[]string{"calendars: patient_calendar is of no appointment of this patient", "sides: appointments is in its patient's calendar with another practitioner"},
	},
	{
		"a patient knows another end of a hold", one(`UPDATE patient_calendar SET hold_expires_at = hold_expires_at + 1 WHERE status = 'held'`), nil,
		one("sides: appointments is in its patient's calendar with another end of its hold"),
	},
	{
		"a patient knows nothing", one(`DELETE FROM patient_calendar WHERE CAST(appointment_id AS TEXT) = ` + confirmed), nil,
		one("sides: appointments is not in its patient's calendar"),
	},
	{"a hold has no end", one(`UPDATE appointments SET hold_expires_at = NULL WHERE status = 'held'`), nil, []string{
		"cells: appointments is a hold without an end", "claims: claims ends at another time than its appointment's hold",
		"sides: appointments is in its patient's calendar with another end of its hold",
	}},
	{
		"what is booked ends", one(`UPDATE appointments SET hold_expires_at = 4102444800000000 WHERE CAST(id AS TEXT) = ` + cancelled), nil,
		[]string{"cells: appointments has the end of a hold and is none", "sides: appointments is in its patient's calendar with another end of its hold"},
	},
	{
		"a cancellation is half done", one(`UPDATE appointments SET status = 'cancelled' WHERE CAST(id AS TEXT) = ` + confirmed), nil,
		[]string{"claims: claims belongs to an appointment that takes no time", "sides: appointments is in its patient's calendar with another status"},
	},
	{
		"an appointment is gone", one(`DELETE FROM appointments WHERE CAST(id AS TEXT) = ` + confirmed), nil,
		[]string{"calendars: patient_calendar is of no appointment of this patient", "claims: claims belongs to no appointment"},
	},
	{"slots by hand overlap", []string{
		`INSERT INTO availability (practitioner_id, id, kind, starts_at, ends_at, blocked, created_at, version)
			SELECT practitioner_id, ` + nobody + `, 'slot', 600000000, 1200000000, FALSE, 0, 1 FROM schedules`,
		`INSERT INTO availability (practitioner_id, id, kind, starts_at, ends_at, blocked, created_at, version)
			SELECT practitioner_id, practitioner_id, 'slot', 900000000, 1500000000, FALSE, 0, 1 FROM schedules`,
	}, nil, one("slots: schedules has slots made by hand that overlap")},
	{
		"a schedule is nobody's", one(`INSERT INTO schedules SELECT ` + nobody + `, time_zone, slot_minutes, notice_seconds, hold_seconds,
			cancellation_window_seconds, horizon_days, max_open_holds, open, version FROM schedules LIMIT 1`), nil,
		one("slots: schedules is the time of nobody"),
	},
	{"a practitioner has no time", []string{
		`INSERT INTO practitioners SELECT id, id, '', '', 0 FROM users WHERE role = 'admin'`,
		`INSERT INTO practitioner_search SELECT id, '', '', FALSE, 1 FROM users WHERE role = 'admin'`,
	}, nil, one("schedules: practitioners has no schedule")},
	{"who waits waits for nobody", one(`UPDATE waitlist SET practitioner_id = ` + nobody), nil, one("waiting: waitlist is for a practitioner who is not there")},
	{"a user has no profile", one(`DELETE FROM user_profiles WHERE user_id IN (SELECT id FROM users WHERE role = 'auditor')`), nil, one("users: users has no profile")},
	{"a patient can't be booked for", one(`UPDATE users SET role = 'patient' WHERE role = 'admin'`), nil, one("users: users is a patient for whom nobody can book")},
	{"a practitioner is not listed", one(`DELETE FROM practitioner_search`), nil, one("users: users is a practitioner who is not in the public directory")},
	{
		"care is by nobody", one(`INSERT INTO care_relations SELECT patient_id, ` + nobody + `, 'assigned', 0, NULL FROM patients`), nil,
		one("care: care_relations is by a practitioner who is not there"),
	},
	{"a version is gone", one(`DELETE FROM encounter_versions WHERE version = 2`), nil, one("encounters: encounters lacks a version, or has one too many")},
	{"an encounter says something else", one(`UPDATE encounters SET encounter_date = '2001-01-01'`), nil, one("encounters: encounters is not what its latest version says")},
	{"an encounter's appointment is gone", one(`UPDATE encounters SET appointment_id = ` + nobody), nil, one("encounters: encounters belongs to an appointment that is not there")},
	{
		"an encounter's appointment is another's", one(`UPDATE encounters SET appointment_id = (SELECT a.id FROM appointments a
			WHERE a.practitioner_id = encounters.practitioner_id AND a.patient_id <> encounters.patient_id LIMIT 1)`), nil,
		one("encounters: encounters belongs to another patient's appointment"),
	},
	{"an encounter has no key", one(`DELETE FROM patient_keys`), nil, one("encounters: encounters has no key")},
	{"a key is lost", one(`UPDATE patient_keys SET wrapped = NULL`), nil, one("keys: patient_keys is lost")},
	{"a key is not destroyed", one(`UPDATE patient_keys SET destroyed_at = 1`), nil, one("keys: patient_keys is said to be destroyed, and is not")},
	{
		"a key is damaged", one(`UPDATE patient_keys SET wrapped = (SELECT sealed FROM encounter_versions LIMIT 1)`), nil,
		one("sealed: patient_keys can't be opened with the keys that were given"),
	},
	{
		"an encounter is damaged", one(`UPDATE encounter_versions SET sealed = (SELECT wrapped FROM patient_keys LIMIT 1)`), nil,
		one("sealed: encounters can't be opened with its patient's key"),
	},
	{
		"a request has no answer", one(`INSERT INTO idempotency_keys (caller, route, key, body_hash) SELECT 'a', 'b', 'c', sealed FROM encounter_versions LIMIT 1`), nil,
		one("repeats: idempotency_keys has no answer"),
	},
	{
		"a job is strange", one(`INSERT INTO jobs (id, kind, payload, run_at, attempts, lease_until, created_at) VALUES (` + nobody + `, 'coffee.make', '{}', 0, 0, 0, 0)`), nil,
		one("jobs: jobs is of a kind that this version does not know"),
	},
	{"a message is not sent", one(`DELETE FROM jobs WHERE kind = 'notify.deliver'`), nil, one("deliveries: notifications is to be sent, and has no job that sends it")},
	{"a message is empty", one(`UPDATE notifications SET sealed = NULL WHERE status = 'pending'`), nil, one("messages: notifications is to be sent, and says nothing")},
	{
		"a record of the trail is another", one(`UPDATE audit_events SET action = 'appointment.cancel' WHERE action = 'appointment.hold'`), nil,
		one("trail: "),
	},
	{"a place of the trail is another", one(`UPDATE audit_leaves SET event_id = ` + nobody + ` WHERE seq = 7`), nil, one("trail: ")},
	{"an index is gone", one(`DROP INDEX appointments_reference`), nil, one("schema: appointments the index appointments_reference is missing")},
	{
		"an index is another",
		[]string{`DROP INDEX appointments_reference`, `CREATE INDEX appointments_reference ON appointments (reference, id)`},
		nil,
		one("schema: appointments the index appointments_reference is another"),
	},
	{"an index is not unique", []string{`DROP INDEX users_email`, `CREATE INDEX users_email ON users (email)`}, nil, one("schema: users the index users_email is another")},
	{"a column is gone", one(`ALTER TABLE waitlist_offers DROP COLUMN offered_at`), nil, one("schema: waitlist_offers the column offered_at is missing")},
	{"a table is gone", one(`DROP TABLE waitlist_offers`), nil, one("schema: waitlist_offers the table is missing")},
	{
		"a table is made anew without its constraints", []string{
			`DROP TABLE audit_tree`, `CREATE TABLE audit_tree (id BIGINT, size BIGINT, peaks BYTEA NOT NULL)`, `INSERT INTO audit_tree VALUES (1, 0, '')`,
			`DROP TABLE recovery_codes`, `CREATE TABLE recovery_codes (user_id UUID NOT NULL, hash BYTEA NOT NULL, PRIMARY KEY (user_id, hash))`,
		}, nil, []string{
			"schema: audit_tree 1 of 1 CHECK constraints are missing", "schema: audit_tree the column id is of another type, or may be empty where it must not",
			"schema: audit_tree the column size is of another type, or may be empty where it must not", "schema: audit_tree the primary key is not (id)",
			"schema: recovery_codes the foreign key to users is missing", "trail: ",
		},
	},
	{
		"a row refers to none",
		one(`INSERT INTO sessions SELECT id, id, ` + nobody + `, 'tokens', sealed, 0, NULL, NULL, NULL, '', '', FALSE, 0, 0, 0, 0 FROM patient_keys, (SELECT sealed FROM encounter_versions LIMIT 1) x`),
		[]string{`SET session_replication_role = replica`, `INSERT INTO sessions SELECT id, id, ` + nobody + `, 'tokens', '', 0, NULL, NULL, NULL, '', '', FALSE, 0, 0, 0, 0 FROM patient_keys`},
		one("references: sessions refers to a row of users that is not there"),
	},
	{
		"the engine's own is damaged",
		[]string{`PRAGMA writable_schema = ON`, `UPDATE sqlite_schema SET rootpage = (SELECT s.rootpage FROM sqlite_schema s WHERE s.name = 'known_devices_seen') WHERE name = 'throttles_updated'`},
		one(`UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = CAST('throttles_updated' AS regclass)`),
		one("engine: "),
	},
	{
		"foreign keys are off", []string{`SELECT 1`}, one(`ALTER TABLE availability DISABLE TRIGGER ALL`), one("engine: "),
	},
}

func one(s string) []string { return []string{s} }

// TestCheckFindsEachDamage plants each damage in a copy of the demo clinic, which is
// sound, and shows that it is found, and that nothing else is.
func TestCheckFindsEachDamage(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine.name, func(t *testing.T) {
			t.Parallel()
			keys := ring(t)
			whole := engine.url(t)
			if err := seed(t.Context(), whole, keys, today); err != nil {
				t.Fatal(err)
			}
			seal(t, whole)
			kinds, answers := findings(t, whole, keys)
			if len(kinds) > 0 {
				t.Fatalf("the demo clinic is unsound: %q", kinds)
			}
			for _, a := range answers {
				if a.Judged == 0 && a.Name != "engine" && a.Name != "repeats" {
					t.Errorf("%s: nothing was judged", a.Name)
				}
			}
			copies := copier(t, engine.name, whole)
			for _, d := range damages {
				statements := d.sqlite
				if engine.name == "postgres" && d.postgres != nil {
					statements = d.postgres
				}
				if statements[0] == `SELECT 1` { // that engine has no such damage
					continue
				}
				database, do := copies()
				if n := do(statements); n == 0 {
					t.Errorf("%s: no row was damaged", d.name)
				}
				got, _ := findings(t, database, keys)
				same := func(want, got string) bool { return strings.HasPrefix(got, want) }
				if !slices.EqualFunc(slices.Sorted(slices.Values(d.want)), compact(got, d.want), same) {
					t.Errorf("%s: found %q, want %q", d.name, got, d.want)
				}
			}
		})
	}
}

// seal gives the records of the trail their places, as a server does.
func seal(t *testing.T, database string) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), database)
	if err == nil {
		_, err = audit.Seal(t.Context(), db)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// compact leaves one of the findings that begin like the same wanted one.
func compact(got, want []string) []string {
	return slices.CompactFunc(got, func(a, b string) bool {
		return slices.ContainsFunc(want, func(w string) bool { return strings.HasPrefix(a, w) && strings.HasPrefix(b, w) })
	})
}

// copier returns what makes copies of a database that nobody has open, and runs
// statements in them that no foreign key is in the way of, telling how many rows
// the last one changed; 1 for one that has no rows.
func copier(t *testing.T, engine, whole string) func() (database string, do func(statements []string) int) {
	t.Helper()
	n := 0
	run := func(driver, name string) func([]string) int {
		return func(statements []string) (rows int) {
			db, err := sql.Open(driver, name)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			db.SetMaxOpenConns(1)
			for _, s := range statements {
				r, err := db.ExecContext(t.Context(), s)
				if err != nil {
					t.Fatalf("%s: %v", s, err)
				}
				rows = 1
				if affected, err := r.RowsAffected(); err == nil && !strings.HasPrefix(s, "DROP") && !strings.HasPrefix(s, "ALTER") && !strings.HasPrefix(s, "CREATE") {
					rows = int(affected)
				}
			}
			return rows
		}
	}
	if engine == "sqlite" {
		file := strings.TrimPrefix(whole, "sqlite:")
		return func() (string, func([]string) int) {
			n++
			text, err := os.ReadFile(file)
			path := filepath.Join(t.TempDir(), fmt.Sprintf("copy%d.db", n))
			if err == nil {
				err = os.WriteFile(path, text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			return "sqlite:" + path, run("sqlite", path)
		}
	}
	u, err := url.Parse(whole)
	if err != nil {
		t.Fatal(err)
	}
	template := strings.TrimPrefix(u.Path, "/")
	beside := run("pgx", sqltest.Postgres(t))
	return func() (string, func([]string) int) {
		n++
		name := fmt.Sprintf("%s_copy%d", template, n)
		beside([]string{`CREATE DATABASE ` + name + ` TEMPLATE ` + template})
		c := *u
		c.Path = "/" + name
		t.Cleanup(func() {
			db, err := sql.Open("pgx", c.String())
			if err == nil {
				db.Close()
			}
		})
		return c.String(), run("pgx", c.String())
	}
}

// TestCheckNamesTheFirstAndCountsAll shows what is told of many.
func TestCheckNamesTheFirstAndCountsAll(t *testing.T) {
	keys := ring(t)
	whole := sqltest.SQLite(t)
	if err := seed(t.Context(), whole, keys, today); err != nil {
		t.Fatal(err)
	}
	database, do := copier(t, "sqlite", whole)()
	n := do(one(`DELETE FROM patient_calendar`))
	_, answers := findings(t, database, keys)
	i := slices.IndexFunc(answers, func(a check.Answer) bool { return a.Name == "sides" })
	if a := answers[i]; a.Total != n || len(a.Findings) != check.MostFindings || n <= check.MostFindings || check.Of(answers) != check.Unsound {
		t.Errorf("%d of %d findings are named, of %d; want %d of all", len(a.Findings), a.Total, n, check.MostFindings)
	}
	if f := answers[i].Findings[0]; len(f.Key) != 2 || f.Key[0].Column != "practitioner_id" || len(f.Key[1].Value) != 36 {
		t.Errorf("a finding is %q, want it with both parts of the key", f)
	}
}

// TestCheckRaisesNoFalseAlarm checks a clinic again and again while patients hold,
// confirm, move and cancel, and holds run out.
func TestCheckRaisesNoFalseAlarm(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine.name, func(t *testing.T) {
			t.Parallel()
			f := Filling{Database: engine.url(t), Keys: ring(t), Checkpoints: filepath.Join(t.TempDir(), "checkpoints"), Appointments: 400, Now: today}
			if _, err := Fill(t.Context(), f); err != nil {
				t.Fatal(err)
			}
			s, err := app.Open(t.Context(), f.Database)
			if err != nil {
				t.Fatal(err)
			}
			passing := &clock{now: today}
			s.DB.Clock = passing.Now
			t.Cleanup(func() { s.DB.Close() })
			ctx, stop := context.WithCancel(t.Context())
			var work sync.WaitGroup
			defer work.Wait()
			defer stop()
			done := make(chan int, 4)
			for i := range 4 {
				work.Go(func() { done <- bustle(ctx, s, passing, uint64(i)) })
			}
			for range 5 {
				if kinds, _ := findings(t, f.Database, f.Keys); len(kinds) > 0 {
					t.Errorf("found %q in a clinic that is busy", kinds)
				}
			}
			stop()
			n := 0
			for range 4 {
				n += <-done
			}
			if n < 20 {
				t.Errorf("only %d things were done meanwhile", n)
			}
			if kinds, _ := findings(t, f.Database, f.Keys); len(kinds) > 0 {
				t.Errorf("found %q in a clinic that was busy", kinds)
			}
		})
	}
}
