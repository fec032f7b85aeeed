package scheduling

import (
	"context"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/id"
	"medbook/internal/notify"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// RescheduleRequest asks for another slot of the same practitioner.
type RescheduleRequest struct {
	Slot     string            // the new first slot's id
	Override phi.Value[string] // staff only: lift notice and horizon, for this reason
	Quiet    bool              // staff only: the patient is not told now, but reminded of the new time
}

// Reschedule moves an appointment to as many slots from another one on, in one
// transaction and under the same id. A hold keeps the end of its hold time. A
// patient's move of a confirmed appointment obeys the cancellation window of
// the old start, and everybody's the notice and horizon of the new one, unless
// staff override them. Patients may do it by a pass.
//
// It returns auth.ErrForbidden, ErrAppointmentNotFound, ErrHoldExpired,
// ErrTransition, ErrWindowClosed, ErrOtherCalendar, and what Hold returns of
// the new slot and the patient's other appointments.
func (s *Service) Reschedule(ctx context.Context, by auth.Actor, appointment string, req RescheduleRequest) (Appointment, error) {
	by = by.Visiting(appointment)
	override, err := overridden(by, req.Override)
	d := deed{"appointment.reschedule", req.Quiet}
	if err == nil {
		err = maySilence(by, d)
	}
	if err != nil {
		return Appointment{}, s.settle(ctx, by, err, d.action, "appointment", "")
	}
	return s.change(ctx, by, d, appointment, []auth.Role{auth.Patient, auth.Practitioner, auth.Admin},
		func(ctx context.Context, tx *sqldb.Tx, sch schedule, a *Appointment) error {
			switch a.Status {
			case Expired:
				return ErrHoldExpired
			case Cancelled, Completed, NoShow:
				return ErrTransition
			case Confirmed:
				if err := mayUndo(by, sch, *a, tx); err != nil {
					return err
				}
			}
			slot, ok := id.ParseSlot(req.Slot)
			if !ok {
				return ErrSlotNotFound
			}
			if slot.Practitioner != a.Practitioner() {
				return ErrOtherCalendar
			}
			if !req.Override.IsZero() {
				a.OverrideReason = req.Override
			}
			from := a.span()
			if err := move(ctx, tx, sch, a, wish{first: slot, slots: a.Slots, override: override}); err != nil || a.Start.Equal(from.Start) {
				return err
			}
			if err := freed(ctx, tx, a.Practitioner(), from); err != nil {
				return err
			}
			return d.inform(ctx, tx, by, notify.AppointmentMoved, *a)
		})
}

// move claims the new cells that are not the appointment's already, and then
// gives back those that are left over, so that no instant goes unclaimed.
func move(ctx context.Context, tx *sqldb.Tx, sch schedule, a *Appointment, w wish) error {
	old, to := calendar.Span{Start: a.Start, End: a.End}, w.span()
	if old.Start.Equal(to.Start) && old.End.Equal(to.End) {
		return nil
	}
	if err := checkOpen(ctx, tx, sch, w); err != nil {
		return err
	}
	a.Start, a.End = to.Start, to.End
	if err := claim(ctx, tx, *a, old); err != nil {
		return err
	}
	if err := deleteClaimsOutside(ctx, tx, a.ID, to); err != nil {
		return err
	}
	if err := checkPatient(ctx, tx, *a); err != nil {
		return err
	}
	return transition(ctx, tx, a, a.Status)
}
