package web

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	pages "medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// born is when Ann was.
const born = "1961-04-30"

// visitClinic is a clinic where Ann, who was born on a day that is known, has a visit
// to Grey on Tuesday 16 March at nine in New York.
type visitClinic struct {
	*clinic
	had scheduling.Appointment
}

func newVisitClinic(t *testing.T, db *sqldb.DB) *visitClinic {
	t.Helper()
	c := &visitClinic{clinic: newClinic(t, db)}
	c.server.Scheduling.Auth = c.server.Auth
	day := phi.Of(born)
	if _, err := c.server.Directory.ChangeUser(t.Context(), c.actor("ann"), c.users["ann"].ID.String(), "*", directory.UserChange{DateOfBirth: &day}); err != nil {
		t.Fatal(err)
	}
	for _, date := range []string{"2027-03-16", "2027-03-17", "2027-03-18", "2027-03-19"} {
		c.works(date+" 09:00", date+" 11:00")
	}
	c.works("2027-03-18 13:00", "2027-03-18 18:00")
	c.had = c.book("ann", "2027-03-16 09:00", true)
	return c
}

// inNewYork is an instant where Grey works.
func inNewYork(t testing.TB, text string) time.Time {
	t.Helper()
	loc, err := calendar.Zone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", text, loc)
	if err != nil {
		t.Fatal(err)
	}
	return at.UTC()
}

func (c *visitClinic) works(from, to string) {
	c.t.Helper()
	h := scheduling.Hours{Kind: scheduling.KindSpan, Span: calendar.Span{Start: inNewYork(c.t, from), End: inNewYork(c.t, to)}}
	if _, err := c.server.Scheduling.Publish(c.t.Context(), c.actor("grey"), c.users["grey"].PractitionerID.String(), h); err != nil {
		c.t.Fatal(err)
	}
}

// slot is the id of Grey's free slot that begins then.
func (c *visitClinic) slot(start string) string {
	c.t.Helper()
	at := inNewYork(c.t, start)
	q := scheduling.SlotQuery{Practitioner: c.users["grey"].PractitionerID.String(), From: at, To: at.Add(time.Minute)}
	p, err := c.server.Scheduling.Slots(c.t.Context(), auth.Actor{}, q, pages.Request{Limit: 1})
	if err != nil || len(p.Items) != 1 {
		c.t.Fatalf("no slot at %s: %v", start, err)
	}
	return p.Items[0].ID()
}

func (c *visitClinic) book(who, start string, confirm bool) scheduling.Appointment {
	c.t.Helper()
	a, err := c.server.Scheduling.Hold(c.t.Context(), c.actor(who), scheduling.HoldRequest{Slot: c.slot(start), Confirm: confirm, Reason: phi.Of("My left knee")})
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// now is how an appointment stands.
func (c *visitClinic) now(a scheduling.Appointment) scheduling.Appointment {
	c.t.Helper()
	a, err := c.server.Scheduling.Appointment(c.t.Context(), c.actor("admin"), a.ID.String())
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// found is a visitor who has found an appointment of Ann's.
func (c *visitClinic) found(a scheduling.Appointment) *visitor {
	c.t.Helper()
	v := c.visitor()
	v.post("/visit", "reference", a.Reference, "born", born).has(http.StatusOK, a.Reference)
	return v
}

// deeds counts what is on record of an action on Ann's data.
func (c *visitClinic) deeds(action string) (n int) {
	c.t.Helper()
	err := c.db.View(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		p, err := audit.Events(ctx, tx, audit.Filter{Patient: c.users["ann"].ID, Action: action}, pages.Request{Limit: 100})
		n = len(p.Items)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// TestABookingIsFoundWithoutSigningIn finds it by reference and date of birth and by
// its link, and nothing personal is in an address.
func TestABookingIsFoundWithoutSigningIn(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newVisitClinic(t, db)
		v := c.visitor()
		v.get("/visit").has(200, "Find a booking", "Booking reference", "Date of birth").lacks(c.had.Reference)
		typed := strings.ToLower(c.had.Reference[:5] + " " + c.had.Reference[5:])
		p := v.post("/visit", "reference", typed, "born", born)
		p.has(200, "Visit on Tuesday 16 March 2027", "Booked", "9:00 am to 9:15 am, New York time", "Grey Example", c.had.Reference, "until Monday 15 March 2027, 9:00 am").
			lacks("My left knee", "Ann Example", c.had.ID.String(), c.users["ann"].ID.String())
		if p.path != "/visit/booking" {
			t.Errorf("it is shown at %s", p.path)
		}
		if pass := v.cookies[passCookie]; pass == "" || strings.Contains(p.body, pass) {
			t.Error("the pass is not in a cookie alone")
		}
		v.get("/visit").has(200, "A booking is open on this device.")
		token := string(auth.VisitLink(ring(), auth.Visit{Appointment: c.had.ID, Patient: c.had.Patient}))
		v = c.visitor()
		v.post("/visit", "token", token).has(200, c.had.Reference)
		file := v.get("/visit/calendar.ics")
		if file.status != 200 || file.header.Get("Content-Type") != "text/calendar; charset=utf-8" || !strings.Contains(file.body, "UID:"+c.had.ID.String()) {
			t.Errorf("the calendar's file: %d %s", file.status, file.body)
		}
		if found, opened := c.deeds("visit.find"), c.deeds("visit.open"); found != 1 || opened != 1 {
			t.Errorf("%d finds and %d opened links are on record, want 1 and 1", found, opened)
		}
		v.post("/visit/forget").has(200, "This device has forgotten the booking.")
		v.get("/visit/booking").has(200, "Please find your booking again")
		if strings.Contains(c.log.String(), c.had.Reference) || strings.Contains(c.log.String(), token) || strings.Contains(c.log.String(), born) {
			t.Error("the log tells what was typed")
		}
	})
}

// TestWhateverIsWrongLooksTheSame compares the answers to a wrong reference, a wrong
// date, both, and none.
func TestWhateverIsWrongLooksTheSame(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newVisitClinic(t, db)
		first := ""
		for _, said := range [][2]string{{"ABCDEFGH23", born}, {c.had.Reference, "1961-04-29"}, {"ABCDEFGH23", "1961-04-29"}, {c.had.Reference, "yesterday"}, {"", ""}} {
			v := c.visitor()
			p := v.post("/visit", "reference", said[0], "born", said[1])
			p.has(422, "Error: Find a booking", "We found no such booking.")
			if v.cookies[passCookie] != "" || p.path != "/visit" {
				t.Errorf("%v leads to %s, with the pass %q", said, p.path, v.cookies[passCookie])
			}
			if said[0] != "" && !strings.Contains(p.body, `value="`+said[0]+`"`) {
				t.Errorf("%v: what was typed is lost", said)
			}
			if first == "" {
				first = p.text()
			}
			if p.text() != first {
				t.Errorf("%v looks different:\n%s\n%s", said, p.text(), first)
			}
		}
		c.visitor().post("/visit", "token", "nothing").has(422, "We found no such booking.").lacks("nothing")
	})
}

// TestManyTriesAreRefused shows that a form that is sent again and again is told to wait.
func TestManyTriesAreRefused(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newVisitClinic(t, db)
		v := c.visitor()
		for range 50 {
			if p := v.post("/visit", "reference", c.had.Reference, "born", "1961-04-29"); strings.Contains(p.text(), "Try again in") {
				return
			}
		}
		t.Error("50 tries at one booking were judged")
	})
}

func TestAPassEndsOnThePages(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newVisitClinic(t, db)
		for _, r := range c.server.visitRoutes() {
			if r.path == "/visit" || r.path == "/visit/forget" {
				continue
			}
			if p := c.visitor().send(r.method, r.path, nil); p.path != "/visit?over=yes" {
				t.Errorf("%s %s without a pass leads to %s", r.method, r.path, p.path)
			}
		}
		v := c.found(c.had)
		sqltest.ClockOf(db).Advance(30 * time.Minute)
		if p := v.post("/visit/cancel"); p.path != "/visit?over=yes" || c.now(c.had).Status != scheduling.Confirmed {
			t.Errorf("a pass of 30 minutes ago leads to %s", p.path)
		}
		if v.cookies[passCookie] != "" {
			t.Error("what is good for nothing is kept")
		}
	})
}

// TestAVisitIsMoved goes through dates and times to the check, as who signed in and by
// a pass.
func TestAVisitIsMoved(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newVisitClinic(t, db)
		for i, way := range []struct {
			v    *visitor
			base string
			page string
		}{{c.found(c.had), "/visit", "/visit/booking"}, {c.as("ann"), "/my/visits/" + c.had.ID.String(), "/my/visits/" + c.had.ID.String()}} {
			p := way.v.get(way.base+"/move").has(200, "When do you want to come instead?", []string{"Now: Tuesday 16 March 2027, 9:00 am", "Now: Thursday 18 March 2027, 5:15 pm"}[i], "Wednesday 17 March 2027", "8 times free")
			p = way.v.get(hrefWith(p, "date=2027-03-18")).has(200, "Which time on Thursday 18 March 2027?", "Morning", "Afternoon", "Evening", "Thursday 18 March 2027, 5:15 pm, New York time (UTC−4), with Grey Example.")
			slot := c.slot([]string{"2027-03-18 17:15", "2027-03-18 13:00"}[i])
			p = way.v.get(hrefWith(p, slot)).has(200, "Check the new time", "Until now", "New")
			if got := p.attributes("form", "action"); !strings.Contains(strings.Join(got, " "), way.base+"/move") {
				t.Errorf("the forms lead to %v", got)
			}
			if now := c.now(c.had); i == 0 && !now.Start.Equal(c.had.Start) {
				t.Error("a GET has moved the visit")
			}
			p = way.v.post(way.base+"/move", "slot", slot)
			p.has(200, "Your visit has a new time.", []string{"5:15 pm to 5:30 pm", "1:00 pm to 1:15 pm"}[i])
			if p.path != way.page {
				t.Errorf("it ends at %s", p.path)
			}
		}
		if n := c.deeds("appointment.reschedule"); n != 2 {
			t.Errorf("%d moves are on record, want 2", n)
		}
	})
}

// hrefWith is the first address on the page that has a text.
func hrefWith(p shown, text string) string {
	p.t.Helper()
	for _, href := range p.attributes("a", "href") {
		if strings.Contains(href, text) {
			return href
		}
	}
	p.t.Fatalf("%s has no link with %q", p.path, text)
	return ""
}

// TestALostTimeLeadsToTheNearest shows that who chose what somebody else has by now is
// offered what is near to it.
func TestALostTimeLeadsToTheNearest(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newVisitClinic(t, db)
		v, lost := c.found(c.had), c.slot("2027-03-17 10:00")
		c.book("bob", "2027-03-17 10:00", true)
		for _, p := range []shown{v.post("/visit/move", "slot", lost), v.get("/visit/move?slot=" + lost)} {
			p.has(422, "There is a problem", "Somebody else was quicker", "The nearest free times", "Wednesday 17 March 2027, 9:45 am", "Wednesday 17 March 2027, 10:15 am", "Choose a date")
		}
		v.post("/visit/move", "slot", "nonsense").has(422, "The nearest free times")
		if !c.now(c.had).Start.Equal(c.had.Start) {
			t.Error("the visit has moved")
		}
	})
}

// TestAVisitIsCancelledOnce cancels after a check, and what is cancelled is shown with
// what one can do instead.
func TestAVisitIsCancelledOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newVisitClinic(t, db)
		other := c.book("ann", "2027-03-17 09:00", true)
		mine := "/my/visits/" + other.ID.String()
		for _, way := range []struct {
			v          *visitor
			base, page string
			a          scheduling.Appointment
		}{{c.found(c.had), "/visit", "/visit/booking", c.had}, {c.as("ann"), mine, mine, other}} {
			way.v.get(way.base+"/cancel").has(200, "Do you want to cancel this visit?", "Yes, cancel the visit", "Keep the visit as it is")
			if c.now(way.a).Status != scheduling.Confirmed {
				t.Fatal("a GET has cancelled the visit")
			}
			p := way.v.post(way.base+"/cancel").has(200, "Your visit is cancelled.", "This visit is cancelled. You can book another one.", "Book another visit").lacks("/move", "/cancel")
			if p.path != way.page || c.now(way.a).Status != scheduling.Cancelled {
				t.Errorf("it ends at %s, and the visit is %s", p.path, c.now(way.a).Status)
			}
			for _, path := range []string{way.base + "/cancel", way.base + "/move"} {
				if p := way.v.get(path); p.path != way.page {
					t.Errorf("%s of what is cancelled leads to %s", path, p.path)
				}
			}
			way.v.post(way.base + "/cancel").has(200)
			way.v.post(way.base+"/move", "slot", c.slot("2027-03-18 13:00")).has(422, "That is not possible any more")
		}
	})
}

// TestTheWindowIsTold shows that after the cancellation window nothing can be changed,
// and that the page says until when it could.
func TestTheWindowIsTold(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newVisitClinic(t, db)
		sqltest.ClockOf(db).Set(inNewYork(t, "2027-03-15 08:50"))
		v := c.found(c.had)
		form := v.get("/visit/cancel").has(200, "Yes, cancel the visit")
		sqltest.ClockOf(db).Set(inNewYork(t, "2027-03-15 09:01"))
		v.post("/visit/cancel").has(422, "It is too late to change or cancel this visit online.", "until Monday 15 March 2027, 9:00 am").lacks("Yes, cancel the visit")
		v.post("/visit/move", "slot", c.slot("2027-03-18 13:00")).has(422, "It is too late to change or cancel this visit online.")
		v.get("/visit/booking").has(200, "could be changed or cancelled online until Monday 15 March 2027, 9:00 am", "please call the clinic", "Add to calendar").lacks("/visit/cancel", "/visit/move")
		if form.path != "/visit/cancel" || c.now(c.had).Status != scheduling.Confirmed {
			t.Errorf("the visit is %s", c.now(c.had).Status)
		}
		sqltest.ClockOf(db).Set(inNewYork(t, "2027-03-16 09:05"))
		c.found(c.had).get("/visit/booking").has(200, "Now", "This visit is over.").lacks("/visit/cancel")
	})
}

// TestAHoldIsBookedByItsPass confirms what is held, and says so of one that is over.
func TestAHoldIsBookedByItsPass(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newVisitClinic(t, db)
		held := c.book("ann", "2027-03-17 09:00", false)
		v := c.found(held)
		v.get("/visit/booking").has(200, "This visit is not booked yet", "30 minutes left", "Book this visit", "Give the time back")
		v.post("/visit/confirm").has(200, "Your visit is booked.", "Booked")
		late := c.book("ann", "2027-03-17 10:00", false)
		sqltest.ClockOf(db).Advance(20 * time.Minute)
		v = c.found(late)
		sqltest.ClockOf(db).Advance(10 * time.Minute)
		v.post("/visit/confirm").has(422, "There is a problem", "Not booked in time", "You can book another one.")
		v.post("/visit/move", "slot", c.slot("2027-03-18 13:00")).has(422, "Not booked in time")
		again := c.book("ann", "2027-03-17 10:30", false)
		c.found(again).post("/visit/cancel").has(200, "The time is free for others again.")
	})
}

// TestBothZonesAreShown looks from where clocks show another time.
func TestBothZonesAreShown(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newVisitClinic(t, db)
		v := c.found(c.had)
		v.get("/visit/booking").has(200).lacks("Where you are")
		v.cookies["zone"] = "Asia/Kathmandu"
		v.get("/visit/booking").has(200, "9:00 am to 9:15 am, New York time (UTC−4)", "Where you are Tuesday 16 March 2027, 6:45 pm, Kathmandu time (UTC+5:45)")
		p := v.get("/visit/move?date=2027-03-18").has(200, "10:45 pm for you", "19 March, 3:00 am for you")
		v.get(hrefWith(p, c.slot("2027-03-18 17:15"))).has(200, "That is Friday 19 March 2027, 3:00 am, Kathmandu time (UTC+5:45) for you.")
	})
}
