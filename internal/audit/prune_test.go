package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

const day = 24 * time.Hour

// oldTrail makes a trail of 20 records that were signed for 400 days ago, and 5
// of today, signed too.
func oldTrail(t *testing.T, db *sqldb.DB) (*audit.Keeper, []byte) {
	t.Helper()
	k, keys := keeper(t, db)
	record(t, db, 20)
	stop(t, k)
	sqltest.ClockOf(db).Advance(400 * day)
	record(t, db, 5)
	stop(t, k)
	return k, keys
}

func prune(t *testing.T, db *sqldb.DB, want int, held audit.Held) {
	t.Helper()
	if n, err := audit.Prune(t.Context(), db, audit.LeastKept, held); n != want || err != nil {
		t.Fatalf("Prune = %d, %v, want %d", n, err, want)
	}
}

func count(t *testing.T, db *sqldb.DB, query string, args ...any) (n int) {
	t.Helper()
	err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		n, err = sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
			err = r.Scan(&n)
			return n, err
		}, query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOldRecordsArePruned(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		k, keys := oldTrail(t, db)
		expectVerdict(t, "before", db, read(t, k.File), keys, audit.Intact)
		prune(t, db, 20, nil)
		if _, err := audit.Seal(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		expectVerdict(t, "before it is signed for", db, read(t, k.File), keys, audit.Incomplete)
		stop(t, k)
		signed := read(t, k.File)
		if r := expectVerdict(t, "after", db, signed, keys, audit.Intact); r.Records != 26 || r.Pruned != 20 || r.Covered != 26 {
			t.Errorf("%+v, want 26 records, 20 of them pruned", r)
		}
		p, err := events(t, db, audit.Filter{}, page.Request{Limit: 50})
		if err != nil || len(p.Items) != 6 {
			t.Fatalf("%d are left, %v, want 6", len(p.Items), err)
		}
		e := p.Items[0]
		if e.Action != "trail.prune" || e.ResourceType != "audit_event" || e.ResourceID != "20" || e.Count != 20 ||
			e.Actor != uuid.Nil || e.ActorRole != "system" || e.Purpose != "retention" {
			t.Errorf("on record is %+v, want that 20 below place 20 were pruned", e)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM audit_patients WHERE event_id NOT IN (SELECT id FROM audit_events)`); n != 0 {
			t.Errorf("%d patients are still named by what is gone", n)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM audit_leaves`); n != 26 {
			t.Errorf("%d hashes are there, want 26", n)
		}
		prune(t, db, 0, nil)
		if n := count(t, db, `SELECT COUNT(*) FROM audit_events`); n != 6 {
			t.Errorf("%d are left when there was nothing to prune, want 6", n)
		}
	})
}

// A year after the records that it is about, what says that they were pruned is
// pruned too.
func TestWhatWasPrunedIsPrunedItself(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		k, keys := oldTrail(t, db)
		prune(t, db, 20, nil)
		stop(t, k)
		sqltest.ClockOf(db).Advance(400 * day)
		prune(t, db, 6, nil)
		stop(t, k)
		if r := expectVerdict(t, "twice", db, read(t, k.File), keys, audit.Intact); r.Records != 27 || r.Pruned != 26 {
			t.Errorf("%+v, want 27 records, 26 of them pruned", r)
		}
	})
}

func TestAPrunedTrailIsExported(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		k, keys := oldTrail(t, db)
		prune(t, db, 20, nil)
		stop(t, k)
		signed := read(t, k.File)
		var b bytes.Buffer
		if err := audit.Export(t.Context(), db, &b); err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(b.String(), "\n")
		if !strings.HasPrefix(lines[7], `{"v":0,"seq":7,"hash":"`) {
			t.Errorf("line 7 is %q, want a hash", lines[7])
		}
		without := func(i int) string { return strings.Join(slices.Concat(lines[:i], lines[i+1:]), "") }
		hash := func(i int) string { return strings.Replace(b.String(), lines[i], lines[i+1], 1) }
		for _, tt := range []struct {
			name, export string
			want         audit.Verdict
			why          string
		}{
			{"as it is", b.String(), audit.Intact, ""},
			{"a hash left out", without(7), audit.Tampered, "record 7 is missing"},
			{"a hash repeated", hash(7), audit.Tampered, "record 7 is missing"},
			{"another hash", strings.Replace(b.String(), lines[7], strings.Replace(lines[8], `"seq":8`, `"seq":7`, 1), 1), audit.Tampered, "one of the records 0 to 19"},
			{"a short hash", strings.Replace(b.String(), lines[7], `{"v":0,"seq":7,"hash":"AAAA"}`+"\n", 1), audit.Tampered, "line 8 is no record"},
			{"more in the line", strings.Replace(b.String(), lines[7], strings.Replace(lines[7], `}`, `,"x":1}`, 1), 1), audit.Tampered, "line 8 is no record"},
			{"the reason left out", strings.Join(lines[:25], ""), audit.Tampered, "record 25 and those after it"},
		} {
			r, err := audit.VerifyExport(strings.NewReader(tt.export), signed, keys)
			if err != nil || r.Verdict != tt.want || !strings.HasPrefix(r.Why, tt.why) {
				t.Errorf("%s: %+v, %v, want verdict %d because %q", tt.name, r, err, tt.want, tt.why)
			}
		}
	})
}

func TestRecordsOfThoseOnHoldStay(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		k, keys := keeper(t, db)
		ann, bob := id.New(), id.New()
		for i := range 450 { // three transactions' worth
			e := audit.Event{Action: "user.read", Patients: []uuid.UUID{bob}}
			switch {
			case i < 200:
				e.Patients = []uuid.UUID{bob, ann} // nothing goes in the first
			case i%2 == 0:
				e.Patients = nil
			}
			if err := audit.RecordNow(t.Context(), db, e); err != nil {
				t.Fatal(err)
			}
		}
		stop(t, k)
		sqltest.ClockOf(db).Advance(400 * day)
		asked := 0
		prune(t, db, 250, func(_ context.Context, _ *sqldb.Tx, patients []uuid.UUID) ([]uuid.UUID, error) {
			if asked++; len(patients) > 2 || !slices.Contains(patients, bob) {
				t.Errorf("asked about %v, want each patient once", patients)
			}
			return []uuid.UUID{ann, id.New()}, nil
		})
		stop(t, k)
		if n := count(t, db, `SELECT COUNT(*) FROM audit_patients WHERE patient_id = $1`, ann); n != 200 || asked != 3 {
			t.Errorf("%d records of her are there and it was asked %d times, want 200 and 3", n, asked)
		}
		if r := expectVerdict(t, "with some on hold", db, read(t, k.File), keys, audit.Intact); r.Pruned != 250 {
			t.Errorf("%+v, want 250 pruned", r)
		}
		refused := errors.New("not known")
		_, err := audit.Prune(t.Context(), db, audit.LeastKept, func(context.Context, *sqldb.Tx, []uuid.UUID) ([]uuid.UUID, error) {
			return nil, refused
		})
		if !errors.Is(err, refused) || count(t, db, `SELECT COUNT(*) FROM audit_events`) != 202 {
			t.Errorf("when it is not known who is on hold: error %v, want %v and nothing pruned", err, refused)
		}
	})
}

func TestNothingIsPrunedTooEarly(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		if _, err := audit.Prune(t.Context(), db, audit.LeastKept-time.Microsecond, nil); err == nil {
			t.Error("less than 365 days was taken")
		}
		clock := sqltest.ClockOf(db)
		k, _ := keeper(t, db)
		record(t, db, 2)
		stop(t, k)
		record(t, db, 1) // which no checkpoint covers
		if _, err := audit.Seal(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		clock.Advance(365*day + time.Hour - time.Microsecond)
		prune(t, db, 0, nil)
		clock.Advance(time.Microsecond)
		exec(t, db, `UPDATE audit_events SET at = $1 WHERE id = (SELECT event_id FROM audit_leaves WHERE seq = 0)`, sqldb.Instant(sqltest.Start.Add(time.Hour)))
		prune(t, db, 1, nil) // not the one that is as old as that and no older
		clock.Advance(time.Microsecond)
		prune(t, db, 1, nil)
		clock.Advance(100 * day)
		prune(t, db, 0, nil)
	})
}

// TestPruningHidesNoTampering takes records away and claims, in every way but the
// right one, that they were pruned.
func TestPruningHidesNoTampering(t *testing.T) {
	remove := func(t *testing.T, db *sqldb.DB, seq int) {
		exec(t, db, `DELETE FROM audit_events WHERE id = (SELECT event_id FROM audit_leaves WHERE seq = $1)`, seq)
	}
	claim := func(boundary int, change func(*audit.Event)) func(*testing.T, *sqldb.DB) {
		return func(t *testing.T, db *sqldb.DB) {
			e := audit.Event{ActorRole: "system", Action: "trail.prune", ResourceType: "audit_event", ResourceID: fmt.Sprint(boundary), Purpose: "retention"}
			if change != nil {
				change(&e)
			}
			if err := audit.RecordNow(t.Context(), db, e); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, tt := range map[string]struct {
		tamper []func(*testing.T, *sqldb.DB)
		want   audit.Verdict
		why    string
	}{
		"as it is done": {
			[]func(*testing.T, *sqldb.DB){func(t *testing.T, db *sqldb.DB) { remove(t, db, 3) }, claim(20, nil)},
			audit.Intact, "",
		},
		"a boundary that is not above it": {
			[]func(*testing.T, *sqldb.DB){func(t *testing.T, db *sqldb.DB) { remove(t, db, 3) }, claim(3, nil)},
			audit.Tampered, "record 3 is gone; only its hash is there",
		},
		"a boundary that no old checkpoint covers": {
			[]func(*testing.T, *sqldb.DB){func(t *testing.T, db *sqldb.DB) { remove(t, db, 3) }, claim(21, nil)},
			audit.Tampered, "record 3 is gone; only its hash is there",
		},
		"a boundary that nothing reaches": {
			[]func(*testing.T, *sqldb.DB){func(t *testing.T, db *sqldb.DB) { remove(t, db, 3) }, claim(100, nil)},
			audit.Tampered, "record 3 is gone; only its hash is there",
		},
		"a boundary that is no number": {
			[]func(*testing.T, *sqldb.DB){
				func(t *testing.T, db *sqldb.DB) { remove(t, db, 3) },
				claim(20, func(e *audit.Event) { e.ResourceID = "all" }),
			},
			audit.Tampered, "record 3 is gone; only its hash is there",
		},
		"a record after the boundary": {
			[]func(*testing.T, *sqldb.DB){func(t *testing.T, db *sqldb.DB) { remove(t, db, 3); remove(t, db, 22) }, claim(20, nil)},
			audit.Tampered, "record 22 is gone; only its hash is there",
		},
		"by a user": {
			[]func(*testing.T, *sqldb.DB){
				func(t *testing.T, db *sqldb.DB) { remove(t, db, 3) },
				claim(20, func(e *audit.Event) { e.Actor = id.New() }),
			},
			audit.Tampered, "record 3 is gone; only its hash is there",
		},
		"in another role": {
			[]func(*testing.T, *sqldb.DB){
				func(t *testing.T, db *sqldb.DB) { remove(t, db, 3) },
				claim(20, func(e *audit.Event) { e.ActorRole = "admin" }),
			},
			audit.Tampered, "record 3 is gone; only its hash is there",
		},
		"of something else": {
			[]func(*testing.T, *sqldb.DB){
				func(t *testing.T, db *sqldb.DB) { remove(t, db, 3) },
				claim(20, func(e *audit.Event) { e.ResourceType = "user" }),
			},
			audit.Tampered, "record 3 is gone; only its hash is there",
		},
		"in a text of another record": {
			[]func(*testing.T, *sqldb.DB){
				func(t *testing.T, db *sqldb.DB) { remove(t, db, 3) },
				claim(20, func(e *audit.Event) { e.Action, e.UserAgent = "user.read", `","action":"trail.prune"` }),
			},
			audit.Tampered, "record 3 is gone; only its hash is there",
		},
		"that failed": {
			[]func(*testing.T, *sqldb.DB){
				func(t *testing.T, db *sqldb.DB) { remove(t, db, 3) },
				claim(20, func(e *audit.Event) { e.Outcome = audit.Failed }),
			},
			audit.Tampered, "record 3 is gone; only its hash is there",
		},
		"a claim that is gone itself": {
			[]func(*testing.T, *sqldb.DB){func(t *testing.T, db *sqldb.DB) { remove(t, db, 3) }, claim(20, nil), func(t *testing.T, db *sqldb.DB) {
				if _, err := audit.Seal(t.Context(), db); err != nil {
					t.Fatal(err)
				}
				remove(t, db, 25)
			}},
			audit.Tampered, "record 3 is gone; only its hash is there",
		},
		"a claim dated ahead": {
			[]func(*testing.T, *sqldb.DB){func(t *testing.T, db *sqldb.DB) {
				remove(t, db, 22)
				sqltest.ClockOf(db).Advance(400 * day)
				claim(25, nil)(t, db)
				sqltest.ClockOf(db).Advance(-400 * day)
			}},
			audit.Tampered, "record 22 is gone; only its hash is there",
		},
		"another hash in its place": {
			[]func(*testing.T, *sqldb.DB){func(t *testing.T, db *sqldb.DB) { remove(t, db, 3) }, claim(20, nil), func(t *testing.T, db *sqldb.DB) {
				exec(t, db, `UPDATE audit_leaves SET hash = (SELECT hash FROM audit_leaves WHERE seq = 4) WHERE seq = 3`)
			}},
			audit.Tampered, "one of the records 0 to 19 is not what was signed for",
		},
		"no hash in its place": {
			[]func(*testing.T, *sqldb.DB){func(t *testing.T, db *sqldb.DB) { remove(t, db, 3) }, claim(20, nil), func(t *testing.T, db *sqldb.DB) {
				exec(t, db, `DELETE FROM audit_leaves WHERE seq = 3`)
			}},
			audit.Tampered, "record 3 is missing",
		},
	} {
		t.Run(name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				k, keys := oldTrail(t, db)
				for _, do := range tt.tamper {
					do(t, db)
				}
				stop(t, k)
				r := expectVerdict(t, name, db, read(t, k.File), keys, tt.want)
				if !strings.HasPrefix(r.Why, tt.why) {
					t.Errorf("Why = %q, want %q", r.Why, tt.why)
				}
			})
		})
	}
}

// A claim is about what was before it, even if the server's clock was put back
// since, so that what came after it seems to be old.
func TestAClaimIsAboutWhatWasBefore(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		k, keys := oldTrail(t, db)
		if err := audit.RecordNow(t.Context(), db, audit.Event{ActorRole: "system", Action: "trail.prune", ResourceType: "audit_event", ResourceID: "30"}); err != nil {
			t.Fatal(err)
		}
		stop(t, k)
		sqltest.ClockOf(db).Set(sqltest.Start)
		record(t, db, 4)
		stop(t, k)
		exec(t, db, `DELETE FROM audit_events WHERE id = (SELECT event_id FROM audit_leaves WHERE seq = 27)`)
		r := expectVerdict(t, "one after the claim", db, read(t, k.File), keys, audit.Tampered)
		if r.Why != "record 27 is gone; only its hash is there" {
			t.Errorf("Why = %q", r.Why)
		}
	})
}

// What no checkpoint covers could have been put in a moment ago.
func TestAClaimCountsWhenItIsSignedFor(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		k, keys := oldTrail(t, db)
		prune(t, db, 20, nil)
		if _, err := audit.Seal(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		r := expectVerdict(t, "not signed for", db, read(t, k.File), keys, audit.Incomplete)
		if r.Why != "record 0 is gone, and no checkpoint covers yet what says that it was pruned" {
			t.Errorf("Why = %q", r.Why)
		}
		exec(t, db, `DELETE FROM audit_events WHERE id = (SELECT event_id FROM audit_leaves WHERE seq = 21)`)
		r = expectVerdict(t, "and one above", db, read(t, k.File), keys, audit.Tampered)
		if r.Why != "record 21 is gone; only its hash is there" {
			t.Errorf("Why = %q", r.Why)
		}
	})
}
