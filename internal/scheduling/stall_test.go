package scheduling

import (
	"context"
	"errors"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/page"
	"medbook/internal/phi"
)

// Statements before which a transaction is held back.
const (
	patientLock = `^SELECT patient_id FROM patients`     // the last row lock
	claiming    = `^INSERT INTO claims`                  // the rules are read
	releasing   = `cell < \$3 OR cell >= \$4`            // a move has what it wants
	confirming  = `^UPDATE claims SET expires_at = NULL` // the clock is read
	storing     = `^INSERT INTO appointments`            // the cells are claimed
	recording   = `^INSERT INTO audit_events`            // all but the audit record is written
	committing  = `^COMMIT$`
)

// TestConfirmStallsAroundExpiry has a patient confirm a hold before it ends and
// hold an overlapping slot elsewhere after it ended.
func TestConfirmStallsAroundExpiry(t *testing.T) {
	confirm := func(s *stage, a Appointment) *call {
		return s.start("confirm", func(ctx context.Context) error {
			_, err := s.Confirm(ctx, s.ann, a.ID.String())
			return err
		})
	}
	elsewhere := func(s *stage) *call {
		return s.start("elsewhere", func(ctx context.Context) error {
			_, err := s.Hold(ctx, s.ann, HoldRequest{Slot: april(s.brown, 1)})
			return err
		})
	}
	for _, tt := range []struct {
		name    string
		stall   string // where confirm does
		confirm error
		hold    error
	}{
		{"with the patient's lock", confirming, nil, ErrPatientBusy},
		{"before it has the patient's lock", patientLock, ErrHoldExpired, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onStage(t, func(t *testing.T, s *stage) {
				a, err := s.Hold(t.Context(), s.ann, HoldRequest{Slot: april(s.grey, 0), Slots: 2})
				want(t, "hold", err, nil)
				s.clock.Set(a.HoldExpiresAt.Add(-time.Microsecond))
				stalled := s.before("confirm", tt.stall)
				first := confirm(s, a)
				first.at(stalled)
				s.clock.Set(a.HoldExpiresAt)
				second := elsewhere(s)
				if tt.hold != nil {
					s.await(second)
				} else if s.together() {
					want(t, "hold elsewhere", second.result(), nil)
				}
				stalled.end()
				want(t, "confirm", first.result(), tt.confirm)
				want(t, "hold elsewhere", second.result(), tt.hold)
				s.checkInvariants()
			})
		})
	}
}

// TestConfirmStallsAndAnotherWantsTheSlot is the same between two patients, who
// share no lock but that on the claims.
func TestConfirmStallsAndAnotherWantsTheSlot(t *testing.T) {
	for _, tt := range []struct {
		name    string
		stall   string
		confirm error
		hold    error
	}{
		{"with the clock read", confirming, ErrHoldExpired, nil},
		{"with the claims", recording, nil, ErrSlotTaken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onStage(t, func(t *testing.T, s *stage) {
				a := s.hold(s.ann, april(s.grey, 0))
				s.clock.Set(a.HoldExpiresAt.Add(-time.Microsecond))
				stalled := s.before("confirm", tt.stall)
				first := s.start("confirm", func(ctx context.Context) error {
					_, err := s.Confirm(ctx, s.ann, a.ID.String())
					return err
				})
				first.at(stalled)
				s.clock.Set(a.HoldExpiresAt)
				second := s.start("hold", func(ctx context.Context) error {
					_, err := s.Hold(ctx, s.bob, HoldRequest{Slot: a.SlotID()})
					return err
				})
				wantConfirm, wantHold := tt.confirm, tt.hold
				if !s.together() { // whoever is first on SQLite is alone
					wantConfirm, wantHold = nil, ErrSlotTaken
				}
				if wantHold != nil {
					s.await(second)
				} else {
					want(t, "hold", second.result(), nil)
				}
				stalled.end()
				want(t, "confirm", first.result(), wantConfirm)
				want(t, "hold", second.result(), wantHold)
				s.checkInvariants()
			})
		})
	}
}

// TestEditorAgainstHolder shows that a hold obeys the rules as they are when it
// is made, and that who changes them knows of it.
func TestEditorAgainstHolder(t *testing.T) {
	const slot = 6
	blind := errors.New("the edit tells another number of live appointments")
	seen := func(n int, held bool, err error) error {
		if err == nil && (n == 1) != held {
			return blind
		}
		return err
	}
	for _, tt := range []struct {
		name string
		edit func(ctx context.Context, s *stage, held bool) error
		late error // of an edit that finds the hold
		hold error // of a hold that finds the edit
	}{
		{"removes the availability", func(ctx context.Context, s *stage, held bool) error {
			all, err := s.Availabilities(ctx, s.grey, s.grey.PractitionerID.String(), page.Request{Limit: 1})
			if err != nil {
				return err
			}
			r, err := s.RemoveAvailability(ctx, s.grey, all.Items[0].ID.String(), "*")
			return seen(len(r.KeptSlots), held, err)
		}, nil, ErrSlotNotFound},
		{"takes time off", func(ctx context.Context, s *stage, held bool) error {
			off, err := s.TakeTimeOff(ctx, s.grey, s.grey.PractitionerID.String(), inApril, phi.Value[string]{})
			return seen(len(off.Conflicts), held, err)
		}, nil, ErrSlotBlocked},
		{"makes slots longer", func(ctx context.Context, s *stage, _ bool) error {
			_, err := s.ChangePractitioner(ctx, s.grey, s.grey.PractitionerID.String(), "*", PractitionerChange{Policy: PolicyChange{SlotMinutes: new(30)}})
			return err
		}, nil, ErrSlotNotFound},
		{"asks for more notice", func(ctx context.Context, s *stage, _ bool) error {
			_, err := s.ChangePractitioner(ctx, s.grey, s.grey.PractitionerID.String(), "*", PractitionerChange{Policy: PolicyChange{NoticeSeconds: new(60 * 24 * 60 * 60)}})
			return err
		}, nil, ErrTooLate},
		{"removes the slot", func(ctx context.Context, s *stage, _ bool) error {
			return s.RemoveSlot(ctx, s.grey, april(s.grey, slot), "*")
		}, ErrSlotInUse, ErrSlotNotFound},
		{"blocks the slot", func(ctx context.Context, s *stage, _ bool) error {
			_, err := s.ChangeSlot(ctx, s.grey, april(s.grey, slot), "*", SlotChange{Blocked: new(true)})
			return err
		}, ErrSlotInUse, ErrSlotBlocked},
	} {
		hold := func(s *stage) *call {
			return s.start("holder", func(ctx context.Context) error {
				_, err := s.Hold(ctx, s.ann, HoldRequest{Slot: april(s.grey, slot)})
				return err
			})
		}
		edit := func(s *stage, held bool) *call {
			return s.start("editor", func(ctx context.Context) error { return tt.edit(ctx, s, held) })
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Run("behind", func(t *testing.T) {
				onStage(t, func(t *testing.T, s *stage) {
					stalled := s.before("holder", claiming)
					holder := hold(s)
					holder.at(stalled)
					editor := edit(s, true)
					s.await(editor)
					stalled.end()
					want(t, "hold", holder.result(), nil)
					want(t, "edit", editor.result(), tt.late)
					_, err := s.Slot(t.Context(), s.ann, april(s.grey, slot))
					want(t, "look at the slot that is held", err, nil)
					s.checkInvariants()
				})
			})
			t.Run("ahead", func(t *testing.T) {
				onStage(t, func(t *testing.T, s *stage) {
					stalled := s.before("editor", recording)
					editor := edit(s, false)
					editor.at(stalled)
					holder := hold(s)
					s.await(holder)
					stalled.end()
					want(t, "edit", editor.result(), nil)
					want(t, "hold", holder.result(), tt.hold)
					if n := s.count(`SELECT count(*) FROM claims`); n != 0 {
						t.Errorf("a refused hold left %d claims", n)
					}
				})
			})
		})
	}
}

// TestMovesStall has two patients move at once, held back in the middle.
func TestMovesStall(t *testing.T) {
	type place struct{ first, slots, to int }
	for _, tt := range []struct {
		name     string
		ann, bob place
		annAt    string // where she is held back
		bobAt    string // where he is; empty: he waits for her
		annGets  error
		bobGets  error
	}{
		{"a swap, before either claims", place{0, 1, 1}, place{1, 1, 0}, claiming, claiming, ErrSlotTaken, ErrSlotTaken},
		{"halfway into each other, before either claims", place{0, 2, 1}, place{2, 2, 1}, claiming, claiming, ErrSlotTaken, ErrSlotTaken},
		{"towards each other, between claim and release", place{0, 2, 1}, place{4, 2, 3}, releasing, releasing, nil, nil},
		{"into the same gap, between claim and release", place{0, 2, 1}, place{3, 2, 2}, releasing, "", nil, ErrSlotTaken},
		{"into the place that is being left", place{0, 1, 5}, place{1, 1, 0}, recording, "", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onStage(t, func(t *testing.T, s *stage) {
				move := func(name string, by auth.Actor, p place) (Appointment, func() *call) {
					a, err := s.Hold(t.Context(), by, HoldRequest{Slot: april(s.grey, p.first), Slots: p.slots, Confirm: name == "ann"})
					want(t, "hold", err, nil)
					return a, func() *call {
						return s.start(name, func(ctx context.Context) error {
							_, err := s.Reschedule(ctx, by, a.ID.String(), RescheduleRequest{Slot: april(s.grey, p.to)})
							return err
						})
					}
				}
				a, annMoves := move("ann", s.ann, tt.ann)
				b, bobMoves := move("bob", s.bob, tt.bob)
				annStalls, bobStalls := s.before("ann", tt.annAt), s.before("bob", tt.bobAt)
				if tt.bobAt == "" || !s.together() {
					bobStalls.end()
				}
				first := annMoves()
				first.at(annStalls)
				second := bobMoves()
				switch {
				case tt.bobAt == "":
					s.await(second)
				case s.together():
					second.at(bobStalls)
				}
				bobStalls.end()
				annStalls.end()
				want(t, "ann's move", first.result(), tt.annGets)
				want(t, "bob's move", second.result(), tt.bobGets)
				s.checkOnce("ann", "bob")
				s.checkInvariants()
				s.sits(s.ann, a, tt.ann.first, tt.ann.to, tt.annGets)
				s.sits(s.bob, b, tt.bob.first, tt.bob.to, tt.bobGets)
			})
		})
	}
}

// sits checks that an appointment is where a move has left it.
func (s *stage) sits(by auth.Actor, a Appointment, from, to int, moved error) {
	s.t.Helper()
	n := to
	if moved != nil {
		n = from
	}
	got, err := s.Appointment(context.Background(), by, a.ID.String())
	if err != nil || got.SlotID() != april(s.grey, n) || got.Slots != a.Slots || got.Status != a.Status {
		s.t.Errorf("the appointment is %s at %v, %v, want %s at slot %d", got.Status, got.Start, err, a.Status, n)
	}
}
