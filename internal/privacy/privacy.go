// Package privacy answers for what is done with patients' data: who looked at
// it, what there is of a patient, and its end. It owns legal holds; all else it
// reads and ends by what the packages below offer.
//
// Rules that it keeps:
//
//   - Auditors read the audit trail, which is a look that is on record itself.
//     Patients see who looked at their data, and get a copy of all that they may see.
//   - A patient is erased in one transaction: what identifies them, and the key of
//     all that is clinical. Not while a legal hold lasts, or the law makes the clinic
//     keep the record, or they have appointments to come. The audit trail stays.
package privacy

import (
	"sync"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/keyring"
	"medbook/internal/orders"
	"medbook/internal/sqldb"
)

// Errors that a caller may act on.
var (
	ErrInvalidRange = errs.New(errs.Invalid, "invalid-audit-range", "This range of time can't be searched.")
	ErrHoldNotFound = errs.New(errs.NotFound, "legal-hold-not-found", "There is no legal hold on this patient's data.")
	ErrInvalidHold  = errs.New(errs.Invalid, "invalid-legal-hold", "This legal hold can't be kept as given.")
	ErrLegalHold    = errs.New(errs.Conflict, "legal-hold", "A legal hold is on this patient's data: nothing of it may be erased.")
	ErrRetained     = errs.New(errs.Conflict, "retention-running", "The clinic must keep this patient's record for longer.")
)

// Service offers what is told of patients' data to api, web and fhir. Its fields
// are set before the first call; its methods are safe for concurrent use.
type Service struct {
	DB         *sqldb.DB
	Encounters *encounters.Service
	Orders     *orders.Service
	Seal       *keyring.Ring // keeps the reasons for holds from who sees the database

	// RetainRecords is for how many days after that of the latest encounter a
	// patient's record must be kept; zero: not at all.
	RetainRecords int

	// TrailKeys are the public keys of who signed the audit trail's checkpoints.
	TrailKeys []string

	verifying sync.Mutex // held by Verify
}

// patientID reads a patient's id from a request.
func patientID(text string) (uuid.UUID, error) {
	if patient, ok := id.Parse(text); ok {
		return patient, nil
	}
	return uuid.Nil, directory.ErrPatientNotFound
}

// asked returns the patient whom by may ask about: patients themselves alone.
func asked(by auth.Actor, text string) (uuid.UUID, error) {
	patient, err := patientID(text)
	if err == nil && by.Is(auth.Patient) && patient != by.UserID {
		err = directory.ErrPatientNotFound
	}
	return patient, err
}
