package scheduling

import (
	"context"
	"iter"
	"time"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/idempotency"
	"medbook/internal/sqldb"
)

// Publish says that a practitioner works during hours, of KindSpan, KindDay or
// KindWeekly. Hours may overlap others; slots are those of the union. Exactly
// the same hours again are a repeat, and answer what stands. Single slots that
// were deleted and that the hours cover come back.
//
// It returns auth.ErrForbidden, directory.ErrPractitionerNotFound (also for
// somebody else's calendar) or ErrInvalidHours.
func (s *Service) Publish(ctx context.Context, by auth.Actor, practitioner string, h Hours) (p Published, err error) {
	defer errs.Wrap(&err, "publish availability")
	const action, what = "availability.publish", "practitioner"
	key, err := editable(by, practitioner)
	if err != nil {
		return p, s.settle(ctx, by, err, action, what, "")
	}
	p, err = idempotency.Do(ctx, s.DB, recorded(by, action, what, key.String()), func(ctx context.Context, tx *sqldb.Tx) (p Published, err error) {
		sch, err := lockSchedule(ctx, tx, key)
		if err != nil {
			return p, err
		}
		p, err = publish(ctx, tx, sch, h)
		if err != nil {
			return p, err
		}
		return p, audit.Record(ctx, tx, by.Event(action, what, key.String()))
	})
	return p, s.settle(ctx, by, err, action, what, key.String())
}

// publish stores hours below a locked schedule, unless they can't be worked or
// stand there word for word, and counts what that changed.
func publish(ctx context.Context, tx *sqldb.Tx, sch schedule, h Hours) (p Published, err error) {
	if err := h.checkWork(sch.Policy, sch.Location, tx.Now()); err != nil {
		return p, err
	}
	p.SlotsCreated, p.SlotsExisting, err = counted(ctx, tx, sch, h, func(before agenda) error {
		lifted, err := liftExceptions(ctx, tx, before, h)
		if err != nil {
			return err
		}
		for _, a := range before.hours {
			if a.Hours.same(h) {
				p.Availability, p.Repeat = a, lifted == 0
			}
		}
		if p.Repeat {
			return nil
		}
		if p.ID == (id.Keyed{}) {
			p.Availability = Availability{ID: id.NewKeyed(sch.Practitioner), Hours: h, CreatedAt: tx.Now(), Version: 1}
			if err := insertAvailability(ctx, tx, p.Availability); err != nil {
				return err
			}
		}
		return touchSchedule(ctx, tx, sch)
	})
	p.Availability = sch.dress(p.Availability)
	return p, err
}

// counted runs change, which edits the availability of a locked schedule, and
// counts the slots of h within the horizon that it made and that stood before.
func counted(ctx context.Context, tx *sqldb.Tx, sch schedule, h Hours, change func(before agenda) error) (created, existing int, err error) {
	soon := sch.horizon(tx.Now())
	before, err := agendas(ctx, tx, []schedule{sch}, soon)
	if err != nil {
		return 0, 0, err
	}
	if err := change(before[0]); err != nil {
		return 0, 0, err
	}
	after, err := agendas(ctx, tx, []schedule{sch}, soon)
	if err != nil {
		return 0, 0, err
	}
	created, existing = compare(before[0], after[0], h, soon)
	return created, existing, nil
}

// horizon is the stretch of time in which slots that begin are within the horizon.
func (s schedule) horizon(now time.Time) calendar.Span {
	return calendar.Span{Start: now, End: s.Policy.horizon(now).Add(time.Microsecond)}
}

// dress adds to an availability what follows from the schedule.
func (s schedule) dress(a Availability) Availability {
	a.TimeZone, a.Bounds = s.Location.String(), a.Hours.onGrid(s.Policy, s.Location)
	return a
}

// liftExceptions deletes the exceptions that h covers.
func liftExceptions(ctx context.Context, tx *sqldb.Tx, g agenda, h Hours) (lifted int, err error) {
	for _, a := range g.hours {
		if a.Hours.Kind != KindException {
			continue
		}
		covers := h.Kind == KindSlot && h.Span.Covers(a.Hours.Span)
		for _, s := range h.stretches(g.Location, a.Hours.Span) {
			covers = covers || s.Covers(a.Hours.Span)
		}
		if !covers {
			continue
		}
		if err := deleteAvailability(ctx, tx, a.ID); err != nil {
			return lifted, err
		}
		lifted++
	}
	return lifted, nil
}

// chunks cuts a window into pieces to be looked at one after the other, for a
// horizon of ten years of five-minute slots is long.
func chunks(window calendar.Span) iter.Seq[calendar.Span] {
	return func(yield func(calendar.Span) bool) {
		for w := (calendar.Span{Start: window.Start}); w.Start.Before(window.End); w.Start = w.End {
			w.End = w.Start.Add(longestSearch)
			if w.End.After(window.End) {
				w.End = window.End
			}
			if !yield(w) {
				return
			}
		}
	}
}

// compare counts the slots of h in window that after has and before had not,
// and those that both have.
func compare(before, after agenda, h Hours, window calendar.Span) (created, existing int) {
	for w := range chunks(window) {
		wide := calendar.Span{Start: w.Start, End: w.End.Add(longest)}
		work := calendar.Merge(h.stretches(after.Location, wide))
		old := before.grid(w)
		for _, s := range after.grid(w) {
			if !overlapsAny(work, s.span()) {
				continue
			}
			for len(old) > 0 && old[0].Start.Before(s.Start) {
				old = old[1:]
			}
			if len(old) > 0 && old[0].Slot == s.Slot {
				existing++
			} else {
				created++
			}
		}
	}
	return created, existing
}
