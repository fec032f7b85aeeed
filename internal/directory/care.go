package directory

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/sqldb"
)

// Assign puts a patient into a practitioner's care, also one whose care was
// ended. Only admins do. If they are in it already, nothing changes, which is on
// record too.
//
// It returns auth.ErrForbidden, ErrPatientNotFound or ErrPractitionerNotFound.
func (s *Service) Assign(ctx context.Context, by auth.Actor, patientID, practitionerID string) (err error) {
	defer errs.Wrap(&err, "assign a patient")
	return s.changeCare(ctx, by, "care_relation.assign", patientID, practitionerID,
		func(ctx context.Context, tx *sqldb.Tx, patient, practitioner uuid.UUID) error {
			if err := lockPatient(ctx, tx, patient); err != nil {
				return err
			}
			if _, err := practitionerByID(ctx, tx, practitioner); err != nil {
				return err
			}
			return Relate(ctx, tx, patient, practitioner, SourceAssigned)
		})
}

// EndCare takes a patient out of a practitioner's care, whatever it began with.
// Only admins do. No later appointment begins it again; Assign does.
//
// It returns auth.ErrForbidden or ErrCareRelationNotFound.
func (s *Service) EndCare(ctx context.Context, by auth.Actor, patientID, practitionerID string) (err error) {
	defer errs.Wrap(&err, "end care")
	return s.changeCare(ctx, by, "care_relation.end", patientID, practitionerID,
		func(ctx context.Context, tx *sqldb.Tx, patient, practitioner uuid.UUID) error {
			if err := lockPatient(ctx, tx, patient); errors.Is(err, ErrPatientNotFound) {
				return ErrCareRelationNotFound
			} else if err != nil {
				return err
			}
			ended, err := endRelation(ctx, tx, patient, practitioner)
			if err == nil && !ended {
				return ErrCareRelationNotFound
			}
			return err
		})
}

// changeCare does what change does to a relation, with its record. Texts that are
// no ids stand for nobody, and are refused as ids of nobody are.
func (s *Service) changeCare(ctx context.Context, by auth.Actor, action, patientID, practitionerID string,
	change func(ctx context.Context, tx *sqldb.Tx, patient, practitioner uuid.UUID) error,
) error {
	in := by.Intends(action, "care_relation", "")
	if !by.Is(auth.Admin) {
		return audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	patient, _ := id.Parse(patientID)
	practitioner, _ := id.Parse(practitionerID)
	err := s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if err := change(ctx, tx, patient, practitioner); err != nil {
			return err
		}
		return audit.Record(ctx, tx, by.Event(action, "care_relation", practitioner.String(), patient))
	})
	return audit.Refuse(ctx, s.DB, in, err)
}
