package directory

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// Where a care relation came from.
const (
	SourceAppointment = "appointment" // a confirmed appointment
	SourceEncounter   = "encounter"
	SourceAssigned    = "assigned" // an admin said so
)

// LockPatient locks the patient's row until the transaction ends, so that only
// one booking of theirs is decided at a time. It returns ErrPatientNotFound when
// nobody can be booked for under this id.
func LockPatient(ctx context.Context, tx *sqldb.Tx, patientID uuid.UUID) (err error) {
	defer errs.Wrap(&err, "lock patient %s", patientID)
	return lockPatient(ctx, tx, patientID)
}

// Relate puts the patient into the practitioner's care, if they are not. A
// relation that was ended begins again only when source is SourceAssigned.
func Relate(ctx context.Context, tx *sqldb.Tx, patientID, practitionerID uuid.UUID, source string) (err error) {
	defer errs.Wrap(&err, "relate patient %s to practitioner %s", patientID, practitionerID)
	fresh, err := insertRelation(ctx, tx, patientID, practitionerID, source)
	if err != nil || fresh || source != SourceAssigned {
		return err
	}
	return reopenRelation(ctx, tx, patientID, practitionerID, source)
}

// Patients lists patients in the order of their ids: a practitioner's those in
// their care, to admins all. It returns auth.ErrForbidden, or page.ErrCursor for
// a position that is not one of its own.
func (s *Service) Patients(ctx context.Context, by auth.Actor, req page.Request) (p page.Of[Patient], err error) {
	defer errs.Wrap(&err, "list patients")
	const action = "patient.list"
	if !by.Is(auth.Practitioner, auth.Admin) {
		return p, s.refuse(ctx, by.Event(action, "patient", ""), auth.ErrForbidden)
	}
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		p, err = patientsIn(ctx, tx, by, req)
		return err
	})
	if err != nil {
		return page.Of[Patient]{}, err
	}
	if err := s.recordPatients(ctx, by, action, p.Items); err != nil {
		return page.Of[Patient]{}, err
	}
	return p, nil
}

// recordPatients puts on record that patients were shown, each by their id. That
// none was is on record too.
func (s *Service) recordPatients(ctx context.Context, by auth.Actor, action string, shown []Patient) error {
	ids := make([]uuid.UUID, len(shown))
	for i, p := range shown {
		ids[i] = p.ID
	}
	return audit.RecordNow(ctx, s.DB, by.Event(action, "patient", "", ids...))
}
