package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/client"
	"medbook/e2e/browser"
	"medbook/internal/id"
	"medbook/internal/sqldb/sqltest"
)

// frontDoor is a clinic with a practitioner who works on monday, as patients find it
// in their browsers.
type frontDoor struct {
	*clinic
	admin *client.Client
	with  string // the practitioner's id
	name  string
}

func (c *clinic) frontDoor() *frontDoor {
	c.t.Helper()
	f := &frontDoor{clinic: c, admin: c.firstAdmin().Client, name: "The practitioner"}
	var practitioner person
	practitioner, f.with = c.practitioner(newYork)
	must(practitioner.Publish(c.t.Context(), f.with, monday))(c.t)
	return f
}

// times is the page of monday's times with the practitioner.
func (f *frontDoor) times() string {
	return f.server.url + "/book/time?" + url.Values{"length": {"15"}, "with": {f.with}, "date": {monday.Date}}.Encode()
}

// patient opens a tab in which a new patient has signed in.
func (f *frontDoor) patient(name string, o browser.Options) *browser.Tab {
	f.t.Helper()
	f.enrol(f.admin, name+"@mail.example")
	return f.returning(name, o)
}

// returning opens a tab in which a patient has signed in who is known.
func (f *frontDoor) returning(name string, o browser.Options) *browser.Tab {
	f.t.Helper()
	tab := browser.Open(f.t, o)
	tab.Go(f.server.url + "/sign-in")
	signInAs(tab, name+"@mail.example")
	return tab
}

// signInAs fills the page to sign in on.
func signInAs(tab *browser.Tab, email string) {
	tab.Fill("E-mail address", email)
	tab.Fill("Password", passphrase)
	tab.Click("form[action='/sign-in'] .acts button")
}

// slotNamed is the full name of a slot on monday.
func (f *frontDoor) slotNamed(clock string) string {
	return "Monday 15 March 2027, " + clock + ", New York time (UTC−4), with " + f.name + "."
}

// TestAPatientBooksInABrowser books from the first question to the confirmation, with
// scripts and without, signing in on the way.
func TestAPatientBooksInABrowser(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		f := c.frontDoor()
		for _, noScript := range []bool{false, true} {
			name := fmt.Sprintf("ann%t", noScript)
			f.enrol(f.admin, name+"@mail.example")
			tab := browser.Open(t, browser.Options{NoScript: noScript, Zone: newYork})
			tab.Go(c.server.url + "/")
			tab.Click(".cards a")
			tab.Choose("How long should it be?", "30 minutes")
			tab.Click("Continue")
			tab.HasA("heading", "Step 3 of 6 Choose a date")
			tab.Click(".dates a")
			tab.Click(f.slotNamed(map[bool]string{false: "09:00", true: "10:00"}[noScript]))
			signInAs(tab, name+"@mail.example")
			tab.Has("Is this still the time that you want?")
			tab.Has("Visit 30 minutes")
			tab.Click("Hold this time")
			tab.Has("We hold this time for you until")
			tab.Fill("What brings you here? (optional)", "My knee")
			tab.Click("Continue")
			tab.Has("My knee")
			if !noScript {
				tab.Await("29:") // minutes and seconds
			}
			tab.Click("Change Phone number")
			tab.Fill("Phone number (optional)", "+1 212 555 0142")
			tab.Click("Continue")
			tab.Has("+1 212 555 0142")
			tab.Click("Confirm the booking")
			tab.HasA("heading", "Your visit is booked")
			tab.Reload()
			tab.Has("Your reference")
			tab.Click("Add to calendar")
			tab.Has("Your reference")
		}
	})
}

// reach moves the focus to what is named so by the Tab key alone, and sees that the
// focus never goes astray.
func reach(t *testing.T, tab *browser.Tab, name string) {
	t.Helper()
	for range 80 {
		tab.Press("Tab")
		if tab.Focused() == name {
			return
		}
	}
	t.Fatalf("the Tab key does not reach %q on %s", name, tab.URL())
}

// TestAPatientBooksByKeyboard uses Tab, Space, arrows and Enter, and nothing else.
func TestAPatientBooksByKeyboard(t *testing.T) {
	t.Parallel()
	f := open(t, sqltest.SQLite(t)).frontDoor()
	f.practitioner(newYork) // so that there is a choice
	tab := f.patient("ann", browser.Options{Zone: newYork})
	tab.Go("/book")
	reach(t, tab, "15 minutes")
	tab.Press("ArrowDown")
	reach(t, tab, "Continue")
	tab.Press("Enter")
	reach(t, tab, "Anyone who is free Shows the times of everybody who fits. Often the quickest way.")
	tab.Press("Enter")
	tab.Press("Tab")
	if got := tab.Focused(); got != "Skip to the content" {
		t.Errorf("the first thing to reach is %q", got)
	}
	reach(t, tab, "Next available Monday 15 March 2027 27 times, from 08:00")
	tab.Press("Enter")
	reach(t, tab, f.slotNamed("08:15"))
	tab.Press("Enter")
	tab.Has("Visit 30 minutes")
	reach(t, tab, "Continue")
	tab.Press("Enter")
	reach(t, tab, "Confirm the booking")
	tab.Press("Space")
	tab.HasA("heading", "Your visit is booked")
}

// TestTwoBrowsersRaceForOneTime has two patients press the button of one time at
// once. One gets it; the other is told, keeps the answers, and takes the next one.
func TestTwoBrowsersRaceForOneTime(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		f := c.frontDoor()
		tabs := []*browser.Tab{f.patient("ann", browser.Options{NoScript: true}), f.patient("bob", browser.Options{NoScript: true})} // a script would take the time away
		for _, tab := range tabs {
			tab.Go(f.times())
		}
		var racing sync.WaitGroup
		for _, tab := range tabs {
			racing.Go(func() { tab.Click(f.slotNamed("09:15") + " Monday 15 March 2027, 13:15, UTC where you are") })
		}
		racing.Wait()
		winner, loser := tabs[0], tabs[1]
		if winner.Status() != http.StatusOK {
			winner, loser = loser, winner
		}
		winner.Has("Who is the visit for?")
		if loser.Status() != http.StatusConflict {
			t.Fatalf("who lost is answered %d, want 409", loser.Status())
		}
		loser.Has("Somebody else was quicker")
		loser.Has("Visit 15 minutes")
		loser.Has("Monday 15 March 2027")
		loser.Click(f.slotNamed("09:30") + " Monday 15 March 2027, 13:30, UTC where you are")
		loser.Has("Who is the visit for?")
		loser.Click("Continue")
		loser.Click("Confirm the booking")
		loser.HasA("heading", "Your visit is booked")
	})
}

// TestFreeTimesStayFresh shows that a time that another patient takes goes from a list
// that is open, and comes back when they give it back.
func TestFreeTimesStayFresh(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		f := c.frontDoor()
		ann, bob := f.patient("ann", browser.Options{Zone: newYork}), f.patient("bob", browser.Options{Zone: newYork})
		ann.Go(f.times())
		bob.Go(f.times())
		reach(t, ann, f.slotNamed("10:00"))
		bob.Click(f.slotNamed("09:15"))
		ann.Await("The free times have changed.")
		ann.Lacks(f.slotNamed("09:15"))
		if got := ann.Focused(); got != f.slotNamed("10:00") {
			t.Errorf("the focus went to %q", got)
		}
		bob.Click("Don't book, give this time back")
		ann.Await(f.slotNamed("09:15"))
		// When what has the focus goes, no key sets off something else.
		ann.Go(f.times())
		bob.Go(f.times())
		reach(t, ann, f.slotNamed("10:15"))
		bob.Click(f.slotNamed("10:15"))
		ann.Await("The free times have changed.")
		ann.Press("Enter")
		ann.HasA("heading", "Step 4 of 6 Choose a time on Monday 15 March 2027")
	})
}

// TestEveryPageOfTheBookingIsForEverybody goes through the booking, and where it can
// go wrong, in each of the looks.
func TestEveryPageOfTheBookingIsForEverybody(t *testing.T) {
	t.Parallel()
	f := open(t, sqltest.SQLite(t)).frontDoor()
	sources := map[string][]byte{}
	now, hour := sqltest.Start, 8
	rival := f.patient("rival", browser.Options{Zone: newYork})
	for n := range len(looks) { // while the admin's token lasts
		f.enrol(f.admin, fmt.Sprintf("ann%d@mail.example", hour+n))
	}
	for look, options := range looks {
		options.Zone = "Europe/Berlin"
		tab := f.returning(fmt.Sprintf("ann%d", hour), options)
		at := func(minutes int) string {
			return f.slotNamed(fmt.Sprintf("%02d:%02d", hour, minutes)) + f.inBerlin(hour, minutes)
		}
		see := func(name, text string) {
			t.Helper()
			tab.Has(text)
			tab.Axe()
			sources[look+": "+name] = tab.Source()
		}
		tab.Go("/book")
		see("length", "What kind of visit do you need?")
		tab.Click("Continue")
		see("who", "Who would you like to see?")
		tab.Go(strings.Replace(f.times(), "/time", "/date", 1))
		see("date", "Next available")
		tab.Go(f.times())
		see("time", "Morning")
		rival.Go(f.times())
		rival.Click(f.slotNamed(fmt.Sprintf("%02d:15", hour)))
		// A list with scripts has lost the time already; the page between does not know yet.
		begins := time.Date(2027, 3, 15, hour+4, 15, 0, 0, time.UTC)
		taken := id.Slot{Practitioner: uuid.MustParse(f.with), Start: begins, End: begins.Add(15 * time.Minute)}
		tab.Go(strings.Replace(f.times(), "/time", "/hold", 1) + "&slot=" + taken.String())
		tab.Click("Hold this time")
		see("lost", "Somebody else was quicker")
		rival.Click("Don't book, give this time back")
		tab.Go(f.times() + "&at=07:00")
		see("why", "does not work then")
		tab.Go(f.times())
		tab.Click(at(0))
		see("details", "Who is the visit for?")
		tab.Click("Continue")
		see("check", "Check your answers")
		check := tab.URL()
		now = now.Add(31 * time.Minute)
		f.setTime(now)
		tab.Reload()
		see("over", "This time is held no longer")
		tab.Click(at(0))
		tab.Click("Continue")
		if tab.URL() == check {
			t.Error("the hold that is over is there again")
		}
		tab.Click("Confirm the booking")
		see("done", "Your visit is booked")
		tab.Go("/book/wait")
		see("wait", "Join the waiting list")
		hour++
	}
	browser.Validate(t, sources)
}

// inBerlin is what the name of a slot on monday says beside, to who is there.
func (f *frontDoor) inBerlin(hour, minutes int) string {
	f.t.Helper()
	there := time.Date(2027, 3, 15, hour, minutes, 0, 0, time.UTC).Add(5 * time.Hour)
	return there.Format(" Monday 2 January 2006, 15:04") + ", Berlin time (UTC+1) where you are"
}
