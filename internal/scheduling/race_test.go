package scheduling

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/id"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// newBusyClinic is a clinic whose practitioners work around the clock in April
// and let patients hold as much as they like.
func newBusyClinic(t *testing.T, db *sqldb.DB) *clinic {
	t.Helper()
	c := newClinic(t, db)
	for _, by := range []auth.Actor{c.grey, c.brown} {
		c.publish(by, inApril)
		many := PractitionerChange{Policy: PolicyChange{MaxOpenHolds: new(1000)}}
		if _, err := c.ChangePractitioner(t.Context(), by, by.PractitionerID.String(), "*", many); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

var inApril = hours("2027-04-01 00:00", "2027-05-01 00:00")

// april returns the id of the nth slot of a practitioner's in April.
func april(by auth.Actor, n int) string {
	start := inApril.Span.Start.Add(time.Duration(n) * 15 * time.Minute)
	return id.Slot{Practitioner: by.PractitionerID, Start: start, End: start.Add(15 * time.Minute)}.String()
}

func (c *clinic) patients(n int) []auth.Actor {
	c.t.Helper()
	all := make([]auth.Actor, n)
	for i := range all {
		all[i] = c.user(fmt.Sprint("patient", i), auth.Patient, "UTC")
	}
	return all
}

// race calls do n times at once, and returns what each call returned.
func race(n int, do func(i int) error) []error {
	results := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			results[i] = do(i)
		})
	}
	close(start)
	wg.Wait()
	return results
}

// winners counts the results that are nil. The others must be one of refusals.
func (c *clinic) winners(results []error, refusals ...error) (n int) {
	c.t.Helper()
	for i, err := range results {
		expected := err == nil
		for _, r := range refusals {
			expected = expected || errors.Is(err, r)
		}
		if !expected {
			c.t.Errorf("caller %d: error %v, want none or one of %v", i, err, refusals)
		}
		if err == nil {
			n++
		}
	}
	return n
}

func TestOneOf64GetsTheSlot(t *testing.T) {
	const clients, rounds = 64, 100
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newBusyClinic(t, db)
		patients := c.patients(clients)
		for round := range rounds {
			slot := april(c.grey, round)
			results := race(clients, func(i int) error {
				if round%10 == 9 { // one impatient patient
					i = round % clients
				}
				_, err := c.Hold(t.Context(), patients[i], HoldRequest{Slot: slot})
				return err
			})
			if n := c.winners(results, ErrSlotTaken); n != 1 {
				t.Fatalf("round %d: %d of %d clients got the slot, want 1", round, n, clients)
			}
		}
		c.checkInvariants()
		if n := c.count(`SELECT count(*) FROM appointments`); n != rounds {
			t.Errorf("%d appointments after %d rounds", n, rounds)
		}
	})
}

func TestOverlappingRequestsNeverBothWin(t *testing.T) {
	const clients, rounds, width = 16, 20, 8
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newBusyClinic(t, db)
		patients := c.patients(clients)
		for round := range rounds {
			results := race(clients, func(i int) error {
				req := HoldRequest{Slot: april(c.grey, round*width+i%5), Slots: 2 + i%3, Confirm: i%4 == 3}
				_, err := c.Hold(t.Context(), patients[i], req)
				return err
			})
			if n := c.winners(results, ErrSlotTaken); n < 1 || n > width/2 {
				t.Fatalf("round %d: %d clients got their slots, want 1 to %d", round, n, width/2)
			}
		}
		c.checkInvariants()
	})
}

func TestAPatientIsInOnePlaceAtATime(t *testing.T) {
	const clients, rounds = 8, 20
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newBusyClinic(t, db)
		for round := range rounds {
			results := race(clients, func(i int) error {
				req := HoldRequest{Slot: april(c.grey, 3*round), Slots: 2}
				if i%2 == 1 {
					req.Slot = april(c.brown, 3*round+1)
				}
				_, err := c.Hold(t.Context(), c.ann, req)
				return err
			})
			if n := c.winners(results, ErrSlotTaken, ErrPatientBusy); n != 1 {
				t.Fatalf("round %d: the patient has %d appointments at a time, want 1", round, n)
			}
		}
		c.checkInvariants()
	})
}

// TestConfirmRacesExpiry has a patient confirm around the instant at which the
// hold ends, and another want the slot from that instant on.
func TestConfirmRacesExpiry(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newBusyClinic(t, db)
		for round := range 60 {
			a := c.hold(c.ann, april(c.grey, round))
			results := race(2, func(i int) error {
				if i == 0 {
					_, err := c.Confirm(t.Context(), c.ann, a.ID.String())
					return err
				}
				c.clock.Set(a.HoldExpiresAt)
				_, err := c.Hold(t.Context(), c.bob, HoldRequest{Slot: a.SlotID()})
				return err
			})
			kept := results[0] == nil && errors.Is(results[1], ErrSlotTaken)
			passed := errors.Is(results[0], ErrHoldExpired) && results[1] == nil
			if !kept && !passed {
				t.Fatalf("round %d: confirm got %v, the other's hold %v", round, results[0], results[1])
			}
		}
		c.checkInvariants()
	})
}

func TestCancelRacesConfirm(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newBusyClinic(t, db)
		for round := range 30 {
			a := c.hold(c.ann, april(c.grey, round))
			results := race(4, func(i int) error {
				var err error
				switch i {
				case 0:
					_, err = c.Confirm(t.Context(), c.ann, a.ID.String())
				case 1:
					_, err = c.Cancel(t.Context(), c.ann, a.ID.String(), CancelRequest{})
				case 2:
					_, err = c.Cancel(t.Context(), c.staff, a.ID.String(), CancelRequest{Reason: phi.Of("ill")})
				case 3:
					_, err = c.Hold(t.Context(), c.bob, HoldRequest{Slot: a.SlotID()})
				}
				return err
			})
			c.winners(results[:1], ErrTransition)
			c.winners(results[1:3])
			c.winners(results[3:], ErrSlotTaken)
			if a, err := c.Appointment(t.Context(), c.ann, a.ID.String()); err != nil || a.Status != Cancelled {
				t.Fatalf("round %d: the appointment is %s, %v, want cancelled", round, a.Status, err)
			}
		}
		c.checkInvariants() // no cancellation gave back what the other got
	})
}

func TestSwapsLoseNobodysTime(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newBusyClinic(t, db)
		for round := range 20 {
			a, b := c.hold(c.ann, april(c.grey, 2*round)), c.book(c.bob, april(c.grey, 2*round+1))
			results := race(2, func(i int) error {
				if i == 0 {
					return c.move(c.ann, a, b.SlotID())
				}
				return c.move(c.bob, b, a.SlotID())
			})
			if n := c.winners(results, ErrSlotTaken); n != 0 {
				t.Fatalf("round %d: %d got into a slot that was taken", round, n)
			}
		}
		c.checkInvariants()
		if n := c.count(`SELECT count(*) FROM claims`); n != 20*2*3 {
			t.Errorf("%d cells are claimed, want %d", n, 20*2*3)
		}
	})
}

func (c *clinic) move(by auth.Actor, a Appointment, slot string) error {
	_, err := c.Reschedule(c.t.Context(), by, a.ID.String(), RescheduleRequest{Slot: slot})
	return err
}

// TestMusicalChairs has patients move among a few places, some of them of two
// slots and so onto their own old place and others'.
func TestMusicalChairs(t *testing.T) {
	const players, moves, places = 6, 12, 12
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newBusyClinic(t, db)
		patients := c.patients(players)
		seats := make([]Appointment, players)
		for i := range seats {
			var err error
			seats[i], err = c.Hold(t.Context(), patients[i], HoldRequest{Slot: april(c.grey, 2*i), Slots: 1 + i%2, Confirm: i%3 == 0})
			want(t, "sit down", err, nil)
		}
		c.winners(race(players, func(i int) error {
			r := rand.New(rand.NewPCG(1, uint64(i)))
			for range moves {
				a, err := c.Reschedule(t.Context(), patients[i], seats[i].ID.String(), RescheduleRequest{Slot: april(c.grey, r.IntN(places))})
				if err == nil {
					seats[i] = a
				} else if !errors.Is(err, ErrSlotTaken) {
					return err
				}
			}
			return nil
		}))
		c.checkInvariants()
		for i, seat := range seats {
			got, err := c.Appointment(t.Context(), patients[i], seat.ID.String())
			if err != nil || !got.Start.Equal(seat.Start) || !got.End.Equal(seat.End) || got.Status != seat.Status {
				t.Errorf("player %d: sits at %v, %v, want %v", i, got.Start, err, seat.Start)
			}
		}
	})
}

// TestTimeOffRacesHolds shows that a hold either is among the conflicts that
// the time off reports, or is refused.
func TestTimeOffRacesHolds(t *testing.T) {
	const holders, rounds = 8, 10
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newBusyClinic(t, db)
		patients := c.patients(holders)
		for round := range rounds {
			var off TimeOff
			start := inApril.Span.Start.Add(time.Duration(round) * holders * 15 * time.Minute)
			h := Hours{Kind: KindSpan, Span: calendar.Span{Start: start, End: start.Add(holders * 15 * time.Minute)}}
			results := race(1+holders, func(i int) (err error) {
				if i == holders {
					off, err = c.TakeTimeOff(t.Context(), c.grey, c.grey.PractitionerID.String(), h, phi.Value[string]{})
					return err
				}
				_, err = c.Hold(t.Context(), patients[i], HoldRequest{Slot: april(c.grey, round*holders+i)})
				return err
			})
			if n := c.winners(results, ErrSlotBlocked) - 1; n != len(off.Conflicts) {
				t.Fatalf("round %d: %d holds, %d conflicts", round, n, len(off.Conflicts))
			}
		}
		c.checkInvariants()
	})
}
