package web

import (
	"time"

	"medbook/internal/calendar"
	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// bookWaitView asks for whose time somebody waits, and from when to when.
type bookWaitView struct {
	answers
	form     ui.Form
	back     string
	soFar    []bookFact
	whose    []ui.Option
	from, to string
	least    string
}

// bookWait asks what somebody waits for: GET /book/wait.
func (s *Server) bookWait(c *call) error {
	return s.showBookWait(c, c.r.URL.Query(), ui.Form{})
}

func (s *Server) showBookWait(c *call, said map[string][]string, form ui.Form) error {
	b, err := s.bookingOf(c, said)
	if err != nil {
		return err
	}
	today := calendar.DateIn(s.Now(), s.zoneIn(c, b))
	v := bookWaitView{
		answers: b.answers, form: form, back: b.at("/book/date"), soFar: b.soFar(c.words, stepDate),
		from: today.String(), to: today.AddDays(usualWait).String(), least: today.String(),
	}
	if b.unanswered(stepDate) != "" {
		v.back = b.at("/book")
	}
	if _, one := b.practitioner(); !one {
		v.with = ""
		for _, p := range b.matching() {
			v.whose = append(v.whose, ui.Option{Value: p.ID.String(), Text: p.Name})
		}
	}
	return c.show(page{title: c.say("book.wait-title"), form: form}, bookWaitContent(v))
}

// usualWait is how many days somebody waits who says nothing else.
const usualWait = 28

// zoneIn is where the days are that somebody waits for.
func (s *Server) zoneIn(c *call, b booking) *time.Location {
	if p, one := b.practitioner(); one {
		return zoneNamed(p.TimeZone)
	}
	if c.words.Zone != nil {
		return c.words.Zone
	}
	return time.UTC
}

// bookJoin puts somebody on the waiting list: POST /book/wait. Days are the
// practitioner's, both included.
func (s *Server) bookJoin(c *call) error {
	b, err := s.bookingOf(c, c.form)
	if err != nil {
		return err
	}
	loc := s.zoneIn(c, b)
	from, wrongFrom := calendar.ParseDate(c.field("from"))
	to, wrongTo := calendar.ParseDate(c.field("to"))
	path := b.at("/book/date")
	if wrongFrom == nil && wrongTo == nil {
		req := scheduling.WaitRequest{Practitioner: b.with, From: calendar.Day(from, loc).Start, To: calendar.Day(to, loc).End}
		_, err = s.Scheduling.JoinWaitlist(c.once(func(any) string { return path }), c.by, req)
	} else {
		err = scheduling.ErrInvalidRange.Field("from", "is not a date")
	}
	switch {
	case err == nil:
		return c.done(path, "done.book-waiting")
	case c.again(err):
		return nil
	}
	form, err := c.refused(err)
	if err != nil {
		return err
	}
	return s.showBookWait(c, c.form, form)
}
