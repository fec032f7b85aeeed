package directory

import (
	"context"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/sqldb"
)

// Carer is a practitioner who has care of a patient.
type Carer struct {
	Practitioner uuid.UUID
	Name         string // public
	Source       string // what the care began with: SourceAppointment, …
	Since        time.Time
}

// CarersOf lists who has care of a patient, whoever began first, to admins. Nobody
// has care of who is unknown or erased.
//
// It returns auth.ErrForbidden.
func (s *Service) CarersOf(ctx context.Context, by auth.Actor, patientID string) (carers []Carer, err error) {
	defer errs.Wrap(&err, "list who has care of a patient")
	in := by.Intends("care_relation.list", "care_relation", "")
	if !by.Is(auth.Admin) {
		return nil, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	patient, ok := id.Parse(patientID)
	if !ok {
		return nil, nil
	}
	return audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) ([]Carer, error) {
		carers, err := carersOf(ctx, tx, patient)
		for range carers {
			seen.Row(patient)
		}
		return carers, err
	})
}
