package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"medbook/internal/calendar"
	"medbook/internal/id"
	"medbook/internal/scheduling"
	"medbook/internal/web/words"
)

// anyone is what answers say in the place of a practitioner.
const anyone = "anyone"

// answers are what somebody who books has said so far. They travel in addresses, so
// they are ids, dates and numbers, and tell nothing of a person. Zero fields are not
// answered yet.
type answers struct {
	length int           // of the visit, in minutes
	about  string        // which specialty, as aboutOf has it; empty: any
	with   string        // a practitioner's id, or anyone
	date   calendar.Date // the practitioner's own
	slot   string        // the first slot's id
	held   string        // the hold that another time is looked for in place of
}

// longestVisit is in minutes. Who needs more calls the clinic.
const longestVisit = 8 * 60

// answersIn reads answers. What is none counts as not answered: it was typed into
// the address.
func answersIn(v url.Values) (a answers) {
	if n, err := strconv.Atoi(v.Get("length")); err == nil && n > 0 && n <= longestVisit {
		a.length = n
	}
	a.date, _ = calendar.ParseDate(v.Get("date"))
	a.about, a.with, a.slot = v.Get("about"), v.Get("with"), v.Get("slot")
	if _, ok := id.ParseKeyed(v.Get("held")); ok {
		a.held = v.Get("held")
	}
	return a
}

// pairs are the answers as names and values, in the order of the questions.
func (a answers) pairs() (all [][2]string) {
	length, date := "", ""
	if a.length > 0 {
		length = strconv.Itoa(a.length)
	}
	if !a.date.IsZero() {
		date = a.date.String()
	}
	for _, p := range [][2]string{{"length", length}, {"about", a.about}, {"with", a.with}, {"date", date}, {"slot", a.slot}, {"held", a.held}} {
		if p[1] != "" {
			all = append(all, p)
		}
	}
	return all
}

// at is the address of a page of the booking with these answers.
func (a answers) at(path string) string {
	v := url.Values{}
	for _, p := range a.pairs() {
		v.Set(p[0], p[1])
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// aboutOf stands for a specialty in addresses, which must not tell what somebody
// comes for.
func aboutOf(specialty string) string {
	if specialty == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.ToLower(specialty)))
	return hex.EncodeToString(sum[:4])
}

// booking is what somebody books, as far as they have said, and with whom they
// could.
type booking struct {
	answers
	all []scheduling.Practitioner
}

// bookingOf reads answers and looks up whom they are about.
func (s *Server) bookingOf(c *call, v url.Values) (b booking, err error) {
	b.answers = answersIn(v)
	b.all, err = s.practitioners(c)
	if _, known := b.practitioner(); !known && b.with != anyone {
		b.with = ""
	}
	if b.specialty() == "" {
		b.about = ""
	}
	return b, err
}

// specialtiesOf are those of the clinic, each once, by name.
func specialtiesOf(all []scheduling.Practitioner) (names []string) {
	known := map[string]bool{}
	for _, p := range all {
		if about := aboutOf(p.Specialty); about != "" && !known[about] {
			known[about] = true
			names = append(names, p.Specialty)
		}
	}
	slices.Sort(names)
	return names
}

// specialty is the one that was chosen; empty: any.
func (b booking) specialty() string {
	for _, p := range b.all {
		if b.about != "" && aboutOf(p.Specialty) == b.about {
			return p.Specialty
		}
	}
	return ""
}

// practitioner is the one that was chosen, if it is one.
func (b booking) practitioner() (scheduling.Practitioner, bool) { return b.byID(b.with) }

func (b booking) byID(key string) (scheduling.Practitioner, bool) {
	for _, p := range b.all {
		if p.ID.String() == key {
			return p, true
		}
	}
	return scheduling.Practitioner{}, false
}

// matching are those of the specialty that was chosen.
func (b booking) matching() (found []scheduling.Practitioner) {
	for _, p := range b.all {
		if b.about == "" || aboutOf(p.Specialty) == b.about {
			found = append(found, p)
		}
	}
	return found
}

// asks is what services are asked for.
func (b booking) asks() scheduling.DaysQuery {
	q := scheduling.DaysQuery{Length: time.Duration(b.length) * time.Minute, From: b.date}
	if b.with == anyone {
		q.Specialty = b.specialty()
	} else {
		q.Practitioner = b.with
	}
	return q
}

// unanswered is the page of the first question that a page needs an answer to and
// has none; empty if it has all. Pages ask in the order of the steps.
func (b booking) unanswered(step int) string {
	switch {
	case step > stepLength && b.length == 0:
		return b.at("/book")
	case step > stepWho && b.with == "":
		return b.at("/book/who")
	case step > stepDate && b.date.IsZero():
		return b.at("/book/date")
	}
	return ""
}

// The steps of a booking.
const (
	stepLength = iota
	stepWho
	stepDate
	stepTime
	stepDetails
	stepCheck
	bookSteps
)

// stepNames are the steps in the reader's words.
func stepNames(w *words.Words) []string {
	return []string{w.Say("book.step-length"), w.Say("book.step-who"), w.Say("book.step-date"), w.Say("book.step-time"), w.Say("book.step-details"), w.Say("book.step-check")}
}

// bookFact is an answer as it is shown on later pages, and where it is changed.
type bookFact struct{ name, value, more, change, act string }

// soFar is what was answered in the questions before a step.
func (b booking) soFar(w *words.Words, step int) (facts []bookFact) {
	p, one := b.practitioner()
	if b.length > 0 && step > stepLength {
		visit := bookFact{name: w.Say("book.length"), value: w.Duration(b.lasts(p, one)), change: b.at("/book")}
		visit.more = b.specialty()
		facts = append(facts, visit)
	}
	if step > stepWho && b.with != "" {
		with := bookFact{name: w.Say("book.with"), value: w.Say("book.anyone"), change: b.at("/book/who")}
		if one {
			with.value, with.more = p.Name, p.Specialty
			for i := range facts {
				facts[i].more = "" // theirs
			}
		}
		facts = append(facts, with)
	}
	if step > stepDate && !b.date.IsZero() {
		facts = append(facts, bookFact{name: w.Say("book.date"), value: w.Date(b.date), change: b.at("/book/date")})
	}
	if b.held != "" {
		facts = append(facts, bookFact{name: w.Say("book.held"), change: "/book/" + b.held + "/details", act: w.Say("book.keep")})
	}
	return facts
}

// lasts is how long the visit is: in whole slots of the practitioner, if that is
// one.
func (b booking) lasts(p scheduling.Practitioner, one bool) time.Duration {
	length := time.Duration(b.length) * time.Minute
	if !one {
		return length
	}
	return time.Duration(p.Policy.SlotsFor(length)*p.Policy.SlotMinutes) * time.Minute
}

// readersTime is when an instant is where the reader is, if clocks show another time
// there than in loc: with the day, where that is another too. Else it is empty.
func readersTime(w *words.Words, t time.Time, loc *time.Location) string {
	if !elsewhere(w, t, loc) {
		return ""
	}
	text := w.Time(t, w.Zone)
	if day := calendar.DateIn(t, w.Zone); day != calendar.DateIn(t, loc) {
		text = w.DayAndMonth(day) + ", " + text
	}
	return w.Say("book.yours", "Time", text)
}

// readersMoment is an instant in full where the reader is; empty as readersTime is.
func readersMoment(w *words.Words, t time.Time, loc *time.Location) string {
	if !elsewhere(w, t, loc) {
		return ""
	}
	return w.Say("book.yours", "Time", w.Moment(t, w.Zone))
}

// policyWords says in words what a practitioner lets patients do with their time.
func policyWords(w *words.Words, p scheduling.Policy) (lines []string) {
	within := func(seconds int, none, some string) {
		if seconds == 0 {
			lines = append(lines, w.Say(none))
			return
		}
		lines = append(lines, w.Say(some, "Time", w.Duration(max(time.Minute, time.Duration(seconds)*time.Second))))
	}
	within(p.NoticeSeconds, "book.notice-none", "book.notice")
	within(p.CancellationWindowSeconds, "book.window-none", "book.window")
	lines = append(lines, w.Say("book.hold-time", "Time", w.Duration(max(time.Minute, time.Duration(p.HoldSeconds)*time.Second))))
	return lines
}
