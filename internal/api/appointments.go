package api

import (
	"context"

	"medbook/internal/auth"
	"medbook/internal/ics"
	"medbook/internal/page"
	"medbook/internal/scheduling"
)

type holdInput struct {
	Body holdBody
}

type holdBody struct {
	SlotID    string        `json:"slot_id" maxLength:"64" example:"06am9n17rcy3n7w09hej8zw7wc-00fgsyq00000f" doc:"As GET /v1/slots lists it."`
	Slots     int           `json:"slots,omitempty" minimum:"1" maximum:"288" example:"1" doc:"How many consecutive slots to take; 1 if left out."`
	PatientID string        `json:"patient_id,omitempty" maxLength:"64" doc:"For whom: required for admins, and for patients nobody but themselves."`
	Reason    string        `json:"reason,omitempty" maxLength:"1000" example:"Back pain" doc:"For the patient, the practitioner and admins only."`
	Confirm   bool          `json:"confirm,omitempty" doc:"Confirm at once, without a hold."`
	Override  *overrideBody `json:"override,omitempty"`
}

// Reasons by staff hold at least one character that can be seen.
type overrideBody struct {
	Reason string `json:"reason" pattern:"\\S" patternDescription:"a text" maxLength:"1000" example:"Emergency"`
}

func (holdBody) examples() map[string]any {
	slot := "06am9n17rcy3n7w09hej8zw7wc-00fgsyq00000f"
	return map[string]any{
		"a patient holds a slot": map[string]any{"slot_id": slot, "reason": "Back pain"},
		"staff book for a patient, whatever the policy says": map[string]any{
			"slot_id": slot, "patient_id": exampleID, "confirm": true, "override": map[string]any{"reason": "Emergency"},
		},
	}
}

// hold holds or books a slot: POST /v1/appointments.
func (s *Server) hold(ctx context.Context, by auth.Actor, in *holdInput) (scheduling.Appointment, error) {
	b := in.Body
	req := scheduling.HoldRequest{Slot: b.SlotID, Slots: b.Slots, Patient: b.PatientID, Reason: given(b.Reason), Confirm: b.Confirm}
	if b.Override != nil {
		req.Override = given(b.Override.Reason)
	}
	return s.Scheduling.Hold(ctx, by, req)
}

type listAppointmentsInput struct {
	Paging
	PatientID      string  `query:"patient_id" maxLength:"64" doc:"Only this patient's."`
	PractitionerID string  `query:"practitioner_id" maxLength:"64" doc:"Only this practitioner's."`
	Status         string  `query:"status" enum:"held,confirmed,completed,no_show,expired,cancelled" doc:"Only those that stand so now."`
	From           Instant `query:"from" doc:"Only those that begin then or later."`
	To             Instant `query:"to" doc:"Only those that begin before."`
	Upcoming       bool    `query:"upcoming" doc:"Only held and confirmed ones that have not begun."`
}

// listAppointments lists appointments: GET /v1/appointments.
func (s *Server) listAppointments(ctx context.Context, by auth.Actor, in *listAppointmentsInput) (page.Of[scheduling.Appointment], error) {
	return s.Scheduling.Appointments(ctx, by, scheduling.AppointmentFilter{
		Patient: in.PatientID, Practitioner: in.PractitionerID, Status: in.Status,
		From: in.From.time, To: in.To.time, Upcoming: in.Upcoming,
	}, in.request)
}

// readAppointment reads an appointment: GET /v1/appointments/{id}.
func (s *Server) readAppointment(ctx context.Context, by auth.Actor, in *ByID) (scheduling.Appointment, error) {
	return s.Scheduling.Appointment(ctx, by, in.ID)
}

// readEntry answers with an appointment for calendar programs: GET /v1/appointments/{id}/ics.
func (s *Server) readEntry(ctx context.Context, by auth.Actor, in *ByID) (file, error) {
	a, err := s.Scheduling.Appointment(ctx, by, in.ID)
	if err != nil {
		return file{}, err
	}
	clinic, err := s.Directory.Clinic(ctx, by)
	return file{Type: ics.Type, Name: "appointment.ics", Content: ics.Calendar(a.Entry(clinic.Name))}, err
}

// confirm confirms a hold: POST or PUT /v1/appointments/{id}/confirm.
func (s *Server) confirm(ctx context.Context, by auth.Actor, in *ByID) (scheduling.Appointment, error) {
	return s.Scheduling.Confirm(ctx, by, in.ID)
}

// Notice is what staff choose of a patient who would be told.
type Notice struct {
	NotifyPatient *bool `json:"notify_patient,omitempty" example:"true" doc:"Whether the patient is told; true if left out. Only practitioners and admins may say false."`
}

// quiet reports whether the patient is not told.
func (n Notice) quiet() bool { return n.NotifyPatient != nil && !*n.NotifyPatient }

type cancelInput struct {
	ByID
	Body *cancelBody
}

type cancelBody struct {
	Reason string `json:"reason,omitempty" maxLength:"1000" example:"The practitioner is ill." doc:"Required for practitioners and admins who cancel what is confirmed."`
	Notice
}

// cancel cancels an appointment: POST /v1/appointments/{id}/cancel.
func (s *Server) cancel(ctx context.Context, by auth.Actor, in *cancelInput) (scheduling.Appointment, error) {
	var b cancelBody
	if in.Body != nil {
		b = *in.Body
	}
	return s.Scheduling.Cancel(ctx, by, in.ID, scheduling.CancelRequest{Reason: given(b.Reason), Quiet: b.quiet()})
}

type rescheduleInput struct {
	ByID
	Body rescheduleBody
}

type rescheduleBody struct {
	SlotID   string        `json:"slot_id" maxLength:"64" example:"06am9n17rcy3n7w09hej8zw7wc-00fgsyr40000f" doc:"The new first slot, of the same practitioner."`
	Override *overrideBody `json:"override,omitempty"`
	Notice
}

// reschedule moves an appointment: POST /v1/appointments/{id}/reschedule.
func (s *Server) reschedule(ctx context.Context, by auth.Actor, in *rescheduleInput) (scheduling.Appointment, error) {
	req := scheduling.RescheduleRequest{Slot: in.Body.SlotID, Quiet: in.Body.quiet()}
	if in.Body.Override != nil {
		req.Override = given(in.Body.Override.Reason)
	}
	return s.Scheduling.Reschedule(ctx, by, in.ID, req)
}

// complete says that an appointment took place: POST /v1/appointments/{id}/complete.
func (s *Server) complete(ctx context.Context, by auth.Actor, in *ByID) (scheduling.Appointment, error) {
	return s.Scheduling.Complete(ctx, by, in.ID)
}

// markNoShow says that the patient did not come: POST /v1/appointments/{id}/no-show.
func (s *Server) markNoShow(ctx context.Context, by auth.Actor, in *ByID) (scheduling.Appointment, error) {
	return s.Scheduling.MarkNoShow(ctx, by, in.ID)
}

type appointmentBody struct {
	ID             string   `json:"id" example:"06am9n17rcy3n7w09hej8zw7wc.06am9n1b3gy3rczf0m5npyhfk4"`
	SlotID         string   `json:"slot_id" example:"06am9n17rcy3n7w09hej8zw7wc-00fgsyq00000f" doc:"The first slot."`
	Slots          int      `json:"slots" minimum:"1" example:"1" doc:"How many consecutive slots it takes."`
	PractitionerID string   `json:"practitioner_id" example:"0195a9d4-3b1c-7c55-8f0a-0d5b6a7c8e9f"`
	PatientID      string   `json:"patient_id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21" doc:"The patient's user id."`
	StartsAt       Instant  `json:"starts_at" doc:"Inclusive."`
	EndsAt         Instant  `json:"ends_at" example:"2027-08-13T08:15:00Z" doc:"Exclusive."`
	TimeZone       string   `json:"time_zone" example:"America/New_York" doc:"The practitioner's."`
	Status         string   `json:"status" enum:"held,confirmed,completed,no_show,expired,cancelled" example:"held"`
	HoldExpiresAt  *Instant `json:"hold_expires_at" nullable:"true" example:"2027-08-01T10:00:00Z" doc:"When the hold is over, exactly then included; null unless held."`
	Reference      string   `json:"reference" example:"K7M2QXW4TA" doc:"Ten characters to find the booking by."`
	Reason         string   `json:"reason,omitempty" example:"Back pain"`
	CancelReason   string   `json:"cancel_reason,omitempty"`
	OverrideReason string   `json:"override_reason,omitempty"`
	CreatedAt      Instant  `json:"created_at" example:"2027-08-01T09:30:00Z"`
	UpdatedAt      Instant  `json:"updated_at" example:"2027-08-01T09:30:00Z"`
}

func appointmentOf(a scheduling.Appointment) appointmentBody {
	b := appointmentBody{
		ID: a.ID.String(), SlotID: a.SlotID(), Slots: a.Slots,
		PractitionerID: a.Practitioner().String(), PatientID: a.Patient.String(),
		StartsAt: Instant{a.Start}, EndsAt: Instant{a.End}, TimeZone: a.TimeZone, Status: string(a.Status), Reference: a.Reference,
		Reason: a.Reason.Reveal(), CancelReason: a.CancelReason.Reveal(), OverrideReason: a.OverrideReason.Reveal(),
		CreatedAt: Instant{a.CreatedAt}, UpdatedAt: Instant{a.UpdatedAt},
	}
	if a.Status == scheduling.Held {
		b.HoldExpiresAt = instantOrNull(a.HoldExpiresAt)
	}
	return b
}

func presentAppointment(a scheduling.Appointment) answer[appointmentBody] {
	return answer[appointmentBody]{ETag: a.ETag(), Body: appointmentOf(a)}
}

func presentNewAppointment(a scheduling.Appointment) answer[appointmentBody] {
	out := presentAppointment(a)
	out.Location = "/v1/appointments/" + out.Body.ID
	return out
}
