package scheduling

import (
	"context"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/idempotency"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// WaitRequest asks to be told when something of a practitioner frees up that
// begins in [From, To).
type WaitRequest struct {
	Practitioner string
	From, To     time.Time
}

// Wait is a patient's entry in the waiting list.
type Wait struct {
	ID           id.Keyed // its lead is the patient
	Practitioner uuid.UUID
	From, To     time.Time // UTC; To is exclusive
	CreatedAt    time.Time
	OfferedUntil time.Time // exclusive: until when a slot is held for the patient; zero: none is. Set by Waitlist only
}

// JoinWaitlist puts the calling patient on the waiting list.
//
// It returns auth.ErrForbidden, directory.ErrPractitionerNotFound,
// ErrInvalidRange, or directory.ErrPatientNotFound for who was erased meanwhile.
func (s *Service) JoinWaitlist(ctx context.Context, by auth.Actor, req WaitRequest) (w Wait, err error) {
	defer errs.Wrap(&err, "join waiting list")
	const action, what = "waitlist.join", "waitlist_entry"
	if !by.Is(auth.Patient) {
		return w, s.settle(ctx, by, auth.ErrForbidden, action, what, "")
	}
	practitioner, ok := id.Parse(req.Practitioner)
	if !ok {
		return w, directory.ErrPractitionerNotFound
	}
	if !req.From.Before(req.To) {
		return w, ErrInvalidRange.Field("to", "must be after from")
	}
	again := recorded(by, action, what, "", by.UserID)
	return idempotency.Do(ctx, s.DB, again, func(ctx context.Context, tx *sqldb.Tx) (Wait, error) {
		if _, err := scheduleOf(ctx, tx, practitioner); err != nil {
			return Wait{}, err
		}
		if err := directory.LockPatient(ctx, tx, by.UserID); err != nil {
			return Wait{}, err
		}
		if !req.To.After(tx.Now()) {
			return Wait{}, ErrInvalidRange.Field("to", "must be in the future")
		}
		w := Wait{ID: id.NewKeyed(by.UserID), Practitioner: practitioner, From: req.From, To: req.To, CreatedAt: tx.Now()}
		if err := insertWait(ctx, tx, w); err != nil {
			return Wait{}, err
		}
		return w, audit.Record(ctx, tx, by.Event(action, what, w.ID.String(), by.UserID))
	})
}

// Waitlist lists entries, oldest first: a patient's own, those waiting for the
// calling practitioner, and to staff all.
func (s *Service) Waitlist(ctx context.Context, by auth.Actor, req page.Request) (p page.Of[Wait], err error) {
	defer errs.Wrap(&err, "list waiting list")
	const action, what = "waitlist.list", "waitlist_entry"
	if !by.Is(auth.Patient, auth.Practitioner, auth.Admin) {
		return p, s.settle(ctx, by, auth.ErrForbidden, action, what, "")
	}
	return audit.Read(ctx, s.DB, by.Intends(action, what, ""), func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (page.Of[Wait], error) {
		p, err := waitPage(ctx, tx, by, req)
		for _, w := range p.Items {
			seen.Row(w.ID.Lead)
		}
		return p, err
	})
}

// Offers tells what the calling patient was offered from the waiting list: for which
// entry, by the appointment that the offer is. It returns auth.ErrForbidden.
func (s *Service) Offers(ctx context.Context, by auth.Actor) (of map[id.Keyed]id.Keyed, err error) {
	defer errs.Wrap(&err, "list offers")
	const action, what = "waitlist.list", "waitlist_entry"
	if !by.Is(auth.Patient) {
		return nil, s.settle(ctx, by, auth.ErrForbidden, action, what, "")
	}
	return audit.Read(ctx, s.DB, by.Intends(action, what, ""), func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (map[id.Keyed]id.Keyed, error) {
		seen.Row(by.UserID)
		return offersTo(ctx, tx, by.UserID)
	})
}

// LeaveWaitlist deletes an entry of the calling patient, or any for staff. It
// returns auth.ErrForbidden or ErrWaitNotFound.
func (s *Service) LeaveWaitlist(ctx context.Context, by auth.Actor, entry string) (err error) {
	defer errs.Wrap(&err, "leave waiting list")
	const action, what = "waitlist.leave", "waitlist_entry"
	if !by.Is(auth.Patient, auth.Admin) {
		return s.settle(ctx, by, auth.ErrForbidden, action, what, "")
	}
	key, ok := id.ParseKeyed(entry)
	if !ok || by.Is(auth.Patient) && key.Lead != by.UserID {
		return s.settle(ctx, by, ErrWaitNotFound, action, what, "")
	}
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if err := deleteWait(ctx, tx, key); err != nil {
			return err
		}
		return audit.Record(ctx, tx, by.Event(action, what, key.String(), key.Lead))
	})
	return s.settle(ctx, by, err, action, what, key.String())
}
