package client

import (
	"context"
	"encoding/json"
	"time"
)

// Encounter is a documented visit, as it stands.
type Encounter struct {
	Versioned
	ID             string          `json:"id"`
	PatientID      string          `json:"patient_id"`
	PractitionerID string          `json:"practitioner_id"` // who documented it
	AppointmentID  string          `json:"appointment_id,omitempty"`
	EncounterDate  string          `json:"encounter_date"` // YYYY-MM-DD
	EncounterType  string          `json:"encounter_type"` // initial_assessment, follow_up or treatment_session
	ClinicalData   json.RawMessage `json:"clinical_data"`  // an object
	Shared         bool            `json:"shared_with_patient"`
	Version        int             `json:"version"` // how often it was written
	Metadata       Metadata        `json:"metadata"`
}

// Metadata tells when an encounter was documented, and by which user.
type Metadata struct {
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	CreatedBy string    `json:"created_by"`
}

// NewEncounter documents a visit of a patient in the caller's care.
type NewEncounter struct {
	PatientID     string          `json:"patient_id"`
	EncounterDate string          `json:"encounter_date"` // YYYY-MM-DD, in the practitioner's zone; not in the future
	EncounterType string          `json:"encounter_type"`
	ClinicalData  json.RawMessage `json:"clinical_data"`                 // an object of at most 256 KiB
	AppointmentID string          `json:"appointment_id,omitempty"`      // is completed by this
	Shared        bool            `json:"shared_with_patient,omitempty"` // the patient may read it
}

// EncounterChange amends an encounter; nil leaves a field.
type EncounterChange struct {
	EncounterDate *string         `json:"encounter_date,omitempty"`
	EncounterType *string         `json:"encounter_type,omitempty"`
	ClinicalData  json.RawMessage `json:"clinical_data,omitempty"` // the whole of it
	Shared        *bool           `json:"shared_with_patient,omitempty"`
}

// EncounterQuery filters encounters; what is empty does not filter.
type EncounterQuery struct {
	PatientID      string
	PractitionerID string // who documented it
	EncounterType  string
	StartDate      string // YYYY-MM-DD, included
	EndDate        string // YYYY-MM-DD, included
}

// EncounterVersion is what an encounter said from one writing to the next.
type EncounterVersion struct {
	Version       int             `json:"version"` // from 1 on
	EncounterDate string          `json:"encounter_date"`
	EncounterType string          `json:"encounter_type"`
	ClinicalData  json.RawMessage `json:"clinical_data"`
	Shared        bool            `json:"shared_with_patient"`
	WrittenAt     time.Time       `json:"written_at"`
	WrittenBy     string          `json:"written_by"` // a user
}

// Document documents a visit.
func (c *Client) Document(ctx context.Context, e NewEncounter, options ...CallOption) (Encounter, error) {
	return call[Encounter](ctx, c, post("/v1/encounters", e), options)
}

// Encounters lists the encounters of the caller's patients, the caller's own for
// a patient with whom they are shared; the newest date first.
func (c *Client) Encounters(q EncounterQuery) List[Encounter] {
	return List[Encounter]{c, "/v1/encounters", newQuery().
		text("patient_id", q.PatientID).text("practitioner_id", q.PractitionerID).text("encounter_type", q.EncounterType).
		text("start_date", q.StartDate).text("end_date", q.EndDate).Values}
}

// Encounter reads an encounter.
func (c *Client) Encounter(ctx context.Context, id string, options ...CallOption) (Encounter, error) {
	return call[Encounter](ctx, c, get(at("encounters", id)), options)
}

// Amend writes a new version of an encounter that was read with etag.
func (c *Client) Amend(ctx context.Context, id, etag string, e EncounterChange) (Encounter, error) {
	return call[Encounter](ctx, c, patch(at("encounters", id), e), []CallOption{ifMatch(etag)})
}

// EncounterVersions lists what an encounter said each time it was written, the
// first time first.
func (c *Client) EncounterVersions(id string) List[EncounterVersion] {
	return List[EncounterVersion]{c, at("encounters", id, "/versions"), nil}
}

// EmergencyAccess is that a practitioner opened the record of a patient who is
// not in their care, from OpenedAt inclusive to ExpiresAt exclusive.
type EmergencyAccess struct {
	ID             string    `json:"id"`
	PatientID      string    `json:"patient_id"`
	PractitionerID string    `json:"practitioner_id"`
	UserID         string    `json:"user_id"`          // the practitioner's
	Reason         string    `json:"reason,omitempty"` // empty once the patient was erased
	OpenedAt       time.Time `json:"opened_at"`
	ExpiresAt      time.Time `json:"expires_at"`
}

// OpenInEmergency opens the record of a patient who is not in the caller's care
// for half an hour. Every auditor is told.
func (c *Client) OpenInEmergency(ctx context.Context, patientID, reason string, options ...CallOption) (EmergencyAccess, error) {
	return call[EmergencyAccess](ctx, c, post(at("patients", patientID, "/emergency-access"), giving(reason)), options)
}

// EmergencyAccesses lists the records that were opened in an emergency, the
// newest first, to auditors.
func (c *Client) EmergencyAccesses() List[EmergencyAccess] {
	return List[EmergencyAccess]{c, "/v1/emergency-access", nil}
}

// giving is the body of a request that says nothing but why.
func giving(reason string) any {
	return struct {
		Reason string `json:"reason"`
	}{reason}
}
