package scheduling

import (
	"context"
	"crypto/rand"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/idempotency"
	"medbook/internal/jobs"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// HoldRequest asks for a slot, or for consecutive ones.
type HoldRequest struct {
	Slot     string // the first slot's id
	Slots    int    // how many; 0 means 1
	Patient  string // who it is for; empty: the caller, who must be a patient
	Reason   phi.Value[string]
	Confirm  bool              // confirm in the same transaction
	Override phi.Value[string] // staff only: lift notice, horizon and cap, for this reason
}

// Hold claims open slots for a patient until the practitioner's hold time is
// over, or for good when the request confirms at once. Of several callers who
// want one slot, exactly one succeeds and the others get ErrSlotTaken.
//
// It returns auth.ErrForbidden, ErrNoPatient, directory.ErrPatientNotFound,
// ErrSlotNotFound, ErrTooLong, ErrSlotPast, ErrTooLate, ErrBeyondHorizon,
// ErrSlotBlocked, ErrSlotTaken, ErrPatientBusy, ErrTooManyHolds,
// ErrTooManyToday or ErrHoldCooldown.
func (s *Service) Hold(ctx context.Context, by auth.Actor, req HoldRequest) (a Appointment, err error) {
	defer errs.Wrap(&err, "hold slot")
	const action = "appointment.hold"
	patient, override, err := bookFor(by, req)
	if err != nil {
		return a, s.settle(ctx, by, err, action, "slot", "")
	}
	slot, ok := id.ParseSlot(req.Slot)
	if !ok {
		return a, ErrSlotNotFound
	}
	a = Appointment{
		ID: id.NewKeyed(slot.Practitioner), Patient: patient, Slots: max(req.Slots, 1), Status: Held, Version: 1,
		Reference: rand.Text()[:10], Reason: req.Reason, OverrideReason: req.Override,
	}
	w := wish{first: slot, slots: a.Slots, override: override, own: by.Is(auth.Patient)}
	a.Start, a.End = w.span().Start, w.span().End
	again := recorded(by, action, "slot", req.Slot, patient)
	a, err = idempotency.Do(ctx, s.DB, again, func(ctx context.Context, tx *sqldb.Tx) (Appointment, error) {
		a := a
		if err := s.hold(ctx, tx, &a, w, req.Confirm); err != nil {
			return a, err
		}
		if err := inform(ctx, tx, by, booked(a), a); err != nil {
			return a, err
		}
		return a, audit.Record(ctx, tx, by.Event(action, "appointment", a.ID.String(), a.Patient))
	})
	return a, s.settle(ctx, by, err, action, "slot", req.Slot)
}

// bookFor returns the patient that the request is for and whether staff lift
// the policy.
func bookFor(by auth.Actor, req HoldRequest) (patient uuid.UUID, override bool, err error) {
	if override, err = overridden(by, req.Override); err != nil {
		return patient, false, err
	}
	switch {
	case by.Is(auth.Patient):
		if req.Patient != "" && req.Patient != by.UserID.String() {
			return patient, false, auth.ErrForbidden
		}
		return by.UserID, override, nil
	case !by.Is(auth.Admin):
		return patient, false, auth.ErrForbidden
	case req.Patient == "":
		return patient, false, ErrNoPatient
	}
	patient, ok := id.Parse(req.Patient)
	if !ok {
		return patient, false, directory.ErrPatientNotFound
	}
	return patient, override, nil
}

// hold does the work of Hold under its locks, in their order.
func (s *Service) hold(ctx context.Context, tx *sqldb.Tx, a *Appointment, w wish, confirm bool) error {
	sch, err := lockForBooking(ctx, tx, a.Practitioner(), a.Patient)
	if err != nil {
		return err
	}
	if w.own {
		if err := s.Restraint.check(ctx, tx, a.Patient); err != nil {
			return err
		}
	}
	now := tx.Now()
	a.CreatedAt, a.UpdatedAt, a.TimeZone = now, now, sch.Location.String()
	if confirm {
		a.Status = Confirmed
	} else {
		a.HoldExpiresAt = now.Add(sch.Policy.holdTime())
	}
	if err := checkOpen(ctx, tx, sch, w); err != nil {
		return err
	}
	if err := claim(ctx, tx, *a, calendar.Span{}); err != nil {
		return err
	}
	if !confirm && !w.override {
		if err := checkCap(ctx, tx, a.Patient, sch.Policy.MaxOpenHolds); err != nil {
			return err
		}
	}
	if err := checkPatient(ctx, tx, *a); err != nil {
		return err
	}
	if err := insertAppointment(ctx, tx, *a, w.own); err != nil {
		return err
	}
	if confirm {
		if err := deleteFulfilled(ctx, tx, *a); err != nil {
			return err
		}
		return directory.Relate(ctx, tx, a.Patient, a.Practitioner(), directory.SourceAppointment)
	}
	return jobs.Enqueue(ctx, tx, a.HoldExpiresAt, HoldEnds{Appointment: a.ID.String()})
}

// checkCap returns ErrTooManyHolds when the patient has most live holds already.
func checkCap(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID, most int) error {
	n, err := openHolds(ctx, tx, patient)
	if err == nil && n >= most {
		return ErrTooManyHolds
	}
	return err
}
