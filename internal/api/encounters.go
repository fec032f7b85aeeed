package api

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"

	"medbook/internal/auth"
	"medbook/internal/encounters"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/phi"
)

// Object is a JSON object of whatever content, kept without its white space.
type Object struct{ text string }

// UnmarshalJSON keeps the text. That it is an object is the schema's to judge.
func (o *Object) UnmarshalJSON(b []byte) error {
	var compact bytes.Buffer
	err := json.Compact(&compact, b)
	o.text = compact.String()
	return err
}

// MarshalJSON writes what was kept.
func (o Object) MarshalJSON() ([]byte, error) { return []byte(o.text), nil }

// Schema describes an object.
func (Object) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: true,
		Examples: []any{map[string]any{"complaint": "Back pain", "findings": map[string]any{"flexion_degrees": 60}, "plan": "Exercises, twice a day"}},
	}
}

type createEncounterInput struct {
	Body newEncounterBody
}

type newEncounterBody struct {
	PatientID     string `json:"patient_id" maxLength:"64" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21" doc:"A patient in the caller's care."`
	EncounterDate Date   `json:"encounter_date" doc:"In the practitioner's zone; not in the future."`
	EncounterType string `json:"encounter_type" enum:"initial_assessment,follow_up,treatment_session" example:"follow_up"`
	ClinicalData  Object `json:"clinical_data" doc:"Any JSON object of at most 256 KiB. It is stored sealed with a key of the patient's own."`
	AppointmentID string `json:"appointment_id,omitempty" maxLength:"64" doc:"The patient's appointment with the caller, which is completed by this."`
	Shared        bool   `json:"shared_with_patient,omitempty" doc:"Whether the patient may read it; they may not if left out."`
}

// createEncounter documents a visit: POST /v1/encounters.
func (s *Server) createEncounter(ctx context.Context, by auth.Actor, in *createEncounterInput) (encounters.Encounter, error) {
	b := in.Body
	return s.Encounters.Create(ctx, by, encounters.NewEncounter{
		Patient: b.PatientID, Date: b.EncounterDate.date, Type: encounters.Type(b.EncounterType),
		ClinicalData: phi.Of(b.ClinicalData.text), Appointment: b.AppointmentID, Shared: b.Shared,
	})
}

type listEncountersInput struct {
	Paging
	StartDate      Date   `query:"start_date" doc:"Only of this day or later."`
	EndDate        Date   `query:"end_date" doc:"Only of this day or earlier."`
	PatientID      string `query:"patient_id" maxLength:"64" doc:"Only this patient's. One who is not in the caller's care is 404."`
	PractitionerID string `query:"practitioner_id" maxLength:"64" doc:"Only those that this practitioner documented."`
	EncounterType  string `query:"encounter_type" enum:"initial_assessment,follow_up,treatment_session" doc:"Only those of this type."`
}

// listEncounters lists encounters: GET /v1/encounters.
func (s *Server) listEncounters(ctx context.Context, by auth.Actor, in *listEncountersInput) (page.Of[encounters.Encounter], error) {
	return s.Encounters.Encounters(ctx, by, encounters.Filter{
		Patient: in.PatientID, Practitioner: in.PractitionerID,
		From: in.StartDate.date, To: in.EndDate.date, Type: encounters.Type(in.EncounterType),
	}, in.request)
}

// readEncounter reads an encounter: GET /v1/encounters/{id}.
func (s *Server) readEncounter(ctx context.Context, by auth.Actor, in *ByID) (encounters.Encounter, error) {
	return s.Encounters.Encounter(ctx, by, in.ID)
}

type amendEncounterInput struct {
	ByID
	Versioned
	Body amendmentBody
}

type amendmentBody struct {
	EncounterDate *Date   `json:"encounter_date,omitempty"`
	EncounterType *string `json:"encounter_type,omitempty" enum:"initial_assessment,follow_up,treatment_session"`
	ClinicalData  *Object `json:"clinical_data,omitempty" doc:"The whole of it."`
	Shared        *bool   `json:"shared_with_patient,omitempty"`
}

// amendEncounter writes a new version: PATCH /v1/encounters/{id}.
func (s *Server) amendEncounter(ctx context.Context, by auth.Actor, in *amendEncounterInput) (encounters.Encounter, error) {
	b := in.Body
	c := encounters.Change{Type: (*encounters.Type)(b.EncounterType), Shared: b.Shared}
	if b.EncounterDate != nil {
		c.Date = &b.EncounterDate.date
	}
	if b.ClinicalData != nil {
		c.ClinicalData = new(phi.Of(b.ClinicalData.text))
	}
	return s.Encounters.Amend(ctx, by, in.ID, in.IfMatch, c)
}

type listVersionsInput struct {
	ByID
	Paging
}

// listVersions lists what an encounter said: GET /v1/encounters/{id}/versions.
func (s *Server) listVersions(ctx context.Context, by auth.Actor, in *listVersionsInput) (page.Of[encounters.Version], error) {
	return s.Encounters.Versions(ctx, by, in.ID, in.request)
}

type encounterBody struct {
	ID             string       `json:"id" example:"06am9n17rcy3n7w09hej8zw7wc.06am9n1b3gy3rczf0m5npyhfk4"`
	PatientID      string       `json:"patient_id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21" doc:"The patient's user id."`
	PractitionerID string       `json:"practitioner_id" example:"0195a9d4-3b1c-7c55-8f0a-0d5b6a7c8e9f" doc:"Who documented it."`
	AppointmentID  string       `json:"appointment_id,omitempty" example:"06am9n17rcy3n7w09hej8zw7wc.06am9n1b3gy3rczf0m5npyhfk4"`
	EncounterDate  Date         `json:"encounter_date"`
	EncounterType  string       `json:"encounter_type" enum:"initial_assessment,follow_up,treatment_session" example:"follow_up"`
	ClinicalData   Object       `json:"clinical_data"`
	Shared         bool         `json:"shared_with_patient" example:"false"`
	Version        int64        `json:"version" minimum:"1" example:"1" doc:"How often it was written."`
	Metadata       metadataBody `json:"metadata"`
}

type metadataBody struct {
	CreatedAt Instant `json:"created_at" example:"2027-08-13T08:20:00Z"`
	UpdatedAt Instant `json:"updated_at" example:"2027-08-13T08:20:00Z"`
	CreatedBy string  `json:"created_by" example:"0195a9d4-3b1c-7c55-8f0a-0d5b6a7c8e9e" doc:"A user."`
}

func encounterOf(e encounters.Encounter) encounterBody {
	b := encounterBody{
		ID: e.ID.String(), PatientID: e.Patient().String(), PractitionerID: e.Practitioner.String(),
		EncounterDate: Date{e.Date}, EncounterType: string(e.Type), ClinicalData: Object{e.ClinicalData.Reveal()}, Shared: e.Shared, Version: e.Version,
		Metadata: metadataBody{CreatedAt: Instant{e.CreatedAt}, UpdatedAt: Instant{e.UpdatedAt}, CreatedBy: e.CreatedBy.String()},
	}
	if e.Appointment != (id.Keyed{}) {
		b.AppointmentID = e.Appointment.String()
	}
	return b
}

func presentEncounter(e encounters.Encounter) answer[encounterBody] {
	return answer[encounterBody]{ETag: e.ETag(), Body: encounterOf(e)}
}

func presentNewEncounter(e encounters.Encounter) answer[encounterBody] {
	out := presentEncounter(e)
	out.Location = "/v1/encounters/" + out.Body.ID
	return out
}

type encounterVersionBody struct {
	Version       int64   `json:"version" minimum:"1" example:"1"`
	EncounterDate Date    `json:"encounter_date"`
	EncounterType string  `json:"encounter_type" enum:"initial_assessment,follow_up,treatment_session" example:"follow_up"`
	ClinicalData  Object  `json:"clinical_data"`
	Shared        bool    `json:"shared_with_patient" example:"false"`
	WrittenAt     Instant `json:"written_at" example:"2027-08-13T08:20:00Z"`
	WrittenBy     string  `json:"written_by" example:"0195a9d4-3b1c-7c55-8f0a-0d5b6a7c8e9e" doc:"A user."`
}

func versionOf(v encounters.Version) encounterVersionBody {
	return encounterVersionBody{
		Version: v.Number, EncounterDate: Date{v.Date}, EncounterType: string(v.Type), ClinicalData: Object{v.ClinicalData.Reveal()},
		Shared: v.Shared, WrittenAt: Instant{v.WrittenAt}, WrittenBy: v.WrittenBy.String(),
	}
}
