package directory

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/errs"
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

// Forget removes what tells who a patient is. Their id stays, and that there were
// appointments under it; nobody has care of them any more. The caller has the
// patient's lock.
func Forget(ctx context.Context, tx *sqldb.Tx, patientID uuid.UUID) (err error) {
	defer errs.Wrap(&err, "forget patient %s", patientID)
	return blankPatient(ctx, tx, patientID)
}
