package audit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/id"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

// trail returns all events with their patients.
func trail(t *testing.T, db *sqldb.DB) []audit.Event {
	t.Helper()
	var events []audit.Event
	err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		ids := map[int]uuid.UUID{}
		events, err = sqldb.All(ctx, tx, func(r sqldb.Row) (e audit.Event, err error) {
			var one uuid.UUID
			var actor, credential uuid.NullUUID
			err = r.Scan(&one, (*sqldb.Instant)(&e.At), &actor, &e.ActorRole, &credential, &e.Action, &e.ResourceType,
				&e.ResourceID, &e.Outcome, &e.Count, &e.Purpose, &e.RequestID, &e.ClientAddress, &e.UserAgent)
			e.Actor, e.Credential = actor.UUID, credential.UUID
			ids[len(ids)] = one
			return e, err
		}, `SELECT id, at, actor_id, actor_role, credential_id, action, resource_type, resource_id, outcome,
			count, purpose, request_id, client_address, user_agent FROM audit_events ORDER BY id`)
		if err != nil {
			return err
		}
		for i := range events {
			if events[i].Patients, err = sqldb.All(ctx, tx, func(r sqldb.Row) (u uuid.UUID, err error) {
				var at time.Time
				err = r.Scan(&u, (*sqldb.Instant)(&at))
				if !at.Equal(events[i].At) {
					t.Errorf("patient row at %v, want the event's %v", at, events[i].At)
				}
				return u, err
			}, `SELECT patient_id, at FROM audit_patients WHERE event_id = $1 ORDER BY patient_id`, ids[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func TestRecordKeepsEveryField(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ann, bob := id.New(), id.New()
		full := audit.Event{
			Actor: id.New(), ActorRole: "admin", Credential: id.New(), Action: "appointment.read", ResourceType: "appointment",
			ResourceID: "r", Outcome: audit.Denied, Count: 7, Purpose: "care", RequestID: "q", ClientAddress: "192.0.2.1",
			UserAgent: "curl", Patients: []uuid.UUID{bob, ann, bob},
		}
		if err := audit.RecordNow(t.Context(), db, full); err != nil {
			t.Fatal(err)
		}
		if full.Patients[0] != bob {
			t.Error("Record reordered its caller's patients")
		}
		if err := audit.RecordNow(t.Context(), db, audit.Event{Action: "user.list"}); err != nil {
			t.Fatal(err)
		}
		full.At, full.Patients = sqltest.Start, []uuid.UUID{ann, bob}
		plain := audit.Event{At: sqltest.Start, Action: "user.list", Outcome: audit.Success, Count: 1, Patients: []uuid.UUID{}}
		if diff := cmp.Diff([]audit.Event{full, plain}, trail(t, db)); diff != "" {
			t.Errorf("trail (-want +got):\n%s", diff)
		}
	})
}

func TestARecordIsAsTrueAsItsTransaction(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		undone := errors.New("undone")
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			if err := audit.Record(ctx, tx, audit.Event{Action: "user.change", Patients: []uuid.UUID{id.New()}}); err != nil {
				return err
			}
			return undone
		})
		if !errors.Is(err, undone) {
			t.Fatalf("Update: error %v, want %v", err, undone)
		}
		if got := trail(t, db); len(got) != 0 {
			t.Errorf("trail after a rollback = %v, want none", got)
		}
	})
}

func TestWhatACallerSendsCanBeKept(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		long := strings.Repeat("ä", 400)
		err := audit.RecordNow(t.Context(), db, audit.Event{
			Action: "user.read", ResourceID: "a\x00b", UserAgent: long, RequestID: "\xff", ClientAddress: "::1", Outcome: audit.Failed,
		})
		if err != nil {
			t.Fatal(err)
		}
		e := trail(t, db)[0]
		if e.ResourceID != "a?b" || e.RequestID != "?" || e.UserAgent != strings.Repeat("ä", 256) {
			t.Errorf("kept %q, %q and %d bytes, want NUL and bad UTF-8 replaced and 512 bytes", e.ResourceID, e.RequestID, len(e.UserAgent))
		}
	})
}

func TestAnEventNeedsAnOutcomeThatExists(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		if err := audit.RecordNow(t.Context(), db, audit.Event{Action: "user.read", Outcome: "maybe"}); !errors.Is(err, audit.ErrUnrecorded) {
			t.Errorf("an event with the outcome \"maybe\": error %v, want %v", err, audit.ErrUnrecorded)
		}
	})
}
