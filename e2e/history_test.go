package e2e

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"medbook/client"
	"medbook/internal/scheduling/history"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

const (
	recordedOps   = 500 // of a history
	recordedSlots = 3
	recordedHold  = time.Minute
)

// spoken is a clinic as package history wants it, over HTTP.
type spoken struct {
	*clinic
	patients []*client.Client
	slots    []client.Slot // of the history
	now      time.Time
}

// lean is the program without the race detector, with which so many requests
// would take minutes. It watches the same code in the other tests.
var lean = sync.OnceValues(func() (string, error) { return build("lean", "-tags", "testclock") })

// speak prepares a clinic for some histories.
func speak(t *testing.T, c *clinic, histories int) (s *spoken, slots []client.Slot) {
	t.Helper()
	ctx := t.Context()
	if len(detector) > 0 {
		path, err := lean()
		if err != nil {
			t.Fatal(err)
		}
		c.server.kill(t)
		c.server = listening(t, launchFrom(t, path, t.TempDir(), c.env(), "serve", "--listen", "127.0.0.1:0"))
	}
	practitioner, id := c.practitioner(newYork)
	profile := must(practitioner.Practitioner(ctx, id))(t)
	policy := client.PolicyChange{HoldSeconds: new(int(recordedHold.Seconds())), MaxOpenHolds: new(1000)}
	must(practitioner.ChangePractitioner(ctx, id, profile.ETag, client.PractitionerChange{Policy: &policy}))(t)
	later := sqltest.Start.Add(60 * 24 * time.Hour) // beyond notice and window, whatever the clock will say
	hours := client.Between(later, later.Add(time.Duration(histories*recordedSlots)*15*time.Minute))
	must(practitioner.Publish(ctx, id, hours))(t)
	slots = all(t, practitioner.Slots(client.SlotQuery{PractitionerID: id}).All(ctx))
	if len(slots) != histories*recordedSlots {
		t.Fatalf("%d slots, want %d", len(slots), histories*recordedSlots)
	}
	s = &spoken{clinic: c, now: sqltest.Start}
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	t.Cleanup(transport.CloseIdleConnections)
	for i := range 4 {
		key := c.user("patient", newYork).Key
		var over http.RoundTripper = transport
		if i == 0 {
			// Checking takes turns. One patient's exchanges are held against the
			// contract; the others race as fast as they can.
			over = &checking{c, func() *process { return c.server }, transport}
		}
		s.patients = append(s.patients, client.New(c.server.url, client.APIKey(key), client.HTTPClient(&http.Client{Transport: over})))
	}
	return s, slots
}

// record records the nth history.
func (s *spoken) record(n int, slots []client.Slot) history.History {
	s.t.Helper()
	s.slots = slots[n*recordedSlots : (n+1)*recordedSlots]
	h, err := history.Record(s.t.Context(), s, history.Plan{
		Operations: recordedOps, Clients: 8, Patients: len(s.patients), Slots: recordedSlots,
		HoldTime: recordedHold, Start: s.now, Seed: uint64(n),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return h
}

func (s *spoken) Hold(ctx context.Context, patient, slot int) (history.Answer, error) {
	return said(s.patients[patient].Hold(ctx, client.NewAppointment{SlotID: s.slots[slot].ID}))
}

func (s *spoken) Confirm(ctx context.Context, patient int, appointment string) (history.Answer, error) {
	return said(s.patients[patient].Confirm(ctx, appointment))
}

func (s *spoken) Cancel(ctx context.Context, patient int, appointment string) (history.Answer, error) {
	return said(s.patients[patient].Cancel(ctx, appointment, ""))
}

func (s *spoken) SetTime(_ context.Context, now time.Time) error {
	s.setTime(now)
	s.now = now
	return nil
}

func said(a client.Appointment, err error) (history.Answer, error) {
	if p, ok := errors.AsType[*client.Problem](err); ok && p.Status < 500 {
		return history.Answer{Refusal: p.Code}, nil
	}
	told := history.Answer{Appointment: a.ID, Status: a.Status}
	if a.HoldExpiresAt != nil {
		told.HoldExpiresAt = *a.HoldExpiresAt
	}
	return told, err
}

// TestEveryHistoryCanBeExplained records what clients are told who hold, confirm
// and cancel at once while holds run out, and judges it.
func TestEveryHistoryCanBeExplained(t *testing.T) {
	const histories = 50
	each(t, func(t *testing.T, c *clinic) {
		s, slots := speak(t, c, histories)
		outcomes := map[string]int{}
		for n := range histories {
			h := s.record(n, slots)
			if err := h.Check(); err != nil {
				t.Fatalf("history %d: %v", n, err)
			}
			for outcome, times := range h.Outcomes() {
				outcomes[outcome] += times
			}
		}
		for _, outcome := range []string{
			"hold held", "hold slot-taken", "confirm confirmed", "confirm hold-expired",
			"confirm illegal-transition", "cancel cancelled", "cancel expired",
		} {
			if outcomes[outcome] < histories {
				t.Errorf("%q was the answer only %d times: these histories show little", outcome, outcomes[outcome])
			}
		}
	})
}

// TestAHistoryWithoutTheKeyOfClaims shows that the same check notices a defect:
// the one thing is missing that keeps two from having a slot.
func TestAHistoryWithoutTheKeyOfClaims(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		s, slots := speak(t, c, 1)
		db := sqltest.Open(t, c.database)
		for _, statement := range []string{
			`ALTER TABLE claims RENAME TO claims_with_key`,
			`CREATE TABLE claims AS SELECT * FROM claims_with_key`,
		} {
			err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := tx.Exec(ctx, statement)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := s.record(0, slots).Check(); err == nil {
			t.Error("a history without the key of claims can be explained")
		}
	})
}
