package scheduling

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/jobs"
	"medbook/internal/notify"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// queue is a clinic with a waiting list: Ann has what Bob, Cleo and Dan wait for.
type queue struct {
	*clinic
	run       *jobs.Runner
	cleo, dan auth.Actor
	had       Appointment
}

func newQueue(t *testing.T, db *sqldb.DB) *queue {
	t.Helper()
	q := &queue{clinic: newClinic(t, db), run: &jobs.Runner{DB: db, Log: slog.New(slog.DiscardHandler)}}
	q.Work(q.run)
	jobs.Handle(q.run, func(context.Context, notify.Write) error { return nil })
	q.cleo, q.dan = q.user("cleo", auth.Patient, "UTC"), q.user("dan", auth.Patient, "UTC")
	q.publish(q.grey, hours("2027-03-16 08:00", "2027-03-16 09:00"))
	q.had = q.book(q.ann, q.slot(q.grey.PractitionerID, at("2027-03-16 08:00")))
	for _, who := range []auth.Actor{q.bob, q.cleo, q.dan} {
		q.wait(who, at("2027-03-16 08:00"), at("2027-03-16 08:15"))
	}
	return q
}

func (q *queue) wait(who auth.Actor, from, to time.Time) Wait {
	q.t.Helper()
	q.clock.Advance(time.Second)
	w, err := q.JoinWaitlist(q.t.Context(), who, WaitRequest{Practitioner: q.grey.PractitionerID.String(), From: from, To: to})
	if err != nil {
		q.t.Fatal(err)
	}
	return w
}

func (q *queue) work() {
	q.t.Helper()
	if _, err := q.run.RunDue(q.t.Context()); err != nil {
		q.t.Fatal(err)
	}
}

// holder returns who has 08:00 now, and the hold.
func (q *queue) holder() (name string, a Appointment) {
	q.t.Helper()
	for name, who := range map[string]auth.Actor{"bob": q.bob, "cleo": q.cleo, "dan": q.dan} {
		p, err := q.Appointments(q.t.Context(), who, AppointmentFilter{Status: "held"}, page.Request{Limit: 100})
		if err != nil {
			q.t.Fatal(err)
		}
		for _, a := range p.Items {
			if a.Start.Equal(q.had.Start) {
				return name, a
			}
		}
	}
	return "nobody", Appointment{}
}

func (q *queue) cancelAnn() {
	q.t.Helper()
	if _, err := q.Cancel(q.t.Context(), q.ann, q.had.ID.String(), CancelRequest{}); err != nil {
		q.t.Fatal(err)
	}
	q.work()
}

// TestFreedTimeIsOfferedInTurn frees a slot that three wait for: each is offered it
// for as long as a hold lives, and nobody twice; who confirms leaves the list.
func TestFreedTimeIsOfferedInTurn(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		q := newQueue(t, db)
		q.cancelAnn()
		var order []string
		name, a := q.holder()
		for ; name != "nobody" && len(order) < 2; name, a = q.holder() {
			order = append(order, name)
			who := map[string]auth.Actor{"bob": q.bob, "cleo": q.cleo}[name]
			if of, err := q.Offers(t.Context(), who); err != nil || len(of) != 1 || of[a.ID].Lead != who.UserID {
				t.Errorf("%s was offered %v, %v; want the hold", name, of, err)
			}
			q.work() // nothing more happens while somebody thinks about it
			if again, _ := q.holder(); again != name {
				t.Fatalf("%s has what was offered to %s", again, name)
			}
			q.clock.Set(a.HoldExpiresAt)
			q.work()
			q.work() // the end frees it, and the freed is offered
		}
		if !slices.Equal(order, []string{"bob", "cleo"}) || name != "dan" {
			t.Fatalf("offered to %v and then %s, want Bob, Cleo, Dan", order, name)
		}
		if _, err := q.Confirm(t.Context(), q.dan, a.ID.String()); err != nil {
			t.Fatal(err)
		}
		if n := q.count(`SELECT count(*) FROM waitlist WHERE patient_id = $1`, q.dan.UserID); n != 0 {
			t.Error("Dan has what he waited for and still waits")
		}
		if of, err := q.Offers(t.Context(), q.ann); err != nil || len(of) != 0 {
			t.Errorf("Ann, who waits for nothing, was offered %v, %v", of, err)
		}
		_, err := q.Offers(t.Context(), q.grey)
		want(t, "a practitioner's", err, auth.ErrForbidden)
		if n := q.count(`SELECT count(*) FROM waitlist`); n != 2 {
			t.Errorf("%d wait, want Bob and Cleo", n)
		}
		if n := q.count(`SELECT count(*) FROM audit_events WHERE action = 'waitlist.offer'`); n != 3 {
			t.Errorf("%d offers are on record, want 3", n)
		}
	})
}

// TestWhoCantTakeAnOfferIsPassedOver has the first busy at that time, the second
// gone from the list, and the third think about another offer.
func TestWhoCantTakeAnOfferIsPassedOver(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		q := newQueue(t, db)
		q.publish(q.brown, localDay(t, "2027-03-16", "17:00", "18:30")) // 07:15 to 08:45 in New York
		busy := q.slots(q.bob, q.brown.PractitionerID, "", time.Time{}, time.Time{})
		for _, s := range busy {
			if s.Start.Equal(q.had.Start) {
				q.book(q.bob, s.ID())
			}
		}
		p, err := q.Waitlist(t.Context(), q.cleo, page.Request{Limit: 100})
		if err != nil || len(p.Items) != 1 {
			t.Fatalf("Cleo waits %v, %v", p.Items, err)
		}
		if err := q.LeaveWaitlist(t.Context(), q.cleo, p.Items[0].ID.String()); err != nil {
			t.Fatal(err)
		}
		q.cancelAnn()
		if name, _ := q.holder(); name != "dan" {
			t.Errorf("offered to %s, want Dan", name)
		}
	})
}

// TestNothingIsOfferedThatNobodyCanBook frees what is too soon, what nobody waits
// for, and what somebody else takes first.
func TestNothingIsOfferedThatNobodyCanBook(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		q := newQueue(t, db)
		other := q.book(q.ann, q.slot(q.grey.PractitionerID, at("2027-03-16 08:30")))
		if _, err := q.Cancel(t.Context(), q.ann, other.ID.String(), CancelRequest{}); err != nil {
			t.Fatal(err)
		}
		if n := q.count(`SELECT count(*) FROM jobs WHERE kind = 'scheduling.freed'`); n != 0 {
			t.Errorf("%d jobs to offer what nobody waits for", n)
		}
		if _, err := q.Cancel(t.Context(), q.ann, q.had.ID.String(), CancelRequest{}); err != nil {
			t.Fatal(err)
		}
		taken := q.book(q.ann, q.slot(q.grey.PractitionerID, at("2027-03-16 08:00")))
		q.work()
		if name, _ := q.holder(); name != "nobody" {
			t.Errorf("%s was offered what Ann has booked again", name)
		}
		q.clock.Set(taken.Start.Add(-24*time.Hour + time.Second))
		if _, err := q.Cancel(t.Context(), q.staff, taken.ID.String(), CancelRequest{Reason: phi.Of("Ill.")}); err != nil {
			t.Fatal(err)
		}
		q.work()
		if name, _ := q.holder(); name != "nobody" {
			t.Errorf("%s was offered what is too late to book", name)
		}
	})
}

// TestAMoveFreesWhatItLeaves moves an appointment away from where somebody waits.
func TestAMoveFreesWhatItLeaves(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		q := newQueue(t, db)
		to := q.slot(q.grey.PractitionerID, at("2027-03-16 08:45"))
		if _, err := q.Reschedule(t.Context(), q.ann, q.had.ID.String(), RescheduleRequest{Slot: to}); err != nil {
			t.Fatal(err)
		}
		q.work()
		if name, _ := q.holder(); name != "bob" {
			t.Errorf("offered to %s, want Bob", name)
		}
	})
}

// TestAnOfferIsAHoldToPrograms subscribes a program to holds, and frees a slot.
func TestAnOfferIsAHoldToPrograms(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		q := newQueue(t, db)
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO webhooks (id, url, kinds, enabled, secret, created_at, created_by, version)
				VALUES ($1, 'https://hooks.example/x', 'appointment.held', TRUE, $2, 0, $1, 1)`, q.ann.UserID, []byte("x"))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		q.cancelAnn()
		if n := q.count(`SELECT count(*) FROM jobs WHERE kind = 'webhooks.event' AND payload LIKE '%"appointment.held"%'`); n != 1 {
			t.Errorf("%d events of a hold, want that of the offer", n)
		}
	})
}

// TestEachReminderComesOnce moves an appointment earlier, away and back: whatever
// reminders were set on the way, one of each kind is written.
func TestEachReminderComesOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		run := &jobs.Runner{DB: db, Log: slog.New(slog.DiscardHandler)}
		c.Work(run)
		written := map[notify.Kind]map[string]bool{notify.ReminderDay: {}, notify.ReminderHours: {}}
		jobs.Handle(run, func(ctx context.Context, w notify.Write) error {
			return db.View(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := Facts(ctx, tx, w.User, w.Event)
				if ids := written[w.Event.Kind]; err == nil && ids != nil {
					ids[w.ID.String()] = true
				}
				return nil
			})
		})
		c.publish(c.grey, hours("2027-03-17 08:00", "2027-03-17 09:00"))
		a := c.book(c.ann, c.slot(c.grey.PractitionerID, at("2027-03-17 08:45")))
		for _, to := range []string{"08:30", "08:45", "08:15", "08:00", "08:15"} {
			if _, err := c.Reschedule(t.Context(), c.ann, a.ID.String(), RescheduleRequest{Slot: c.slot(c.grey.PractitionerID, at("2027-03-17 "+to))}); err != nil {
				t.Fatal(err)
			}
		}
		for now := at("2027-03-16 07:45"); now.Before(at("2027-03-17 08:15")); now = now.Add(5 * time.Minute) {
			c.clock.Set(now)
			if _, err := run.RunDue(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for kind, ids := range written {
			if len(ids) != 1 {
				t.Errorf("%d messages of %s, want 1", len(ids), kind)
			}
		}
	})
}

// TestAListOfWaitsTellsWhatIsOffered frees a slot that three wait for, and lets the
// first one's time run out.
func TestAListOfWaitsTellsWhatIsOffered(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		q := newQueue(t, db)
		offered := func() (until []time.Time) {
			t.Helper()
			p, err := q.Waitlist(t.Context(), q.grey, page.Request{Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range p.Items {
				until = append(until, w.OfferedUntil)
			}
			return until
		}
		none := []time.Time{{}, {}, {}}
		if got := offered(); !slices.Equal(got, none) {
			t.Errorf("before anything is free: offered until %v", got)
		}
		q.cancelAnn()
		_, a := q.holder()
		if got, want := offered(), []time.Time{a.HoldExpiresAt, {}, {}}; !slices.Equal(got, want) {
			t.Errorf("offered to Bob: until %v, want %v", got, want)
		}
		q.clock.Set(a.HoldExpiresAt)
		if got := offered(); !slices.Equal(got, none) {
			t.Errorf("at the end of the hold: offered until %v", got)
		}
	})
}
