package scheduling

import (
	"context"
	"time"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/errs"
	"medbook/internal/etag"
	"medbook/internal/id"
	"medbook/internal/idempotency"
	"medbook/internal/sqldb"
)

// AddSlot makes a single slot [start, end) by hand; a zero end means the
// policy's length. It is kept verbatim, off the grid if need be, on cells of
// five minutes, and brings back what was deleted there.
//
// It returns auth.ErrForbidden, directory.ErrPractitionerNotFound,
// ErrInvalidSlot, ErrSlotPast or ErrSlotOverlap.
func (s *Service) AddSlot(ctx context.Context, by auth.Actor, practitioner string, start, end time.Time) (slot Slot, err error) {
	defer errs.Wrap(&err, "add slot")
	const action, what = "slot.add", "practitioner"
	key, err := editable(by, practitioner)
	if err != nil {
		return slot, s.settle(ctx, by, err, action, what, "")
	}
	slot, err = idempotency.Do(ctx, s.DB, recorded(by, action, what, key.String()), func(ctx context.Context, tx *sqldb.Tx) (slot Slot, err error) {
		sch, err := lockSchedule(ctx, tx, key)
		if err != nil {
			return slot, err
		}
		span := calendar.Span{Start: start, End: end}
		if end.IsZero() {
			span.End = start.Add(sch.Policy.slotLength())
		}
		slot, err = handmake(ctx, tx, sch, span, calendar.Span{})
		if err != nil {
			return slot, err
		}
		return slot, audit.Record(ctx, tx, by.Event(action, what, key.String()))
	})
	return slot, s.settle(ctx, by, err, action, what, key.String())
}

// handmake stores a slot by hand below a locked schedule, unless it would
// overlap another than the one at except, and returns it as it is now.
func handmake(ctx context.Context, tx *sqldb.Tx, sch schedule, span, except calendar.Span) (Slot, error) {
	if err := checkSlot(span, tx.Now()); err != nil {
		return Slot{}, err
	}
	g, err := agendaOf(ctx, tx, sch, around(span))
	if err != nil {
		return Slot{}, err
	}
	for _, other := range g.overlapping(span) {
		if !other.Start.Equal(except.Start) || !other.End.Equal(except.End) {
			return Slot{}, ErrSlotOverlap
		}
	}
	h := Hours{Kind: KindSlot, Span: span}
	if _, err := liftExceptions(ctx, tx, g, h); err != nil {
		return Slot{}, err
	}
	a := Availability{ID: id.NewKeyed(sch.Practitioner), Hours: h, CreatedAt: tx.Now(), Version: 1}
	if err := insertAvailability(ctx, tx, a); err != nil {
		return Slot{}, err
	}
	return touched(ctx, tx, sch, span)
}

// touched raises the schedule's version and returns the slot at span after it.
func touched(ctx context.Context, tx *sqldb.Tx, sch schedule, span calendar.Span) (Slot, error) {
	if err := touchSchedule(ctx, tx, sch); err != nil {
		return Slot{}, err
	}
	sch.Version++
	g, err := agendaOf(ctx, tx, sch, span)
	if err != nil {
		return Slot{}, err
	}
	slot, ok := g.find(span)
	if !ok {
		return Slot{}, ErrSlotNotFound
	}
	return slot, nil
}

// around is the window in which slots that could overlap span begin.
func around(span calendar.Span) calendar.Span {
	return calendar.Span{Start: span.Start.Add(-longest), End: span.End}
}

func checkSlot(span calendar.Span, now time.Time) error {
	switch {
	case !span.Start.Before(span.End):
		return ErrInvalidSlot.Field("ends_at", "must be after starts_at")
	case !calendar.AlignedToCells(span):
		return ErrInvalidSlot.Field("starts_at", "must be on multiples of five minutes, like ends_at")
	case span.End.Sub(span.Start) > longest:
		return ErrInvalidSlot.Field("ends_at", "must be within 240 minutes of starts_at")
	case !span.Start.After(now):
		return ErrSlotPast
	}
	return nil
}

// ChangeSlot moves or blocks a free slot. A slot of a longer stretch becomes
// one made by hand. The answer carries a new id if start or end changed.
//
// It returns auth.ErrForbidden, ErrSlotNotFound, etag.ErrMissing,
// etag.ErrStale, ErrSlotInUse, ErrSlotPast, ErrSlotBlocked (time off blocks it),
// ErrInvalidSlot or ErrSlotOverlap.
func (s *Service) ChangeSlot(ctx context.Context, by auth.Actor, slotID string, match etag.Match, c SlotChange) (slot Slot, err error) {
	defer errs.Wrap(&err, "change slot")
	err = s.editSlot(ctx, by, "slot.change", slotID, match, func(ctx context.Context, tx *sqldb.Tx, g agenda, old Slot) error {
		span := old.span()
		set(&span.Start, c.StartsAt)
		set(&span.End, c.EndsAt)
		if c.StartsAt != nil && c.EndsAt == nil {
			span.End = span.Start.Add(old.End.Sub(old.Start))
		}
		slot = old
		moved := !span.Start.Equal(old.Start) || !span.End.Equal(old.End)
		if moved {
			if err := vacate(ctx, tx, g, old); err != nil {
				return err
			}
			var err error
			if slot, err = handmake(ctx, tx, g.schedule, span, calendar.Span{}); err != nil {
				return err
			}
			g.Version = slot.version
		}
		if c.Blocked == nil {
			return nil
		}
		slot, err = block(ctx, tx, g.schedule, slot, *c.Blocked)
		return err
	})
	if err != nil {
		return Slot{}, err
	}
	return slot, nil
}

// RemoveSlot deletes a free slot, one made by hand or one of a longer stretch.
//
// It returns auth.ErrForbidden, ErrSlotNotFound, etag.ErrMissing,
// etag.ErrStale, ErrSlotInUse or ErrSlotPast.
func (s *Service) RemoveSlot(ctx context.Context, by auth.Actor, slotID string, match etag.Match) (err error) {
	defer errs.Wrap(&err, "remove slot")
	return s.editSlot(ctx, by, "slot.remove", slotID, match, func(ctx context.Context, tx *sqldb.Tx, g agenda, old Slot) error {
		if err := vacate(ctx, tx, g, old); err != nil {
			return err
		}
		return touchSchedule(ctx, tx, g.schedule)
	})
}

// editSlot runs edit on a free, future slot in the version that match names,
// with the schedule locked alone.
func (s *Service) editSlot(ctx context.Context, by auth.Actor, action, slotID string, match etag.Match,
	edit func(ctx context.Context, tx *sqldb.Tx, g agenda, old Slot) error,
) error {
	if !by.Is(auth.Admin, auth.Practitioner) {
		return s.settle(ctx, by, auth.ErrForbidden, action, "slot", "")
	}
	key, ok := id.ParseSlot(slotID)
	if !ok || mayEdit(by, key.Practitioner) != nil {
		return s.settle(ctx, by, ErrSlotNotFound, action, "slot", "")
	}
	span := calendar.Span{Start: key.Start, End: key.End}
	err := s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		sch, err := lockSchedule(ctx, tx, key.Practitioner)
		if err != nil {
			return asNotFound(err, ErrSlotNotFound)
		}
		g, err := agendaOf(ctx, tx, sch, around(span))
		if err != nil {
			return err
		}
		old, ok := g.find(span)
		if !ok {
			return ErrSlotNotFound
		}
		if err := match.Check(old.ETag()); err != nil {
			return err
		}
		switch {
		case old.Status == SlotHeld || old.Status == SlotBooked:
			return ErrSlotInUse
		case !old.Start.After(tx.Now()):
			return ErrSlotPast
		}
		if err := edit(ctx, tx, g, old); err != nil {
			return err
		}
		return audit.Record(ctx, tx, by.Event(action, "slot", slotID))
	})
	return s.settle(ctx, by, err, action, "slot", slotID)
}

// vacate takes a free slot out of the calendar: its own row if it was made by
// hand, and an exception where the grid would offer something in its place.
func vacate(ctx context.Context, tx *sqldb.Tx, g agenda, old Slot) error {
	rest := g.hours[:0:0]
	for _, a := range g.hours {
		if a.Hours.same(Hours{Kind: KindSlot, Span: old.span()}) {
			if err := deleteAvailability(ctx, tx, a.ID); err != nil {
				return err
			}
			continue
		}
		rest = append(rest, a)
	}
	g.hours = rest
	if len(g.overlapping(old.span())) == 0 {
		return nil
	}
	return insertAvailability(ctx, tx, Availability{
		ID: id.NewKeyed(g.Practitioner), Hours: Hours{Kind: KindException, Span: old.span()}, CreatedAt: tx.Now(), Version: 1,
	})
}

// block sets whether a free slot is offered. A slot of a longer stretch is
// replaced by one made by hand in the same place.
func block(ctx context.Context, tx *sqldb.Tx, sch schedule, slot Slot, blocked bool) (Slot, error) {
	a, err := handmadeAt(ctx, tx, slot)
	if err != nil {
		return slot, err
	}
	switch {
	case a.Blocked == blocked && (slot.Status == SlotBlocked) == blocked:
		return slot, nil
	case a.Blocked == blocked && !blocked:
		return slot, ErrSlotBlocked // by time off, which ends elsewhere
	case a.ID != (id.Keyed{}):
		a.Blocked, a.Version = blocked, a.Version+1
		err = updateAvailability(ctx, tx, a)
	default:
		err = insertAvailability(ctx, tx, Availability{
			ID: id.NewKeyed(sch.Practitioner), Hours: Hours{Kind: KindSlot, Span: slot.span()}, Blocked: blocked, CreatedAt: tx.Now(), Version: 1,
		})
	}
	if err != nil {
		return slot, err
	}
	return touched(ctx, tx, sch, slot.span())
}
