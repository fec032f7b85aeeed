package web

import (
	"medbook/internal/calendar"
	"medbook/internal/scheduling"
)

// bookDateView is the question on which date.
type bookDateView struct {
	back           string
	soFar          []bookFact
	days           []bookDay
	earlier, later string // pages of dates; empty: there are none
	first          bool   // this is the first page of dates
	wait           string // the way to the waiting list
	rules          []string
}

// bookDay is a date to choose.
type bookDay struct {
	text, free, on string
	next           bool // the next one of all
	current        bool // chosen before
}

// bookDate asks on which date: GET /book/date. Only dates on which something can be
// booked now are shown, from one on or up to one.
func (s *Server) bookDate(c *call) error {
	b, err := s.bookingOf(c, c.r.URL.Query())
	if err != nil {
		return err
	}
	if first := b.unanswered(stepDate); first != "" {
		return c.see(first)
	}
	q := b.asks()
	q.From, _ = calendar.ParseDate(c.query("from"))
	if q.Before, _ = calendar.ParseDate(c.query("before")); !q.Before.IsZero() {
		q.From = calendar.Date{}
	}
	found, err := s.Scheduling.Days(c.context(), c.by, q)
	if err != nil {
		return err
	}
	back := b.at("/book/who")
	v := bookDateView{back: back, soFar: b.soFar(c.words, stepDate), first: found.Before.IsZero(), wait: b.at("/book/wait")}
	for i, d := range found.Days {
		v.days = append(v.days, b.dayOf(c, d, i == 0 && v.first))
	}
	pageOf := func(name string, at calendar.Date) string {
		if at.IsZero() {
			return ""
		}
		return b.at("/book/date") + "&" + name + "=" + at.String()
	}
	v.earlier, v.later = pageOf("before", found.Before), pageOf("from", found.Next)
	if p, one := b.practitioner(); one {
		v.rules = policyWords(c.words, p.Policy)
	}
	return c.show(page{title: c.say("book.date-title")}, bookDateContent(v))
}

func (b booking) dayOf(c *call, d scheduling.Day, next bool) bookDay {
	loc := zoneNamed(d.First.TimeZone)
	on := b.answers
	on.date = d.Date
	return bookDay{
		text: c.words.Date(d.Date), on: on.at("/book/time"), next: next, current: b.date == d.Date,
		free: c.words.Count("book.free", d.Free, "From", c.words.Time(d.First.Start, loc)),
	}
}
