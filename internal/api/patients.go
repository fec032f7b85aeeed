package api

import (
	"context"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/page"
	"medbook/internal/phi"
)

type listPatientsInput struct{ Paging }

// listPatients lists patients: GET /v1/patients.
func (s *Server) listPatients(ctx context.Context, by auth.Actor, in *listPatientsInput) (page.Of[directory.Patient], error) {
	return s.Directory.Patients(ctx, by, in.request)
}

type searchPatientsInput struct {
	Body patientSearchBody
}

type patientSearchBody struct {
	Query string `json:"q" minLength:"2" maxLength:"100" example:"ann lee" doc:"Words, each of which is in the name, in whatever case and order; or a whole e-mail address; or a date of birth as YYYY-MM-DD."`
	Limit int    `json:"limit,omitempty" minimum:"1" maximum:"50" example:"20" doc:"How many patients at most; 50 if left out."`
}

// searchPatients searches patients: POST /v1/patients/search.
func (s *Server) searchPatients(ctx context.Context, by auth.Actor, in *searchPatientsInput) ([]directory.Patient, error) {
	return s.Directory.FindPatients(ctx, by, directory.PatientSearch{Query: phi.Of(in.Body.Query), Limit: in.Body.Limit})
}

type patientBody struct {
	ID          string   `json:"id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	Name        string   `json:"name" example:"Ann Lee"`
	DateOfBirth string   `json:"date_of_birth,omitempty" format:"date" example:"1984-02-29"`
	TimeZone    string   `json:"time_zone" example:"America/New_York"`
	Since       *Instant `json:"since,omitempty" example:"2027-08-01T09:30:00Z" doc:"To practitioners: since when the patient is in their care."`
}

type foundPatientsBody struct {
	Items []patientBody `json:"items" doc:"In the order of their names, then of their ids."`
}

func patientOf(p directory.Patient) patientBody {
	return patientBody{
		ID: p.ID.String(), Name: p.Name.Reveal(), DateOfBirth: p.DateOfBirth.Reveal(), TimeZone: p.TimeZone, Since: instantOrNull(p.Since),
	}
}

func presentFound(found []directory.Patient) answer[foundPatientsBody] {
	items := make([]patientBody, len(found))
	for i, p := range found {
		items[i] = patientOf(p)
	}
	return answer[foundPatientsBody]{Body: foundPatientsBody{items}}
}

type careInput struct {
	ByID
	PractitionerID string `path:"practitioner_id" doc:"The practitioner's id in the directory." example:"0195a9d4-3b1c-7c55-8f0a-0d5b6a7c8e9f"`
}

// assignPatient puts a patient into somebody's care:
// PUT /v1/patients/{id}/practitioners/{practitioner_id}.
func (s *Server) assignPatient(ctx context.Context, by auth.Actor, in *careInput) (none, error) {
	return none{}, s.Directory.Assign(ctx, by, in.ID, in.PractitionerID)
}

// endCare ends it: DELETE /v1/patients/{id}/practitioners/{practitioner_id}.
func (s *Server) endCare(ctx context.Context, by auth.Actor, in *careInput) (none, error) {
	return none{}, s.Directory.EndCare(ctx, by, in.ID, in.PractitionerID)
}
