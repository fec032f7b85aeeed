package privacy

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/errs"
	"medbook/internal/notify"
	"medbook/internal/orders"
	"medbook/internal/page"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
)

// Copy is all that there is of a patient, as its reader may see it.
type Copy struct {
	At           time.Time
	Patient      directory.User
	Appointments []scheduling.Appointment // by their start
	Waits        []scheduling.Wait
	Encounters   []encounters.Chart // by their date; to patients as they stand
	NotShared    int                // how many encounters there are beside these
	Orders       []orders.Order     // the newest first
	Messages     []notify.Notification
	Disclosures  []Disclosure // the newest first
}

// CopyOf returns all that there is of a patient: to the patient, with the
// encounters that are shared with them, and to practitioners who have care of
// them, with all. It is always on record, also as one's own.
//
// It returns auth.ErrForbidden or directory.ErrPatientNotFound.
func (s *Service) CopyOf(ctx context.Context, by auth.Actor, patient string) (c Copy, err error) {
	defer errs.Wrap(&err, "copy patient's data")
	in := by.Intends("patient.export", "patient", "")
	in.Self = uuid.Nil
	if !by.Is(auth.Patient, auth.Practitioner) {
		return c, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	whose, err := asked(by, patient)
	if err != nil {
		return c, audit.Refuse(ctx, s.DB, in, err)
	}
	in.ResourceID, in.Patients = whose.String(), []uuid.UUID{whose}
	c, err = audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (Copy, error) {
		purpose := in.Purpose
		if by.Is(auth.Practitioner) {
			why, ok, err := encounters.InCare(ctx, tx, by, whose)
			if err != nil || !ok {
				return Copy{}, cmp.Or(err, error(directory.ErrPatientNotFound))
			}
			purpose = why
		}
		seen.Named(whose.String(), purpose, whose)
		return gather(ctx, tx, by, whose)
	})
	if err != nil {
		return c, err
	}
	if err := s.Orders.Open(ctx, by, c.Orders); err != nil {
		return Copy{}, err
	}
	return c, s.Encounters.Open(ctx, by, c.Encounters)
}

// gather reads what every package keeps of a patient.
func gather(ctx context.Context, tx *sqldb.Tx, by auth.Actor, patient uuid.UUID) (c Copy, err error) {
	c.At = tx.Now()
	if known, err := isPatient(ctx, tx, patient); err != nil || !known {
		return c, cmp.Or(err, error(directory.ErrPatientNotFound))
	}
	if c.Patient, err = directory.Recipient(ctx, tx, patient); err != nil {
		return c, err
	}
	if c.Appointments, c.Waits, err = scheduling.OfPatient(ctx, tx, patient); err != nil {
		return c, err
	}
	if c.Encounters, err = encounters.OfPatient(ctx, tx, by, patient); err != nil {
		return c, err
	}
	if c.NotShared, err = encounters.Count(ctx, tx, patient); err != nil {
		return c, err
	}
	c.NotShared -= len(c.Encounters)
	if c.Orders, err = orders.OfUser(ctx, tx, patient); err != nil {
		return c, err
	}
	if c.Messages, err = notify.MessagesTo(ctx, tx, patient); err != nil {
		return c, err
	}
	for req := (page.Request{Limit: exportRows}); ; {
		p, err := disclosuresOf(ctx, tx, patient, req)
		if err != nil {
			return c, err
		}
		c.Disclosures = append(c.Disclosures, p.Items...)
		if p.Next == "" {
			return c, nil
		}
		req.After = p.Next
	}
}
