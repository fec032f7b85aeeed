package api

import (
	"context"

	"medbook/internal/auth"
	"medbook/internal/privacy"
)

type holdDataInput struct {
	ByID
	Body holdReasonBody
}

type holdReasonBody struct {
	Reason string `json:"reason" pattern:"\\S" patternDescription:"a text" maxLength:"1000" example:"Order of the district court, file 12 C 34/27." doc:"Who asked for it, and for what."`
}

// placeLegalHold puts a hold on a patient's data: PUT /v1/patients/{id}/legal-hold.
func (s *Server) placeLegalHold(ctx context.Context, by auth.Actor, in *holdDataInput) (privacy.LegalHold, error) {
	return s.Privacy.PlaceHold(ctx, by, in.ID, given(in.Body.Reason))
}

// readLegalHold reads it: GET /v1/patients/{id}/legal-hold.
func (s *Server) readLegalHold(ctx context.Context, by auth.Actor, in *ByID) (privacy.LegalHold, error) {
	return s.Privacy.Hold(ctx, by, in.ID)
}

// liftLegalHold ends it: DELETE /v1/patients/{id}/legal-hold.
func (s *Server) liftLegalHold(ctx context.Context, by auth.Actor, in *ByID) (none, error) {
	return none{}, s.Privacy.LiftHold(ctx, by, in.ID)
}

type legalHoldBody struct {
	PatientID string  `json:"patient_id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	Reason    string  `json:"reason" example:"Order of the district court, file 12 C 34/27."`
	Since     Instant `json:"since" example:"2027-08-13T08:20:00Z"`
	PlacedBy  string  `json:"placed_by" example:"0195a9d4-3b1c-7c55-8f0a-0d5b6a7c8e9e" doc:"A user."`
}

func legalHoldOf(h privacy.LegalHold) answer[legalHoldBody] {
	return answer[legalHoldBody]{Body: legalHoldBody{
		PatientID: h.Patient.String(), Reason: h.Reason.Reveal(), Since: Instant{h.Since}, PlacedBy: h.PlacedBy.String(),
	}}
}
