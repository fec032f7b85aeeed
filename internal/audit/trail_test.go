package audit_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// events lists a page of the trail.
func events(t *testing.T, db *sqldb.DB, f audit.Filter, req page.Request) (p page.Of[audit.Entry], err error) {
	t.Helper()
	err = db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		p, err = audit.Events(ctx, tx, f, req)
		return err
	})
	return p, err
}

// people are a few of a kind, the first of them nobody.
func people(n int) []uuid.UUID {
	all := []uuid.UUID{uuid.Nil}
	for range n {
		all = append(all, id.New())
	}
	return all
}

// matches is what a Filter says, written once more.
func matches(f audit.Filter, e audit.Event) bool {
	like := func(want, got string) bool { return want == "" || want == got }
	return (f.From.IsZero() || !e.At.Before(f.From)) && (f.To.IsZero() || e.At.Before(f.To)) &&
		(f.Actor == uuid.Nil || f.Actor == e.Actor) && (f.NotActor == uuid.Nil || f.NotActor != e.Actor) &&
		(f.Patient == uuid.Nil || slices.Contains(e.Patients, f.Patient)) &&
		like(f.Action, e.Action) && like(f.ResourceType, e.ResourceType) && like(f.ResourceID, e.ResourceID) && like(f.Outcome, e.Outcome)
}

// TestTheTrailIsReadByFilters compares pages with what a loop over all records
// chooses, for many filters at random.
func TestTheTrailIsReadByFilters(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		random := rand.New(rand.NewPCG(3, 4))
		actors, patients := people(3), people(4)
		pick := func(of ...string) string { return of[random.IntN(len(of))] }
		someone := func(of []uuid.UUID) uuid.UUID { return of[random.IntN(len(of))] }
		for range 150 {
			e := audit.Event{
				Actor: someone(actors), Action: pick("user.read", "user.change", "encounter.read"), ResourceID: pick("", "a", "b"),
				ResourceType: pick("user", "encounter"), Outcome: pick(audit.Success, audit.Success, audit.Denied, audit.Failed),
			}
			for range random.IntN(3) {
				if p := someone(patients); p != uuid.Nil {
					e.Patients = append(e.Patients, p)
				}
			}
			if err := audit.RecordNow(t.Context(), db, e); err != nil {
				t.Fatal(err)
			}
			sqltest.ClockOf(db).Advance(time.Duration(random.IntN(2)) * time.Second)
		}
		all := trail(t, db)
		for range 300 {
			f := audit.Filter{
				Actor: someone(actors), ResourceType: pick("", "", "user"), ResourceID: pick("", "", "a"),
				Action: pick("", "", "user.read"), Outcome: pick("", "", audit.Success, audit.Denied),
			}
			f.Patient, f.NotActor = someone(patients), someone(actors)
			if random.IntN(2) == 0 {
				f.From = sqltest.Start.Add(time.Duration(random.IntN(40)) * time.Second)
			}
			if random.IntN(2) == 0 {
				f.To = sqltest.Start.Add(time.Duration(40+random.IntN(40)) * time.Second)
			}
			var want []audit.Event
			for _, e := range slices.Backward(all) { // by id, which is by time
				if matches(f, e) {
					want = append(want, e)
				}
			}
			if diff := cmp.Diff(want, inPages(t, db, f, len(want))); diff != "" {
				t.Fatalf("%+v (-want +got):\n%s", f, diff)
			}
		}
	})
}

// inPages reads all that f chooses in small pages.
func inPages(t *testing.T, db *sqldb.DB, f audit.Filter, total int) (all []audit.Event) {
	t.Helper()
	req := page.Request{Limit: 7, Count: true}
	for more := true; more; more = req.After != "" {
		p, err := events(t, db, f, req)
		if err != nil {
			t.Fatal(err)
		}
		if *p.Total != total {
			t.Fatalf("%+v: counted %d, want %d", f, *p.Total, total)
		}
		for _, e := range p.Items {
			if e.Patients == nil {
				e.Patients = []uuid.UUID{}
			}
			all = append(all, e.Event)
		}
		req.After = p.Next
	}
	return all
}

func TestAnEntryTellsItsPlace(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		record(t, db, 3)
		if _, err := audit.Seal(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		sqltest.ClockOf(db).Advance(time.Second)
		record(t, db, 1)
		want := []int64{3, 2, 1, 0}
		if db.Engine() == sqldb.Postgres {
			want[0] = -1 // it waits
		}
		p, err := events(t, db, audit.Filter{}, page.Request{Limit: 10})
		if err != nil || p.Total != nil || p.Next != "" {
			t.Fatalf("Events = %+v, %v, want one page without a total", p, err)
		}
		var got []int64
		for _, e := range p.Items {
			got = append(got, e.Seq)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("places (-want +got):\n%s", diff)
		}
	})
}

func TestAPositionInTheTrailIsOneOfItsOwn(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		record(t, db, 2)
		p, err := events(t, db, audit.Filter{}, page.Request{Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		at, rest, _ := strings.Cut(p.Next, ".")
		for _, after := range []string{
			"x", ".", at, rest, at + ".", "." + rest, "+" + p.Next, "0" + p.Next, p.Next + "0", " " + p.Next,
			at + "." + strings.ToUpper(rest), "99999999999999999999." + rest, at + "." + strings.ReplaceAll(rest, "-", ""),
		} {
			if _, err := events(t, db, audit.Filter{}, page.Request{Limit: 1, After: after}); !errors.Is(err, page.ErrCursor) {
				t.Errorf("after %q: error %v, want %v", after, err, page.ErrCursor)
			}
		}
	})
}

func TestTheLatestCheckpointIsTold(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		latest := func() (c audit.Checkpoint, signed string, err error) {
			err = db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
				c, signed, err = audit.Latest(ctx, tx)
				return err
			})
			return c, signed, err
		}
		if _, _, err := latest(); !errors.Is(err, audit.ErrNoCheckpoint) {
			t.Errorf("of none: error %v, want %v", err, audit.ErrNoCheckpoint)
		}
		k, _ := keeper(t, db)
		for range 11 {
			record(t, db, 1)
			stop(t, k)
		}
		c, signed, err := latest()
		if err != nil || c.Size != 11 || !c.At.Equal(sqltest.Start) {
			t.Fatalf("Latest = %+v, %v, want 11 records at %v", c, err, sqltest.Start)
		}
		if file := string(read(t, k.File)); !strings.HasSuffix(file, "\n"+signed+"\n") {
			t.Errorf("the note %q is not the last of %q", signed, file)
		}
	})
}

// TestListsOfTheTrailFollowAnIndex shows that each list is read in its order from
// an index, and a patient's from the patient's, whatever else is asked for.
func TestListsOfTheTrailFollowAnIndex(t *testing.T) {
	someone := id.New()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		record(t, db, 40)
		for _, tt := range []struct {
			index string
			f     audit.Filter
		}{
			{"audit_events_all", audit.Filter{}},
			{"audit_events_all", audit.Filter{From: sqltest.Start}},
			{"audit_events_actor", audit.Filter{Actor: someone, From: sqltest.Start}},
			{"audit_events_", audit.Filter{Actor: someone, Action: "user.read"}}, // of a few, any will do
			{"audit_events_action", audit.Filter{Action: "user.read"}},
			{"audit_events_type", audit.Filter{ResourceType: "encounter", To: sqltest.Start}},
			{"audit_events_resource", audit.Filter{ResourceID: "3"}},
			{"audit_events_refused", audit.Filter{Outcome: audit.Denied}},
			{"audit_patients_time", audit.Filter{Patient: someone}},
			{"audit_patients_time", audit.Filter{Patient: someone, Actor: someone, Action: "user.read", ResourceID: "3", Outcome: audit.Denied, From: sqltest.Start}},
		} {
			err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
				if tx.Engine() == sqldb.Postgres { // which would rather read a small table whole
					if _, err := tx.Exec(ctx, `SET LOCAL enable_seqscan = off`); err != nil {
						return err
					}
					if _, err := tx.Exec(ctx, `SET LOCAL enable_bitmapscan = off`); err != nil {
						return err
					}
				}
				plan, err := audit.Plan(ctx, tx, tt.f)
				if !strings.Contains(plan, tt.index) || strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "TEMP B-TREE") || strings.Contains(plan, "Sort") {
					t.Errorf("%+v is read by\n%s\nwant %s in its order", tt.f, plan, tt.index)
				}
				return err
			})
			if err != nil {
				t.Fatal(fmt.Errorf("%+v: %w", tt.f, err))
			}
		}
	})
}
