package web

import (
	"context"
	"strings"
	"testing"
	"time"

	"medbook/internal/audit"
	"medbook/internal/calendar"
	pages "medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// worksDuring publishes hours of a practitioner.
func (c *clinic) worksDuring(name string, h scheduling.Hours) scheduling.Published {
	c.t.Helper()
	p, err := c.server.Scheduling.Publish(c.t.Context(), c.actor(name), c.users[name].PractitionerID.String(), h)
	if err != nil {
		c.t.Fatal(err)
	}
	return p
}

// visits books a patient into the first slot of a practitioner's that begins at an
// instant.
func (c *clinic) visits(patient, practitioner string, at time.Time) scheduling.Appointment {
	c.t.Helper()
	q := scheduling.SlotQuery{Practitioner: c.users[practitioner].PractitionerID.String(), From: at, To: at.Add(time.Minute), Status: "any"}
	slots, err := c.server.Scheduling.Slots(c.t.Context(), c.actor("admin"), q, pages.Request{Limit: 1})
	if err != nil || len(slots.Items) == 0 {
		c.t.Fatalf("no slot at %s: %v", at, err)
	}
	a, err := c.server.Scheduling.Hold(c.t.Context(), c.actor("admin"), scheduling.HoldRequest{
		Slot: slots.Items[0].ID(), Patient: c.users[patient].ID.String(), Confirm: true, Override: phi.Of("for a test"),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// onRecord lists what is on record as an auditor finds it, the newest first: actions
// of somebody on things of a kind, with their outcome, purpose and patients.
func (c *clinic) onRecord(f audit.Filter) (found []string) {
	c.t.Helper()
	err := c.db.View(c.t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		p, err := audit.Events(ctx, tx, f, pages.Request{Limit: 200})
		found = nil
		for _, e := range p.Items {
			text := e.Action + " " + e.Outcome + " " + e.Purpose
			for _, patient := range e.Patients {
				for name, u := range c.users {
					if u.ID == patient {
						text += " " + name
					}
				}
			}
			found = append(found, text)
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return found
}

// hiddenFields lists what hidden fields of a page hold, to be sent on: names and values.
func (p shown) hiddenFields() (pairs []string) {
	for n := range p.tree.Descendants() {
		if n.Data != "input" {
			continue
		}
		of := map[string]string{}
		for _, a := range n.Attr {
			of[a.Key] = a.Val
		}
		if of["type"] == "hidden" && of["name"] != "next" {
			pairs = append(pairs, of["name"], of["value"])
		}
	}
	return pairs
}

// linkBelow returns the first link of a page whose address begins and ends so.
func (p shown) linkBelow(begin, end string) string {
	p.t.Helper()
	for _, href := range p.attributes("a", "href") {
		if strings.HasPrefix(href, begin) && strings.HasSuffix(href, end) && len(href) > len(begin)+len(end) {
			return href
		}
	}
	p.t.Fatalf("%s has no link to %s…%s", p.path, begin, end)
	return ""
}

// monday is some days after the clock of the tests, and after New York's change of
// clocks.
const monday = "2027-03-22"

func mondayAt(t *testing.T, clock string) time.Time {
	t.Helper()
	zone, err := calendar.Zone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", monday+" "+clock, zone)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestWeeklyHoursArePublishedThroughAPreview(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.as("grey")
		v.get("/hours").has(200, "Working hours", "no weekly hours yet", "No time off is planned", "New York time")
		v.get("/hours/weekly").has(200, "Days of the week", "Monday", "See what this changes")
		week := []string{"weekdays", "mon", "weekdays", "wed", "from", "08:00", "to", "12:00", "valid_from", monday, "valid_until", "2027-04-04"}
		preview := v.post("/hours/weekly", week...)
		preview.has(200, "Publish these hours?", "Monday, Wednesday: 8:00 am to 12:00 pm", "From 22 March 2027 to 4 April 2027", "64 new slots can be booked", "No appointment is hit")
		if got := c.onRecord(audit.Filter{Action: "availability.publish"}); len(got) != 0 {
			t.Errorf("a preview published: %v", got)
		}
		edit := v.post("/hours/weekly", append(preview.hiddenFields(), "step", "edit")...).has(200, "Add weekly hours")
		if got := strings.Join(edit.attributes("input", "value"), " "); !strings.Contains(got, "08:00 12:00 2027-03-22 2027-04-04") {
			t.Errorf("the answers are not kept: %s", got)
		}
		done := v.post("/hours/weekly", append(preview.hiddenFields(), "step", "do")...)
		done.has(200, "The hours are published.", "Monday, Wednesday: 8:00 am to 12:00 pm", "From 22 March 2027")
		if done.path != "/hours" {
			t.Errorf("led to %s", done.path)
		}
		v.post("/hours/weekly", append(preview.hiddenFields(), "step", "do")...).has(200, "Monday, Wednesday")
		if got := c.onRecord(audit.Filter{Action: "availability.publish"}); len(got) != 2 { // the repeat is on record too
			t.Errorf("on record: %v", got)
		}
		v.post("/hours/weekly", week...).has(200, "64 slots are there already and stay.")
	})
}

func TestWhatIsWrongWithHoursIsToldAtTheFields(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		v := newClinic(t, db).as("grey")
		p := v.post("/hours/weekly", "from", "12:00", "to", "noon", "valid_from", "", "valid_until", "2027-99-01")
		p.has(422, "There is a problem", "Choose at least one day.", "Please fill this in.", "Enter a time, such as 14:30.", "Enter a date, such as 2027-03-15.")
		if got := strings.Join(p.attributes("input", "value"), " "); !strings.Contains(got, "noon") {
			t.Errorf("the answer is not kept: %s", got)
		}
		v.post("/hours/weekly", "weekdays", "mon", "from", "12:00", "to", "11:00", "valid_from", monday).has(422, "There is a problem")
		v.post("/hours/weekly", "weekdays", "mon", "from", "12:00", "to", "12:05", "valid_from", monday).has(422, "These hours are shorter than one slot.")
		v.post("/hours/weekly", "weekdays", "mon", "from", "08:00", "to", "12:00", "valid_from", "2027-03-23", "valid_until", "2027-03-24").has(422, "None of these days is between the two dates.")
		v.post("/hours/day", "date", "2020-01-01", "from", "08:00", "to", "12:00").has(422, "These hours are over already.")
		v.post("/hours/off", "first_date", monday, "last_date", "2027-03-21").has(422, "The last day must not be before the first one.")
		v.post("/hours/off", "first_date", "", "reason", "a private matter").has(422, "Please fill this in.")
		v.cookies["__Host-language"] = "de"
		v.post("/hours/weekly", "from", "x").has(422, "Bitte mindestens einen Tag wählen.", "Bitte eine Uhrzeit eingeben")
		v.get("/hours").has(200, "Arbeitszeiten", "Es sind keine freien Zeiten geplant.")
	})
}

func TestAChangeTellsWhatItHits(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		date, _ := calendar.ParseDate(monday)
		day := c.worksDuring("grey", scheduling.Hours{Kind: scheduling.KindDay, Date: date, From: 8 * 60, To: 12 * 60})
		a := c.visits("ann", "grey", mondayAt(t, "11:00"))
		v := c.as("grey")
		path := "/hours/" + day.ID.String()
		v.get("/hours").has(200, "Monday 22 March 2027, 8:00 am to 12:00 pm")
		form := v.get(path).has(200, "Change the hours of a day")
		changed := append(form.hiddenFields(), "date", monday, "from", "08:00", "to", "10:00")
		preview := v.post(path, changed...)
		preview.has(200, "Change these hours?", "8:00 am to 10:00 am", "Before: Monday 22 March 2027, 8:00 am to 12:00 pm", "7 free slots are no longer offered", "1 appointment is hit", "A. E.", "11:00 am to 11:15 am")
		preview.lacks("Ann Example")
		if got := preview.linkBelow("/calendar/appointments/", ""); got != "/calendar/appointments/"+a.ID.String() {
			t.Errorf("the appointment leads to %s", got)
		}
		if got := c.onRecord(audit.Filter{Action: "availability.preview"}); len(got) != 1 || !strings.HasSuffix(got[0], " ann") {
			t.Errorf("what the preview showed is on record as %v", got)
		}
		v.post(path, append(preview.hiddenFields(), "step", "do")...).has(200, "The hours are changed.", "8:00 am to 10:00 am")

		stale := v.post(path, append(form.hiddenFields(), "date", monday, "from", "09:00", "to", "10:00")...)
		stale.has(422, "Somebody else changed this meanwhile", "There now", "You entered", "From 8:00 am 9:00 am")
		v.post(path, append(stale.hiddenFields(), "date", monday, "from", "09:00", "to", "10:00")...).has(200, "Change these hours?", "9:00 am to 10:00 am")

		removal := v.get(path+"/remove").has(200, "Remove these hours?", "8 free slots are no longer offered", "No appointment is hit")
		v.post(path+"/remove", "etag", `"0"`).has(422, "Remove these hours?", "There is a problem")
		v.post(path+"/remove", removal.hiddenFields()...).has(200, "That is removed.", "Nothing besides the hours of the week.")
		v.get(path).has(404)
	})
}

func TestTimeOffIsTakenAndGivenBack(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		date, _ := calendar.ParseDate(monday)
		c.worksDuring("grey", scheduling.Hours{Kind: scheduling.KindDay, Date: date, From: 8 * 60, To: 12 * 60})
		c.visits("ann", "grey", mondayAt(t, "11:00"))
		v := c.as("grey")
		v.get("/hours/off").has(200, "Take time off", "Leave empty for one day.")
		preview := v.post("/hours/off", "first_date", monday, "last_date", "2027-03-24", "to", "12:00", "reason", "a private matter")
		preview.has(200, "Take this time off?", "15 free slots are no longer offered", "1 appointment is hit", "A. E.", "a private matter")
		v.post("/hours/off", append(preview.hiddenFields(), "step", "do")...).has(200, "The time off is entered.", "Monday 22 March 2027, 12:00 am to Wednesday 24 March 2027, 12:00 pm", "a private matter")
		if strings.Contains(c.log.String(), "private") {
			t.Error("the reason is in the log")
		}
		end := v.get("/hours").linkBelow("/hours/off/", "/end")
		c.as("brown").get(end).has(404)
		c.as("brown").post(end).has(404)
		v.get(end).has(200, "Give this time back?", "can be booked again")
		v.post(end).has(200, "The time can be booked again.", "No time off is planned")
		v.post(end).has(404)
		one := v.post("/hours/off", "first_date", monday, "from", "08:00", "to", "09:00").has(200, "Monday 22 March 2027, 8:00 am to 9:00 am", "4 free slots are no longer offered", "No appointment is hit")
		v.post("/hours/off", append(one.hiddenFields(), "step", "do")...).has(200, "8:00 am to 9:00 am")
	})
}

func TestHoursOfAnotherAreNotThere(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		date, _ := calendar.ParseDate(monday)
		day := c.worksDuring("grey", scheduling.Hours{Kind: scheduling.KindDay, Date: date, From: 8 * 60, To: 12 * 60})
		brown, admin := c.as("brown"), c.as("admin")
		path := "/hours/" + day.ID.String()
		for _, p := range []string{path, path + "/remove"} {
			brown.get(p).has(404)
			brown.post(p, "etag", "*").has(404)
		}
		grey := c.users["grey"].PractitionerID.String()
		brown.get("/hours?practitioner="+grey).has(200, "Kathmandu").lacks("22 March")
		preview := brown.post("/hours/day", "practitioner", grey, "date", monday, "from", "08:00", "to", "12:00").has(200, "16 new slots", "Publish these hours?")
		brown.post("/hours/day", append(preview.hiddenFields(), "step", "do")...).has(200, "published")
		if p, err := c.server.Scheduling.Availabilities(t.Context(), c.actor("grey"), grey, pages.Request{Limit: 10}); err != nil || len(p.Items) != 1 {
			t.Errorf("Brown published for Grey: %v, %v", p.Items, err)
		}
		admin.get("/hours").has(200, "Whose working hours?", "Grey Example", "Brown Example")
		admin.get("/hours?practitioner="+grey).has(200, "Grey Example", "Monday 22 March 2027, 8:00 am to 12:00 pm")
		removal := admin.get(path+"/remove").has(200, "Grey Example")
		if p := admin.post(path+"/remove", removal.hiddenFields()...).has(200, "That is removed."); p.path != "/hours?practitioner="+grey {
			t.Errorf("led to %s", p.path)
		}
	})
}

// A stretch that was published by a program is changed by its instants, and left as
// it is where the form shows what it showed.
func TestAStretchKeepsTheInstantsThatNobodyChanged(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		span := calendar.Span{Start: mondayAt(t, "08:00").Add(30 * time.Second).UTC(), End: mondayAt(t, "12:00").UTC()}
		made := c.worksDuring("grey", scheduling.Hours{Kind: scheduling.KindSpan, Span: span})
		v := c.as("grey")
		path := "/hours/" + made.ID.String()
		form := v.get(path).has(200, "Change a stretch of time")
		preview := v.post(path, append(form.hiddenFields(), "first_date", monday, "first_time", "08:00", "last_date", "2027-03-23", "last_time", "00:00")...).has(200, "8:00 am to midnight")
		v.post(path, append(preview.hiddenFields(), "step", "do")...).has(200, "The hours are changed.")
		a, err := c.server.Scheduling.Availability(t.Context(), c.actor("grey"), made.ID.String())
		if want := mondayAt(t, "00:00").AddDate(0, 0, 1); err != nil || !a.Hours.Span.Start.Equal(span.Start) || !a.Hours.Span.End.Equal(want) {
			t.Errorf("now %v, %v, want from %s to %s", a.Hours.Span, err, span.Start, want)
		}
	})
}

func TestThePolicyIsChangedInWordsOfPatients(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		v := c.as("grey")
		form := v.get("/hours/policy").has(200, "A slot takes 15 minutes.", "They book at least 1 day before it begins.", "They see slots of the next 180 days.", "3 unconfirmed slots")
		values := func(more ...string) []string {
			return append(append(form.hiddenFields(), more...), "notice", "24", "hold", "30", "horizon", "180", "holds", "3", "window", "24", "specialty", "physiotherapy", "bio", "Backs\r\nand knees", "time_zone", "America/New_York")
		}
		v.post("/hours/policy", values("slot", "7")...).has(422, "Enter a multiple of 5.", "There is a problem")
		v.post("/hours/policy", values("slot", "a lot")...).has(422, "Enter a number.")
		v.post("/hours/policy", values("slot", "30")...).has(200, "Your changes are saved.", "A slot takes 30 minutes.")
		p, err := c.server.Scheduling.Practitioner(t.Context(), c.actor("grey"), c.users["grey"].PractitionerID.String())
		if err != nil || p.Policy.SlotMinutes != 30 || p.Policy.NoticeSeconds != 24*60*60 || p.Bio != "Backs\nand knees" {
			t.Errorf("now %v, %q, %v", p.Policy, p.Bio, err)
		}
		v.post("/hours/policy", values("slot", "60")...).has(422, "Somebody else changed this meanwhile", "Length of a slot", "30", "60")
		v.post("/hours/policy", append(v.get("/hours/policy").hiddenFields(), "slot", "20", "notice", "1.5", "hold", "0,5", "horizon", "180", "holds", "3", "window", "0", "time_zone", "America/New_York")...).
			has(200, "at least 1 hour and 30 minutes", "until it begins")
		admin := c.as("admin")
		grey := c.users["grey"].PractitionerID.String()
		admin.get("/hours/policy").has(200, "Whose working hours?")
		admin.get("/hours/policy?practitioner="+grey).has(200, "Grey Example", "20")
	})
}

func TestTheWaitingListTellsNoNames(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		grey, admin := c.as("grey"), c.as("admin")
		grey.get("/waiting").has(200, "Nobody is waiting.")
		date, _ := calendar.ParseDate(monday)
		c.worksDuring("grey", scheduling.Hours{Kind: scheduling.KindDay, Date: date, From: 8 * 60, To: 12 * 60})
		c.visits("ann", "grey", mondayAt(t, "11:00"))
		for _, who := range []string{"ann", "bob"} {
			if _, err := c.server.Scheduling.JoinWaitlist(t.Context(), c.actor(who), scheduling.WaitRequest{
				Practitioner: c.users["grey"].PractitionerID.String(), From: mondayAt(t, "08:00"), To: mondayAt(t, "10:00"),
			}); err != nil {
				t.Fatal(err)
			}
		}
		grey.get("/waiting").has(200, "A. E.", "Somebody", "Wants something from Monday 22 March 2027, 8:00 am to Monday 22 March 2027, 10:00 am", "New York time").lacks("Ann Example", "Bob Example", "B. E.", "/remove")
		c.as("brown").get("/waiting").has(200, "Nobody is waiting.")
		remove := admin.get("/waiting").has(200, "A. E.", "B. E.", "With Grey Example.").linkBelow("/waiting/", "/remove")
		admin.get(remove).has(200, "Remove this entry?")
		grey.get(remove).has(403)
		admin.post(remove).has(200, "The entry is removed.").lacks("A. E.")
		admin.post(remove).has(404)
	})
}
