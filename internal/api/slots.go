package api

import (
	"cmp"
	"context"
	"time"

	"medbook/internal/auth"
	"medbook/internal/page"
	"medbook/internal/scheduling"
)

// SlotFilter is what both lists of slots filter by.
type SlotFilter struct {
	Date   Date    `query:"date" doc:"Only slots that begin on this day, as the practitioner's clock has it. Not together with from and to."`
	From   Instant `query:"from" doc:"Only slots that begin then or later; now if left out."`
	To     Instant `query:"to" doc:"Only slots that begin before; the horizon if left out."`
	Status string  `query:"status" enum:"available,held,booked,blocked,any" doc:"available, the default: what can be booked now. Others are for the practitioner whose slots they are, and for admins."`
}

// public reports whether anybody may see the list.
func (f *SlotFilter) public() bool { return cmp.Or(f.Status, "available") == "available" }

func (f *SlotFilter) query(practitioner, specialty string) scheduling.SlotQuery {
	return scheduling.SlotQuery{
		Practitioner: practitioner, Specialty: specialty,
		Date: f.Date.date, From: f.From.time, To: f.To.time, Status: f.Status,
	}
}

type listSlotsInput struct {
	Paging
	SlotFilter
	PractitionerID string `query:"practitioner_id" maxLength:"64" doc:"Only this practitioner's slots. Without it, all practitioners are searched, over at most 31 days and without count."`
	Specialty      string `query:"specialty" maxLength:"100" example:"physiotherapy" doc:"Only slots with practitioners of this specialty."`
}

// listSlots finds slots: GET /v1/slots.
func (s *Server) listSlots(ctx context.Context, by auth.Actor, in *listSlotsInput) (page.Of[scheduling.Slot], error) {
	return s.Scheduling.Slots(ctx, by, in.query(in.PractitionerID, in.Specialty), in.request)
}

type listPractitionerSlotsInput struct {
	ByID
	Paging
	SlotFilter
}

// listPractitionerSlots finds one practitioner's slots: GET /v1/practitioners/{id}/slots.
func (s *Server) listPractitionerSlots(ctx context.Context, by auth.Actor, in *listPractitionerSlotsInput) (page.Of[scheduling.Slot], error) {
	return s.Scheduling.Slots(ctx, by, in.query(in.ID, ""), in.request)
}

type addSlotInput struct {
	ByID
	Body newSlotBody
}

type newSlotBody struct {
	StartsAt Instant  `json:"starts_at" doc:"On a multiple of five minutes, like ends_at."`
	EndsAt   *Instant `json:"ends_at,omitempty" example:"2027-08-13T08:15:00Z" doc:"At most 240 minutes later; by the policy's slot length if left out."`
}

// addSlot makes a slot by hand: POST /v1/practitioners/{id}/slots.
func (s *Server) addSlot(ctx context.Context, by auth.Actor, in *addSlotInput) (scheduling.Slot, error) {
	var end time.Time
	if in.Body.EndsAt != nil {
		end = in.Body.EndsAt.time
	}
	return s.Scheduling.AddSlot(ctx, by, in.ID, in.Body.StartsAt.time, end)
}

// readSlot reads a slot: GET /v1/slots/{id}.
func (s *Server) readSlot(ctx context.Context, by auth.Actor, in *ByID) (scheduling.Slot, error) {
	return s.Scheduling.Slot(ctx, by, in.ID)
}

type changeSlotInput struct {
	ByID
	Versioned
	Body slotChangeBody
}

type slotChangeBody struct {
	StartsAt *Instant `json:"starts_at,omitempty" doc:"Without ends_at, the slot keeps its length."`
	EndsAt   *Instant `json:"ends_at,omitempty" example:"2027-08-13T08:15:00Z"`
	Status   *string  `json:"status,omitempty" enum:"available,blocked" example:"blocked"`
}

// changeSlot moves or blocks a slot: PATCH /v1/slots/{id}.
func (s *Server) changeSlot(ctx context.Context, by auth.Actor, in *changeSlotInput) (scheduling.Slot, error) {
	c := scheduling.SlotChange{StartsAt: timeOf(in.Body.StartsAt), EndsAt: timeOf(in.Body.EndsAt)}
	if in.Body.Status != nil {
		blocked := *in.Body.Status == string(scheduling.SlotBlocked)
		c.Blocked = &blocked
	}
	return s.Scheduling.ChangeSlot(ctx, by, in.ID, in.IfMatch, c)
}

// removeSlot deletes a slot: DELETE /v1/slots/{id}.
func (s *Server) removeSlot(ctx context.Context, by auth.Actor, in *versionedID) (none, error) {
	return none{}, s.Scheduling.RemoveSlot(ctx, by, in.ID, in.IfMatch)
}

type slotBody struct {
	ID             string  `json:"id" example:"01jt1a8bxrfjnkw5w1d9m3d8fz-00fgsyq00000f"`
	PractitionerID string  `json:"practitioner_id" example:"0195a9d4-3b1c-7c55-8f0a-0d5b6a7c8e9f"`
	StartsAt       Instant `json:"starts_at" doc:"Inclusive."`
	EndsAt         Instant `json:"ends_at" example:"2027-08-13T08:15:00Z" doc:"Exclusive."`
	TimeZone       string  `json:"time_zone" example:"America/New_York" doc:"The practitioner's."`
	Status         string  `json:"status" enum:"available,held,booked,blocked" example:"available"`
}

func slotOf(s scheduling.Slot) slotBody {
	return slotBody{
		ID: s.ID(), PractitionerID: s.Practitioner.String(), StartsAt: Instant{s.Start}, EndsAt: Instant{s.End},
		TimeZone: s.TimeZone, Status: string(s.Status),
	}
}

func presentSlot(s scheduling.Slot) answer[slotBody] {
	return answer[slotBody]{ETag: s.ETag(), Public: s.Status == scheduling.SlotAvailable, Body: slotOf(s)}
}

func presentNewSlot(s scheduling.Slot) answer[slotBody] {
	return answer[slotBody]{ETag: s.ETag(), Location: "/v1/slots/" + s.ID(), Body: slotOf(s)}
}
