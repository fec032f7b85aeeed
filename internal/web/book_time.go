package web

import (
	"time"

	"medbook/internal/calendar"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
	"medbook/internal/web/words"
)

// bookTimeView is the question at what time of the date.
type bookTimeView struct {
	answers
	date     string
	back     string
	soFar    []bookFact
	parts    []bookPart
	zone     string // whose time this is; empty where it is not everybody's
	wait     string
	rules    []string
	why      *bookWhyView
	whose    []ui.Option // whom an entered time is asked about
	asked    ui.Form     // the entered time
	explains bool        // a time was entered
	live     string      // the stream that tells of changes of the times
}

// bookPart is a part of the day with its free times.
type bookPart struct {
	title string
	times []bookPick
}

// bookPick is a time to choose: what one sees of it, and its name in full.
type bookPick struct {
	slot, time, full string
	more             []string
}

// bookTime asks at what time of the date: GET /book/time. With a time that was
// entered it also says why that can be booked or not.
func (s *Server) bookTime(c *call) error {
	b, err := s.bookingOf(c, c.r.URL.Query())
	if err != nil {
		return err
	}
	if first := b.unanswered(stepTime); first != "" {
		return c.see(first)
	}
	found, err := s.Scheduling.Times(c.context(), c.by, b.asks())
	if err != nil {
		return err
	}
	b.slot = "" // the buttons have it
	v := bookTimeView{
		answers: b.answers, date: c.words.Date(b.date), back: b.at("/book/date"), soFar: b.soFar(c.words, stepTime),
		parts: b.partsOf(c.words, found), wait: b.at("/book/wait"), whose: b.whose(),
		live: b.live(found),
	}
	if p, one := b.practitioner(); one {
		loc := zoneNamed(p.TimeZone)
		v.zone, v.rules = c.words.ZoneName(calendar.Day(b.date, loc).Start.Add(12*time.Hour), loc), policyWords(c.words, p.Policy)
	}
	if err := s.explainTime(c, b, &v); err != nil {
		return err
	}
	return c.show(page{title: c.say("book.time-title", "Date", v.date), form: v.asked, scripts: []string{"live.js"}}, bookTimeContent(v))
}

// partsOf gathers times by part of the practitioner's day.
func (b booking) partsOf(w *words.Words, found []scheduling.Slot) (parts []bookPart) {
	all := []bookPart{{title: w.Say("book.morning")}, {title: w.Say("book.afternoon")}, {title: w.Say("book.evening")}}
	for _, s := range found {
		i := 0
		switch hour := s.Start.In(zoneNamed(s.TimeZone)).Hour(); {
		case hour >= 17:
			i = 2
		case hour >= 12:
			i = 1
		}
		all[i].times = append(all[i].times, b.pickOf(w, s, false))
	}
	for _, p := range all {
		if len(p.times) > 0 {
			parts = append(parts, p)
		}
	}
	return parts
}

// pickOf is a slot to choose, with its date where that is not the one of the page.
func (b booking) pickOf(w *words.Words, s scheduling.Slot, dated bool) bookPick {
	loc := zoneNamed(s.TimeZone)
	p, _ := b.byID(s.Practitioner.String())
	k := bookPick{slot: s.ID(), time: w.Time(s.Start, loc)}
	k.full = w.Say("book.slot", "Moment", w.Moment(s.Start, loc), "Name", p.Name)
	if dated {
		day := calendar.DateIn(s.Start, loc)
		k.more = append(k.more, w.ShortWeekday(day.Weekday())+", "+w.DayAndMonth(day))
	}
	if b.with == anyone {
		k.more = append(k.more, p.Name)
	}
	if yours := readersTime(w, s.Start, loc); yours != "" {
		k.more = append(k.more, yours)
		k.full += " " + readersMoment(w, s.Start, loc)
	}
	return k
}

// whose are those about whom an entered time can be asked, where it is not clear.
func (b booking) whose() (all []ui.Option) {
	if b.with != anyone {
		return nil
	}
	for _, p := range b.matching() {
		all = append(all, ui.Option{Value: p.ID.String(), Text: p.Name})
	}
	return all
}
