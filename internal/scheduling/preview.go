package scheduling

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// Preview says what a change of hours would do. Slots are counted from now to the
// horizon.
type Preview struct {
	Created int // slots that are not there yet; Published tells the same
	Kept    int // slots of these hours that are there already and stay; Published tells the same
	Removed int // free slots that would be offered no more
	// Hits are the live appointments that would be in time off, or whose time nobody
	// would offer any more. They stand; it is for people to move them.
	Hits []Appointment
}

// PreviewHours says what Publish would do, for its errors see there.
func (s *Service) PreviewHours(ctx context.Context, by auth.Actor, practitioner string, h Hours) (p Preview, err error) {
	defer errs.Wrap(&err, "preview hours")
	return s.previewBelow(ctx, by, "availability.preview", practitioner, func(ctx context.Context, tx *sqldb.Tx, sch schedule, p *Preview) error {
		made, err := publish(ctx, tx, sch, h)
		p.Created, p.Kept = made.SlotsCreated, made.SlotsExisting
		return err
	})
}

// PreviewTimeOff says what TakeTimeOff would do, for its errors see there.
func (s *Service) PreviewTimeOff(ctx context.Context, by auth.Actor, practitioner string, h Hours) (p Preview, err error) {
	defer errs.Wrap(&err, "preview time off")
	return s.previewBelow(ctx, by, "time_off.preview", practitioner, func(ctx context.Context, tx *sqldb.Tx, sch schedule, p *Preview) error {
		t, err := takeOff(ctx, tx, sch, h, phi.Value[string]{})
		p.Hits = t.Conflicts
		return err
	})
}

// PreviewChange says what ChangeAvailability would do to the availability as it
// stands, for its errors see there.
func (s *Service) PreviewChange(ctx context.Context, by auth.Actor, availability string, c HoursChange) (p Preview, err error) {
	defer errs.Wrap(&err, "preview change of availability")
	return s.previewOf(ctx, by, availability, func(ctx context.Context, tx *sqldb.Tx, sch schedule, a Availability, p *Preview) error {
		made, err := changeHours(ctx, tx, sch, a, c)
		if err != nil {
			return err
		}
		p.Created, p.Kept = made.SlotsCreated, made.SlotsExisting
		left, err := orphans(ctx, tx, sch, a.Hours)
		if err != nil {
			return err
		}
		p.Hits, err = takers(ctx, tx, sch, left)
		return err
	})
}

// PreviewRemoval says what RemoveAvailability would do to the availability as it
// stands, for its errors see there.
func (s *Service) PreviewRemoval(ctx context.Context, by auth.Actor, availability string) (p Preview, err error) {
	defer errs.Wrap(&err, "preview removal of availability")
	return s.previewOf(ctx, by, availability, func(ctx context.Context, tx *sqldb.Tx, sch schedule, a Availability, p *Preview) error {
		soon := sch.horizon(tx.Now())
		before, err := agendas(ctx, tx, []schedule{sch}, soon)
		if err != nil {
			return err
		}
		left, err := removeHours(ctx, tx, sch, a)
		if err != nil {
			return err
		}
		after, err := agendas(ctx, tx, []schedule{sch}, soon)
		if err != nil {
			return err
		}
		_, p.Kept = compare(before[0], after[0], a.Hours, soon)
		p.Hits, err = takers(ctx, tx, sch, left)
		return err
	})
}

// previewBelow rehearses a change below a practitioner.
func (s *Service) previewBelow(ctx context.Context, by auth.Actor, action, practitioner string,
	do func(ctx context.Context, tx *sqldb.Tx, sch schedule, p *Preview) error,
) (p Preview, err error) {
	key, err := editable(by, practitioner)
	if err != nil {
		return p, s.settle(ctx, by, err, action, "practitioner", "")
	}
	p, err = s.rehearse(ctx, by.Event(action, "practitioner", key.String()), key, do)
	return p, s.settle(ctx, by, err, action, "practitioner", key.String())
}

// previewOf rehearses a change of an availability.
func (s *Service) previewOf(ctx context.Context, by auth.Actor, availability string,
	do func(ctx context.Context, tx *sqldb.Tx, sch schedule, a Availability, p *Preview) error,
) (p Preview, err error) {
	const action, what = "availability.preview", "availability"
	key, err := editableRow(by, availability, ErrAvailabilityNotFound)
	if err != nil {
		return p, s.settle(ctx, by, err, action, what, "")
	}
	p, err = s.rehearse(ctx, by.Event(action, what, key.String()), key.Lead, func(ctx context.Context, tx *sqldb.Tx, sch schedule, p *Preview) error {
		a, err := availabilityByID(ctx, tx, key)
		if err != nil {
			return err
		}
		return do(ctx, tx, sch, a, p)
	})
	err = asNotFound(err, ErrAvailabilityNotFound)
	return p, s.settle(ctx, by, err, action, what, key.String())
}

// errRehearsed undoes a rehearsal that went well.
var errRehearsed = errors.New("rehearsed")

// rehearse does the real thing below a locked schedule, looks at what came of it
// and undoes it, so that there is no second set of rules that could say something
// else. Only that somebody looked stays, with whose appointments they saw.
func (s *Service) rehearse(ctx context.Context, e audit.Event, practitioner uuid.UUID,
	do func(ctx context.Context, tx *sqldb.Tx, sch schedule, p *Preview) error,
) (p Preview, err error) {
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		p = Preview{}
		err := tx.Savepoint(ctx, func() error {
			sch, err := lockSchedule(ctx, tx, practitioner)
			if err != nil {
				return err
			}
			soon := sch.horizon(tx.Now())
			before, err := agendaOf(ctx, tx, sch, soon)
			if err != nil {
				return err
			}
			if err := do(ctx, tx, sch, &p); err != nil {
				return err
			}
			after, err := agendaOf(ctx, tx, sch, soon)
			if err != nil {
				return err
			}
			p.Removed = lost(before, after, soon)
			return errRehearsed
		})
		if !errors.Is(err, errRehearsed) {
			return err
		}
		e := e
		e.Patients = patientsOf(p.Hits)
		return audit.Record(ctx, tx, e)
	})
	return p, err
}

// lost counts the free slots of before that after does not offer.
func lost(before, after agenda, window calendar.Span) (n int) {
	for w := range chunks(window) {
		left := map[id.Slot]bool{}
		for _, s := range after.slots(w) {
			left[s.Slot] = s.Status == SlotAvailable
		}
		for _, s := range before.slots(w) {
			if s.Status == SlotAvailable && !left[s.Slot] {
				n++
			}
		}
	}
	return n
}

// takers returns the live appointments that take some slots.
func takers(ctx context.Context, tx *sqldb.Tx, sch schedule, slots []Slot) ([]Appointment, error) {
	if len(slots) == 0 {
		return nil, nil
	}
	live, err := liveIn(ctx, tx, sch.Practitioner, calendar.Span{Start: slots[0].Start, End: slots[len(slots)-1].End})
	return slices.DeleteFunc(live, func(a Appointment) bool {
		return !slices.ContainsFunc(slots, func(s Slot) bool { return s.claim == a.ID })
	}), err
}
