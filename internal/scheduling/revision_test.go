package scheduling

import (
	"context"
	"strings"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// watch is somebody who looks at Dr. Grey's calendar.
type watch struct {
	*clinic
	last    string
	changes <-chan struct{}
}

// look returns whether the revision has changed since the last look, and whether
// there was a nudge.
func (w *watch) look() (changed, nudged bool) {
	w.t.Helper()
	r, err := w.Revision(context.Background(), w.grey, w.grey.PractitionerID.String())
	if err != nil || r == "" {
		w.t.Fatalf("revision %q, %v", r, err)
	}
	select {
	case <-w.changes:
		nudged = true
	default:
	}
	changed, w.last = r != w.last, r
	return changed, nudged
}

// TestARevisionChangesWithTheCalendar does everything that can be done to one.
func TestARevisionChangesWithTheCalendar(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		changes, cancel := c.Changes(c.grey.PractitionerID)
		defer cancel()
		w := &watch{clinic: c, changes: changes}
		w.look()
		grey, none := c.grey.PractitionerID.String(), phi.Value[string]{}
		slot := func(start string) string {
			return id.Slot{Practitioner: c.grey.PractitionerID, Start: at(start), End: at(start).Add(15 * time.Minute)}.String()
		}
		var (
			hours1, hours2 Published
			a, b           Appointment
			off            TimeOff
			err            error
		)
		const touched, byTime, untouched = "changes and nudges", "changes", ""
		for _, tt := range []struct {
			name, want string
			do         func() error
		}{
			{"publish", touched, func() error { hours1 = c.publish(c.grey, hours("2027-03-15 08:00", "2027-03-15 12:00")); return nil }},
			{"publish again", untouched, func() error { c.publish(c.grey, hours("2027-03-15 08:00", "2027-03-15 12:00")); return nil }},
			{"publish more", touched, func() error { hours2 = c.publish(c.grey, hours("2027-03-16 08:00", "2027-03-16 12:00")); return nil }},
			{"change hours", touched, func() error {
				_, err = c.ChangeAvailability(t.Context(), c.grey, hours2.ID.String(), etagOf(hours2), HoursChange{EndsAt: new(at("2027-03-16 11:00"))})
				return err
			}},
			{"remove hours", touched, func() error {
				_, err = c.RemoveAvailability(t.Context(), c.grey, hours2.ID.String(), "*")
				return err
			}},
			{"preview", untouched, func() error {
				_, err = c.PreviewRemoval(t.Context(), c.grey, hours1.ID.String())
				return err
			}},
			{"time off", touched, func() error {
				off, err = c.TakeTimeOff(t.Context(), c.grey, grey, hours("2027-03-15 11:00", "2027-03-15 12:00"), none)
				return err
			}},
			{"end time off", touched, func() error { return c.EndTimeOff(t.Context(), c.grey, off.ID.String()) }},
			{"slot by hand", touched, func() error {
				_, err = c.AddSlot(t.Context(), c.grey, grey, at("2027-03-15 13:00"), time.Time{})
				return err
			}},
			{"block it", touched, func() error {
				_, err = c.ChangeSlot(t.Context(), c.grey, slot("2027-03-15 13:00"), "*", SlotChange{Blocked: new(true)})
				return err
			}},
			{"remove it", touched, func() error { return c.RemoveSlot(t.Context(), c.grey, slot("2027-03-15 13:00"), "*") }},
			{"policy", touched, func() error {
				_, err = c.ChangePractitioner(t.Context(), c.grey, grey, "*", PractitionerChange{Policy: PolicyChange{NoticeSeconds: new(0)}})
				return err
			}},
			{"hold", touched, func() error { a = c.hold(c.ann, slot("2027-03-15 08:00")); return nil }},
			{"a hold that is refused", untouched, func() error {
				_, err := c.Hold(t.Context(), c.bob, HoldRequest{Slot: slot("2027-03-15 08:00")})
				want(t, "hold what is held", err, ErrSlotTaken)
				return nil
			}},
			{"confirm", touched, func() error { _, err = c.Confirm(t.Context(), c.ann, a.ID.String()); return err }},
			{"confirm again", untouched, func() error { _, err = c.Confirm(t.Context(), c.ann, a.ID.String()); return err }},
			{"move", touched, func() error {
				_, err = c.Reschedule(t.Context(), c.ann, a.ID.String(), RescheduleRequest{Slot: slot("2027-03-15 09:00")})
				return err
			}},
			{"cancel", touched, func() error {
				_, err = c.Cancel(t.Context(), c.staff, a.ID.String(), CancelRequest{Reason: phi.Of("ill")})
				return err
			}},
			{"hold another", touched, func() error { b = c.hold(c.bob, slot("2027-03-15 08:00")); return nil }},
			{"a microsecond before its end", untouched, func() error { c.clock.Set(b.HoldExpiresAt.Add(-time.Microsecond)); return nil }},
			{"its end", byTime, func() error { c.clock.Set(b.HoldExpiresAt); return nil }},
			{"its end is written down", touched, func() error { return c.writeHoldEnd(t.Context(), HoldEnds{Appointment: b.ID.String()}) }},
			{"book", touched, func() error { a = c.book(c.ann, slot("2027-03-15 08:00")); return nil }},
			{"book one more", touched, func() error { b = c.book(c.bob, slot("2027-03-15 08:15")); return nil }},
			{"time passes", untouched, func() error { c.clock.Set(at("2027-03-15 08:30")); return nil }},
			{"complete", touched, func() error { _, err = c.Complete(t.Context(), c.grey, a.ID.String()); return err }},
			{"no-show", touched, func() error { _, err = c.MarkNoShow(t.Context(), c.grey, b.ID.String()); return err }},
			{"forget what a patient said", touched, func() error {
				return db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error { return Forget(ctx, tx, c.ann.UserID) })
			}},
			{"another's calendar", untouched, func() error { c.publish(c.brown, hours("2027-03-16 08:00", "2027-03-16 12:00")); return nil }},
			{"waiting list", untouched, func() error {
				_, err = c.JoinWaitlist(t.Context(), c.ann, WaitRequest{Practitioner: grey, From: at("2027-03-16 08:00"), To: at("2027-03-17 08:00")})
				return err
			}},
			{"who commits late with an early instant, elsewhere", byTime, func() error {
				return db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
					_, err := tx.Exec(ctx, `UPDATE appointments SET version = version + 1, updated_at = updated_at - 1000000 WHERE id = $1`, a.ID.ID)
					return err
				})
			}},
			{"retire", touched, func() error {
				return db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error { return CloseSchedule(ctx, tx, c.grey.PractitionerID) })
			}},
		} {
			if err := tt.do(); err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			changed, nudged := w.look()
			if changed != (tt.want != untouched) || nudged && tt.want == byTime || !nudged && tt.want == touched {
				t.Errorf("%s: the revision has changed: %v, nudged: %v, want %q", tt.name, changed, nudged, tt.want)
			}
		}
		if n := c.count(`SELECT count(*) FROM audit_events WHERE action = 'calendar.watch'`); n != 0 {
			t.Errorf("%d records of looks at nobody, want 0", n)
		}
	})
}

func TestOnlyOwnerAndStaffWatchACalendar(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for name, tt := range map[string]struct {
			by   auth.Actor
			want error
		}{
			"nobody": {auth.Actor{}, auth.ErrForbidden}, "ann": {c.ann, auth.ErrForbidden},
			"brown": {c.brown, directory.ErrPractitionerNotFound}, "grey": {c.grey, nil}, "staff": {c.staff, nil},
		} {
			r, err := c.Revision(t.Context(), tt.by, c.grey.PractitionerID.String())
			want(t, name, err, tt.want)
			if (r == "") != (tt.want != nil) {
				t.Errorf("%s is told %q", name, r)
			}
		}
	})
}

// TestARevisionReadsByIndex shows that what is polled does not grow with a calendar.
func TestARevisionReadsByIndex(t *testing.T) {
	db := sqltest.Open(t, sqltest.SQLite(t))
	c := newClinic(t, db)
	plans := map[string]string{}
	db.Observe = func(_ context.Context, statement string) error {
		if strings.Contains(statement, "FROM appointments") {
			plans[statement] = ""
		}
		return nil
	}
	if _, err := c.Revision(t.Context(), c.grey, c.grey.PractitionerID.String()); err != nil {
		t.Fatal(err)
	}
	db.Observe = nil
	for statement := range plans {
		err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			steps, err := sqldb.All(ctx, tx, func(r sqldb.Row) (step string, err error) {
				var a, b, d int
				err = r.Scan(&a, &b, &d, &step)
				return step, err
			}, "EXPLAIN QUERY PLAN "+statement, c.grey.PractitionerID, int64(50))
			plans[statement] = strings.Join(steps, "; ")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if p := plans[statement]; !strings.Contains(p, "appointments_changed") && !strings.Contains(p, "appointments_held") || strings.Contains(p, "SCAN") || strings.Contains(p, "TEMP") {
			t.Errorf("%s\nis done so: %s", statement, p)
		}
	}
	if len(plans) != 2 {
		t.Errorf("a revision reads appointments in %d ways, want 2", len(plans))
	}
}
