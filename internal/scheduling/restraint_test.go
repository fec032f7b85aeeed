package scheduling

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// restrained is a clinic with many slots and room for many holds.
func restrained(t *testing.T, db *sqldb.DB, r Restraint) *clinic {
	t.Helper()
	c := newClinic(t, db)
	c.Restraint = r
	many := PractitionerChange{Policy: PolicyChange{MaxOpenHolds: new(1000)}}
	if _, err := c.ChangePractitioner(t.Context(), c.grey, c.grey.PractitionerID.String(), "*", many); err != nil {
		t.Fatal(err)
	}
	c.publish(c.grey, hours("2027-03-20 08:00", "2027-03-22 12:00"))
	return c
}

// nth is the nth slot of a restrained clinic.
func (c *clinic) nth(n int) string {
	start := at("2027-03-20 08:00").Add(time.Duration(n) * 15 * time.Minute)
	return id.Slot{Practitioner: c.grey.PractitionerID, Start: start, End: start.Add(15 * time.Minute)}.String()
}

// tryHold returns why the nth slot is not held, and for how long one must wait.
func (c *clinic) tryHold(by auth.Actor, n int, confirm bool) (time.Duration, error) {
	_, err := c.Hold(c.t.Context(), by, HoldRequest{Slot: c.nth(n), Confirm: confirm})
	if e := errs.As(err); e != nil {
		return e.Wait, err
	}
	return 0, err
}

func TestPatientsHoldSoManyADay(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := restrained(t, db, Restraint{HoldsPerDay: 3})
		staff := HoldRequest{Slot: c.nth(50), Patient: c.ann.UserID.String()}
		if _, err := c.Hold(t.Context(), c.staff, staff); err != nil { // does not count
			t.Fatal(err)
		}
		released := c.hold(c.ann, c.nth(0))
		if _, err := c.Cancel(t.Context(), c.ann, released.ID.String(), CancelRequest{}); err != nil { // counts all the same
			t.Fatal(err)
		}
		c.clock.Advance(time.Hour)
		_, err := c.tryHold(c.ann, 1, true) // so does a booking
		want(t, "a booking", err, nil)
		_, err = c.tryHold(c.ann, 2, false)
		want(t, "a third", err, nil)
		for _, confirm := range []bool{false, true} {
			wait, err := c.tryHold(c.ann, 3, confirm)
			want(t, "a fourth", err, ErrTooManyToday)
			if wait != 23*time.Hour {
				t.Errorf("wait %s, want 23h, until the first is a day old", wait)
			}
		}
		_, err = c.tryHold(c.bob, 3, false)
		want(t, "somebody else", err, nil)
		staff.Slot = c.nth(51)
		_, err = c.Hold(t.Context(), c.staff, staff)
		want(t, "staff for her", err, nil)
		c.clock.Advance(23*time.Hour - time.Microsecond)
		_, err = c.tryHold(c.ann, 4, false)
		want(t, "before the day is over", err, ErrTooManyToday)
		c.clock.Advance(time.Microsecond)
		_, err = c.tryHold(c.ann, 4, false)
		want(t, "once the first is a day old", err, nil)
		_, err = c.tryHold(c.ann, 5, false)
		want(t, "one more", err, ErrTooManyToday)
	})
}

func TestHoldsThatRunOutCoolDown(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := restrained(t, db, Restraint{Cooldown: time.Hour})
		for n := range 2 {
			c.hold(c.ann, c.nth(n))
		}
		confirmed := c.hold(c.ann, c.nth(2))
		if _, err := c.Confirm(t.Context(), c.ann, confirmed.ID.String()); err != nil {
			t.Fatal(err)
		}
		c.clock.Advance(30 * time.Minute)
		c.hold(c.ann, c.nth(3)) // two ran out
		c.clock.Advance(30*time.Minute - time.Microsecond)
		_, err := c.tryHold(c.ann, 4, false)
		want(t, "while the third runs", err, nil)
		c.clock.Advance(time.Microsecond)
		wait, err := c.tryHold(c.ann, 5, false)
		want(t, "once it ran out", err, ErrHoldCooldown)
		if wait != time.Hour {
			t.Errorf("wait %s, want 1h", wait)
		}
		_, err = c.tryHold(c.bob, 5, false)
		want(t, "somebody else", err, nil)
		_, err = c.Hold(t.Context(), c.staff, HoldRequest{Slot: c.nth(6), Patient: c.ann.UserID.String()})
		want(t, "staff for her", err, nil)
		c.clock.Advance(30*time.Minute - time.Microsecond) // the fourth runs out now too, and begins the hour anew
		c.clock.Advance(time.Hour - time.Microsecond)
		_, err = c.tryHold(c.ann, 7, false)
		want(t, "a moment before an hour after the last", err, ErrHoldCooldown)
		c.clock.Advance(time.Microsecond)
		_, err = c.tryHold(c.ann, 7, false)
		want(t, "an hour after the last", err, nil)
	})
}

// TestHoldsAtOnceCountToo races for different slots in one patient's name.
func TestHoldsAtOnceCountToo(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := restrained(t, db, Restraint{HoldsPerDay: 5})
		var made, refused atomic.Int32
		var wg sync.WaitGroup
		for n := range 16 {
			wg.Go(func() {
				switch _, err := c.tryHold(c.ann, n, false); {
				case err == nil:
					made.Add(1)
				case errors.Is(err, ErrTooManyToday):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if made.Load() != 5 || refused.Load() != 11 {
			t.Errorf("%d were made and %d refused, want 5 and 11", made.Load(), refused.Load())
		}
	})
}
