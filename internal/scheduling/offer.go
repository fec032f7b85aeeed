package scheduling

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/jobs"
	"medbook/internal/notify"
	"medbook/internal/sqldb"
)

// Freed is the job of offering time that has become free to whoever waits for it.
type Freed struct {
	Practitioner uuid.UUID
	Start, End   time.Time // UTC
}

// Kind names the job in the database.
func (Freed) Kind() string { return "scheduling.freed" }

// freed has the time of an appointment offered, if anybody waits for it.
func freed(ctx context.Context, tx *sqldb.Tx, practitioner uuid.UUID, span calendar.Span) error {
	if !span.Start.After(tx.Now()) {
		return nil
	}
	waiting, err := anybodyWaits(ctx, tx, practitioner, span)
	if err != nil || !waiting {
		return err
	}
	return jobs.Enqueue(ctx, tx, tx.Now(), Freed{practitioner, span.Start, span.End})
}

// offer offers each slot of the time that has become free to the first who waits
// for it and can take it: it is held in their name for as long as any hold, and
// they are told. When the hold ends, the time is free again, and the next is asked.
func (s *Service) offer(ctx context.Context, job Freed) error {
	span := calendar.Span{Start: job.Start, End: job.End}
	var open []Slot
	err := s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		sch, err := scheduleOf(ctx, tx, job.Practitioner)
		if err != nil {
			return err
		}
		g, err := agendaOf(ctx, tx, sch, span)
		if err != nil {
			return err
		}
		open = g.slots(span)
		return nil
	})
	if err != nil {
		return err
	}
	for _, slot := range open {
		if slot.Status != SlotAvailable {
			continue
		}
		if err := s.offerSlot(ctx, slot); err != nil {
			return err
		}
	}
	return nil
}

// offerSlot asks one after the other until somebody has the slot. Each is asked in
// a transaction of their own, under the locks of a booking.
func (s *Service) offerSlot(ctx context.Context, slot Slot) error {
	var waiting []Wait
	err := s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		waiting, err = waitingFor(ctx, tx, slot.Slot)
		return err
	})
	if err != nil {
		return err
	}
	for _, w := range waiting {
		err := s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error { return s.offerTo(ctx, tx, w, slot) })
		switch {
		case err == nil:
			return nil
		case errors.Is(err, ErrPatientBusy), errors.Is(err, ErrTooManyHolds), errors.Is(err, directory.ErrPatientNotFound), errors.Is(err, ErrWaitNotFound):
			continue // not for them
		case errs.As(err) != nil && errs.KindOf(err) != errs.Unavailable:
			return nil // somebody else has it, or nobody can have it any more
		}
		return err
	}
	return nil
}

// offerTo holds the slot in the name of who waits, if they still do, and were not
// offered it before.
func (s *Service) offerTo(ctx context.Context, tx *sqldb.Tx, w Wait, slot Slot) error {
	a := Appointment{
		ID: id.NewKeyed(slot.Practitioner), Patient: w.ID.Lead, Slots: 1, Status: Held, Version: 1,
		Start: slot.Start, End: slot.End, Reference: rand.Text()[:10],
	}
	if err := s.hold(ctx, tx, &a, wish{first: slot.Slot, slots: 1}, false); err != nil {
		return err
	}
	n, err := insertOffer(ctx, tx, w, a)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrWaitNotFound // they left the list, or had this one
	}
	if err := inform(ctx, tx, auth.Actor{}, notify.WaitlistOffer, a); err != nil {
		return err
	}
	return audit.Record(ctx, tx, auth.System.Event("waitlist.offer", "appointment", a.ID.String(), a.Patient))
}
