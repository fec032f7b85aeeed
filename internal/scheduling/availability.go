package scheduling

import (
	"context"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/errs"
	"medbook/internal/etag"
	"medbook/internal/id"
	"medbook/internal/idempotency"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// Availabilities lists a practitioner's availability in the order in which it
// was published, hand-made slots and exceptions too, to themselves and staff.
func (s *Service) Availabilities(ctx context.Context, by auth.Actor, practitioner string, req page.Request) (p page.Of[Availability], err error) {
	defer errs.Wrap(&err, "list availability")
	key, err := editable(by, practitioner)
	if err != nil {
		return p, s.settle(ctx, by, err, "availability.list", "practitioner", "")
	}
	return audit.Read(ctx, s.DB, by.Intends("availability.list", "practitioner", key.String()), func(ctx context.Context, tx *sqldb.Tx, _ *audit.Seen) (p page.Of[Availability], err error) {
		sch, err := scheduleOf(ctx, tx, key)
		if err != nil {
			return p, err
		}
		p, err = availabilityPage(ctx, tx, key, req)
		for i, a := range p.Items {
			p.Items[i] = sch.dress(a)
		}
		return p, err
	})
}

// Availability returns one availability to its practitioner and staff.
func (s *Service) Availability(ctx context.Context, by auth.Actor, availability string) (a Availability, err error) {
	defer errs.Wrap(&err, "read availability")
	key, err := editableRow(by, availability, ErrAvailabilityNotFound)
	in := by.Intends("availability.read", "availability", "")
	if err != nil {
		return a, audit.Refuse(ctx, s.DB, in, err)
	}
	return audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, _ *audit.Seen) (Availability, error) {
		sch, err := scheduleOf(ctx, tx, key.Lead)
		if err != nil {
			return Availability{}, asNotFound(err, ErrAvailabilityNotFound)
		}
		a, err := availabilityByID(ctx, tx, key)
		return sch.dress(a), err
	})
}

// ChangeAvailability changes hours in their own kind. Slots that are held or
// booked stay as they are.
//
// It returns auth.ErrForbidden, ErrAvailabilityNotFound, etag.ErrMissing,
// etag.ErrStale or ErrInvalidHours.
func (s *Service) ChangeAvailability(ctx context.Context, by auth.Actor, availability string, match etag.Match, c HoursChange) (p Published, err error) {
	defer errs.Wrap(&err, "change availability")
	const action, what = "availability.change", "availability"
	key, err := editableRow(by, availability, ErrAvailabilityNotFound)
	if err != nil {
		return p, s.settle(ctx, by, err, action, what, "")
	}
	p, err = idempotency.Do(ctx, s.DB, recorded(by, action, what, key.String()), func(ctx context.Context, tx *sqldb.Tx) (p Published, err error) {
		sch, a, err := lockAvailability(ctx, tx, key, match)
		if err != nil {
			return p, err
		}
		if p, err = changeHours(ctx, tx, sch, a, c); err != nil {
			return p, err
		}
		return p, audit.Record(ctx, tx, by.Event(action, what, key.String()))
	})
	return p, s.settle(ctx, by, err, action, what, key.String())
}

// changeHours changes an availability below a locked schedule, and counts what
// that made.
func changeHours(ctx context.Context, tx *sqldb.Tx, sch schedule, a Availability, c HoursChange) (p Published, err error) {
	h, err := a.Hours.changed(c)
	if err != nil {
		return p, err
	}
	if err := h.checkWork(sch.Policy, sch.Location, tx.Now()); err != nil {
		return p, err
	}
	a.Hours, a.Version = h, a.Version+1
	p.Availability = sch.dress(a)
	p.SlotsCreated, p.SlotsExisting, err = counted(ctx, tx, sch, h, func(agenda) error {
		if err := updateAvailability(ctx, tx, a); err != nil {
			return err
		}
		return touchSchedule(ctx, tx, sch)
	})
	return p, err
}

// lockAvailability locks the schedule alone and reads one availability below
// it, in the version that match names.
func lockAvailability(ctx context.Context, tx *sqldb.Tx, key id.Keyed, match etag.Match) (schedule, Availability, error) {
	sch, err := lockSchedule(ctx, tx, key.Lead)
	if err != nil {
		return sch, Availability{}, asNotFound(err, ErrAvailabilityNotFound)
	}
	a, err := availabilityByID(ctx, tx, key)
	if err != nil {
		return sch, a, err
	}
	return sch, a, match.Check(a.ETag())
}

// changed returns h with the change applied. Fields of another kind are refused.
func (h Hours) changed(c HoursChange) (Hours, error) {
	local := h.Kind == KindDay || h.Kind == KindWeekly
	for _, f := range []struct {
		name    string
		given   bool
		allowed bool
	}{
		{"starts_at", c.StartsAt != nil, h.Kind == KindSpan},
		{"ends_at", c.EndsAt != nil, h.Kind == KindSpan},
		{"date", c.Date != nil, h.Kind == KindDay},
		{"from", c.From != nil, local},
		{"to", c.To != nil, local},
		{"weekdays", c.Weekdays != nil, h.Kind == KindWeekly},
		{"valid_from", c.ValidFrom != nil, h.Kind == KindWeekly},
		{"valid_until", c.ValidUntil != nil, h.Kind == KindWeekly},
	} {
		if f.given && !f.allowed {
			return h, ErrInvalidHours.Field(f.name, "is no field of this kind of availability")
		}
	}
	set(&h.Span.Start, c.StartsAt)
	set(&h.Span.End, c.EndsAt)
	set(&h.Date, c.Date)
	if h.Kind == KindWeekly {
		set(&h.Weekly.From, c.From)
		set(&h.Weekly.To, c.To)
		set(&h.Weekly.Weekdays, c.Weekdays)
		set(&h.Weekly.First, c.ValidFrom)
		set(&h.Weekly.Last, c.ValidUntil)
		return h, nil
	}
	set(&h.From, c.From)
	set(&h.To, c.To)
	if h.Kind == KindSlot || h.Kind == KindException {
		return h, ErrInvalidHours.With("A single slot is changed or deleted as a slot.")
	}
	return h, nil
}

// set writes to into field unless it is nil.
func set[T any](field, to *T) {
	if to != nil {
		*field = *to
	}
}

// RemoveAvailability ends an availability. Its free slots are gone at once;
// held and booked ones that nothing else offers stay and are returned.
//
// It returns auth.ErrForbidden, ErrAvailabilityNotFound, etag.ErrMissing or
// etag.ErrStale.
func (s *Service) RemoveAvailability(ctx context.Context, by auth.Actor, availability string, match etag.Match) (r Removed, err error) {
	defer errs.Wrap(&err, "remove availability")
	const action, what = "availability.remove", "availability"
	key, err := editableRow(by, availability, ErrAvailabilityNotFound)
	if err != nil {
		return r, s.settle(ctx, by, err, action, what, "")
	}
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		sch, a, err := lockAvailability(ctx, tx, key, match)
		if err != nil {
			return err
		}
		if r.KeptSlots, err = removeHours(ctx, tx, sch, a); err != nil {
			return err
		}
		return audit.Record(ctx, tx, by.Event(action, what, key.String()))
	})
	return r, s.settle(ctx, by, err, action, what, key.String())
}

// removeHours deletes an availability below a locked schedule, and returns the
// slots of its that stay.
func removeHours(ctx context.Context, tx *sqldb.Tx, sch schedule, a Availability) ([]Slot, error) {
	if err := deleteAvailability(ctx, tx, a.ID); err != nil {
		return nil, err
	}
	if err := touchSchedule(ctx, tx, sch); err != nil {
		return nil, err
	}
	return orphans(ctx, tx, sch, a.Hours)
}

// orphans returns the future live slots inside hours that are gone which the
// remaining rules do not offer.
func orphans(ctx context.Context, tx *sqldb.Tx, sch schedule, gone Hours) ([]Slot, error) {
	out := []Slot{}
	ahead := calendar.Span{Start: tx.Now(), End: tx.Now().Add(longestStretch)}
	live, err := takenBy(ctx, tx, sch.Practitioner, ahead)
	if err != nil {
		return nil, err
	}
	if len(live) == 0 {
		return out, nil
	}
	gs, err := agendas(ctx, tx, []schedule{sch}, calendar.Span{Start: live[0].Span.Start, End: live[len(live)-1].Span.End})
	if err != nil {
		return nil, err
	}
	for _, t := range live {
		inside := gone.Kind == KindSlot && gone.Span.Overlaps(t.Span) || len(gone.stretches(sch.Location, t.Span)) > 0
		if !inside {
			continue
		}
		for _, s := range t.pieces(sch.Location.String(), sch.Version) {
			if _, offered := gs[0].find(s.span()); !offered {
				out = append(out, s)
			}
		}
	}
	return out, nil
}
