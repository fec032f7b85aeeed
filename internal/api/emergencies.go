package api

import (
	"context"

	"medbook/internal/auth"
	"medbook/internal/encounters"
	"medbook/internal/page"
)

type emergencyInput struct {
	ByID
	Body emergencyReasonBody
}

type emergencyReasonBody struct {
	Reason string `json:"reason" pattern:"\\S" patternDescription:"a text" maxLength:"1000" example:"Unconscious in the waiting room." doc:"For the auditors."`
}

// openInEmergency opens a patient's record: POST /v1/patients/{id}/emergency-access.
func (s *Server) openInEmergency(ctx context.Context, by auth.Actor, in *emergencyInput) (encounters.Emergency, error) {
	return s.Encounters.OpenInEmergency(ctx, by, in.ID, given(in.Body.Reason))
}

type listEmergenciesInput struct{ Paging }

// listEmergencies lists when that was done: GET /v1/emergency-access.
func (s *Server) listEmergencies(ctx context.Context, by auth.Actor, in *listEmergenciesInput) (page.Of[encounters.Emergency], error) {
	return s.Encounters.Emergencies(ctx, by, in.request)
}

type emergencyAccessBody struct {
	ID             string  `json:"id" example:"06am9n17rcy3n7w09hej8zw7wc.06am9n1b3gy3rczf0m5npyhfk4"`
	PatientID      string  `json:"patient_id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	PractitionerID string  `json:"practitioner_id" example:"0195a9d4-3b1c-7c55-8f0a-0d5b6a7c8e9f" doc:"Who opened the record."`
	UserID         string  `json:"user_id" example:"0195a9d4-3b1c-7c55-8f0a-0d5b6a7c8e9e" doc:"The practitioner's user."`
	Reason         string  `json:"reason,omitempty" example:"Unconscious in the waiting room." doc:"Left out once the patient was erased."`
	OpenedAt       Instant `json:"opened_at" example:"2027-08-13T08:20:00Z"`
	ExpiresAt      Instant `json:"expires_at" example:"2027-08-13T08:50:00Z" doc:"When the record was closed again, exactly then included."`
}

func emergencyOf(e encounters.Emergency) emergencyAccessBody {
	return emergencyAccessBody{
		ID: e.ID.String(), PatientID: e.ID.Lead.String(), PractitionerID: e.Practitioner.String(), UserID: e.User.String(),
		Reason: e.Reason.Reveal(), OpenedAt: Instant{e.OpenedAt}, ExpiresAt: Instant{e.ExpiresAt},
	}
}

func presentEmergency(e encounters.Emergency) answer[emergencyAccessBody] {
	return answer[emergencyAccessBody]{Body: emergencyOf(e)}
}
