package audit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// lines describes records: outcome, resource, purpose, count and how many patients.
func lines(events []audit.Event) string {
	var all []string
	for _, e := range events {
		all = append(all, fmt.Sprintf("%s %s %s x%d of %d", e.Outcome, e.ResourceID, e.Purpose, e.Count, len(e.Patients)))
	}
	return strings.Join(all, "; ")
}

func TestALookIsOnRecordAsWhatWasSeen(t *testing.T) {
	ann, bob, me := id.New(), id.New(), id.New()
	failed := func(k errs.Kind) error { return errs.New(k, "x", "X.") }
	for _, tt := range []struct {
		name string
		see  func(seen *audit.Seen)
		err  error
		want string
	}{
		{"nothing", func(*audit.Seen) {}, nil, ""},
		{"one row", func(s *audit.Seen) { s.Row(ann) }, nil, "success list treatment x1 of 1"},
		{"rows, counted", func(s *audit.Seen) { s.Row(ann); s.Row(bob); s.Row(ann) }, nil, "success list treatment x3 of 2"},
		{"a row of nobody", func(s *audit.Seen) { s.Row() }, nil, "success list treatment x1 of 0"},
		{"a row of several", func(s *audit.Seen) { s.Row(ann, me) }, nil, "success list treatment x1 of 2"},
		{"one's own row", func(s *audit.Seen) { s.Row(me) }, nil, ""},
		{"one's own among others", func(s *audit.Seen) { s.Row(me); s.Row(ann) }, nil, "success list treatment x1 of 1"},
		{"named", func(s *audit.Seen) { s.Named("a", "", ann); s.Named("b", "emergency", bob) }, nil, "success a treatment x1 of 1; success b emergency x1 of 1"},
		{"one's own, named", func(s *audit.Seen) { s.Named("a", "", me) }, nil, ""},
		{"named and not", func(s *audit.Seen) { s.Named("a", "", ann); s.Row(bob) }, nil, "success a treatment x1 of 1; success list treatment x1 of 1"},
		{"unknown", func(s *audit.Seen) { s.Row(ann) }, failed(errs.NotFound), "denied list treatment x1 of 1"},
		{"forbidden", func(*audit.Seen) {}, failed(errs.Forbidden), "denied list treatment x1 of 1"},
		{"invalid", func(s *audit.Seen) { s.Row(ann) }, failed(errs.Invalid), ""},
		{"a conflict", func(s *audit.Seen) { s.Row(ann) }, failed(errs.Conflict), ""},
		{"stale", func(s *audit.Seen) { s.Row(ann) }, failed(errs.PreconditionFailed), ""},
		{"unavailable", func(s *audit.Seen) { s.Row(ann) }, failed(errs.Unavailable), ""},
		{"a defect", func(s *audit.Seen) { s.Named("a", "", ann) }, errors.New("x"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				in := audit.Intent{Event: audit.Event{Action: "x.read", ResourceID: "list", Purpose: "treatment", Patients: []uuid.UUID{ann}}, Self: me}
				got, err := audit.Read(t.Context(), db, in, func(_ context.Context, _ *sqldb.Tx, seen *audit.Seen) (string, error) {
					tt.see(seen)
					return "data", tt.err
				})
				if want := map[bool]string{true: "data"}[tt.err == nil]; got != want || !errors.Is(err, tt.err) {
					t.Errorf("Read = %q, %v, want %q, %v", got, err, want, tt.err)
				}
				if got := lines(trail(t, db)); got != tt.want {
					t.Errorf("on record: %q, want %q", got, tt.want)
				}
				if err := audit.Refuse(t.Context(), db, in, tt.err); !errors.Is(err, tt.err) {
					t.Errorf("Refuse = %v, want %v", err, tt.err)
				}
				want := tt.want
				if strings.HasPrefix(want, "denied") {
					want += "; " + want
				}
				if got := lines(trail(t, db)); got != want {
					t.Errorf("on record after Refuse: %q, want %q", got, want)
				}
			})
		})
	}
}

// TestALookThatIsTakenAgainIsOnRecordOnce has the snapshot lost at its end.
func TestALookThatIsTakenAgainIsOnRecordOnce(t *testing.T) {
	db := sqltest.Open(t, sqltest.Postgres(t))
	runs := 0
	got, err := audit.Read(t.Context(), db, audit.Intent{Event: audit.Event{Action: "x.read"}}, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (int, error) {
		runs++
		seen.Row(id.New())
		if runs == 1 { // the server takes the connection away
			_, err := sqldb.One(ctx, tx, func(r sqldb.Row) (ok bool, err error) {
				err = r.Scan(&ok)
				return ok, err
			}, `SELECT pg_terminate_backend(pg_backend_pid())`)
			return 0, err
		}
		return runs, nil
	})
	if runs < 2 || got != runs || err != nil {
		t.Fatalf("Read = %d, %v after %d runs, want the second one's", got, err, runs)
	}
	if got := lines(trail(t, db)); got != "success   x1 of 1" {
		t.Errorf("on record: %q, want one look", got)
	}
}

func TestWhatCannotBeOnRecordIsNotHandedOut(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		closed := false
		db.Observe = func(_ context.Context, statement string) error {
			if closed && strings.HasPrefix(statement, "INSERT INTO audit_events") {
				return errors.New("the trail is closed")
			}
			return nil
		}
		refusal := errs.New(errs.NotFound, "x", "X.")
		in := audit.Intent{Event: audit.Event{Action: "x.read"}}
		closed = true
		for name, err := range map[string]error{"seen": nil, "refused": refusal} {
			got, err := audit.Read(t.Context(), db, in, func(_ context.Context, _ *sqldb.Tx, seen *audit.Seen) (string, error) {
				seen.Row(id.New())
				return "data", err
			})
			if got != "" || !errors.Is(err, audit.ErrUnrecorded) || errors.Is(err, refusal) {
				t.Errorf("%s: Read = %q, %v, want nothing and %v", name, got, err, audit.ErrUnrecorded)
			}
		}
		if err := audit.Refuse(t.Context(), db, in, refusal); !errors.Is(err, audit.ErrUnrecorded) {
			t.Errorf("Refuse = %v, want %v", err, audit.ErrUnrecorded)
		}
	})
}
