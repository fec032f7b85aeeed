package web

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	pages "medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// works publishes that a practitioner works between two instants of New York's
// clocks.
func (c *clinic) works(name, from, to string) {
	c.t.Helper()
	h := scheduling.Hours{Kind: scheduling.KindSpan, Span: calendar.Span{Start: newYork(c.t, from), End: newYork(c.t, to)}}
	if _, err := c.server.Scheduling.Publish(c.t.Context(), c.actor(name), c.with(name), h); err != nil {
		c.t.Fatalf("publish: %v", err)
	}
}

// with is a practitioner's id.
func (c *clinic) with(name string) string { return c.users[name].PractitionerID.String() }

// policy changes a practitioner's policy.
func (c *clinic) policy(name string, p scheduling.PolicyChange) {
	c.t.Helper()
	change := scheduling.PractitionerChange{Policy: p}
	if _, err := c.server.Scheduling.ChangePractitioner(c.t.Context(), c.actor(name), c.with(name), "*", change); err != nil {
		c.t.Fatal(err)
	}
}

// appointments lists a patient's, of a status.
func (c *clinic) appointments(name string, status scheduling.Status) []scheduling.Appointment {
	c.t.Helper()
	p, err := c.server.Scheduling.Appointments(c.t.Context(), c.actor(name), scheduling.AppointmentFilter{Status: string(status)}, pages.Request{Limit: 50})
	if err != nil {
		c.t.Fatal(err)
	}
	return p.Items
}

func newYork(t testing.TB, text string) time.Time {
	t.Helper()
	loc, err := calendar.Zone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", text, loc)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// times are the times that a page offers: what the button says first, and the slot
// that it sends.
func (p shown) times() (names, slots []string) {
	for n := range p.tree.Descendants() {
		if n.Type == html.ElementNode && n.Data == "button" && attribute(n, "name") == "slot" {
			names = append(names, strings.Join(strings.Fields(firstText(n.FirstChild)), " "))
			slots = append(slots, attribute(n, "value"))
		}
	}
	return names, slots
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// firstText is the text of the first element from a node on.
func firstText(n *html.Node) string {
	for ; n != nil; n = n.NextSibling {
		if n.Type == html.ElementNode {
			return n.FirstChild.Data
		}
	}
	return ""
}

// ask is the address of a page of the booking.
func ask(path string, pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return path + "?" + v.Encode()
}

// slot is the slot that a page of times offers at a time.
func (v *visitor) slot(with, date, time string) string {
	v.c.t.Helper()
	names, slots := v.get(ask("/book/time", "length", "15", "with", with, "date", date)).has(200).times()
	i := slices.Index(names, time)
	if i < 0 {
		v.c.t.Fatalf("%s is not offered on %s, but %v", time, date, names)
	}
	return slots[i]
}

// holds chooses a time and returns the page that follows.
func (v *visitor) holds(with, date, time string) shown {
	v.c.t.Helper()
	return v.post("/book/hold", "length", "15", "with", with, "date", date, "slot", v.slot(with, date, time))
}

func TestBookingFromTheFirstQuestionToTheConfirmation(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.works("grey", "2027-03-16 09:00", "2027-03-16 18:00")
		grey := c.with("grey")
		v := c.visitor()
		v.cookies["zone"] = "America/New_York"
		v.get("/book").has(200, "Step 1 of 6", "15 minutes", "30 minutes", "1 hour")
		v.get("/book/who?length=30").has(200, "Step 2 of 6", "Visit 30 minutes Change", "Anyone who is free", "Grey Example", "physiotherapy", "New York time")
		v.get(ask("/book/date", "length", "30", "with", grey)).has(200, "Step 3 of 6", "Visit 30 minutes", "With Grey Example", "Next available Tuesday 16 March 2027",
			"Book at least 1 day before the visit.", "You can cancel or move it yourself until 1 day before it begins.", "held for you for 30 minutes")
		there := []string{"length", "30", "with", grey, "date", "2027-03-16"}
		p := v.get(ask("/book/time", there...)).has(200, "Step 4 of 6", "Date Tuesday 16 March 2027", "Morning", "Afternoon", "Evening", "All times are New York time (UTC−4).",
			"Tuesday 16 March 2027, 9:00 am, New York time (UTC−4), with Grey Example.")
		names, slots := p.times()
		if names[0] != "9:00 am" || names[len(names)-1] != "5:30 pm" {
			t.Errorf("half an hour is offered at %v, want from 9:00 am to 5:30 pm", names)
		}

		chosen := append(slices.Clone(there), "slot", slots[2])
		p = v.post("/book/hold", chosen...).has(200, "Sign in")
		next := ask("/book/hold", chosen...)
		want := "/sign-in?" + url.Values{"next": {next}}.Encode()
		if p.path != want {
			t.Errorf("a stranger is led to %s, want %s", p.path, want)
		}
		p = v.post("/sign-in", "email", "ann@example.org", "password", passphrase, "next", next)
		p.has(200, "Is this still the time that you want?", "Tuesday 16 March 2027, 9:30 am, New York time (UTC−4), with Grey Example.", "Visit 30 minutes")
		if p.path != next || len(c.appointments("ann", scheduling.Held)) != 0 {
			t.Errorf("after signing in %s is shown, want %s, and nothing held yet", p.path, next)
		}
		p = v.post("/book/hold", chosen...).has(200, "Step 5 of 6", "We hold this time for you until 9:30 am, New York time (UTC−5).", "Ann Example", "ann@example.org", "Tuesday 16 March 2027, 9:30 am")
		if left := p.attributes("div", "data-left"); !slices.Equal(left, []string{"1800"}) {
			t.Errorf("the timer begins with %v, want 1800 seconds", left)
		}
		booking := strings.TrimSuffix(p.path, "/details")
		version := p.hidden("version")

		p = v.post(booking+"/details", "version", version, "phone", "+1 212 555 0100", "reason", "My <back> hurts")
		p.has(200, "Step 6 of 6", "My <back> hurts", "+1 212 555 0100", "Ann Example", "30 minutes",
			"You can cancel or move this visit yourself until Monday 15 March 2027, 9:30 am, New York time (UTC−4).")
		if p.path != booking+"/check" {
			t.Errorf("the details lead to %s", p.path)
		}
		p = v.post(booking+"/confirm").has(200, "Your visit is booked", "Your reference", "Add to calendar", "Change or cancel")
		a := c.appointments("ann", scheduling.Confirmed)
		if len(a) != 1 || a[0].Slots != 2 || a[0].Reason.Reveal() != "My <back> hurts" || p.path != booking+"/done" {
			t.Fatalf("booked are %v, at %s", a, p.path)
		}
		v.get(booking+"/done").has(200, a[0].Reference, "add your date of birth")
		v.post(booking+"/confirm").has(200, "Your visit is booked") // pressed twice
		for _, late := range []string{"/details", "/check"} {
			if p := v.get(booking + late); p.path != booking+"/done" {
				t.Errorf("%s of what is booked leads to %s", late, p.path)
			}
		}
		file := v.get(booking + "/calendar.ics")
		if file.header.Get("Content-Type") != "text/calendar; charset=utf-8" || !strings.Contains(file.body, "DTSTART:20270316T133000Z") || !strings.Contains(file.body, "STATUS:CONFIRMED") {
			t.Errorf("the calendar's file is %q, %q", file.header, file.body)
		}
		for _, personal := range []string{"hurts", "555 0100", "Ann Example"} {
			if strings.Contains(c.log.String(), personal) || strings.Contains(file.body, personal) {
				t.Errorf("%q is in the log or the file", personal)
			}
		}
	})
}

// hidden is the value that a form carries along.
func (p shown) hidden(name string) string {
	for n := range p.tree.Descendants() {
		if n.Type == html.ElementNode && n.Data == "input" && attribute(n, "name") == name {
			return attribute(n, "value")
		}
	}
	p.t.Errorf("%s carries no %s", p.path, name)
	return ""
}

func TestOnlyDatesThatCanBeBookedAreOfferedTenAtATime(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for day := 15; day <= 26; day++ {
			date := time.Date(2027, 3, day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
			c.works("grey", date+" 09:00", date+" 09:15")
		}
		v, there := c.as("bob"), []string{"length", "15", "with", c.with("grey")}
		v.holds(c.with("grey"), "2027-03-18", "9:00 am").has(200)
		p := v.get(ask("/book/date", there...)).has(200, "Next available Monday 15 March 2027 1 time, at 9:00 am", "Thursday 25 March 2027").lacks("18 March", "26 March")
		if later := p.links("Later dates"); len(later) != 1 || len(p.links("Earlier dates")) != 0 {
			t.Errorf("the first page leads to %v", later)
		} else {
			p = v.get(later[0]).has(200, "Friday 26 March 2027").lacks("Next available", "25 March")
			v.get(p.links("Earlier dates")[0]).has(200, "Monday 15 March 2027", "Later dates")
		}
		anyone := v.get(ask("/book/date", "length", "15", "with", "anyone")).has(200, "With Anyone who is free", "Monday 15 March 2027")
		v.get(anyone.links("Monday 15 March 2027 1 time, at 9:00 am")[0]).has(200, "Monday 15 March 2027, 9:00 am, New York time (UTC−4), with Grey Example.")
	})
}

// links are where the links of that text lead.
func (p shown) links(text string) (to []string) {
	for n := range p.tree.Descendants() {
		if n.Type != html.ElementNode || n.Data != "a" {
			continue
		}
		said := strings.TrimPrefix(shown{tree: n}.text(), "Next available ")
		if said == text {
			to = append(to, attribute(n, "href"))
		}
	}
	return to
}

func TestAddressesOfTheBookingTellNothing(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		other := c.add("gold", auth.Practitioner, "UTC")
		if _, err := c.server.Scheduling.ChangePractitioner(t.Context(), c.actor("gold"), other.PractitionerID.String(), "*", scheduling.PractitionerChange{Specialty: new("psychotherapy")}); err != nil {
			t.Fatal(err)
		}
		p := c.visitor().get("/book").has(200, "psychotherapy", "physiotherapy")
		about := aboutOf("Psychotherapy")
		if !slices.Contains(p.attributes("option", "value"), about) || slices.Contains(p.attributes("option", "value"), "psychotherapy") {
			t.Errorf("the specialties are sent as %q", p.attributes("option", "value"))
		}
		p = c.visitor().get("/book/who?length=15&about="+about).has(200, "Gold Example", "Show everybody").lacks("Brown Example")
		for _, to := range p.attributes("a", "href") {
			if strings.Contains(to, "psycho") || strings.Contains(to, "Gold") {
				t.Errorf("a link leads to %s", to)
			}
		}
	})
}

func TestAnswersThatAreNoneAreAskedForAgain(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		grey := c.with("grey")
		for from, want := range map[string]string{
			"/book/who": "/book", "/book/who?length=-1": "/book", "/book/who?length=99999": "/book", "/book/date?length=15": "/book/who?length=15",
			"/book/date?length=15&with=nobody":                     "/book/who?length=15",
			"/book/time?length=15&with=" + grey:                    "/book/date?length=15&with=" + grey,
			"/book/time?length=15&with=" + grey + "&date=tomorrow": "/book/date?length=15&with=" + grey,
		} {
			if p := c.visitor().get(from).has(200); p.path != want {
				t.Errorf("%s leads to %s, want %s", from, p.path, want)
			}
		}
		ann := c.as("ann")
		ann.post("/book/hold", "length", "15", "with", grey, "slot", "x").has(404, "not offered any more")
		ann.get("/book/x/details").has(404)
		ann.get(ask("/book/length", "length", "15")).has(404)
		ann.get("/book/date?length=15&with=" + grey + "&held=../x").has(200).lacks("../x")
		if p := c.as("grey").post("/book/hold", "length", "15"); p.status != 403 {
			t.Errorf("a practitioner who books is answered %d, want 403", p.status)
		}
	})
}

func TestTimesAreNamedInFullAndInBothZones(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.policy("grey", scheduling.PolicyChange{HorizonDays: new(300)})
		c.works("grey", "2027-03-16 14:30", "2027-03-16 14:45")
		v, grey := c.visitor(), c.with("grey")
		v.cookies["zone"] = "Asia/Kathmandu"
		v.get(ask("/book/time", "length", "15", "with", grey, "date", "2027-03-16")).has(200, "17 March, 12:15 am where you are",
			"Tuesday 16 March 2027, 2:30 pm, New York time (UTC−4), with Grey Example. Wednesday 17 March 2027, 12:15 am, Kathmandu time (UTC+5:45) where you are")
	})
}

func TestTheRepeatedHourIsTold(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.policy("grey", scheduling.PolicyChange{HorizonDays: new(300), SlotMinutes: new(60)})
		// 1 to 2 o'clock comes twice.
		h := scheduling.Hours{Kind: scheduling.KindSpan, Span: calendar.Span{Start: time.Date(2027, 11, 7, 5, 0, 0, 0, time.UTC), End: time.Date(2027, 11, 7, 7, 0, 0, 0, time.UTC)}}
		if _, err := c.server.Scheduling.Publish(t.Context(), c.actor("grey"), c.with("grey"), h); err != nil {
			t.Fatal(err)
		}
		names, _ := c.visitor().get(ask("/book/time", "length", "60", "with", c.with("grey"), "date", "2027-11-07")).has(200).times()
		if want := []string{"1:00 am (before the clocks go back)", "1:00 am (after the clocks have gone back)"}; !slices.Equal(names, want) {
			t.Errorf("the times are %q, want %q", names, want)
		}
	})
}

func TestWhyATimeIsNotOfferedIsTold(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		grey := c.with("grey")
		c.works("grey", "2027-03-16 09:00", "2027-03-16 11:00")
		off := scheduling.Hours{Kind: scheduling.KindSpan, Span: calendar.Span{Start: newYork(t, "2027-03-16 10:00"), End: newYork(t, "2027-03-16 10:15")}}
		if _, err := c.server.Scheduling.TakeTimeOff(t.Context(), c.actor("grey"), grey, off, phi.Of("dentist")); err != nil {
			t.Fatal(err)
		}
		c.as("bob").holds(grey, "2027-03-16", "9:15 am").has(200)
		v := c.visitor()
		for at, want := range map[string]string{
			"09:00": "This time is free.", "09:15": "Somebody is booking this time just now.", "10:00": "Grey Example is away then.",
			"09:05": "No visit begins at this time", "12:00": "Grey Example does not work then",
		} {
			p := v.get(ask("/book/time", "length", "15", "with", grey, "date", "2027-03-16", "at", at)).has(200, want).lacks("dentist", "Bob")
			if _, slots := p.times(); len(slots) < 7 {
				t.Errorf("at %s the page offers %d times, want those of the day and one at least for this", at, len(slots))
			}
		}
		v.get(ask("/book/time", "length", "15", "with", grey, "date", "2027-03-13", "at", "15:00")).has(200, "This is too soon.")
		v.get(ask("/book/time", "length", "15", "with", "anyone", "date", "2027-03-16", "at", "12:00", "whose", c.with("brown"))).has(200, "Brown Example does not work then")
		p := v.get(ask("/book/time", "length", "15", "with", grey, "date", "2027-03-16", "at", "noon")).has(422, "Enter a time, such as 15:30.")
		if title := p.title(); !strings.HasPrefix(title, "Error: Choose a time on") {
			t.Errorf("the title is %q", title)
		}
	})
}

func (p shown) title() string {
	for n := range p.tree.Descendants() {
		if n.Type == html.ElementNode && n.Data == "title" && n.FirstChild != nil {
			return n.FirstChild.Data
		}
	}
	return ""
}

func TestALostTimeKeepsTheAnswersAndOffersTheNearest(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		grey := c.with("grey")
		c.works("grey", "2027-03-16 09:00", "2027-03-16 11:00")
		ann, bob := c.as("ann"), c.as("bob")
		slot := ann.slot(grey, "2027-03-16", "9:15 am")
		bob.holds(grey, "2027-03-16", "9:15 am").has(200, "Step 5 of 6")
		p := ann.post("/book/hold", "length", "15", "with", grey, "date", "2027-03-16", "slot", slot)
		p.has(409, "Somebody else was quicker", "Tuesday 16 March 2027, 9:15 am, New York time (UTC−4), with Grey Example.", "Visit 15 minutes", "With Grey Example", "Date Tuesday 16 March 2027").lacks("Bob")
		names, slots := p.times()
		if want := []string{"9:00 am", "9:30 am", "9:45 am", "10:00 am", "10:15 am", "10:30 am"}; !slices.Equal(names, want) {
			t.Fatalf("in its place are offered %v, want %v", names, want)
		}
		if p.hidden("length") != "15" || p.hidden("with") != grey || p.hidden("date") != "2027-03-16" {
			t.Error("the page lost answers")
		}
		ann.post("/book/hold", "length", "15", "with", grey, "date", "2027-03-16", "slot", slots[1]).has(200, "Step 5 of 6", "9:30 am")

		// Her own overlapping time, with somebody else.
		c.works("brown", "2027-03-16 09:30", "2027-03-16 10:00")
		busy := ann.slotOf("brown", "2027-03-16 09:30")
		p = ann.post("/book/hold", "length", "15", "with", c.with("brown"), "date", "2027-03-16", "slot", busy).has(409, "You have another visit at this time", "7:30 pm, Kathmandu time")
		if names, _ := p.times(); len(names) != 1 {
			t.Errorf("offered are %v, want not what overlaps hers", names)
		}
	})
}

// slotOf is the slot of a practitioner that begins at an instant of New York's.
func (v *visitor) slotOf(name, at string) string {
	v.c.t.Helper()
	start := newYork(v.c.t, at)
	found, err := v.c.server.Scheduling.Nearest(v.c.t.Context(), auth.Actor{}, v.c.with(name), start, 1, 1)
	if err != nil || len(found) != 1 || !found[0].Start.Equal(start) {
		v.c.t.Fatalf("at %s there is %v, %v", at, found, err)
	}
	return found[0].ID()
}

func TestEachReasonWhyATimeCantBeHeldIsTold(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		grey := c.with("grey")
		c.policy("grey", scheduling.PolicyChange{MaxOpenHolds: new(1)})
		c.works("grey", "2027-03-14 10:00", "2027-03-14 10:15")
		c.works("grey", "2027-03-16 09:00", "2027-03-16 11:00")
		ann := c.as("ann")
		soon, off, gone := ann.slotOf("grey", "2027-03-14 10:00"), ann.slotOf("grey", "2027-03-16 09:00"), ann.slotOf("grey", "2027-03-16 10:45")
		hold := func(slot string) shown {
			return ann.post("/book/hold", "length", "15", "with", grey, "date", "2027-03-16", "slot", slot)
		}
		sqltest.ClockOf(db).Advance(time.Minute)
		hold(soon).has(422, "It is too late to book this time", "The nearest free times")
		h := scheduling.Hours{Kind: scheduling.KindSpan, Span: calendar.Span{Start: newYork(t, "2027-03-16 09:00"), End: newYork(t, "2027-03-16 09:15")}}
		if _, err := c.server.Scheduling.TakeTimeOff(t.Context(), c.actor("grey"), grey, h, phi.Value[string]{}); err != nil {
			t.Fatal(err)
		}
		hold(off).has(409, "This time is not offered any more", "The nearest free times")
		slot, err := c.server.Scheduling.Slot(t.Context(), c.actor("grey"), gone)
		if err == nil {
			_, err = c.server.Scheduling.ChangeSlot(t.Context(), c.actor("grey"), gone, "*", scheduling.SlotChange{StartsAt: new(slot.Start.Add(5 * time.Minute))})
		}
		if err != nil {
			t.Fatal(err)
		}
		hold(gone).has(404, "This time is not offered any more", "The nearest free times")
		hold(ann.slotOf("grey", "2027-03-16 09:30")).has(200)
		hold(ann.slotOf("grey", "2027-03-16 10:00")).has(409, "You hold too many times", "See the times that you hold").lacks("The nearest free times")
	})
}

func TestAButtonThatIsPressedTwiceLeadsToTheOneHold(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		grey := c.with("grey")
		c.works("grey", "2027-03-16 09:00", "2027-03-16 11:00")
		ann := c.as("ann")
		slot := ann.slot(grey, "2027-03-16", "9:15 am")
		press := func() shown {
			return ann.post("/book/hold", "length", "15", "with", grey, "date", "2027-03-16", "slot", slot).has(200)
		}
		first := press()
		if again := press(); again.path != first.path || !strings.HasSuffix(first.path, "/details") || len(c.appointments("ann", scheduling.Held)) != 1 {
			t.Errorf("pressed twice: %s, then %s, want the same details", first.path, again.path)
		}
		booking := strings.TrimSuffix(first.path, "/details")
		ann.post(booking + "/confirm").has(200)
		if again := press(); again.path != booking+"/done" {
			t.Errorf("pressed when all is done: %s, want %s", again.path, booking+"/done")
		}
	})
}

func TestAHoldThatRanOutOffersToBeginAgain(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		grey := c.with("grey")
		c.works("grey", "2027-03-16 09:00", "2027-03-16 11:00")
		ann := c.as("ann")
		p := ann.holds(grey, "2027-03-16", "9:15 am").has(200)
		booking, version := strings.TrimSuffix(p.path, "/details"), p.hidden("version")
		sqltest.ClockOf(db).Advance(30 * time.Minute)
		for _, path := range []string{"/details", "/check", "/done"} {
			p = ann.get(booking+path).has(410, "This time is held no longer", "Nothing is booked", "Tuesday 16 March 2027, 9:15 am", "Choose another date", "Begin again")
		}
		ann.post(booking+"/confirm").has(410, "This time is held no longer")
		ann.post(booking+"/details", "version", version, "phone", "", "reason", "x").has(410, "This time is held no longer")
		names, slots := p.times()
		if !slices.Contains(names, "9:15 am") || p.hidden("with") != grey || p.hidden("length") != "15" {
			t.Errorf("the page offers %v, want the same time among them, with the answers", names)
		}
		if p := ann.post("/book/hold", "length", "15", "with", grey, "date", "2027-03-16", "slot", slots[0]); p.path == booking+"/details" || p.status != 200 {
			t.Errorf("beginning again leads to %s, %d", p.path, p.status)
		}
	})
}

func TestATimeThatIsGivenBackIsFreeAndTheAnswersStay(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		grey := c.with("grey")
		c.works("grey", "2027-03-16 09:00", "2027-03-16 11:00")
		ann := c.as("ann")
		booking := strings.TrimSuffix(ann.holds(grey, "2027-03-16", "9:15 am").has(200).path, "/details")
		p := ann.post(booking+"/release").has(200, "The time is given back. Nothing is booked.", "With Grey Example", "Tuesday 16 March 2027")
		if !strings.HasPrefix(p.path, "/book/date?") || len(c.appointments("ann", scheduling.Held)) != 0 {
			t.Errorf("giving back leads to %s", p.path)
		}
		ann.slot(grey, "2027-03-16", "9:15 am")
		ann.get(booking+"/check").has(410, "This visit is not booked any more")

		booking = strings.TrimSuffix(ann.holds(grey, "2027-03-16", "9:15 am").has(200).path, "/details")
		ann.post(booking + "/confirm").has(200)
		ann.post(booking+"/release").has(200, "Your visit is booked") // of a page that was left open
		if len(c.appointments("ann", scheduling.Confirmed)) != 1 {
			t.Error("the form of a hold cancelled a booking")
		}
	})
}

func TestAnotherTimeTakesThePlaceOfTheOneThatIsHeld(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		grey := c.with("grey")
		c.works("grey", "2027-03-16 09:00", "2027-03-16 11:00")
		c.works("brown", "2027-03-17 09:00", "2027-03-17 11:00")
		ann := c.as("ann")
		p := ann.holds(grey, "2027-03-16", "9:15 am").has(200)
		booking := strings.TrimSuffix(p.path, "/details")
		held := strings.TrimPrefix(booking, "/book/")
		p = ann.post(booking+"/details", "version", p.hidden("version"), "phone", "", "reason", "Knee").has(200, "Knee")
		other := p.links("Change Date and time")
		if len(other) != 1 {
			t.Fatalf("the time is changed at %v", other)
		}
		p = ann.get(other[0]).has(200, "A time is held for you Keep it", "Date Tuesday 16 March 2027")
		if p.hidden("held") != held {
			t.Errorf("the page is about %s, want %s", p.hidden("held"), held)
		}
		hold := func(with, date, slot string) shown {
			return ann.post("/book/hold", "length", "15", "with", with, "date", date, "slot", slot, "held", held).has(200, "Step 5 of 6", "Knee")
		}
		if p = hold(grey, "2027-03-16", ann.slotOf("grey", "2027-03-16 09:30")); p.path != booking+"/details" {
			t.Errorf("the hold moved to %s, want that it stays %s", p.path, booking)
		}
		hold(grey, "2027-03-16", ann.slotOf("grey", "2027-03-16 10:00"))
		if p = hold(grey, "2027-03-16", c.appointments("ann", scheduling.Held)[0].SlotID()); p.path != booking+"/details" {
			t.Errorf("the time that is held leads to %s", p.path)
		}
		p = hold(c.with("brown"), "2027-03-17", ann.slotOf("brown", "2027-03-17 09:00"))
		if live := c.appointments("ann", scheduling.Held); len(live) != 1 || live[0].Practitioner() != c.users["brown"].PractitionerID {
			t.Errorf("held are %v, want Dr. Brown's time alone", live)
		}
		// Somebody else's hold, in the address, is nobody's.
		bob := c.as("bob")
		bob.post("/book/hold", "length", "15", "with", grey, "date", "2027-03-16", "slot", bob.slotOf("grey", "2027-03-16 10:00"), "held", strings.TrimSuffix(strings.TrimPrefix(p.path, "/book/"), "/details")).has(200, "Step 5 of 6").lacks("Knee")
		if len(c.appointments("ann", scheduling.Held)) != 1 {
			t.Error("bob took ann's hold from her")
		}
	})
}

func TestTheDetailsKeepWhatWasFilledIn(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.works("grey", "2027-03-16 09:00", "2027-03-16 11:00")
		ann := c.as("ann")
		p := ann.holds(c.with("grey"), "2027-03-16", "9:15 am").has(200)
		long, version := strings.Repeat("ü", 1001), p.hidden("version")
		ann.post(p.path, "version", version, "phone", "1", "reason", long).has(422, "Write at most 1,000 characters.", long)
		ann.post(p.path, "version", version, "phone", strings.Repeat("1", 41), "reason", "Knee").has(422, "There is a problem", "Knee")
		// Meanwhile she gave another number elsewhere.
		u := c.users["ann"]
		if _, err := c.server.Directory.ChangeUser(t.Context(), c.actor("ann"), u.ID.String(), "*", directory.UserChange{Phone: new(phi.Of("+1 212 555 0177"))}); err != nil {
			t.Fatal(err)
		}
		stale := ann.post(p.path, "version", version, "phone", "+1 212 555 0100", "reason", "Knee").has(422, "Knee")
		ann.post(p.path, "version", stale.hidden("version"), "phone", "+1 212 555 0100", "reason", "Knee").has(200, "Step 6 of 6", "+1 212 555 0100", "Knee")
		ann.post(p.path, "version", "", "phone", "+1 212 555 0100", "reason", "").has(200, "What brings you here? Not given")
	})
}

func TestSomebodyElsesBookingIsNotThere(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.works("grey", "2027-03-16 09:00", "2027-03-16 11:00")
		booking := strings.TrimSuffix(c.as("ann").holds(c.with("grey"), "2027-03-16", "9:15 am").has(200).path, "/details")
		bob := c.as("bob")
		for _, path := range []string{"/details", "/check", "/done", "/calendar.ics"} {
			bob.get(booking+path).has(404).lacks("Grey", "9:15")
		}
		for _, path := range []string{"/details", "/confirm", "/release"} {
			bob.post(booking+path, "reason", "x").has(404).lacks("Grey", "9:15")
		}
		if held := c.appointments("ann", scheduling.Held); len(held) != 1 || held[0].Version != 1 {
			t.Errorf("ann holds %v", held)
		}
	})
}

func TestWhereNothingIsFreeOneCanWait(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		there := ask("/book/date", "length", "15", "with", c.with("brown"))
		c.visitor().get(there).has(200, "No date is free at the moment.", "Join the waiting list")
		c.visitor().get(ask("/book/date", "length", "15", "with", "anyone")).has(200, "No date is free")
		ann := c.as("ann")
		p := ann.get(ask("/book/wait", "length", "15", "with", c.with("brown"))).has(200, "With Brown Example", "First day", "Last day")
		form := []string{"once", p.hidden("once"), "length", "15", "with", c.with("brown")}
		ann.post("/book/wait", append(form, "from", "2027-03-20", "to", "2027-03-19")...).has(422, "The last day must not be before the first.")
		ann.post("/book/wait", append(form, "from", "soon", "to", "2027-03-19")...).has(422, "Enter a date.")
		ann.post("/book/wait", append(form, "from", "2027-03-01", "to", "2027-03-02")...).has(422, "Choose days that are to come.")
		again := ann.get("/book/wait?length=15").hidden("once")
		for range 2 { // pressed twice
			p = ann.post("/book/wait", "once", again, "length", "15", "with", c.with("brown"), "from", "2027-03-20", "to", "2027-03-21").has(200)
			if !strings.HasPrefix(p.path, "/book/date?") {
				t.Errorf("waiting leads to %s", p.path)
			}
		}
		list, err := c.server.Scheduling.Waitlist(t.Context(), c.actor("ann"), pages.Request{Limit: 10})
		kathmandu := zoneNamed("Asia/Kathmandu")
		from, to := time.Date(2027, 3, 20, 0, 0, 0, 0, kathmandu), time.Date(2027, 3, 22, 0, 0, 0, 0, kathmandu)
		if err != nil || len(list.Items) != 1 || !list.Items[0].From.Equal(from) || !list.Items[0].To.Equal(to) {
			t.Errorf("the list has %v, %v, want one entry for both days where Dr. Brown is", list.Items, err)
		}
		ann.get("/book/wait").has(200, "Grey Example", "Brown Example")
		ann.post("/book/wait", "from", "2027-03-20", "to", "2027-03-21").has(404)
	})
}

func TestTheBookingSpeaksGerman(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.works("grey", "2027-03-16 09:00", "2027-03-16 11:00")
		v := c.visitor()
		v.cookies[languageCookie] = "de"
		v.get("/book").has(200, "Schritt 1 von 6", "15 Minuten")
		v.get(ask("/book/time", "length", "15", "with", c.with("grey"), "date", "2027-03-16")).has(200, "Wählen Sie eine Uhrzeit am Dienstag, 16. März 2027", "Dienstag, 16. März 2027, 09:00, Ortszeit New York (UTC−4), bei Grey Example.")
	})
}
