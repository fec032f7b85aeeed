package web

import (
	"errors"
	"slices"
	"time"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/errs"
	"medbook/internal/gate"
	"medbook/internal/id"
	pages "medbook/internal/page"
	"medbook/internal/scheduling"
)

// bookChosenView is a time that was chosen before its chooser signed in.
type bookChosenView struct {
	answers
	back   string
	soFar  []bookFact
	moment string
	yours  string
	name   string
	rules  []string
}

// bookChosen asks who has just signed in whether the time that they chose before is
// to be held: GET /book/hold. Holding it is for a form to do.
func (s *Server) bookChosen(c *call) error {
	b, err := s.bookingOf(c, c.r.URL.Query())
	if err != nil {
		return err
	}
	slot, ok := id.ParseSlot(b.slot)
	p, known := b.byID(slot.Practitioner.String())
	if !ok || !known {
		b.slot = ""
		return c.see(b.at("/book/time"))
	}
	loc := zoneNamed(p.TimeZone)
	v := bookChosenView{
		answers: b.answers, soFar: b.soFar(c.words, stepTime), name: p.Name, rules: policyWords(c.words, p.Policy),
		moment: c.words.Moment(slot.Start, loc), yours: readersMoment(c.words, slot.Start, loc),
	}
	b.slot = ""
	v.back = b.at("/book/time")
	return c.show(page{title: c.say("book.chosen-title")}, bookChosenContent(v))
}

// bookHold holds a time: POST /book/hold. Who has not signed in does so first, and
// comes back to the same time.
func (s *Server) bookHold(c *call) error {
	b, err := s.bookingOf(c, c.form)
	if err != nil {
		return err
	}
	if c.by.Weak || !c.by.Is(auth.Patient) {
		return c.see(b.at("/book/hold")) // which lets in whom it is for
	}
	slot, ok := id.ParseSlot(b.slot)
	p, known := b.byID(slot.Practitioner.String())
	if !ok || !known {
		return s.bookLost(c, b, slot, scheduling.ErrSlotNotFound)
	}
	a, err := s.holdOrMove(c, b, p)
	if errors.Is(err, scheduling.ErrSlotTaken) || errors.Is(err, scheduling.ErrPatientBusy) {
		// It may be one's own, of a button that was pressed twice.
		if mine, found := s.ownHold(c, slot); found {
			return c.see("/book/" + mine.ID.String() + "/details")
		}
	}
	if err != nil {
		return s.bookLost(c, b, slot, err)
	}
	return c.see("/book/" + a.ID.String() + "/details")
}

// holdOrMove holds the time that was chosen, in place of the hold that another time
// was looked for, if there is one: the new time is safe before the old one is free.
func (s *Server) holdOrMove(c *call, b booking, p scheduling.Practitioner) (a scheduling.Appointment, err error) {
	req := scheduling.HoldRequest{Slot: b.slot, Slots: p.Policy.SlotsFor(b.asks().Length)}
	old, err := s.heldBefore(c, b)
	switch {
	case err != nil:
		return a, err
	case old == nil:
		return s.Scheduling.Hold(c.context(), c.by, req)
	case old.SlotID() == b.slot && old.Slots == req.Slots:
		return *old, nil
	case old.Practitioner() == p.ID && old.Slots == req.Slots:
		return s.Scheduling.Reschedule(c.context(), c.by, old.ID.String(), scheduling.RescheduleRequest{Slot: b.slot})
	}
	req.Reason = old.Reason
	if a, err = s.Scheduling.Hold(c.context(), c.by, req); err != nil {
		return a, err
	}
	_, err = s.releaseHold(c, old.ID.String())
	return a, err
}

// heldBefore is the hold that another time was looked for in place of, if it still
// is one.
func (s *Server) heldBefore(c *call, b booking) (*scheduling.Appointment, error) {
	if b.held == "" {
		return nil, nil
	}
	a, err := s.Scheduling.Appointment(c.context(), c.by, b.held)
	if errors.Is(err, scheduling.ErrAppointmentNotFound) || err == nil && a.Status != scheduling.Held {
		return nil, nil // the new time then stands alone
	}
	return &a, err
}

// releaseHold gives the time of a hold back.
func (s *Server) releaseHold(c *call, appointment string) (scheduling.Appointment, error) {
	return s.Scheduling.Cancel(c.context(), c.by, appointment, scheduling.CancelRequest{})
}

// ownHold finds the live appointment of who asks that begins with a slot.
func (s *Server) ownHold(c *call, slot id.Slot) (a scheduling.Appointment, found bool) {
	f := scheduling.AppointmentFilter{Practitioner: slot.Practitioner.String(), From: slot.Start, To: slot.Start.Add(time.Microsecond)}
	p, err := s.Scheduling.Appointments(c.context(), c.by, f, pages.Request{Limit: 50})
	i := slices.IndexFunc(p.Items, func(a scheduling.Appointment) bool { return a.Live() && a.SlotID() == slot.String() })
	if err != nil || i < 0 {
		return a, false
	}
	return p.Items[i], true
}

// bookLostView says why a time could not be held, and what there is in its place.
type bookLostView struct {
	answers
	soFar    []bookFact
	problem  string
	moment   string
	nearest  []bookPick
	times    string // the way to the times of the date
	dates    string
	wait     string
	holds    bool // too many are held: one's own are to be looked through
	shutdown bool // no other time helps
}

// bookLost shows why a time could not be held, keeps the answers, and offers the times
// closest to it.
func (s *Server) bookLost(c *call, b booking, slot id.Slot, err error) error {
	e := errs.As(err)
	if e == nil || !aboutTime(e.Kind) {
		return err
	}
	gate.Note(c.context(), err)
	v := bookLostView{problem: c.problem(e)}
	b.slot = ""
	v.answers, v.soFar = b.answers, b.soFar(c.words, stepTime)
	v.times, v.dates, v.wait = b.at("/book/time"), b.at("/book/date"), b.at("/book/wait")
	v.holds = errors.Is(err, scheduling.ErrTooManyHolds)
	v.shutdown = v.holds || e.Kind == errs.Limited
	if p, known := b.byID(slot.Practitioner.String()); known && !v.shutdown {
		v.moment = c.say("book.slot", "Moment", c.words.Moment(slot.Start, zoneNamed(p.TimeZone)), "Name", p.Name)
		var busy []calendar.Span
		if errors.Is(err, scheduling.ErrPatientBusy) {
			if busy, err = s.ownTimes(c, slot.Start); err != nil {
				return err
			}
		}
		if v.nearest, err = s.nearestTimes(c, b, slot.Start, 6, busy...); err != nil {
			return err
		}
	}
	return c.show(page{title: c.say("book.lost-title"), status: gate.Status(e.Kind)}, bookLostContent(v))
}

// ownTimes are when who asks is busy about an instant.
func (s *Server) ownTimes(c *call, around time.Time) (busy []calendar.Span, err error) {
	f := scheduling.AppointmentFilter{From: around.AddDate(0, 0, -2), To: around.AddDate(0, 0, 2)}
	p, err := s.Scheduling.Appointments(c.context(), c.by, f, pages.Request{Limit: 50})
	for _, a := range p.Items {
		if a.Live() {
			busy = append(busy, calendar.Span{Start: a.Start, End: a.End})
		}
	}
	return busy, err
}

// aboutTime reports whether it may be mended by choosing another time.
func aboutTime(k errs.Kind) bool {
	switch k {
	case errs.Invalid, errs.Conflict, errs.Gone, errs.NotFound, errs.Limited:
		return true
	}
	return false
}

// nearestTimes are the n times closest to an instant that fit the answers, in their
// order, but for those that overlap what is busy.
func (s *Server) nearestTimes(c *call, b booking, around time.Time, n int, busy ...calendar.Span) (picks []bookPick, err error) {
	found, err := s.Scheduling.TimesAround(c.context(), c.by, b.asks(), around, n+4*len(busy))
	if errs.KindOf(err) == errs.NotFound {
		return nil, nil
	}
	found = slices.DeleteFunc(found, func(slot scheduling.Slot) bool {
		p, _ := b.byID(slot.Practitioner.String())
		whole := calendar.Span{Start: slot.Start, End: slot.Start.Add(b.lasts(p, p.Policy.SlotMinutes > 0))}
		return slices.ContainsFunc(busy, whole.Overlaps)
	})
	found = found[:min(n, len(found))]
	slices.SortStableFunc(found, func(a, b scheduling.Slot) int { return a.Start.Compare(b.Start) })
	for _, slot := range found {
		picks = append(picks, b.pickOf(c.words, slot, true))
	}
	return picks, err
}
