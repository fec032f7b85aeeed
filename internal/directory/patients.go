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
// nobody can be booked for under this id, or not any more.
func LockPatient(ctx context.Context, tx *sqldb.Tx, patientID uuid.UUID) (err error) {
	defer errs.Wrap(&err, "lock patient %s", patientID)
	return lockPatient(ctx, tx, patientID)
}

// LockFormer is LockPatient for who may be erased.
func LockFormer(ctx context.Context, tx *sqldb.Tx, patientID uuid.UUID) (err error) {
	defer errs.Wrap(&err, "lock patient %s", patientID)
	return lockFormer(ctx, tx, patientID)
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

// Forget removes what tells who a patient is. Their id stays, and that there were
// appointments under it; nobody has care of them any more. The caller has the
// patient's lock.
func Forget(ctx context.Context, tx *sqldb.Tx, patientID uuid.UUID) (err error) {
	defer errs.Wrap(&err, "forget patient %s", patientID)
	return blankPatient(ctx, tx, patientID)
}

// Patients lists patients in the order of their ids: a practitioner's those in
// their care, to admins all. It returns auth.ErrForbidden, or page.ErrCursor for
// a position that is not one of its own.
func (s *Service) Patients(ctx context.Context, by auth.Actor, req page.Request) (p page.Of[Patient], err error) {
	defer errs.Wrap(&err, "list patients")
	in := by.Intends("patient.list", "patient", "")
	if !by.Is(auth.Practitioner, auth.Admin) {
		return p, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	return audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (page.Of[Patient], error) {
		p, err := patientsIn(ctx, tx, by, req)
		see(seen, p.Items)
		return p, err
	})
}

// see puts on record that patients were shown, each by their id. That none was is
// on record too.
func see(seen *audit.Seen, shown []Patient) {
	for _, p := range shown {
		seen.Row(p.ID)
	}
	if len(shown) == 0 {
		seen.Row()
	}
}
