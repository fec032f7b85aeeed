package scheduling

import (
	"context"
	"os"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/scheduling/history"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// snapshots tells that transactions on PostgreSQL are SERIALIZABLE in this run.
var snapshots = os.Getenv("MEDBOOK_TEST_ISOLATION") == "serializable"

// played is a clinic as package history wants it. The end-to-end tests have
// another, which speaks HTTP.
type played struct {
	*clinic
	by    []auth.Actor
	first int // slot of the history, as april counts
}

func (p *played) Hold(ctx context.Context, patient, slot int) (history.Answer, error) {
	return told(p.Service.Hold(ctx, p.by[patient], HoldRequest{Slot: april(p.grey, p.first+slot)}))
}

func (p *played) Confirm(ctx context.Context, patient int, appointment string) (history.Answer, error) {
	return told(p.Service.Confirm(ctx, p.by[patient], appointment))
}

func (p *played) Cancel(ctx context.Context, patient int, appointment string) (history.Answer, error) {
	return told(p.Service.Cancel(ctx, p.by[patient], appointment, CancelRequest{}))
}

func (p *played) SetTime(_ context.Context, now time.Time) error {
	p.clock.Set(now)
	return nil
}

func told(a Appointment, err error) (history.Answer, error) {
	if e := errs.As(err); e != nil && e.Kind != errs.Unavailable {
		return history.Answer{Refusal: e.Code}, nil
	}
	return history.Answer{Appointment: a.ID.String(), Status: string(a.Status), HoldExpiresAt: a.HoldExpiresAt}, err
}

// play records the nth history, on slots of its own.
func (p *played) play(n int) history.History {
	p.t.Helper()
	const slots = 3
	p.first = 2000 + slots*n
	h, err := history.Record(p.t.Context(), p, history.Plan{
		Operations: 500, Clients: 8, Patients: len(p.by), Slots: slots,
		HoldTime: DefaultPolicy.holdTime(), Start: p.clock.Now(), Seed: uint64(n),
		Snapshots: snapshots,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return h
}

func TestEveryHistoryCanBeExplained(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		p := &played{clinic: newBusyClinic(t, db)}
		p.by = p.patients(4)
		outcomes := map[string]int{}
		for n := range 4 { // the end-to-end tests record more
			h := p.play(n)
			if err := h.Check(); err != nil {
				t.Fatalf("history %d: %v", n, err)
			}
			p.checkInvariants()
			for outcome, times := range h.Outcomes() {
				outcomes[outcome] += times
			}
		}
		for _, outcome := range []string{
			"hold held", "hold slot-taken", "confirm confirmed", "confirm hold-expired",
			"confirm illegal-transition", "cancel cancelled", "cancel expired",
		} {
			if outcomes[outcome] < 10 {
				t.Errorf("%q was the answer only %d times: these histories show little", outcome, outcomes[outcome])
			}
		}
	})
}

// TestAHistoryWithoutTheKeyOfClaims shows that the check would tell if the one
// thing were missing that keeps two from having a slot.
func TestAHistoryWithoutTheKeyOfClaims(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		p := &played{clinic: newBusyClinic(t, db)}
		p.by = p.patients(4)
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
		if err := p.play(0).Check(); err == nil {
			t.Error("a history without the key of claims can be explained")
		}
	})
}
