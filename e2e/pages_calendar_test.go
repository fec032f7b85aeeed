package e2e

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"medbook/client"
	"medbook/e2e/browser"
	"medbook/internal/app"
	"medbook/internal/auth"
	"medbook/internal/demo"
)

// practice is the demo clinic, as its practitioner in Berlin sees it in a browser: a
// week that lies ahead, of which Monday is worked from 8 to 12 and Friday is not.
type practice struct {
	t       *testing.T
	url     string
	grey    app.DemoPerson // who looks
	zone    *time.Location
	monday  time.Time // 0:00
	patient *client.Client
	owner   *client.Client
	id      string // the practitioner's
}

func newPractice(t *testing.T) *practice {
	t.Helper()
	server := start(t, t.TempDir(), nil, "demo", "--listen=127.0.0.1:0")
	keys := keysOf(t, server)
	p := &practice{
		t: t, url: server.url,
		patient: client.New(server.url, client.APIKey(keys["patient"])), owner: client.New(server.url, client.APIKey(keys["practitioner"])),
	}
	people := demo.People()
	p.grey = people[slices.IndexFunc(people, func(d app.DemoPerson) bool { return d.Role == auth.Practitioner })]
	p.id = must(p.owner.Me(t.Context()))(t).PractitionerID
	p.zone = must(time.LoadLocation("Europe/Berlin"))(t)
	now := time.Now().In(p.zone).AddDate(0, 0, 42)
	p.monday = time.Date(now.Year(), now.Month(), now.Day()-(int(now.Weekday())+6)%7, 0, 0, 0, 0, p.zone)
	return p
}

// opens opens a page of the calendar in a tab of the practitioner.
func (p *practice) opens(path string, o browser.Options) *browser.Tab {
	p.t.Helper()
	tab := browser.Open(p.t, o)
	tab.Go(p.url + "/")
	signIn(tab, p.grey)
	tab.Go(path)
	return tab
}

func (p *practice) week() string { return "/calendar?week=" + p.monday.Format(time.DateOnly) }

// at is an instant of the week: days after Monday, and the time of day.
func (p *practice) at(day, hour, minute int) time.Time {
	return time.Date(p.monday.Year(), p.monday.Month(), p.monday.Day()+day, hour, minute, 0, 0, p.zone)
}

// cell selects the place of an instant in the week.
func (p *practice) cell(day, hour, minute int) string {
	return "td[data-at='" + p.at(day, hour, minute).UTC().Format(time.RFC3339) + "'] .cell"
}

// books has the patient book a slot through the API.
func (p *practice) books(day, hour, minute int) client.Appointment {
	p.t.Helper()
	at := p.at(day, hour, minute)
	slots := all(p.t, p.patient.Slots(client.SlotQuery{PractitionerID: p.id, From: at, To: at.Add(time.Minute)}).All(p.t.Context()))
	if len(slots) != 1 {
		p.t.Fatalf("%d slots at %v, want 1", len(slots), at)
	}
	return must(p.patient.Hold(p.t.Context(), client.NewAppointment{SlotID: slots[0].ID, Reason: "knee", Confirm: true}))(p.t)
}

// TestTheCalendarIsForEverybody looks at each way to see a calendar, wide and narrow,
// light and dark, and on paper.
func TestTheCalendarIsForEverybody(t *testing.T) {
	t.Parallel()
	p := newPractice(t)
	a := p.books(0, 9, 0)
	visit := "/calendar/appointments/" + a.ID
	pages := []string{
		p.week(), strings.Replace(p.week(), "/calendar", "/calendar/list", 1), "/calendar/day?date=" + p.monday.Format(time.DateOnly),
		visit, visit + "/cancel", visit + "/move", "/calendar/new-slot",
	}
	for look, options := range looks {
		t.Run(look, func(t *testing.T) {
			tab := p.opens(pages[0], options)
			for _, page := range pages {
				tab.Go(page)
				tab.Axe()
			}
		})
	}
	paper := p.opens(pages[2], browser.Options{})
	paper.Print()
	paper.Has("30 minutes")
	paper.Has(a.Reference)
	paper.Lacks("Go to a date")
	paper.Lacks("Your own clock")
	paper.Lacks("Sign out")
	sources := map[string][]byte{}
	plain := p.opens(pages[0], browser.Options{NoScript: true})
	for _, page := range pages {
		plain.Go(page)
		sources[page] = plain.Source()
	}
	browser.Validate(t, sources)
}

// enters goes into the week by the Tab key, which has one stop there, however many
// times the week has.
func (p *practice) enters(tab *browser.Tab) {
	p.t.Helper()
	for range 40 {
		tab.Press("Tab")
		if strings.Contains(tab.Focused(), p.monday.Format("Monday 2 January 2006")+", 08:00 to 08:30") {
			return
		}
	}
	p.t.Fatalf("the Tab key does not lead into the week, but to %q", tab.Focused())
}

// TestTheCalendarGoesByKeyboard walks through the week, opens a slot, turns the page,
// and carries a slot from one time to another.
func TestTheCalendarGoesByKeyboard(t *testing.T) {
	t.Parallel()
	p := newPractice(t)
	tab := p.opens(p.week(), browser.Options{})
	p.enters(tab)
	day := func(n int) string { return p.monday.AddDate(0, 0, n).Format("Monday 2 January 2006") }
	for _, step := range []struct{ key, want string }{
		{"ArrowDown", day(0) + ", 08:30 to 09:00"},
		{"ArrowRight", day(1) + ", 08:30 to 09:00"},
		{"ArrowLeft", day(0) + ", 08:30 to 09:00"},
		{"End", day(6)},
		{"Home", day(0) + ", 08:30 to 09:00"},
		{"ArrowUp", day(0) + ", 08:00 to 08:30"},
		{"PageDown", day(7) + ", 08:00 to 08:30"},
		{"PageUp", day(0) + ", 08:00 to 08:30"},
	} {
		tab.Press(step.key)
		if got := tab.Focused(); !strings.Contains(got, step.want) {
			t.Fatalf("%s leads to %q, want %q", step.key, got, step.want)
		}
	}
	tab.Press("m", "End", "ArrowLeft", "ArrowLeft", "Enter") // to Friday
	tab.Has("The slot was moved.")
	p.offers(4, 8, 0)
	tab.Press("Enter")
	tab.HasA("heading", "Slot")
	tab.Has("Block this slot")
}

// offers fails the test unless there is a slot at a time.
func (p *practice) offers(day, hour, minute int) {
	p.t.Helper()
	at := p.at(day, hour, minute)
	if n := len(all(p.t, p.patient.Slots(client.SlotQuery{PractitionerID: p.id, From: at, To: at.Add(time.Minute)}).All(p.t.Context()))); n != 1 {
		p.t.Errorf("%d slots at %v, want 1", n, at)
	}
}

// TestWhatIsDraggedMoves drags a free slot with the mouse, which moves it at once, and
// a booked one, of which it is asked first whether the patient is told.
func TestWhatIsDraggedMoves(t *testing.T) {
	t.Parallel()
	p := newPractice(t)
	a := p.books(0, 9, 0)
	tab := p.opens(p.week(), browser.Options{Height: 1400})
	tab.Drag(p.cell(0, 8, 0), p.cell(4, 8, 0))
	tab.Has("The slot was moved.")
	p.offers(4, 8, 0)
	tab.Drag(p.cell(0, 9, 0), p.cell(0, 10, 0))
	tab.HasA("heading", "Move an appointment")
	tab.Has("10:00 to 10:30")
	if now := must(p.patient.Appointment(t.Context(), a.ID))(t); !now.StartsAt.Equal(a.StartsAt) {
		t.Error("it was moved before anybody was asked")
	}
	tab.Choose("Tell the patient?", "No, send nothing")
	tab.Click("Move the appointment")
	tab.Has("The appointment was moved. The patient is not told.")
	if now := must(p.patient.Appointment(t.Context(), a.ID))(t); !now.StartsAt.Equal(p.at(0, 10, 0)) {
		t.Errorf("it begins %v", now.StartsAt)
	}
	// What can't be there stays, and the page says why.
	tab.Go(p.week())
	tab.Drag(p.cell(0, 8, 30), p.cell(0, 9, 30)) // where there is a slot
	tab.Await("It stays where it was.")
}

// TestTheCalendarStaysFresh shows that a week that is shown changes when somebody else
// books, that it is said, and that the focus stays.
func TestTheCalendarStaysFresh(t *testing.T) {
	t.Parallel()
	p := newPractice(t)
	tab := p.opens(p.week(), browser.Options{})
	p.enters(tab)
	before := tab.Focused()
	a := p.books(0, 11, 0)
	tab.Await("A slot was taken: " + p.monday.Format("Monday 2 January 2006") + ", 11:00 to 11:30")
	if got := tab.Focused(); got != before {
		t.Errorf("the focus went from %q to %q", before, got)
	}
	must(p.patient.Cancel(t.Context(), a.ID, ""))(t)
	tab.Await("A slot is free again")
}

// TestAPatientSeesWhatIsDragged has a patient and a stranger look at a day's times
// while the practitioner drags a slot to another time of it. Both see it there,
// without doing anything, and what they were about to do they still can.
func TestAPatientSeesWhatIsDragged(t *testing.T) {
	t.Parallel()
	p := newPractice(t)
	patient, stranger := browser.Open(t, browser.Options{Zone: "Europe/Berlin"}), browser.Open(t, browser.Options{Zone: "Europe/Berlin"})
	people := demo.People()
	patient.Go(p.url + "/")
	signIn(patient, people[slices.IndexFunc(people, func(d app.DemoPerson) bool { return d.Role == auth.Patient })])
	slot := func(clock string) string {
		return p.monday.Format("Monday 2 January 2006") + ", " + clock + ", Berlin time"
	}
	for _, tab := range []*browser.Tab{patient, stranger} {
		tab.Go(p.url + "/book/time?" + url.Values{"length": {"30"}, "with": {p.id}, "date": {p.monday.Format(time.DateOnly)}}.Encode())
		tab.Has(slot("08:00"))
		tab.Lacks(slot("12:00"))
		for !strings.Contains(tab.Focused(), slot("09:00")) {
			tab.Press("Tab")
		}
	}
	p.opens(p.week(), browser.Options{Height: 1400}).Drag(p.cell(0, 8, 0), p.cell(0, 12, 0))
	for _, tab := range []*browser.Tab{patient, stranger} {
		tab.Await(slot("12:00"))
		tab.Lacks(slot("08:00"))
		tab.Await("The free times have changed.")
		if got := tab.Focused(); !strings.Contains(got, slot("09:00")) { // with the page loaded anew nothing would have it
			t.Errorf("the focus went to %q", got)
		}
		tab.Axe()
	}
	patient.Press("Enter")
	patient.Has("We hold this time for you until")
	patient.Has("09:00")
}

// TestCancellingInABrowser cancels with and without telling the patient, without scripts.
func TestCancellingInABrowser(t *testing.T) {
	t.Parallel()
	p := newPractice(t)
	for i, tt := range []struct{ choose, says string }{
		{"Yes, send this message", "The patient is told."},
		{"No, send nothing", "The patient is not told."},
	} {
		a := p.books(i, 9, 0)
		tab := p.opens("/calendar/appointments/"+url.PathEscape(a.ID)+"/cancel", browser.Options{NoScript: true})
		tab.Has("The message to the patient")
		tab.Fill("Why is it cancelled?", "I am ill.")
		tab.Choose("Tell the patient?", tt.choose)
		tab.Click("Cancel the appointment")
		tab.Has(tt.says)
		if now := must(p.patient.Appointment(t.Context(), a.ID))(t); now.Status != "cancelled" {
			t.Errorf("%s: it is %s", tt.choose, now.Status)
		}
	}
}
