package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"medbook/client"
	"medbook/e2e/browser"
	"medbook/internal/sqldb/sqltest"
)

// annsClinic is a clinic where Ann Lee, a patient who was born on a day that is known,
// has visits to one practitioner in New York.
type annsClinic struct {
	*clinic
	admin, ann session
	practising string
}

const (
	annsEmail = "ann.lee@mail.example"
	annsBirth = "1961-04-30"
)

func newAnnsClinic(t *testing.T) *annsClinic {
	t.Helper()
	c := &annsClinic{clinic: open(t, sqltest.SQLite(t))}
	c.admin = c.firstAdmin()
	c.ann = c.enrol(c.admin.Client, annsEmail)
	me, born := must(c.ann.Me(t.Context()))(t), annsBirth
	must(c.ann.ChangeUser(t.Context(), me.ID, "*", client.UserChange{DateOfBirth: &born}))(t)
	practitioner, id := c.practitioner(newYork)
	c.practising = id
	for day := range 5 {
		must(practitioner.Publish(t.Context(), id, client.Hours{Date: fmt.Sprintf("2027-03-%d", 15+day), From: "09:00", To: "12:00"}))(t)
	}
	return c
}

// book books Ann the slot of the date, counted from 0.
func (c *annsClinic) book(date string, n int) client.Appointment {
	c.t.Helper()
	slots := all(c.t, c.with().Slots(client.SlotQuery{PractitionerID: c.practising, Date: date}).All(c.t.Context()))
	return must(c.ann.Hold(c.t.Context(), client.NewAppointment{SlotID: slots[n].ID, Confirm: true, Reason: "My left knee"}))(c.t)
}

// isFree reports whether the time of an appointment can be booked.
func (c *annsClinic) isFree(a client.Appointment) bool {
	c.t.Helper()
	slots := all(c.t, c.with().Slots(client.SlotQuery{PractitionerID: c.practising}).All(c.t.Context()))
	return slices.ContainsFunc(slots, func(s client.Slot) bool { return s.StartsAt.Equal(a.StartsAt) })
}

// patient signs Ann in.
func (c *annsClinic) patient(tab *browser.Tab) {
	tab.Go(c.server.url + "/sign-in")
	tab.Fill("E-mail address", annsEmail)
	tab.Fill("Password", passphrase)
	tab.Press("Enter")
}

// find finds a booking by reference and date of birth.
func (c *annsClinic) find(tab *browser.Tab, reference, born string) {
	tab.Go(c.server.url + "/visit")
	tab.Fill("Booking reference", reference)
	tab.Fill("Date of birth", born)
	tab.Click("form:not([hidden]) .acts button")
}

// linkIn waits for the message that tells Ann of an appointment, and returns its link.
func (c *annsClinic) linkIn(kind string) (link string) {
	c.t.Helper()
	isVisit := regexp.MustCompile(`https?://\S+/visit#\S+`)
	eventually(c.t, "there is a message with a link", func() bool {
		for _, m := range all(c.t, c.admin.Outbox().All(c.t.Context())) {
			if m.Kind == kind {
				link = isVisit.FindString(must(c.admin.Message(c.t.Context(), m.ID))(c.t).Text)
			}
		}
		return link != ""
	})
	return link
}

// inBothWays runs a test both ways.
func inBothWays(t *testing.T, test func(t *testing.T, o browser.Options)) {
	t.Helper()
	t.Run("scripts", func(t *testing.T) { test(t, browser.Options{}) })
	t.Run("no scripts", func(t *testing.T) { test(t, browser.Options{NoScript: true}) })
}

// TestABookingIsFoundInABrowser finds it by reference and date of birth, and by the
// link in a message, whose token stays neither in the address nor in the history.
func TestABookingIsFoundInABrowser(t *testing.T) {
	t.Parallel()
	c := newAnnsClinic(t)
	a := c.book("2027-03-16", 0)
	inBothWays(t, func(t *testing.T, o browser.Options) {
		tab := browser.Open(t, o)
		c.find(tab, strings.ToLower(a.Reference), annsBirth)
		tab.Has("Visit on Tuesday 16 March 2027")
		tab.Has(a.Reference)
		tab.Lacks("My left knee")
		tab.Click("Forget this booking on this device")
		tab.Go("/visit/booking")
		tab.Has("Please find your booking again")
	})
	link := c.linkIn("appointment-confirmed")
	_, token, _ := strings.Cut(link, "#")
	tab := browser.Open(t, browser.Options{Zone: "Asia/Tokyo"})
	tab.Go(c.server.url + "/visit") // which learns the reader's zone
	tab.Go(c.server.url + "/visit#" + token)
	tab.Await("Visit on Tuesday 16 March 2027")
	tab.Has("22:00, Tokyo time (UTC+9)")
	if strings.Contains(tab.URL(), token) {
		t.Errorf("the token is in the address %s", tab.URL())
	}
	tab.Back()
	if strings.Contains(tab.URL(), token) {
		t.Errorf("the token is in the history: %s", tab.URL())
	}
}

// TestWrongBookingsLookTheSameInABrowser compares what is shown for a wrong reference
// and for a wrong date.
func TestWrongBookingsLookTheSameInABrowser(t *testing.T) {
	t.Parallel()
	c := newAnnsClinic(t)
	a := c.book("2027-03-16", 0)
	inBothWays(t, func(t *testing.T, o browser.Options) {
		var texts, titles []string
		tab := browser.Open(t, o)
		for _, said := range [][2]string{{"ABCDEFGH23", annsBirth}, {a.Reference, "1961-04-29"}} {
			c.find(tab, said[0], said[1])
			if tab.Status() != 422 || tab.Value("Booking reference") != said[0] {
				t.Errorf("%v answers %d and keeps %q", said, tab.Status(), tab.Value("Booking reference"))
			}
			texts, titles = append(texts, tab.Text()), append(titles, tab.Title())
		}
		if texts[0] != texts[1] || titles[0] != titles[1] || !strings.HasPrefix(titles[0], "Error: ") {
			t.Errorf("%q and %q look different", titles[0], titles[1])
		}
	})
}

// TestAPatientMovesAndCancelsInABrowser does so with the mouse, with and without
// scripts. What was cancelled can be booked again.
func TestAPatientMovesAndCancelsInABrowser(t *testing.T) {
	t.Parallel()
	c := newAnnsClinic(t)
	inBothWays(t, func(t *testing.T, o browser.Options) {
		a := c.book("2027-03-16", 0)
		tab := browser.Open(t, o)
		c.patient(tab)
		tab.Has("Coming up")
		tab.Click("Tuesday 16 March 2027 09:00 to 09:15, The practitioner")
		tab.Has("My left knee")
		tab.Click("Change the time")
		tab.Click("Thursday 18 March 2027 12 times free")
		tab.Click("Thursday 18 March 2027, 09:30, New York time (UTC−4), with The practitioner. That is Thursday 18 March 2027, 13:30, UTC for you.")
		tab.Has("Check the new time")
		tab.Click("Yes, change the time")
		tab.Has("Your visit has a new time.")
		tab.Has("09:30 to 09:45, New York time")
		tab.Reload()
		tab.Has("Visit on Thursday 18 March 2027")
		moved := must(c.ann.Appointment(t.Context(), a.ID))(t)
		if !c.isFree(a) || c.isFree(moved) {
			t.Error("the old time is not free, or the new one is")
		}
		tab.Click("Cancel the visit")
		tab.Has("Do you want to cancel this visit?")
		if c.isFree(moved) {
			t.Error("a question has cancelled the visit")
		}
		tab.Click("Yes, cancel the visit")
		tab.Has("Your visit is cancelled.")
		if !c.isFree(moved) {
			t.Error("the time of what was cancelled is not offered again")
		}
	})
}

// tabToThing presses Tab until what has the focus is called so.
func tabToThing(tab *browser.Tab, t *testing.T, name string) {
	t.Helper()
	for range 60 {
		if tab.Focused() == name {
			return
		}
		tab.Press("Tab")
	}
	t.Fatalf("Tab does not lead to %q", name)
}

// TestAVisitIsMovedAndCancelledByKeyboard touches no mouse, from the sign-in on.
func TestAVisitIsMovedAndCancelledByKeyboard(t *testing.T) {
	t.Parallel()
	c := newAnnsClinic(t)
	a := c.book("2027-03-16", 0)
	tab := browser.Open(t, browser.Options{})
	c.patient(tab)
	for _, name := range []string{
		"Tuesday 16 March 2027 09:00 to 09:15, The practitioner", "Change the time", "Friday 19 March 2027 12 times free",
		"Friday 19 March 2027, 11:00, New York time (UTC−4), with The practitioner. That is Friday 19 March 2027, 15:00, UTC for you.", "Yes, change the time",
	} {
		tabToThing(tab, t, name)
		tab.Press("Enter")
	}
	tab.Has("Your visit has a new time.")
	for _, name := range []string{"Cancel the visit", "Yes, cancel the visit"} {
		tabToThing(tab, t, name)
		tab.Press("Enter")
	}
	tab.Has("Your visit is cancelled.")
	if now := must(c.ann.Appointment(t.Context(), a.ID))(t); now.Status != "cancelled" || !c.isFree(now) {
		t.Errorf("the visit is %s", now.Status)
	}
}

// TestVisitPagesAreForEverybody has axe look at pages that links from a first page do
// not lead to, wide and narrow, light and dark.
func TestVisitPagesAreForEverybody(t *testing.T) {
	t.Parallel()
	c := newAnnsClinic(t)
	a := c.book("2027-03-16", 0)
	held := must(c.ann.Hold(t.Context(), client.NewAppointment{SlotID: all(t, c.with().Slots(client.SlotQuery{PractitionerID: c.practising, Date: "2027-03-17"}).All(t.Context()))[0].ID}))(t)
	must(c.ann.JoinWaitlist(t.Context(), client.NewWait{PractitionerID: c.practising, From: sqltest.Start, To: a.StartsAt}))(t)
	slot := all(t, c.with().Slots(client.SlotQuery{PractitionerID: c.practising, Date: "2027-03-18"}).All(t.Context()))[0].ID
	sources := map[string][]byte{}
	for look, options := range looks {
		t.Run(look, func(t *testing.T) {
			tab := browser.Open(t, options)
			see := func(name string) {
				tab.Axe()
				sources[name] = tab.Source()
			}
			c.find(tab, "ABCDEFGH23", annsBirth)
			see("/visit refused")
			tab.Go("/visit?over=yes")
			see("/visit over")
			c.find(tab, a.Reference, annsBirth)
			for _, path := range []string{"/visit/booking", "/visit/cancel", "/visit/move", "/visit/move?date=2027-03-18", "/visit/move?slot=" + slot, "/visit"} {
				tab.Go(path)
				see(strings.ReplaceAll(path, slot, "x"))
			}
			tab.Go("/visit/move?slot=lost")
			see("/visit/move lost")
			c.find(tab, held.Reference, annsBirth)
			see("/visit held")
			c.patient(tab)
			for _, path := range []string{"/my", "/my/visits/" + a.ID, "/my/visits/" + held.ID, "/my/visits/" + a.ID + "/reason", "/my/orders", "/my/records", "/my/looks", "/my/copy"} {
				tab.Go(path)
				see(strings.NewReplacer(a.ID, "a", held.ID, "held").Replace(path))
			}
		})
	}
	browser.Validate(t, sources)
}
