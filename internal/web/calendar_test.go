package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/id"
	"medbook/internal/notify"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// surgery is a clinic in which grey works on Monday 15 March 2027 from 9 to 12, by
// slots of half an hour.
type surgery struct {
	*clinic
	grey string // the practitioner's id
}

func newSurgery(t *testing.T, db *sqldb.DB) *surgery {
	t.Helper()
	c := newClinic(t, db)
	c.server.Notify.Sources = map[notify.Kind]notify.Source{}
	for _, kind := range scheduling.Tells() {
		c.server.Notify.Sources[kind] = scheduling.Facts
	}
	s := &surgery{c, c.users["grey"].PractitionerID.String()}
	_, err := c.server.Scheduling.ChangePractitioner(t.Context(), c.actor("grey"), s.grey, "*", scheduling.PractitionerChange{
		Policy: scheduling.PolicyChange{SlotMinutes: new(30), NoticeSeconds: new(0)},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.works("2027-03-15T09:00:00-04:00", "2027-03-15T12:00:00-04:00")
	return s
}

func instantOf(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at.UTC()
}

func (s *surgery) works(from, to string) {
	s.t.Helper()
	h := scheduling.Hours{Kind: scheduling.KindSpan, Span: calendar.Span{Start: instantOf(s.t, from), End: instantOf(s.t, to)}}
	if _, err := s.server.Scheduling.Publish(s.t.Context(), s.actor("grey"), s.grey, h); err != nil {
		s.t.Fatal(err)
	}
}

// slot is the id of grey's slot of half an hour.
func (s *surgery) slot(start string) string {
	at := instantOf(s.t, start)
	return id.Slot{Practitioner: s.users["grey"].PractitionerID, Start: at, End: at.Add(30 * time.Minute)}.String()
}

// books has a patient book a slot, or hold it.
func (s *surgery) books(name, start string, confirm bool) scheduling.Appointment {
	s.t.Helper()
	a, err := s.server.Scheduling.Hold(s.t.Context(), s.actor(name), scheduling.HoldRequest{Slot: s.slot(start), Reason: phi.Of("a sore knee"), Confirm: confirm})
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// now reads an appointment as it stands.
func (s *surgery) now(a scheduling.Appointment) scheduling.Appointment {
	s.t.Helper()
	a, err := s.server.Scheduling.Appointment(s.t.Context(), auth.System, a.ID.String())
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// etag reads the version of a slot.
func (s *surgery) etag(slot string) string {
	s.t.Helper()
	got, err := s.server.Scheduling.Slot(s.t.Context(), auth.System, slot)
	if err != nil {
		s.t.Fatal(err)
	}
	return got.ETag()
}

// recorded counts records of an action.
func (s *surgery) recorded(action string) (n int) {
	s.t.Helper()
	err := s.db.View(s.t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		n, err = sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) { return n, r.Scan(&n) }, `SELECT count(*) FROM audit_events WHERE action = $1 AND outcome = $2`, action, audit.Success)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

const weekOfMonday = "?week=2027-03-15"

func TestAWeekShowsWhatIsInIt(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSurgery(t, db)
		booked := s.books("ann", "2027-03-15T09:00:00-04:00", true)
		s.books("bob", "2027-03-15T09:30:00-04:00", false)
		blocked := s.slot("2027-03-15T10:00:00-04:00")
		if _, err := s.server.Scheduling.ChangeSlot(t.Context(), s.actor("grey"), blocked, "*", scheduling.SlotChange{Blocked: new(true)}); err != nil {
			t.Fatal(err)
		}
		off := scheduling.Hours{Kind: scheduling.KindSpan, Span: calendar.Span{Start: instantOf(t, "2027-03-15T11:30:00-04:00"), End: instantOf(t, "2027-03-15T12:00:00-04:00")}}
		if _, err := s.server.Scheduling.TakeTimeOff(t.Context(), s.actor("grey"), s.grey, off, phi.Of("dentist")); err != nil {
			t.Fatal(err)
		}
		v := s.as("grey")
		for _, path := range []string{"/calendar", "/calendar/part", "/calendar/list"} {
			p := v.get(path + weekOfMonday)
			p.has(200, "15 March to 21 March 2027", "New York", "Booked", "A. E.", "Held", "Available", "Blocked", "Time off", "Next week")
			p.lacks("Ann Example", "Bob Example", "sore knee", "dentist")
			if links := p.attributes("a", "href"); !slices.Contains(links, "/calendar/appointments/"+booked.ID.String()) || !slices.Contains(links, "/calendar/slots/"+blocked) {
				t.Errorf("%s leads to %v", path, links)
			}
		}
		v.get("/calendar/list"+weekOfMonday).has(200, "A. E.", booked.Reference, "9:00 am to 9:30 am", "Move", "Cancel", "Block", "Unblock")
		v.get("/calendar/day?date=2027-03-15").has(200, "Monday 15 March 2027", "30 minutes", "A. E.", booked.Reference, "Some or all of this day is time off").lacks("Ann Example", "sore knee")
		v.get("/calendar"+"?week=2027-05-03").has(200, "There is nothing in this week")
		if s.recorded("appointment.list") == 0 || s.recorded("patient.list") == 0 {
			t.Error("that patients were listed is not on record")
		}
	})
}

// TestTheGridNamesEachTime looks at the table as who can't see it hears it.
func TestTheGridNamesEachTime(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSurgery(t, db)
		s.works("2027-03-14T01:00:00-05:00", "2027-03-14T04:00:00-04:00") // the clocks skip from 2 to 3
		s.books("ann", "2027-03-15T09:00:00-04:00", true)
		v := s.as("grey")
		p := v.get("/calendar" + weekOfMonday)
		p.has(200, "Monday 15 March 2027, 9:00 am to 9:30 am, New York time (UTC−4), Booked A. E.", "Add a slot: Tuesday 16 March 2027, 9:00 am, New York time (UTC−4)")
		p = v.get("/calendar?week=2027-03-14")
		p.has(200, "8 March to 14 March 2027", "Sunday 14 March 2027, 3:00 am to 3:30 am, New York time (UTC−4), Available", "The clocks do not show this time on this day.")
		s.works("2027-11-07T01:00:00-04:00", "2027-11-07T02:00:00-05:00") // they show 1 to 2 twice
		v.get("/calendar?week=2027-11-07").has(200, "1:00 am (before the clocks go back)", "1:00 am (after the clocks have gone back)",
			"Sunday 7 November 2027, 1:30 am (after the clocks have gone back) to 2:00 am, New York time (UTC−5), Available")
	})
}

// The week begins as the reader's locale has it.
func TestTheWeekFollowsTheLocale(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		v := newSurgery(t, db).as("grey")
		v.cookies["__Host-language"] = "de"
		v.get("/calendar?week=2027-03-14").has(200, "8. März bis 14. März 2027", "Nächste Woche")
		v.cookies["zone"] = "Europe%2FBerlin"
		v.get("/calendar?week=2027-03-15").has(200, "Ihre eigene Uhr zeigt: Ortszeit Berlin")
	})
}

func TestACalendarIsItsPractitioners(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSurgery(t, db)
		a := s.books("ann", "2027-03-15T09:00:00-04:00", true)
		free := s.slot("2027-03-15T10:00:00-04:00")
		brown := s.as("brown")
		for _, path := range []string{"/calendar", "/calendar/part", "/calendar/list", "/calendar/day", "/calendar/live"} {
			if p := brown.get(path + "?practitioner=" + s.grey); p.status != http.StatusNotFound && p.status != http.StatusForbidden {
				t.Errorf("another's %s: %d", path, p.status)
			}
		}
		visit := "/calendar/appointments/" + a.ID.String()
		for _, path := range []string{visit, visit + "/move", visit + "/cancel", "/calendar/appointments/x", "/calendar/slots/x"} {
			brown.get(path).has(404)
		}
		for path, form := range map[string][]string{
			visit + "/complete": nil, visit + "/no-show": nil, visit + "/reason": {"reason", "x"}, visit + "/cancel": {"reason", "x"}, visit + "/move": {"to", free},
			"/calendar/slots/" + free + "/block": {"etag", "*"}, "/calendar/slots/" + free + "/delete": {"etag", "*"},
			"/calendar/slots/" + free + "/move": {"etag", "*", "to", "2027-03-16T13:00:00Z"},
			"/calendar/new-slot":                {"practitioner", s.grey, "date", "2027-03-16", "time", "09:00", "minutes", "30"},
		} {
			brown.post(path, form...).has(404)
		}
		if got := s.now(a); got.Status != scheduling.Confirmed || got.Version != a.Version {
			t.Errorf("it is %s now", got.Status)
		}
		admin := s.as("admin")
		admin.get("/calendar").has(200, "Whose calendar?", "Grey Example")
		admin.get("/calendar"+weekOfMonday+"&practitioner="+s.grey).has(200, "Grey Example", "Booked", "A. E.")
		admin.get(visit).has(200, "Grey Example", "sore knee")
	})
}

func TestOpeningAnAppointmentIsOnRecord(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSurgery(t, db)
		a := s.books("bob", "2027-03-15T09:00:00-04:00", true)
		v := s.as("grey")
		v.cookies["zone"] = "Europe%2FBerlin"
		before := s.recorded("appointment.read")
		p := v.get("/calendar/appointments/" + a.ID.String())
		p.has(200, "Monday 15 March 2027, 9:00 am to 9:30 am, New York time (UTC−4)", "2:00 pm to 2:30 pm, Berlin time (UTC+1)", "B. E.", "sore knee", a.Reference, "Booked")
		if s.recorded("appointment.read") != before+1 {
			t.Error("that it was opened is not on record")
		}
		// Who asks for the slot is led there.
		if p := v.get("/calendar/slots/" + s.slot("2027-03-15T09:00:00-04:00")); p.path != "/calendar/appointments/"+a.ID.String() {
			t.Errorf("a taken slot leads to %s", p.path)
		}
		v.post("/calendar/appointments/"+a.ID.String()+"/reason", "reason", "a sore hip").has(200, "The reason was changed.", "a sore hip")
		v.post("/calendar/appointments/"+a.ID.String()+"/complete").has(422, "does not allow this any more")
		sqltest.ClockOf(db).Set(a.Start)
		v = s.as("grey")
		v.post("/calendar/appointments/"+a.ID.String()+"/complete").has(200, "The appointment is completed.", "Completed")
		v.post("/calendar/appointments/"+a.ID.String()+"/no-show").has(422, "There is a problem", "does not allow this any more")
	})
}

func TestAHoldIsConfirmedByStaff(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSurgery(t, db)
		a := s.books("ann", "2027-03-15T09:00:00-04:00", false)
		path := "/calendar/appointments/" + a.ID.String()
		s.as("grey").get(path).has(200, "Held until").lacks("Confirm it", "/patients/")
		s.as("admin").post(path+"/confirm").has(200, "The appointment is confirmed.")
		sqltest.ClockOf(db).Advance(time.Hour)
		b := s.books("bob", "2027-03-15T09:30:00-04:00", false)
		sqltest.ClockOf(db).Advance(2 * time.Hour)
		s.as("admin").post("/calendar/appointments/"+b.ID.String()+"/confirm").has(422, "The hold has run out")
	})
}

// queued counts the messages about appointments that are to be written, and of them
// those that are no reminders.
func (s *surgery) queued() (n int) {
	s.t.Helper()
	err := s.db.View(s.t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
		n, err = sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) { return n, r.Scan(&n) }, `SELECT count(*) FROM jobs WHERE kind = 'notify.event'`)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func TestCancellingAsksWhetherToTell(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSurgery(t, db)
		for _, tt := range []struct {
			start, tell string
			messages    int
			says        string
		}{
			{"2027-03-15T09:00:00-04:00", "yes", 1, "The patient is told."},
			{"2027-03-15T09:30:00-04:00", "no", 0, "The patient is not told."},
		} {
			a := s.books("ann", tt.start, true)
			path, v := "/calendar/appointments/"+a.ID.String()+"/cancel", s.as("grey")
			v.get(path).has(200, "Why is it cancelled?", "The message to the patient", "Hello Ann Example", "Tell the patient?", "9:")
			v.post(path, "reason", " ", "tell", tt.tell).has(422, "Please give a reason.", "The message to the patient")
			before := s.queued()
			v.post(path, "reason", "I am ill.", "tell", tt.tell).has(200, tt.says, "Cancelled", "I am ill.")
			if got := s.queued() - before; got != tt.messages {
				t.Errorf("tell %s: %d messages, want %d", tt.tell, got, tt.messages)
			}
			if s.now(a).Status != scheduling.Cancelled {
				t.Error("it is not cancelled")
			}
			if p := v.get(path); p.path != "/calendar/appointments/"+a.ID.String() {
				t.Errorf("what is cancelled leads to %s", p.path)
			}
		}
	})
}

// The preview is in the patient's language, whatever the practitioner's is.
func TestThePreviewIsInThePatientsLanguage(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSurgery(t, db)
		if _, err := s.server.Notify.ChangePreferences(t.Context(), s.actor("ann"), "*", notify.PreferencesChange{Language: new("de")}); err != nil {
			t.Fatal(err)
		}
		a := s.books("ann", "2027-03-15T09:00:00-04:00", true)
		s.as("grey").get("/calendar/appointments/"+a.ID.String()+"/move?to="+s.slot("2027-03-15T10:30:00-04:00")).
			has(200, "Tell the patient?", "15. März 2027", "10:30")
	})
}

func TestMovingAsksWhetherToTell(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSurgery(t, db)
		a := s.books("ann", "2027-03-15T09:00:00-04:00", true)
		path, v := "/calendar/appointments/"+a.ID.String()+"/move", s.as("grey")
		v.get(path).has(200, "To which date?", "Monday 15 March 2027")
		p := v.get(path+"?date=2027-03-15").has(200, "10:30 am", "Monday 15 March 2027, 11:30 am, New York time")
		to := s.slot("2027-03-15T10:30:00-04:00")
		if !slices.Contains(p.attributes("a", "href"), path+"?to="+to) {
			t.Errorf("no link to the slot in %v", p.attributes("a", "href"))
		}
		v.get(path+"?to="+to).has(200, "Now", "9:00 am to 9:30 am", "New", "10:30 am to 11:00 am", "Hello Ann Example", "Tell the patient?")
		if s.now(a).Version != a.Version {
			t.Fatal("to look has changed something")
		}
		s.books("bob", "2027-03-15T11:00:00-04:00", true)
		v.post(path, "to", s.slot("2027-03-15T11:00:00-04:00"), "tell", "no").has(422, "has just been taken", "11:00 am to 11:30 am")
		before := s.queued()
		v.post(path, "to", to, "tell", "no").has(200, "The patient is not told.", "10:30 am to 11:00 am")
		quiet := s.queued() - before
		v.post(path, "to", s.slot("2027-03-15T11:30:00-04:00"), "tell", "yes").has(200, "The patient is told.", "11:30 am to 12:00 pm")
		if told := s.queued() - before - quiet; told != quiet+1 {
			t.Errorf("%d messages when told, %d when not", told, quiet)
		}
		v.get("/calendar/appointments/"+a.ID.String()+"/move?date=2027-03-16").has(200, "There is no free time on this day")
	})
}

func TestSlotsAreChangedByTheirPages(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSurgery(t, db)
		v := s.as("grey")
		slot := s.slot("2027-03-15T09:00:00-04:00")
		path, tag := "/calendar/slots/"+slot, s.etag(slot)
		v.get(path).has(200, "Available", "Block this slot", "Move this slot", "Delete")
		v.post(path+"/block", "etag", tag).has(200, "The slot is blocked.", "Blocked")
		v.post(path+"/unblock", "etag", tag).has(422, "The calendar has changed meanwhile", "Offer this slot again")
		v.post(path+"/unblock", "etag", s.etag(slot)).has(200, "The slot is offered again.")
		tag = s.etag(slot)
		p := v.post(path+"/move", "etag", tag, "date", "2027-03-15", "time", "09:32")
		if p.has(422, "multiples of five minutes"); !slices.Contains(p.attributes("input", "value"), "09:32") {
			t.Error("the answer is not kept")
		}
		v.post(path+"/move", "etag", tag, "date", "2027-03-15", "time", "9h").has(422, "Enter a time")
		v.post(path+"/move", "etag", tag, "date", "", "time", "09:00").has(422, "Enter a date")
		v.post(path+"/move", "etag", tag, "date", "2027-03-15", "time", "11:00").has(422, "There is a slot at this time already")
		v.post(path+"/move", "etag", tag, "date", "2027-03-14", "time", "02:30").has(422, "The clocks skip this time")
		v.post(path+"/move", "etag", tag, "to", "tomorrow").has(400)
		v.post(path+"/move", "etag", tag, "date", "2027-11-07", "time", "01:30").has(422, "Choose which of the two times you mean", "The second, after the clocks")
		p = v.post(path+"/move", "etag", tag, "date", "2027-11-07", "time", "01:30", "again", "second")
		p.has(200, "The slot was moved.", "1:30 am (after the clocks have gone back) to 2:00 am, New York time (UTC−5), Available")
		moved := s.slot("2027-11-07T01:30:00-05:00")
		v.post("/calendar/slots/"+moved+"/move", "etag", s.etag(moved), "to", "2027-03-16T13:00:00Z").has(200, "The slot was moved.", "Tuesday 16 March 2027, 9:00 am to 9:30 am")
		moved = s.slot("2027-03-16T09:00:00-04:00")
		v.post("/calendar/slots/"+moved+"/delete", "etag", s.etag(moved)).has(200, "The slot was deleted.")
		v.get("/calendar/slots/" + moved).has(404)
		v.post("/calendar/slots/"+moved+"/delete", "etag", "*").has(404)
	})
}

func TestAddingASlot(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSurgery(t, db)
		v := s.as("grey")
		v.get("/calendar/new-slot?at=2027-03-16T13:00:00Z").has(200, "Add a slot", "New York time")
		form := []string{"once", newOnce(), "date", "2027-03-16", "time", "09:00", "minutes", "45"}
		for range 2 { // sent twice, it is done once
			v.post("/calendar/new-slot", form...).has(200, "9:00 am to 9:45 am, New York time (UTC−4), Available")
		}
		v.post("/calendar/new-slot", "once", newOnce(), "date", "2027-03-16", "time", "09:30", "minutes", "30").has(422, "There is a slot at this time already")
		v.post("/calendar/new-slot", "once", newOnce(), "date", "2027-03-17", "time", "09:30", "minutes", "500").has(422, "A slot lasts at most 240 minutes")
		v.post("/calendar/new-slot", "once", newOnce(), "date", "2027-03-17", "time", "09:30", "minutes", "soon").has(422, "Enter how many minutes")
		v.post("/calendar/new-slot", "once", newOnce(), "date", "2027-03-12", "time", "09:30", "minutes", "30").has(422, "That time is over")
		s.as("admin").post("/calendar/new-slot", "practitioner", s.grey, "once", newOnce(), "date", "2027-03-18", "time", "09:00", "minutes", "30").
			has(200, "The slot was added.", "Grey Example", "Thursday 18 March 2027, 9:00 am to 9:30 am")
	})
}

// A reason that no form of ours can send is refused.
func TestReasonsHaveAnEnd(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newSurgery(t, db)
		a := s.books("ann", "2027-03-15T09:00:00-04:00", true)
		path := "/calendar/appointments/" + a.ID.String()
		s.as("grey").post(path+"/reason", "reason", strings.Repeat("ö", 1001)).has(400)
		s.as("grey").post(path+"/reason", "reason", strings.Repeat("\r\n", 2)+strings.Repeat("ö", 1000)).has(200, "The reason was changed.")
	})
}
