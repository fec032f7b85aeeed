package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/id"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

var seed = bytes.Repeat([]byte{7}, 32)

// keeper returns a keeper that writes checkpoints, and the keys to read them.
func keeper(t testing.TB, db *sqldb.DB) (*audit.Keeper, []byte) {
	t.Helper()
	signer, err := audit.NewSigner(seed)
	if err != nil {
		t.Fatal(err)
	}
	key, err := audit.VerifierKey(seed)
	if err != nil {
		t.Fatal(err)
	}
	return &audit.Keeper{DB: db, Signer: signer, File: filepath.Join(t.TempDir(), "checkpoints")}, []byte(key)
}

// stop has a keeper do its last turn: place what waits and sign it.
func stop(t testing.TB, k *audit.Keeper) {
	t.Helper()
	ended, end := context.WithCancel(t.Context())
	end()
	if err := k.Run(ended); err != nil {
		t.Fatal(err)
	}
}

// record puts n events with up to three patients on record.
func record(t *testing.T, db *sqldb.DB, n int) {
	t.Helper()
	for i := range n {
		e := audit.Event{
			Actor: id.New(), ActorRole: "admin", Action: "user.read", ResourceType: "user", ResourceID: fmt.Sprint(i),
			RequestID: "q", ClientAddress: "192.0.2.1", UserAgent: "curl", Purpose: "operations", Credential: id.New(),
		}
		for range i % 4 {
			e.Patients = append(e.Patients, id.New())
		}
		if err := audit.RecordNow(t.Context(), db, e); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func expectVerdict(t *testing.T, when string, db *sqldb.DB, checkpoints, keys []byte, want audit.Verdict) audit.Report {
	t.Helper()
	r, err := audit.Verify(t.Context(), db, checkpoints, keys)
	if err != nil || r.Verdict != want {
		t.Errorf("%s: Verify = %+v, %v, want verdict %d", when, r, err, want)
	}
	return r
}

func TestATrailIsIntact(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		k, keys := keeper(t, db)
		expectVerdict(t, "nothing signed", db, nil, keys, audit.Incomplete)
		record(t, db, 700) // more than are read, or placed, at a time
		stop(t, k)
		signed := read(t, k.File)
		if r := expectVerdict(t, "all signed", db, signed, keys, audit.Intact); r.Records != 700 || r.Covered != 700 {
			t.Errorf("read %d and covered %d, want 700 each", r.Records, r.Covered)
		}
		record(t, db, 3)
		if _, err := audit.Seal(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		expectVerdict(t, "three since", db, signed, keys, audit.Intact)
		sqltest.ClockOf(db).Advance(3 * time.Minute)
		record(t, db, 1)
		if _, err := audit.Seal(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		expectVerdict(t, "nothing signed for minutes", db, signed, keys, audit.Incomplete)
		other, _ := audit.VerifierKey(bytes.Repeat([]byte{8}, 32))
		expectVerdict(t, "signed by another", db, signed, []byte(other), audit.Tampered)
		expectVerdict(t, "either key", db, signed, []byte(other+"\n"+string(keys)), audit.Incomplete)
		expectVerdict(t, "half a checkpoint", db, signed[:len(signed)/2], keys, audit.Tampered)
		expectVerdict(t, "the beginning of another checkpoint", db, append(bytes.Clone(signed), "medbook audit trail\n"...), keys, audit.Tampered)
		if _, err := audit.Verify(t.Context(), db, signed, []byte("no key")); err == nil {
			t.Error("keys that are none were taken")
		}
	})
}

// What no checkpoint covers yet is vouched for by the tree alone.
func TestTheEndIsMissedBeforeItIsSigned(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		k, keys := keeper(t, db)
		record(t, db, 1)
		stop(t, k)
		record(t, db, 1001)
		if _, err := audit.Seal(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		signed := read(t, k.File)
		expectVerdict(t, "1,001 are not signed for", db, signed, keys, audit.Incomplete)
		exec(t, db, `DELETE FROM audit_events WHERE id = (SELECT event_id FROM audit_leaves WHERE seq = 1001)`)
		exec(t, db, `DELETE FROM audit_leaves WHERE seq = 1001`)
		r := expectVerdict(t, "the last of them is gone", db, signed, keys, audit.Tampered)
		if r.Why != "record 1001 and those after it are missing" {
			t.Errorf("Why = %q, want the record named", r.Why)
		}
	})
}

// A long trail is read in several batches at once, and judged no worse for it.
func TestTamperingIsFoundInALongTrail(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		k, keys := keeper(t, db)
		fillRecords(t, db, 4500)
		stop(t, k)
		signed := read(t, k.File)
		if r := expectVerdict(t, "as it is", db, signed, keys, audit.Intact); r.Records != 4500 || r.Covered != 4500 {
			t.Errorf("%+v, want 4,500 records", r)
		}
		const event = ` WHERE id = (SELECT event_id FROM audit_leaves WHERE seq = 3400)`
		for _, tt := range []struct{ query, why string }{
			{`UPDATE audit_events SET count = 2` + event, "record 3400 is not what was recorded"},
			{`UPDATE audit_events SET count = 1` + event, ""},
			{`DELETE FROM audit_events` + event, "record 3400 is gone; only its hash is there"},
			{`DELETE FROM audit_leaves WHERE seq = 2500`, "record 2500 is missing"},
			{`DELETE FROM audit_leaves WHERE seq BETWEEN 2000 AND 2999`, "record 2000 is missing"},
			{`DELETE FROM audit_leaves WHERE seq = 1999`, "record 1999 is missing"},
			{`DELETE FROM audit_leaves WHERE seq >= 1000`, "record 1000 and those after it are missing"},
		} {
			exec(t, db, tt.query)
			want := audit.Tampered
			if tt.why == "" {
				want = audit.Intact
			}
			if r := expectVerdict(t, tt.query, db, signed, keys, want); !strings.HasPrefix(r.Why, tt.why) {
				t.Errorf("%s: Why = %q, want %q", tt.query, r.Why, tt.why)
			}
		}
	})
}

func TestPlacesAreGivenOnceAndInOrder(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		k, keys := keeper(t, db)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { record(t, db, 60) })
			wg.Go(func() {
				if _, err := audit.Seal(t.Context(), db); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		stop(t, k)
		r := expectVerdict(t, "written at once", db, read(t, k.File), keys, audit.Intact)
		if r.Covered != 240 {
			t.Errorf("%d have a place, want 240", r.Covered)
		}
	})
}

// On SQLite a record has its place when it is on disk; elsewhere it waits.
func TestARecordHasItsPlaceAtOnceOnSQLite(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		record(t, db, 2)
		want := 0
		if db.Engine() == sqldb.Postgres {
			want = 2
		}
		if n, err := audit.Seal(t.Context(), db); n != want || err != nil {
			t.Errorf("Seal = %d, %v, want %d", n, err, want)
		}
	})
}

// Records of a server from before there were places get one.
func TestRecordsWithoutAPlaceAreAdopted(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		k, keys := keeper(t, db)
		record(t, db, 1)
		exec(t, db, `INSERT INTO audit_events (id, at, actor_role, action, resource_type, resource_id, outcome, count, purpose,
			request_id, client_address, user_agent) VALUES ($1, $2, '', 'user.read', 'user', '', 'success', 1, '', '', '', '')`,
			id.New(), sqldb.Instant(sqltest.Start))
		if err := audit.Adopt(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		stop(t, k)
		if r := expectVerdict(t, "adopted", db, read(t, k.File), keys, audit.Intact); r.Covered != 2 {
			t.Errorf("covered %d, want 2", r.Covered)
		}
	})
}

func exec(t *testing.T, db *sqldb.DB, query string, args ...any) {
	t.Helper()
	err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatCantBeRecordedIsNotDone(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		exec(t, db, `ALTER TABLE audit_events RENAME TO audit_away`)
		err := audit.RecordNow(t.Context(), db, audit.Event{Action: "user.read"})
		if !errors.Is(err, audit.ErrUnrecorded) {
			t.Errorf("error %v, want %v", err, audit.ErrUnrecorded)
		}
	})
}

func TestCheckpointsAreSignedInTime(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		k, keys := keeper(t, db)
		clock := sqltest.ClockOf(db)
		count := func() int {
			text, err := os.ReadFile(k.File)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			return strings.Count(string(text), "medbook audit trail\n")
		}
		turn := func(want int, when string) {
			t.Helper()
			if err := audit.Turn(t.Context(), k); err != nil {
				t.Fatal(err)
			}
			if got := count(); got != want {
				t.Errorf("%s: %d checkpoints, want %d", when, got, want)
			}
		}
		turn(0, "nothing on record")
		record(t, db, 1)
		turn(1, "the first")
		record(t, db, 1)
		clock.Advance(59 * time.Second)
		turn(1, "59 seconds later")
		clock.Advance(time.Second)
		turn(2, "a minute later")
		clock.Advance(time.Hour)
		turn(2, "nothing since")
		record(t, db, 999)
		clock.Advance(-time.Hour)
		turn(2, "999 since")
		record(t, db, 1)
		turn(3, "1,000 since")
		record(t, db, 1)
		stop(t, k)
		if got := count(); got != 4 {
			t.Errorf("at the end: %d checkpoints, want 4", got)
		}
		expectVerdict(t, "in the end", db, read(t, k.File), keys, audit.Intact)
	})
}

// errUndo takes back what a test did to the trail.
var errUndo = errors.New("undo")

// tampering is one way to change the trail behind the program's back.
type tampering func(ctx context.Context, tx *sqldb.Tx, at, other int64) error

func run(query string, args func(at, other int64) []any) tampering {
	return func(ctx context.Context, tx *sqldb.Tx, at, other int64) error {
		n, err := tx.Exec(ctx, query, args(at, other)...)
		if err == nil && n == 0 {
			return errors.New("nothing was tampered with: " + query)
		}
		return err
	}
}

func at(at, _ int64) []any { return []any{at} }

const theEvent = `(SELECT event_id FROM audit_leaves WHERE seq = $1)`

// tamperings are edits of each column, deletions, insertions, swaps,
// truncations and roll-backs, each with what it forgets to hide.
func tamperings() map[string]tampering {
	all := map[string]tampering{
		"a leaf deleted":   run(`DELETE FROM audit_leaves WHERE seq = $1`, at),
		"a hash changed":   run(`UPDATE audit_leaves SET hash = $2 WHERE seq = $1`, func(at, _ int64) []any { return []any{at, make([]byte, 32)} }),
		"a record deleted": run(`DELETE FROM audit_events WHERE id = `+theEvent, at),
		"a patient put in": func(ctx context.Context, tx *sqldb.Tx, at, _ int64) error {
			event, err := sqldb.One(ctx, tx, scanID, `SELECT event_id FROM audit_leaves WHERE seq = $1`, at)
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, `INSERT INTO audit_patients (patient_id, event_id, at) VALUES ($1, $2, $3)`, id.New(), event, sqldb.Instant(sqltest.Start))
			return err
		},
		"a patient's time":   run(`UPDATE audit_patients SET at = at + 1 WHERE event_id IN (SELECT event_id FROM audit_leaves WHERE seq BETWEEN $1 - 3 AND $1 + 3)`, at),
		"the end cut off":    sequence(run(`DELETE FROM audit_leaves WHERE seq >= $1`, at), run(`DELETE FROM audit_events WHERE id NOT IN (SELECT event_id FROM audit_leaves) AND CAST($1 AS BIGINT) = $1`, at)),
		"the end, unhidden":  run(`DELETE FROM audit_leaves WHERE seq >= $1`, at),
		"the tree's peaks":   run(`UPDATE audit_tree SET peaks = $1`, func(_, _ int64) []any { return []any{make([]byte, 96)} }),
		"the tree's head":    run(`UPDATE audit_tree SET size = $1`, at),
		"a record forged in": run(`INSERT INTO audit_events (id, at, actor_role, action, resource_type, resource_id, outcome, count, purpose, request_id, client_address, user_agent) VALUES ($2, $1, '', 'user.read', '', '', 'success', 1, '', '', '', '')`, func(at, _ int64) []any { return []any{at, id.New()} }),
		"two records swapped": func(ctx context.Context, tx *sqldb.Tx, at, other int64) error {
			ids, err := sqldb.All(ctx, tx, scanID,
				`SELECT event_id FROM audit_leaves WHERE seq IN ($1, $2) ORDER BY seq`, at, other)
			if err != nil || at == other {
				return errors.Join(err, set(ctx, tx, at, id.New()))
			}
			return errors.Join(set(ctx, tx, min(at, other), id.New()), set(ctx, tx, max(at, other), ids[0]), set(ctx, tx, min(at, other), ids[1]))
		},
		"a leaf repeated": run(`UPDATE audit_leaves SET hash = (SELECT hash FROM audit_leaves WHERE seq = $2) WHERE seq = $1`, func(at, other int64) []any { return []any{at, (at + 1) % 50} }),
		"rolled back, with a head that fits": func(ctx context.Context, tx *sqldb.Tx, at, _ int64) error {
			return audit.RollBack(ctx, tx, at)
		},
	}
	for _, column := range []string{"at", "count"} {
		all["changed "+column] = run(`UPDATE audit_events SET `+column+` = `+column+` + 1 WHERE id = `+theEvent, at)
	}
	for _, column := range []string{"actor_role", "action", "resource_type", "resource_id", "purpose", "request_id", "client_address", "user_agent"} {
		all["changed "+column] = run(`UPDATE audit_events SET `+column+` = 'x' || `+column+` WHERE id = `+theEvent, at)
	}
	all["changed outcome"] = run(`UPDATE audit_events SET outcome = 'failed' WHERE id = `+theEvent, at)
	for _, column := range []string{"actor_id", "credential_id"} {
		all["removed "+column] = run(`UPDATE audit_events SET `+column+` = NULL WHERE id = `+theEvent, at)
	}
	return all
}

func scanID(r sqldb.Row) (u uuid.UUID, err error) {
	err = r.Scan(&u)
	return u, err
}

func set(ctx context.Context, tx *sqldb.Tx, seq int64, event uuid.UUID) error {
	_, err := tx.Exec(ctx, `UPDATE audit_leaves SET event_id = $2 WHERE seq = $1`, seq, event)
	return err
}

func sequence(all ...tampering) tampering {
	return func(ctx context.Context, tx *sqldb.Tx, at, other int64) error {
		for _, one := range all {
			if err := one(ctx, tx, at, other); err != nil {
				return err
			}
		}
		return nil
	}
}

// TestTamperingIsFound changes the trail 1,000 times at random places, by SQL, in
// every way that tamperings lists, and wants each found, and nothing found
// between them.
func TestTamperingIsFound(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		const records, tries = 50, 1000
		k, keys := keeper(t, db)
		record(t, db, records/2)
		stop(t, k)
		record(t, db, records/2)
		stop(t, k)
		signed := read(t, k.File)
		random := rand.New(rand.NewPCG(1, 2))
		ways := tamperings()
		for tried := 0; tried < tries; {
			for name, tamper := range ways {
				where, other := random.Int64N(records), random.Int64N(records)
				var r audit.Report
				err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
					if err := tamper(ctx, tx, where, other); err != nil {
						return err
					}
					if r, err = audit.VerifyIn(ctx, tx, signed, keys); err != nil {
						return err
					}
					return errUndo
				})
				if !errors.Is(err, errUndo) || r.Verdict != audit.Tampered || r.Why == "" {
					t.Fatalf("%s at %d (%d): %+v, %v, want it found", name, where, other, r, err)
				}
				if name == "a record deleted" && r.Why != fmt.Sprintf("record %d is gone; only its hash is there", where) {
					t.Fatalf("%s at %d: %q, want the record named", name, where, r.Why)
				}
				if strings.HasPrefix(name, "changed ") && r.Why != fmt.Sprintf("record %d is not what was recorded", where) {
					t.Fatalf("%s at %d: %q, want the record named", name, where, r.Why)
				}
				tried++
			}
		}
		expectVerdict(t, "with all that undone", db, signed, keys, audit.Intact)
	})
}

func TestAnExportIsVerifiedWithoutTheDatabase(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		k, keys := keeper(t, db)
		record(t, db, 520)
		stop(t, k)
		signed := read(t, k.File)
		var b bytes.Buffer
		if err := audit.Export(t.Context(), db, &b); err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(strings.TrimSuffix(b.String(), "\n"), "\n")
		join := func(parts ...[]string) string {
			return strings.Join(func() (all []string) {
				for _, p := range parts {
					all = append(all, p...)
				}
				return all
			}(), "")
		}
		for _, tt := range []struct {
			name, export string
			want         audit.Verdict
			why          string
		}{
			{"as it is", b.String(), audit.Intact, ""},
			{"a word changed", strings.Replace(b.String(), `"count":1`, `"count":2`, 1), audit.Tampered, "one of the records 0 to 519 is not"},
			{"a line left out", join(lines[:100], lines[101:]), audit.Tampered, "record 100 is missing"},
			{"the end left out", join(lines[:519]), audit.Tampered, "record 519 and those after it are missing"},
			{"two lines swapped", join(lines[:4], lines[5:6], lines[4:5], lines[6:]), audit.Tampered, "record 4 is missing"},
			{"a line that is none", join(lines[:9], []string{"x\n"}), audit.Tampered, "line 10 is no record"},
		} {
			r, err := audit.VerifyExport(strings.NewReader(tt.export), signed, keys)
			if err != nil || r.Verdict != tt.want || !strings.HasPrefix(r.Why, tt.why) {
				t.Errorf("%s: %+v, %v, want verdict %d because %q", tt.name, r, err, tt.want, tt.why)
			}
		}
	})
}
