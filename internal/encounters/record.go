package encounters

import (
	"context"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// Record is whose record a practitioner opened, and what let them in.
type Record struct {
	Patient directory.User
	Since   time.Time // when the care of the practitioner began; zero in an emergency
	Until   time.Time // when emergency access ends, exclusive; zero for who has care
}

// Record opens the record of a patient to a practitioner who has care of them, or
// has opened it in an emergency: it tells who the patient is. What was documented
// is listed by Encounters.
//
// It returns auth.ErrForbidden or directory.ErrPatientNotFound.
func (s *Service) Record(ctx context.Context, by auth.Actor, patient string) (r Record, err error) {
	defer errs.Wrap(&err, "open record")
	in := by.Intends("patient.read", "patient", "")
	if !by.Is(auth.Practitioner) {
		return r, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	whose, err := patientID(patient)
	if err != nil {
		return r, audit.Refuse(ctx, s.DB, in, err)
	}
	in.ResourceID, in.Patients = whose.String(), []uuid.UUID{whose}
	return audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (r Record, err error) {
		c, err := admitted(ctx, tx, by, whose)
		if err != nil {
			return r, err
		}
		if r.Patient, err = directory.Recipient(ctx, tx, whose); err != nil {
			return r, err
		}
		if r.Since, r.Until, err = admission(ctx, tx, by, whose); err != nil {
			return r, err
		}
		if c == inCare {
			r.Until = time.Time{}
		}
		seen.Named(whose.String(), c.purpose(by), whose)
		return r, nil
	})
}
