package encounters

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/sqldb"
)

// care is what lets a practitioner into a patient's record.
type care int

const (
	noCare    care = iota
	emergency      // the record was opened for an emergency that is not over
	inCare
)

// purpose returns what a look or a deed is for: what the role acts for, or an
// emergency.
func (c care) purpose(by auth.Actor) string {
	if c == emergency {
		return auth.PurposeEmergency
	}
	return by.Event("", "", "").Purpose
}

// purpose is care's, of an encounter that was read.
func (e Encounter) purpose(by auth.Actor) string {
	if e.inCare {
		return inCare.purpose(by)
	}
	return emergency.purpose(by)
}

// patientID reads a patient's id from a request. Text that is none is as unknown
// as a patient who is not there.
func patientID(text string) (uuid.UUID, error) {
	if patient, ok := id.Parse(text); ok {
		return patient, nil
	}
	return uuid.Nil, directory.ErrPatientNotFound
}

// admitted returns what lets by into the record of a patient, who must be there.
// It returns directory.ErrPatientNotFound for who has no care of them.
func admitted(ctx context.Context, tx *sqldb.Tx, by auth.Actor, patient uuid.UUID) (care, error) {
	c, err := careOf(ctx, tx, by, patient)
	if err == nil && c == noCare {
		err = directory.ErrPatientNotFound
	}
	return c, err
}

// refused is audit.Refuse for an attempt at a patient's record.
func (s *Service) refused(ctx context.Context, by auth.Actor, err error, action, resource string, patients ...uuid.UUID) error {
	return audit.Refuse(ctx, s.DB, by.Intends(action, "encounter", resource, patients...), err)
}

// unknownKey turns "no row" into no key.
func unknownKey(k storedKey, err error) (storedKey, error) {
	if errors.Is(err, sqldb.ErrNoRows) {
		return storedKey{}, nil
	}
	return k, err
}
