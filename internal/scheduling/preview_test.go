package scheduling

import (
	"slices"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// dump counts what a change of hours could leave behind.
func (c *clinic) dump() [4]int {
	return [4]int{
		c.count(`SELECT count(*) FROM availability`), c.count(`SELECT count(*) FROM time_off`),
		c.count(`SELECT sum(version) FROM schedules`), c.count(`SELECT count(*) FROM audit_events WHERE action LIKE '%.preview'`),
	}
}

func freeOf(slots []Slot) (n int) {
	for _, s := range slots {
		if s.Status == SlotAvailable {
			n++
		}
	}
	return n
}

// TestAPreviewIsWhatThenHappens asks what a change would do, sees that nothing is
// written, and then makes it.
func TestAPreviewIsWhatThenHappens(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		grey := c.grey.PractitionerID.String()
		mondays, err := calendar.ParseWeekdays([]string{"mon"})
		if err != nil {
			t.Fatal(err)
		}
		monday := func(from, to calendar.TimeOfDay) Hours {
			return Hours{Kind: KindWeekly, Weekly: calendar.Weekly{Weekdays: mondays, From: from, To: to, First: calendar.Date{Year: 2027, Month: 3, Day: 1}}}
		}
		weekly := c.publish(c.grey, monday(8*60, 12*60))
		c.publish(c.grey, hours("2027-03-15 10:00", "2027-03-15 14:00"))
		gone := c.slots(c.grey, c.grey.PractitionerID, "any", at("2027-03-22 08:30"), at("2027-03-22 08:45"))
		if err := c.RemoveSlot(t.Context(), c.grey, gone[0].ID(), match(gone[0])); err != nil {
			t.Fatal(err)
		}
		booked := c.book(c.ann, c.slot(c.grey.PractitionerID, at("2027-03-15 08:00")))
		held := c.hold(c.bob, c.slot(c.grey.PractitionerID, at("2027-03-15 11:30")))

		// check previews a change, makes it, and compares.
		check := func(name string, preview func() (Preview, error), hits []Appointment, do func() (created, kept int)) {
			t.Helper()
			was, before := c.dump(), c.slots(c.grey, c.grey.PractitionerID, "any", time.Time{}, time.Time{})
			p, err := preview()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if now := c.dump(); now[0] != was[0] || now[1] != was[1] || now[2] != was[2] || now[3] != was[3]+1 {
				t.Errorf("%s: the preview turned %v into %v, want one more record and nothing else", name, was, now)
			}
			if same := c.slots(c.grey, c.grey.PractitionerID, "any", time.Time{}, time.Time{}); !slices.Equal(same, before) {
				t.Errorf("%s: the preview changed slots", name)
			}
			created, kept := do()
			after := c.slots(c.grey, c.grey.PractitionerID, "any", time.Time{}, time.Time{})
			removed := freeOf(before) - freeOf(after) + p.Created
			if p.Created != created || p.Kept != kept || p.Removed != removed {
				t.Errorf("%s: preview: %d created, %d kept, %d removed; then %d, %d, %d", name, p.Created, p.Kept, p.Removed, created, kept, removed)
			}
			var got, want []string
			for _, a := range p.Hits {
				got = append(got, a.ID.String())
			}
			for _, a := range hits {
				want = append(want, a.ID.String())
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: hits %v, want %v", name, got, want)
			}
		}
		check("hours", func() (Preview, error) {
			return c.PreviewHours(t.Context(), c.grey, grey, hours("2027-03-22 08:00", "2027-03-22 13:00"))
		}, nil, func() (int, int) {
			p := c.publish(c.grey, hours("2027-03-22 08:00", "2027-03-22 13:00"))
			return p.SlotsCreated, p.SlotsExisting
		})
		check("time off", func() (Preview, error) {
			return c.PreviewTimeOff(t.Context(), c.staff, grey, hours("2027-03-15 11:00", "2027-03-15 13:00"))
		}, []Appointment{held}, func() (int, int) {
			o, err := c.TakeTimeOff(t.Context(), c.staff, grey, hours("2027-03-15 11:00", "2027-03-15 13:00"), phi.Of("x"))
			if err != nil || len(o.Conflicts) != 1 {
				t.Fatalf("time off: %v, %v", o.Conflicts, err)
			}
			return 0, 0
		})
		later := HoursChange{From: new(calendar.TimeOfDay(9 * 60)), To: new(calendar.TimeOfDay(13 * 60))}
		check("change", func() (Preview, error) {
			return c.PreviewChange(t.Context(), c.grey, weekly.ID.String(), later)
		}, []Appointment{booked}, func() (int, int) {
			p, err := c.ChangeAvailability(t.Context(), c.grey, weekly.ID.String(), etagOf(weekly), later)
			if err != nil {
				t.Fatal(err)
			}
			weekly = p
			return p.SlotsCreated, p.SlotsExisting
		})
		back := c.book(c.bob, c.slot(c.grey.PractitionerID, at("2027-03-15 09:15")))
		check("removal", func() (Preview, error) {
			return c.PreviewRemoval(t.Context(), c.grey, weekly.ID.String())
		}, []Appointment{back}, func() (int, int) {
			r, err := c.RemoveAvailability(t.Context(), c.grey, weekly.ID.String(), etagOf(weekly))
			if err != nil || len(r.KeptSlots) != 1 {
				t.Fatalf("removal: %v, %v", r.KeptSlots, err)
			}
			// 10:00 to 13:00 of the 15th and 09:00 to 13:00 of the 22nd, of other hours.
			return 0, 3*4 + 4*4
		})
		if n := c.count(`SELECT count(*) FROM audit_patients s JOIN audit_events e ON e.id = s.event_id WHERE e.action LIKE '%.preview'`); n != 3 {
			t.Errorf("%d patients are on record as seen in previews, want 3", n)
		}
	})
}

func TestPreviewsAreForOwnerAndAdmins(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		p := c.publish(c.grey, hours("2027-03-15 10:00", "2027-03-15 14:00"))
		for _, tt := range []struct {
			who                       string
			by                        auth.Actor
			wantBelow, wantOf, wantIn error
		}{
			{"ann", c.ann, auth.ErrForbidden, auth.ErrForbidden, auth.ErrForbidden},
			{"nobody", auth.Actor{}, auth.ErrForbidden, auth.ErrForbidden, auth.ErrForbidden},
			{"brown", c.brown, directory.ErrPractitionerNotFound, ErrAvailabilityNotFound, directory.ErrPractitionerNotFound},
			{"staff", c.staff, nil, nil, ErrInvalidHours},
			{"grey", c.grey, nil, nil, ErrInvalidHours},
		} {
			grey := c.grey.PractitionerID.String()
			_, err := c.PreviewHours(t.Context(), tt.by, grey, hours("2027-03-16 10:00", "2027-03-16 14:00"))
			want(t, tt.who+" previews hours", err, tt.wantBelow)
			_, err = c.PreviewTimeOff(t.Context(), tt.by, grey, hours("2027-03-16 10:00", "2027-03-16 14:00"))
			want(t, tt.who+" previews time off", err, tt.wantBelow)
			_, err = c.PreviewHours(t.Context(), tt.by, grey, hours("2027-03-12 10:00", "2027-03-12 14:00"))
			want(t, tt.who+" previews hours that are over", err, tt.wantIn)
			_, err = c.PreviewChange(t.Context(), tt.by, p.ID.String(), HoursChange{EndsAt: new(at("2027-03-15 13:00"))})
			want(t, tt.who+" previews a change", err, tt.wantOf)
			_, err = c.PreviewRemoval(t.Context(), tt.by, p.ID.String())
			want(t, tt.who+" previews a removal", err, tt.wantOf)
		}
	})
}
