// Package encounters owns the clinical record: what practitioners document of
// their patients, every version of it, and who may see it.
//
// Rules that it keeps:
//
//   - A practitioner reads and writes the record of patients in their care: with
//     whom they had a confirmed appointment or an earlier encounter, or to whom an
//     admin assigned them. Anybody else's is as unknown to them as one that is not
//     there. Without care they can open one patient's record for half an hour, with
//     a reason, which auditors are told of. Patients see what is shared with them;
//     admins and auditors see nothing.
//   - Nothing is read but with an audit.Intent, and each encounter that is read has
//     a record that names it.
//   - Clinical data is stored sealed with a key of the patient's own, tied to its
//     place. The key is stored wrapped by a master key that is not in the database.
//   - An amendment is a new version; no version is changed or removed.
package encounters

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/google/uuid"

	"medbook/internal/calendar"
	"medbook/internal/errs"
	"medbook/internal/etag"
	"medbook/internal/id"
	"medbook/internal/keyring"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// Errors that a caller may act on.
var (
	ErrNotFound         = errs.New(errs.NotFound, "encounter-not-found", "There is no such encounter, or it is of a patient who is not yours.")
	ErrInvalidEncounter = errs.New(errs.Invalid, "invalid-encounter", "This encounter can't be kept as given.")
	ErrInvalidRange     = errs.New(errs.Invalid, "invalid-date-range", "This range of dates can't be searched.")
	ErrInCare           = errs.New(errs.Conflict, "already-in-care", "This patient is in your care: their record is open to you.")

	// errChanged is for who writes with a key that is another by now.
	errChanged = errs.New(errs.Unavailable, "changed-meanwhile", "This changed while you asked; try again.")
)

// Type is what kind of visit it was.
type Type string

// The types of encounters.
const (
	InitialAssessment Type = "initial_assessment"
	FollowUp          Type = "follow_up"
	TreatmentSession  Type = "treatment_session"
)

// mostData is how long clinical data may be, in bytes of JSON.
const mostData = 256 << 10

// Encounter is a documented visit.
type Encounter struct {
	ID           id.Keyed  // its lead is the patient
	Practitioner uuid.UUID // who documented it
	Appointment  id.Keyed  // that it belongs to; zero: none
	Date         calendar.Date
	Type         Type
	ClinicalData phi.Value[string] // a JSON object
	Shared       bool              // with the patient
	CreatedAt    time.Time
	CreatedBy    uuid.UUID // a user
	UpdatedAt    time.Time
	Version      int64 // raised by each amendment

	sealed      sealed
	newlyShared bool // by the amendment

	inCare bool // the reader has care of the patient, or is the patient
}

// Patient returns whose record it is in.
func (e Encounter) Patient() uuid.UUID { return e.ID.Lead }

// ETag is the encounter's version.
func (e Encounter) ETag() string { return etag.Quote(strconv.FormatInt(e.Version, 10)) }

// Version is what an encounter said from one writing to the next.
type Version struct {
	Encounter    id.Keyed
	Number       int64 // from 1 on
	Date         calendar.Date
	Type         Type
	ClinicalData phi.Value[string]
	Shared       bool
	WrittenAt    time.Time
	WrittenBy    uuid.UUID // a user

	sealed sealed
}

// Service offers encounters to api, web and fhir. Its fields are set before the
// first call; its methods are safe for concurrent use.
type Service struct {
	DB *sqldb.DB

	// Masters wrap patients' keys: the first one those that are made now, each
	// the ones that it wrapped.
	Masters []keyring.Master

	// Seal keeps the reasons for emergency access from who sees the database.
	Seal *keyring.Ring

	opened keyCache
}

// checkData returns ErrInvalidEncounter unless text is a JSON object that is not too long.
func checkData(text phi.Value[string]) error {
	data := text.Reveal()
	var object map[string]json.RawMessage
	switch {
	case len(data) > mostData:
		return ErrInvalidEncounter.Field("clinical_data", "is longer than 256 KiB")
	case json.Unmarshal([]byte(data), &object) != nil || object == nil:
		return ErrInvalidEncounter.Field("clinical_data", "must be a JSON object")
	}
	return nil
}

// checkType returns ErrInvalidEncounter for what is no type.
func checkType(t Type) error {
	switch t {
	case InitialAssessment, FollowUp, TreatmentSession:
		return nil
	}
	return ErrInvalidEncounter.Field("encounter_type", "is not a type of encounter")
}

// checkDate returns ErrInvalidEncounter for no day, and for one that has not begun
// in the practitioner's zone.
func checkDate(d calendar.Date, now time.Time, zone *time.Location) error {
	if d.IsZero() {
		return ErrInvalidEncounter.Field("encounter_date", "is required")
	}
	if calendar.DateIn(now, zone).Before(d) {
		return ErrInvalidEncounter.Field("encounter_date", "is in the future")
	}
	return nil
}
