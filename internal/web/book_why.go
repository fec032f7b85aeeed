package web

import (
	"net/url"

	"medbook/internal/calendar"
	"medbook/internal/scheduling"
)

// bookWhyView says why a time can be booked or not.
type bookWhyView struct {
	title   string
	reasons []string
	free    bool
	nearest []bookPick
}

// explainTime answers for an entered time, if one was, why it is offered or not.
func (s *Server) explainTime(c *call, b booking, v *bookTimeView) error {
	if !c.r.URL.Query().Has("at") {
		return nil
	}
	v.explains = true
	v.asked.Values = url.Values{"at": {c.query("at")}, "whose": {c.query("whose")}}
	whose, known := b.practitioner()
	if !known {
		whose, known = b.byID(c.query("whose"))
	}
	clock, wrong := calendar.ParseTime(c.query("at"))
	if wrong != nil || clock >= calendar.EndOfDay || !known {
		v.asked.Wrong = map[string]string{"at": c.say("book.why-no-time")}
		return nil //nolint:nilerr // it is told at the field
	}
	loc := zoneNamed(whose.TimeZone)
	at, _ := calendar.Local(b.date, clock, calendar.EndOfDay, loc)
	ask := b
	ask.with = whose.ID.String()
	e, err := s.Scheduling.Explain(c.context(), c.by, ask.with, at.Start, whose.Policy.SlotsFor(ask.asks().Length))
	if err != nil {
		v.asked, err = c.refused(err)
		return err
	}
	v.why = &bookWhyView{title: c.words.Moment(e.Time.Start, loc), free: e.Available()}
	if readers := readersMoment(c.words, e.Time.Start, loc); readers != "" {
		v.why.reasons = append(v.why.reasons, readers)
	}
	for _, y := range e.Why {
		v.why.reasons = append(v.why.reasons, c.say("book.why."+string(y), "Name", whose.Name))
	}
	if e.Available() {
		v.why.nearest = []bookPick{b.pickOf(c.words, scheduling.Slot{Slot: e.Slot, TimeZone: whose.TimeZone}, false)}
		return nil
	}
	v.why.nearest, err = s.nearestTimes(c, ask, e.Time.Start, 3)
	return err
}
