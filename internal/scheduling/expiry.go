package scheduling

import (
	"context"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/id"
	"medbook/internal/jobs"
	"medbook/internal/notify"
	"medbook/internal/sqldb"
)

// HoldEnds is the job that writes the end of a hold into the history. Nothing
// depends on it: a hold is dead at its instant whether or not the job has run.
type HoldEnds struct {
	Appointment string `json:"appointment"`
}

// Kind names the job in the database.
func (HoldEnds) Kind() string { return "scheduling.hold_ends" }

// Work registers the package's jobs.
func (s *Service) Work(r *jobs.Runner) {
	jobs.Handle(r, s.writeHoldEnd)
	jobs.Handle(r, s.offer)
}

// writeHoldEnd marks the hold expired and frees its cells, unless it was
// confirmed, released or written down before.
func (s *Service) writeHoldEnd(ctx context.Context, job HoldEnds) error {
	key, ok := id.ParseKeyed(job.Appointment)
	if !ok {
		return ErrAppointmentNotFound
	}
	return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		patient, err := patientOf(ctx, tx, auth.System, key)
		if err != nil {
			return err
		}
		if _, err := lockForChange(ctx, tx, key.Lead, patient); err != nil {
			return err
		}
		a, err := appointmentByID(ctx, tx, auth.System, key)
		if err != nil || a.Status != Expired {
			return err
		}
		if err := expire(ctx, tx, []id.Keyed{key}); err != nil {
			return err
		}
		if err := inform(ctx, tx, auth.Actor{}, notify.HoldExpired, a); err != nil {
			return err
		}
		if err := freed(ctx, tx, a.Practitioner(), a.span()); err != nil {
			return err
		}
		return audit.Record(ctx, tx, auth.System.Event("appointment.expire", "appointment", key.String(), a.Patient))
	})
}
