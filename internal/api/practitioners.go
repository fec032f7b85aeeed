package api

import (
	"context"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/page"
	"medbook/internal/scheduling"
)

type listPractitionersInput struct {
	Paging
	Specialty string `query:"specialty" maxLength:"100" example:"physiotherapy" doc:"Only those of this specialty, in whatever case."`
	Query     string `query:"q" maxLength:"100" doc:"Only those with this text in name, specialty or bio, in whatever case."`
}

func (*listPractitionersInput) public() bool { return true }

// listPractitioners lists the public directory: GET /v1/practitioners.
func (s *Server) listPractitioners(ctx context.Context, by auth.Actor, in *listPractitionersInput) (page.Of[scheduling.Practitioner], error) {
	return s.Scheduling.Practitioners(ctx, by, directory.PractitionerFilter{Specialty: in.Specialty, Query: in.Query}, in.request)
}

// readPractitioner reads a public profile: GET /v1/practitioners/{id}.
func (s *Server) readPractitioner(ctx context.Context, by auth.Actor, in *ByID) (scheduling.Practitioner, error) {
	return s.Scheduling.Practitioner(ctx, by, in.ID)
}

type changePractitionerInput struct {
	ByID
	Versioned
	Body practitionerChangeBody
}

type practitionerChangeBody struct {
	Specialty *string           `json:"specialty,omitempty" maxLength:"100" example:"physiotherapy"`
	Bio       *string           `json:"bio,omitempty" maxLength:"4000" example:"Twenty years of sore backs."`
	TimeZone  *string           `json:"time_zone,omitempty" maxLength:"64" example:"America/New_York" doc:"An IANA name. Local hours move with it."`
	Policy    *policyChangeBody `json:"policy,omitempty" doc:"What is given is merged into the policy."`
}

type policyChangeBody struct {
	SlotMinutes               *int `json:"slot_minutes,omitempty" minimum:"5" maximum:"240" multipleOf:"5" example:"30" doc:"The length of a slot."`
	NoticeSeconds             *int `json:"notice_seconds,omitempty" minimum:"0" maximum:"315360000" example:"7200" doc:"A slot is booked at least this long before it begins."`
	HoldSeconds               *int `json:"hold_seconds,omitempty" minimum:"1" maximum:"315360000" example:"900" doc:"How long a hold lives."`
	CancellationWindowSeconds *int `json:"cancellation_window_seconds,omitempty" minimum:"0" maximum:"315360000" example:"86400" doc:"A patient cancels at least this long before the start."`
	HorizonDays               *int `json:"horizon_days,omitempty" minimum:"1" maximum:"3650" example:"90" doc:"A slot is booked at most this many times 24 hours ahead."`
	MaxOpenHolds              *int `json:"max_open_holds,omitempty" minimum:"1" maximum:"1000" example:"3" doc:"How many holds a patient may have, with anybody, when holding here."`
}

// changePractitioner changes a profile: PATCH /v1/practitioners/{id}.
func (s *Server) changePractitioner(ctx context.Context, by auth.Actor, in *changePractitionerInput) (scheduling.Practitioner, error) {
	c := scheduling.PractitionerChange{Specialty: in.Body.Specialty, Bio: in.Body.Bio, TimeZone: in.Body.TimeZone}
	if in.Body.Policy != nil {
		c.Policy = scheduling.PolicyChange(*in.Body.Policy)
	}
	return s.Scheduling.ChangePractitioner(ctx, by, in.ID, in.IfMatch, c)
}

type practitionerBody struct {
	ID        string     `json:"id" example:"0195a9d4-3b1c-7c55-8f0a-0d5b6a7c8e9f"`
	Name      string     `json:"name" example:"Dr. Bo Example"`
	Specialty string     `json:"specialty" example:"physiotherapy"`
	Bio       string     `json:"bio" example:"Twenty years of sore backs."`
	TimeZone  string     `json:"time_zone" example:"America/New_York"`
	Policy    policyBody `json:"policy"`
	CreatedAt Instant    `json:"created_at" example:"2027-08-01T09:30:00Z"`
}

type policyBody struct {
	SlotMinutes               int `json:"slot_minutes" example:"15" doc:"The length of a slot."`
	NoticeSeconds             int `json:"notice_seconds" example:"86400" doc:"A slot is booked at least this long before it begins."`
	HoldSeconds               int `json:"hold_seconds" example:"1800" doc:"How long a hold lives."`
	CancellationWindowSeconds int `json:"cancellation_window_seconds" example:"86400" doc:"A patient cancels at least this long before the start."`
	HorizonDays               int `json:"horizon_days" example:"180" doc:"A slot is booked at most this many times 24 hours ahead."`
	MaxOpenHolds              int `json:"max_open_holds" example:"3" doc:"How many holds a patient may have, with anybody, when holding here."`
}

func practitionerOf(p scheduling.Practitioner) practitionerBody {
	return practitionerBody{
		ID: p.ID.String(), Name: p.Name, Specialty: p.Specialty, Bio: p.Bio,
		TimeZone: p.TimeZone, Policy: policyBody(p.Policy), CreatedAt: Instant{p.CreatedAt},
	}
}

func presentPractitioner(p scheduling.Practitioner) answer[practitionerBody] {
	return answer[practitionerBody]{ETag: p.ETag(), Public: true, Body: practitionerOf(p)}
}
