package scheduling

import (
	"slices"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestPublishedDaysGiveTheirSlots(t *testing.T) {
	tests := []struct {
		name       string
		zone       string
		date       string
		from, to   string
		wantStarts string
		wantErr    error
		n          int
	}{
		{name: "a working day", date: "2027-08-13", from: "08:00", to: "15:00", n: 28},
		{name: "rounded in", date: "2027-08-13", from: "08:07", to: "10:20", wantStarts: " 08:15 08:30 08:45 09:00 09:15 09:30 09:45 10:00", n: 8},
		{name: "one slot", date: "2027-08-13", from: "08:00", to: "08:15", wantStarts: " 08:00", n: 1},
		{name: "less than a slot", date: "2027-08-13", from: "08:01", to: "08:29", wantErr: ErrInvalidHours},
		{name: "inverted", date: "2027-08-13", from: "10:00", to: "08:00", wantErr: ErrInvalidHours},
		{name: "over", date: "2027-03-12", from: "08:00", to: "10:00", wantErr: ErrInvalidHours},
		{name: "the clocks go forward", date: "2027-03-14", from: "01:00", to: "04:00", wantStarts: " 01:00 01:15 01:30 01:45 03:00 03:15 03:30 03:45", n: 8},
		{
			name: "the clocks go back", date: "2027-11-07", from: "00:00", to: "03:00", n: 16,
			wantStarts: " 00:00 00:15 00:30 00:45 01:00 01:15 01:30 01:45 01:00 01:15 01:30 01:45 02:00 02:15 02:30 02:45",
		},
		{name: "inside the gap", date: "2027-03-14", from: "02:00", to: "03:00", wantErr: ErrInvalidHours},
		{name: "to midnight", date: "2027-08-13", from: "23:30", to: "00:00", wantStarts: " 23:30 23:45", n: 2},
		{name: "quarter hours of Kathmandu", zone: "Asia/Kathmandu", date: "2027-08-13", from: "09:10", to: "10:00", wantStarts: " 09:15 09:30 09:45", n: 3},
	}
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for _, tt := range tests {
			by, zone := c.grey, "America/New_York"
			if tt.zone != "" {
				by, zone = c.brown, tt.zone
			}
			if _, err := c.ChangePractitioner(t.Context(), by, by.PractitionerID.String(), "*", PractitionerChange{Policy: PolicyChange{HorizonDays: new(365)}}); err != nil {
				t.Fatal(err)
			}
			p, err := c.Publish(t.Context(), by, by.PractitionerID.String(), localDay(t, tt.date, tt.from, tt.to))
			want(t, tt.name, err, tt.wantErr)
			if err != nil {
				continue
			}
			loc, _ := calendar.Zone(zone)
			day := calendar.Day(p.Hours.Date, loc)
			got := c.slots(by, by.PractitionerID, "any", day.Start, day.End)
			if len(got) != tt.n || p.SlotsCreated != tt.n || p.SlotsExisting != 0 {
				t.Errorf("%s: %d slots, said %d created and %d existing, want %d", tt.name, len(got), p.SlotsCreated, p.SlotsExisting, tt.n)
			}
			if starts := startsIn(got, zone); tt.wantStarts != "" && starts != tt.wantStarts {
				t.Errorf("%s: slots start at%s, want%s", tt.name, starts, tt.wantStarts)
			}
			if !slices.IsSortedFunc(got, func(a, b Slot) int { return a.End.Compare(b.Start) }) {
				t.Errorf("%s: slots overlap or are out of order", tt.name)
			}
			if _, err := c.RemoveAvailability(t.Context(), by, p.ID.String(), etagOf(p)); err != nil {
				t.Fatalf("%s: remove: %v", tt.name, err)
			}
		}
	})
}

func TestASlotIsListedUnderThePractitionersDay(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.publish(c.grey, localDay(t, "2027-08-13", "23:30", "23:45"))
		for date, n := range map[string]int{"2027-08-12": 0, "2027-08-13": 1, "2027-08-14": 0} {
			d, err := calendar.ParseDate(date)
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range []SlotQuery{{Practitioner: c.grey.PractitionerID.String(), Date: d}, {Specialty: "physiotherapy", Date: d}} {
				p, err := c.Slots(t.Context(), auth.Actor{}, q, page.Request{Limit: 10})
				if err != nil || len(p.Items) != n {
					t.Errorf("%s: %d slots, error %v, want %d", date, len(p.Items), err, n)
				}
			}
		}
	})
}

func TestStretchesUniteAndRepeat(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		first := c.publish(c.grey, hours("2027-03-15 07:00", "2027-03-15 08:07"))
		touching := c.publish(c.grey, hours("2027-03-15 08:07", "2027-03-15 09:00"))
		if first.SlotsCreated != 4 || touching.SlotsCreated != 4 {
			t.Errorf("created %d and %d slots, want 4 and 4: stretches that touch are one", first.SlotsCreated, touching.SlotsCreated)
		}
		overlap := c.publish(c.grey, hours("2027-03-15 08:00", "2027-03-15 10:00"))
		if overlap.SlotsCreated != 4 || overlap.SlotsExisting != 4 || overlap.Repeat {
			t.Errorf("overlap: created %d, existing %d, repeat %v, want 4, 4, false", overlap.SlotsCreated, overlap.SlotsExisting, overlap.Repeat)
		}
		again := c.publish(c.grey, hours("2027-03-15 08:00", "2027-03-15 10:00"))
		if again.ID != overlap.ID || !again.Repeat || again.SlotsCreated != 0 || again.SlotsExisting != 8 {
			t.Errorf("repeat: %+v, want the existing one, nothing created and 8 existing", again)
		}
		far := c.publish(c.grey, hours("2028-03-15 08:00", "2028-03-15 10:00"))
		if far.SlotsCreated != 0 || far.SlotsExisting != 0 {
			t.Errorf("beyond the horizon: created %d, existing %d, want none counted", far.SlotsCreated, far.SlotsExisting)
		}
		if n := len(c.slots(c.grey, c.grey.PractitionerID, "any", at("2028-03-15 00:00"), at("2028-03-16 00:00"))); n != 8 {
			t.Errorf("the owner sees %d slots beyond the horizon, want 8", n)
		}
		if n := len(c.slots(c.ann, c.grey.PractitionerID, "", at("2028-03-15 00:00"), at("2028-03-16 00:00"))); n != 0 {
			t.Errorf("a patient sees %d slots beyond the horizon, want 0", n)
		}
	})
}

func TestWeeklyRulesAndLengthsOffTheHour(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ctx, key := t.Context(), c.grey.PractitionerID.String()
		days, err := calendar.ParseWeekdays([]string{"mon", "wed"})
		if err != nil {
			t.Fatal(err)
		}
		h := Hours{Kind: KindWeekly, Weekly: calendar.Weekly{Weekdays: days, From: 8 * 60, To: 9 * 60, First: calendar.Date{Year: 2027, Month: 3, Day: 15}}}
		if _, err := c.ChangePractitioner(ctx, c.grey, key, "*", PractitionerChange{Policy: PolicyChange{SlotMinutes: new(50)}}); err != nil {
			t.Fatal(err)
		}
		c.publish(c.grey, h)
		// Steps of 50 minutes from the start of the merged stretch.
		c.publish(c.grey, hours("2027-03-15 06:40", "2027-03-15 08:00"))
		got := c.slots(c.grey, c.grey.PractitionerID, "any", at("2027-03-15 00:00"), at("2027-03-18 00:00"))
		if starts := startsIn(got, "America/New_York"); starts != " 06:40 07:30 08:00" {
			t.Errorf("slots start at%s, want 06:40 07:30 on Monday and 08:00 on Wednesday", starts)
		}
		// A list that begins inside the stretch steps from its true start.
		got = c.slots(c.grey, c.grey.PractitionerID, "any", at("2027-03-15 07:00"), at("2027-03-15 23:00"))
		if starts := startsIn(got, "America/New_York"); starts != " 07:30" {
			t.Errorf("from 07:00 on, slots start at%s, want 07:30", starts)
		}
		for _, bad := range []calendar.Weekly{
			{Weekdays: 0, From: 480, To: 540, First: h.Weekly.First},
			{Weekdays: days, From: 480, To: 500, First: h.Weekly.First},
			{Weekdays: days, From: 540, To: 480, First: h.Weekly.First},
			{Weekdays: days, From: 480, To: 540, First: h.Weekly.First, Last: calendar.Date{Year: 2027, Month: 3, Day: 14}},
			{Weekdays: days, From: 480, To: 540, First: calendar.Date{Year: 2027, Month: 3, Day: 18}, Last: calendar.Date{Year: 2027, Month: 3, Day: 21}},
			{Weekdays: days, From: 480, To: 540, First: calendar.Date{Year: 2027, Month: 1, Day: 1}, Last: calendar.Date{Year: 2027, Month: 3, Day: 12}},
		} {
			_, err := c.Publish(ctx, c.grey, key, Hours{Kind: KindWeekly, Weekly: bad})
			want(t, "a rule without a slot", err, ErrInvalidHours)
		}
	})
}

func TestWhoMayListWhat(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.publish(c.grey, hours("2027-03-15 08:00", "2027-03-15 09:00"))
		grey := c.grey.PractitionerID.String()
		for _, tt := range []struct {
			name string
			by   auth.Actor
			q    SlotQuery
			req  page.Request
			want error
		}{
			{"available, by nobody", auth.Actor{}, SlotQuery{Practitioner: grey}, page.Request{Limit: 1}, nil},
			{"booked, by nobody", auth.Actor{}, SlotQuery{Practitioner: grey, Status: "booked"}, page.Request{Limit: 1}, auth.ErrUnauthenticated},
			{"booked, by a patient", c.ann, SlotQuery{Practitioner: grey, Status: "booked"}, page.Request{Limit: 1}, auth.ErrForbidden},
			{"booked, by another practitioner", c.brown, SlotQuery{Practitioner: grey, Status: "booked"}, page.Request{Limit: 1}, auth.ErrForbidden},
			{"any, by the owner", c.grey, SlotQuery{Practitioner: grey, Status: "any"}, page.Request{Limit: 1}, nil},
			{"any, by staff", c.staff, SlotQuery{Practitioner: grey, Status: "any"}, page.Request{Limit: 1}, nil},
			{"unknown practitioner", c.ann, SlotQuery{Practitioner: id.New().String()}, page.Request{Limit: 1}, directory.ErrPractitionerNotFound},
			{"malformed practitioner", c.ann, SlotQuery{Practitioner: "x"}, page.Request{Limit: 1}, directory.ErrPractitionerNotFound},
			{"inverted", c.ann, SlotQuery{Practitioner: grey, From: at("2027-03-16 00:00"), To: at("2027-03-15 00:00")}, page.Request{Limit: 1}, ErrInvalidRange},
			{"date and from", c.ann, SlotQuery{Practitioner: grey, Date: calendar.Date{Year: 2027, Month: 3, Day: 15}, From: at("2027-03-15 00:00")}, page.Request{Limit: 1}, ErrInvalidRange},
			{"search over 32 days", c.ann, SlotQuery{From: at("2027-03-15 00:00"), To: at("2027-04-16 00:00")}, page.Request{Limit: 1}, ErrInvalidRange},
			{"search with count", c.ann, SlotQuery{}, page.Request{Limit: 1, Count: true}, ErrInvalidRange},
			{"search", c.ann, SlotQuery{}, page.Request{Limit: 1}, nil},
			{"foreign cursor", c.ann, SlotQuery{Practitioner: grey}, page.Request{Limit: 1, After: "x"}, page.ErrCursor},
		} {
			_, err := c.Slots(t.Context(), tt.by, tt.q, tt.req)
			want(t, tt.name, err, tt.want)
		}
		p, err := c.Slots(t.Context(), c.ann, SlotQuery{Practitioner: grey}, page.Request{Limit: 3, Count: true})
		if err != nil || p.Total == nil || *p.Total != 4 || len(p.Items) != 3 || p.Next == "" {
			t.Errorf("a counted page: %+v, %v, want 3 of 4 and a next one", p, err)
		}
	})
}

func TestASearchMergesPractitionersInOrderOfTime(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.publish(c.grey, hours("2027-03-15 08:00", "2027-03-15 09:00"))
		c.publish(c.brown, hours("2027-03-15 08:30", "2027-03-15 09:30"))
		c.publish(c.grey, hours("2027-04-03 08:00", "2027-04-03 08:30"))
		var all []Slot
		for req := (page.Request{Limit: 3}); ; {
			p, err := c.Slots(t.Context(), auth.Actor{}, SlotQuery{Specialty: "Physiotherapy"}, req)
			if err != nil {
				t.Fatal(err)
			}
			if all = append(all, p.Items...); p.Next == "" {
				break
			}
			req.After = p.Next
		}
		if got, want := startsIn(all, "America/New_York"), " 08:00 08:15 08:30 08:30 08:45 08:45 09:00 09:15 08:00 08:15"; got != want {
			t.Errorf("slots start at%s, want%s", got, want)
		}
		if p, err := c.Slots(t.Context(), auth.Actor{}, SlotQuery{Specialty: "dentistry"}, page.Request{Limit: 3}); err != nil || len(p.Items) != 0 {
			t.Errorf("a specialty that nobody has: %d slots, %v, want none", len(p.Items), err)
		}
	})
}

func TestSlotsMadeByHand(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ctx, key := t.Context(), c.grey.PractitionerID.String()
		c.publish(c.grey, hours("2027-03-15 08:00", "2027-03-15 09:00"))
		list := func() string {
			return startsIn(c.slots(c.grey, c.grey.PractitionerID, "any", at("2027-03-15 00:00"), at("2027-03-16 00:00")), "America/New_York")
		}
		add := func(start, end string) (Slot, error) {
			e := time.Time{}
			if end != "" {
				e = at(end)
			}
			return c.AddSlot(ctx, c.grey, key, at(start), e)
		}
		_, err := add("2027-03-15 08:50", "")
		want(t, "over a slot of the grid", err, ErrSlotOverlap)
		_, err = add("2027-03-15 09:02", "")
		want(t, "off the cells", err, ErrInvalidSlot)
		_, err = add("2027-03-15 09:00", "2027-03-15 13:05")
		want(t, "too long", err, ErrInvalidSlot)
		_, err = add("2027-03-13 09:00", "")
		want(t, "begins now", err, ErrSlotPast)
		_, err = c.AddSlot(ctx, c.brown, key, at("2027-03-15 09:00"), time.Time{})
		want(t, "in another's calendar", err, directory.ErrPractitionerNotFound)
		_, err = c.AddSlot(ctx, c.ann, key, at("2027-03-15 09:00"), time.Time{})
		want(t, "by a patient", err, auth.ErrForbidden)

		s, err := add("2027-03-15 09:05", "")
		want(t, "beside the grid", err, nil)
		// Publishing over it keeps it verbatim and leaves out what would overlap.
		c.publish(c.grey, hours("2027-03-15 09:00", "2027-03-15 10:00"))
		if got, want := list(), " 08:00 08:15 08:30 08:45 09:05 09:30 09:45"; got != want {
			t.Errorf("slots start at%s, want%s", got, want)
		}
		// Moving it: a new id, the old one is gone, and the grid does not come back.
		_, err = c.ChangeSlot(ctx, c.grey, s.ID(), "", SlotChange{StartsAt: new(at("2027-03-15 10:00"))})
		if err == nil {
			t.Error("a change without If-Match went through")
		}
		s, err = c.Slot(ctx, c.grey, s.ID())
		want(t, "read", err, nil)
		moved, err := c.ChangeSlot(ctx, c.grey, s.ID(), match(s), SlotChange{StartsAt: new(at("2027-03-15 10:00"))})
		want(t, "move", err, nil)
		_, err = c.Slot(ctx, c.grey, s.ID())
		want(t, "the old id", err, ErrSlotNotFound)
		if got, want := list(), " 08:00 08:15 08:30 08:45 09:30 09:45 10:00"; got != want {
			t.Errorf("after the move slots start at%s, want%s", got, want)
		}
		_, err = c.ChangeSlot(ctx, c.grey, moved.ID(), match(moved), SlotChange{StartsAt: new(at("2027-03-15 08:20"))})
		want(t, "move onto another", err, ErrSlotOverlap)

		// Deleting a slot of the grid leaves a hole until hours that cover it come again.
		g, err := c.Slot(ctx, c.grey, id.Slot{Practitioner: c.grey.PractitionerID, Start: at("2027-03-15 08:15"), End: at("2027-03-15 08:30")}.String())
		want(t, "read a slot of the grid", err, nil)
		want(t, "delete", c.RemoveSlot(ctx, c.grey, g.ID(), match(g)), nil)
		if got, want := list(), " 08:00 08:30 08:45 09:30 09:45 10:00"; got != want {
			t.Errorf("after the delete slots start at%s, want%s", got, want)
		}
		p := c.publish(c.grey, hours("2027-03-15 08:00", "2027-03-15 09:00"))
		if p.Repeat || p.SlotsCreated != 1 || p.SlotsExisting != 3 {
			t.Errorf("publishing over the hole: %+v, want one created, no repeat", p)
		}
	})
}

func TestBlockingSlots(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ctx := t.Context()
		c.publish(c.grey, hours("2027-03-15 08:00", "2027-03-15 09:00"))
		slotID := c.slot(c.grey.PractitionerID, at("2027-03-15 08:00"))
		set := func(blocked bool) error {
			s, err := c.Slot(ctx, c.grey, slotID)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.ChangeSlot(ctx, c.grey, slotID, match(s), SlotChange{Blocked: &blocked})
			if err == nil && (got.ID() != slotID || (got.Status == SlotBlocked) != blocked) {
				t.Errorf("set blocked %v: %s is %s", blocked, got.ID(), got.Status)
			}
			return err
		}
		want(t, "block", set(true), nil)
		want(t, "block again", set(true), nil)
		_, err := c.Hold(ctx, c.ann, HoldRequest{Slot: slotID})
		want(t, "hold a blocked slot", err, ErrSlotBlocked)
		_, err = c.Slot(ctx, c.ann, slotID)
		want(t, "a patient reads a blocked slot", err, ErrSlotNotFound)
		want(t, "open again", set(false), nil)
		_, err = c.Slot(ctx, c.ann, slotID)
		want(t, "a patient reads an open slot", err, nil)

		off, err := c.TakeTimeOff(ctx, c.grey, c.grey.PractitionerID.String(), localDay(t, "2027-03-15", "00:00", "24:00"), phi.Of("a course"))
		want(t, "time off", err, nil)
		want(t, "open under time off", set(false), ErrSlotBlocked)
		want(t, "end time off", c.EndTimeOff(ctx, c.grey, off.ID.String()), nil)
		want(t, "end it again", c.EndTimeOff(ctx, c.grey, off.ID.String()), ErrTimeOffNotFound)
		a := c.hold(c.ann, slotID)
		want(t, "block a held slot", set(true), ErrSlotInUse)
		s, err := c.Slot(ctx, c.grey, slotID)
		want(t, "read a held slot", err, nil)
		want(t, "delete a held slot", c.RemoveSlot(ctx, c.grey, slotID, match(s)), ErrSlotInUse)
		off, err = c.TakeTimeOff(ctx, c.grey, c.grey.PractitionerID.String(), hours("2027-03-15 08:10", "2027-03-15 08:20"), phi.Value[string]{})
		if err != nil || len(off.Conflicts) != 1 || off.Conflicts[0].ID != a.ID {
			t.Errorf("time off over a hold: conflicts %v, %v, want the hold", off.Conflicts, err)
		}
	})
}

func TestBookedSlotsOutliveTheirAvailability(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ctx := t.Context()
		p := c.publish(c.grey, hours("2027-03-15 08:00", "2027-03-15 09:00"))
		a := c.book(c.ann, c.slot(c.grey.PractitionerID, at("2027-03-15 08:15")))
		// Slots of 20 minutes make way for the booked quarter of an hour.
		if _, err := c.ChangePractitioner(ctx, c.grey, c.grey.PractitionerID.String(), "*", PractitionerChange{Policy: PolicyChange{SlotMinutes: new(20)}}); err != nil {
			t.Fatal(err)
		}
		got := c.slots(c.grey, c.grey.PractitionerID, "any", at("2027-03-15 00:00"), at("2027-03-16 00:00"))
		if starts := startsIn(got, "America/New_York"); starts != " 08:15 08:40" {
			t.Errorf("slots start at%s, want the booked 08:15 and the free 08:40", starts)
		}
		stale, err := c.RemoveAvailability(ctx, c.grey, p.ID.String(), `"9"`)
		if err == nil {
			t.Errorf("a stale remove went through: %v", stale)
		}
		r, err := c.RemoveAvailability(ctx, c.grey, p.ID.String(), etagOf(p))
		if err != nil || len(r.KeptSlots) != 1 || r.KeptSlots[0].ID() != a.SlotID() || r.KeptSlots[0].Status != SlotBooked {
			t.Errorf("remove: kept %v, %v, want the booked slot", r.KeptSlots, err)
		}
		for _, by := range []auth.Actor{c.grey, c.ann, c.staff} {
			if s, err := c.Slot(ctx, by, a.SlotID()); err != nil || s.Status != SlotBooked {
				t.Errorf("the appointment's slot reads %v, %v, want booked", s.Status, err)
			}
		}
		_, err = c.Slot(ctx, c.bob, a.SlotID())
		want(t, "another patient reads a booked slot", err, ErrSlotNotFound)
		if got := c.slots(c.grey, c.grey.PractitionerID, "any", time.Time{}, time.Time{}); len(got) != 1 {
			t.Errorf("%d slots are left, want the booked one", len(got))
		}
	})
}

func TestChangeAvailability(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ctx := t.Context()
		p := c.publish(c.grey, localDay(t, "2027-03-15", "08:00", "09:00"))
		q, err := c.ChangeAvailability(ctx, c.grey, p.ID.String(), etagOf(p), HoursChange{To: new(calendar.TimeOfDay(10 * 60))})
		if err != nil || q.SlotsCreated != 4 || q.SlotsExisting != 4 || q.ETag() == p.ETag() {
			t.Errorf("longer: %+v, %v, want 4 created, 4 existing, another ETag", q, err)
		}
		_, err = c.ChangeAvailability(ctx, c.grey, p.ID.String(), etagOf(p), HoursChange{To: new(calendar.TimeOfDay(11 * 60))})
		if err == nil {
			t.Error("a stale change went through")
		}
		_, err = c.ChangeAvailability(ctx, c.grey, p.ID.String(), etagOf(q), HoursChange{StartsAt: new(at("2027-03-15 08:00"))})
		want(t, "a field of another kind", err, ErrInvalidHours)
		_, err = c.ChangeAvailability(ctx, c.brown, p.ID.String(), etagOf(q), HoursChange{})
		want(t, "another's", err, ErrAvailabilityNotFound)
		_, err = c.Availability(ctx, c.ann, p.ID.String())
		want(t, "read by a patient", err, auth.ErrForbidden)
	})
}

func TestPolicyIsChecked(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    PolicyChange
		ok   bool
	}{
		{"defaults", PolicyChange{}, true},
		{"slots of 7 minutes", PolicyChange{SlotMinutes: new(7)}, false},
		{"slots of 0 minutes", PolicyChange{SlotMinutes: new(0)}, false},
		{"slots of 240 minutes", PolicyChange{SlotMinutes: new(240)}, true},
		{"slots of 245 minutes", PolicyChange{SlotMinutes: new(245)}, false},
		{"no notice", PolicyChange{NoticeSeconds: new(0)}, true},
		{"notice in the past", PolicyChange{NoticeSeconds: new(-1)}, false},
		{"no hold time", PolicyChange{HoldSeconds: new(0)}, false},
		{"ten years", PolicyChange{HorizonDays: new(3650)}, true},
		{"more", PolicyChange{HorizonDays: new(3651)}, false},
		{"1000 holds", PolicyChange{MaxOpenHolds: new(1000)}, true},
		{"no holds", PolicyChange{MaxOpenHolds: new(0)}, false},
	} {
		if err := DefaultPolicy.changed(tt.p).Check(); (err == nil) != tt.ok {
			t.Errorf("%s: error %v, want allowed %v", tt.name, err, tt.ok)
		}
	}
}

func TestNobodyBooksAFormerPractitioner(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		ctx, key := t.Context(), c.grey.PractitionerID.String()
		c.publish(c.grey, hours("2027-03-15 08:00", "2027-03-15 09:00"))
		slot := c.slot(c.grey.PractitionerID, at("2027-03-15 08:00"))
		booked := c.book(c.bob, c.slot(c.grey.PractitionerID, at("2027-03-15 08:30")))
		become := func(role auth.Role) {
			t.Helper()
			if _, err := c.directory.ChangeUser(ctx, auth.System, c.grey.UserID.String(), "*", directory.UserChange{Role: &role}); err != nil {
				t.Fatal(err)
			}
		}
		become(auth.Admin)
		_, err := c.Hold(ctx, c.ann, HoldRequest{Slot: slot})
		want(t, "hold", err, ErrSlotNotFound)
		_, err = c.Slots(ctx, c.ann, SlotQuery{Practitioner: key}, page.Request{Limit: 1})
		want(t, "list", err, directory.ErrPractitionerNotFound)
		_, err = c.Slot(ctx, c.ann, slot)
		want(t, "read", err, ErrSlotNotFound)
		_, err = c.Cancel(ctx, c.bob, booked.ID.String(), CancelRequest{})
		want(t, "cancel what was booked", err, nil)
		become(auth.Practitioner)
		c.hold(c.ann, slot)
	})
}
