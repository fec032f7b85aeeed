package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/client"
	"medbook/internal/sqldb/sqltest"
)

// load is what patients do all the time: find a slot, hold it, confirm it, look, move
// it, cancel it. Each step has an Idempotency-Key and is repeated while it is at work
// elsewhere. Nothing else than a rule of the clinic's may refuse it.
type load struct {
	t        *testing.T
	clinic   *clinic
	url      string
	practice string // the practitioner's id
	from     time.Time
	to       time.Time

	done    atomic.Int64 // steps
	stop    context.CancelFunc
	workers sync.WaitGroup

	mu     sync.Mutex
	booked map[string]string // the slot of each appointment that somebody was told is confirmed
	over   map[string]bool   // appointments that somebody was told are cancelled
	failed []error
}

// begin opens a week of slots and has so many patients book, move and cancel over url.
func begin(t *testing.T, c *clinic, url string, patients int, from time.Time) *load {
	t.Helper()
	practitioner, id := c.practitioner("UTC")
	l := &load{t: t, clinic: c, url: url, practice: id, from: from, to: from.Add(7 * 24 * time.Hour), booked: map[string]string{}, over: map[string]bool{}}
	profile := must(practitioner.Practitioner(t.Context(), id))(t)
	policy := client.PolicyChange{MaxOpenHolds: new(1000)}
	must(practitioner.ChangePractitioner(t.Context(), id, profile.ETag, client.PractitionerChange{Policy: &policy}))(t)
	must(practitioner.Publish(t.Context(), id, client.Between(l.from, l.to)))(t)
	ctx, stop := context.WithCancel(t.Context())
	l.stop = stop
	transport := &http.Transport{MaxIdleConnsPerHost: patients}
	t.Cleanup(transport.CloseIdleConnections)
	for n := range patients {
		someone := client.New(url, client.APIKey(c.user("patient", "UTC").Key), client.HTTPClient(&http.Client{Transport: transport}))
		l.workers.Go(func() {
			choice := rand.New(rand.NewPCG(7, uint64(n)))
			for kept := 0; ctx.Err() == nil; {
				stays, err := l.visit(someone, choice, kept < mostKept)
				if stays {
					kept++
				}
				if err != nil {
					l.mu.Lock()
					l.failed = append(l.failed, err)
					l.mu.Unlock()
					return
				}
			}
		})
	}
	return l
}

// mostKept is how many appointments a patient does not cancel, so that there are free
// slots however long it goes on.
const mostKept = 20

// visit is one patient's way from the list of slots to an appointment, which stays, or
// back.
func (l *load) visit(by *client.Client, choice *rand.Rand, mayStay bool) (stays bool, err error) {
	ctx := l.t.Context()
	at := l.from.Add(time.Duration(choice.IntN(7*24)) * time.Hour)
	page, err := by.Slots(client.SlotQuery{PractitionerID: l.practice, From: at, To: at.Add(4 * time.Hour)}).Page(ctx, client.PageRequest{Limit: 20})
	if err != nil || len(page.Items) < 2 {
		return false, err
	}
	l.done.Add(1)
	slot, other := page.Items[choice.IntN(len(page.Items))], page.Items[choice.IntN(len(page.Items))]
	a, ok, err := l.ask(func(key client.CallOption) (client.Appointment, error) {
		return by.Hold(ctx, client.NewAppointment{SlotID: slot.ID}, key)
	})
	if err != nil || !ok {
		return false, err
	}
	if a, ok, err = l.ask(func(key client.CallOption) (client.Appointment, error) { return by.Confirm(ctx, a.ID, key) }); err != nil || !ok {
		return false, errors.Join(err, unless(ok, "confirmed"))
	}
	l.note(a)
	if seen, err := by.Appointment(ctx, a.ID); err != nil || seen.Status != "confirmed" || seen.SlotID != a.SlotID {
		return true, fmt.Errorf("an appointment that was confirmed is %+v, %w", seen, err)
	}
	if choice.IntN(3) == 0 {
		moved, ok, err := l.ask(func(key client.CallOption) (client.Appointment, error) {
			return by.RescheduleWith(ctx, a.ID, client.Move{SlotID: other.ID}, key)
		})
		if err != nil {
			return true, err
		}
		if ok {
			l.note(moved)
		}
	}
	if mayStay && choice.IntN(3) > 0 {
		return true, nil
	}
	cancelled, ok, err := l.ask(func(key client.CallOption) (client.Appointment, error) { return by.Cancel(ctx, a.ID, "", key) })
	if ok {
		l.note(cancelled)
	}
	return false, errors.Join(err, unless(ok || err != nil, "cancelled"))
}

// unless returns an error that a rule was in the way of what none forbids.
func unless(ok bool, what string) error {
	if ok {
		return nil
	}
	return errors.New("an appointment could not be " + what)
}

// ask does one step. ok is false if a rule of the clinic's was against it; an error is
// what nobody should be told.
func (l *load) ask(step func(key client.CallOption) (client.Appointment, error)) (a client.Appointment, ok bool, err error) {
	key := client.IdempotencyKey(uuid.NewString())
	for began := time.Now(); time.Since(began) < patience; {
		a, err = step(key)
		p, refused := errors.AsType[*client.Problem](err)
		switch {
		case err == nil:
			l.done.Add(1)
			return a, true, nil
		case refused && p.Code == "idempotency-in-progress": // whoever began it may be frozen
		case refused && (p.Code == "slot-taken" || p.Code == "patient-busy" || p.Code == "slot-not-found"):
			return a, false, nil
		default:
			return a, false, err
		}
	}
	return a, false, err
}

// note writes down what a patient was told.
func (l *load) note(a client.Appointment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a.Status == "cancelled" {
		l.over[a.ID] = true
	}
	l.booked[a.ID] = a.SlotID
}

// more returns when the patients have done n more steps.
func (l *load) more(n int64) {
	l.t.Helper()
	until := l.done.Load() + n
	eventually(l.t, "the patients go on", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.failed) > 0 {
			l.t.Fatalf("a patient was told: %v", l.failed)
		}
		return l.done.Load() >= until
	})
}

// end has the patients stop, and holds what they were told against what is there.
func (l *load) end() {
	t := l.t
	t.Helper()
	l.stop()
	l.workers.Wait()
	if len(l.failed) > 0 {
		t.Fatalf("patients were told: %v", l.failed)
	}
	admin := l.clinic.as(l.clinic.user("admin", "UTC").Key)
	found := map[string]client.Appointment{}
	for _, a := range all(t, admin.Appointments(client.AppointmentQuery{PractitionerID: l.practice, From: l.from, To: l.to}).All(t.Context())) {
		found[a.ID] = a
	}
	for id, slot := range l.booked {
		want := "confirmed"
		if l.over[id] {
			want = "cancelled"
		}
		if a := found[id]; a.Status != want || a.SlotID != slot {
			t.Errorf("somebody was told that %s is %s in %s; it is %q in %s", id, want, slot, a.Status, a.SlotID)
		}
	}
	if len(l.booked) < 20 || len(l.over) < 5 {
		t.Errorf("%d appointments, %d of them cancelled: that shows little", len(l.booked), len(l.over))
	}
	l.sound()
}

// sound holds the tables against each other.
func (l *load) sound() {
	db := sqltest.Open(l.t, l.clinic.database)
	for what, query := range map[string]string{
		"appointments that do not have their time": `SELECT COUNT(*) FROM appointments a WHERE a.status = 'confirmed'
			AND (a.ends_at - a.starts_at) / 300000000 <> (SELECT COUNT(*) FROM claims c WHERE c.practitioner_id = a.practitioner_id AND c.appointment_id = a.id
				AND c.cell >= a.starts_at / 300000000 AND c.cell < a.ends_at / 300000000)`,
		"time that is taken for nobody": `SELECT COUNT(*) FROM claims c WHERE c.expires_at IS NULL AND NOT EXISTS (SELECT 1 FROM appointments a
			WHERE a.practitioner_id = c.practitioner_id AND a.id = c.appointment_id AND a.status = 'confirmed')`,
		"appointments that the patient's calendar has otherwise": `SELECT COUNT(*) FROM appointments a WHERE NOT EXISTS (SELECT 1 FROM patient_calendar p
			WHERE p.patient_id = a.patient_id AND p.appointment_id = a.id AND p.starts_at = a.starts_at AND p.status = a.status)`,
		"patients who are to be in two places": `SELECT COUNT(*) FROM patient_calendar p JOIN patient_calendar q ON q.patient_id = p.patient_id
			AND q.appointment_id > p.appointment_id AND q.starts_at < p.ends_at AND p.starts_at < q.ends_at
			WHERE p.status = 'confirmed' AND q.status = 'confirmed'`,
	} {
		if n := count(l.t, db, query); n > 0 {
			l.t.Errorf("there are %d %s", n, what)
		}
	}
}
