package api

import (
	"context"

	"medbook/internal/auth"
	"medbook/internal/page"
	"medbook/internal/scheduling"
)

type joinWaitlistInput struct {
	Body waitRequestBody
}

type waitRequestBody struct {
	PractitionerID string  `json:"practitioner_id" maxLength:"64" example:"0195a9d4-3b1c-7c55-8f0a-0d5b6a7c8e9f"`
	From           Instant `json:"from" doc:"What begins then or later is of interest."`
	To             Instant `json:"to" example:"2027-08-20T08:00:00Z" doc:"What begins before is of interest."`
}

// joinWaitlist puts the caller on the waiting list: POST /v1/waitlist.
func (s *Server) joinWaitlist(ctx context.Context, by auth.Actor, in *joinWaitlistInput) (scheduling.Wait, error) {
	return s.Scheduling.JoinWaitlist(ctx, by, scheduling.WaitRequest{
		Practitioner: in.Body.PractitionerID, From: in.Body.From.time, To: in.Body.To.time,
	})
}

type listWaitlistInput struct{ Paging }

// listWaitlist lists who waits: GET /v1/waitlist.
func (s *Server) listWaitlist(ctx context.Context, by auth.Actor, in *listWaitlistInput) (page.Of[scheduling.Wait], error) {
	return s.Scheduling.Waitlist(ctx, by, in.request)
}

// leaveWaitlist deletes an entry: DELETE /v1/waitlist/{id}.
func (s *Server) leaveWaitlist(ctx context.Context, by auth.Actor, in *ByID) (none, error) {
	return none{}, s.Scheduling.LeaveWaitlist(ctx, by, in.ID)
}

type waitBody struct {
	ID             string  `json:"id" example:"06am9n17rcy3n7w09hej8zw7wc.06am9n1b3gy3rczf0m5npyhfk4"`
	PractitionerID string  `json:"practitioner_id" example:"0195a9d4-3b1c-7c55-8f0a-0d5b6a7c8e9f"`
	PatientID      string  `json:"patient_id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21" doc:"The patient's user id."`
	From           Instant `json:"from" doc:"Inclusive."`
	To             Instant `json:"to" example:"2027-08-20T08:00:00Z" doc:"Exclusive."`
	CreatedAt      Instant `json:"created_at" example:"2027-08-01T09:30:00Z"`
}

func waitOf(w scheduling.Wait) waitBody {
	return waitBody{
		ID: w.ID.String(), PractitionerID: w.Practitioner.String(), PatientID: w.ID.Lead.String(),
		From: Instant{w.From}, To: Instant{w.To}, CreatedAt: Instant{w.CreatedAt},
	}
}

func presentWait(w scheduling.Wait) answer[waitBody] {
	b := waitOf(w)
	return answer[waitBody]{Location: "/v1/waitlist/" + b.ID, Body: b}
}
