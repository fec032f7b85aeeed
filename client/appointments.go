package client

import (
	"context"
	"time"
)

// Appointment is one patient's claim on consecutive slots, from StartsAt
// inclusive to EndsAt exclusive.
type Appointment struct {
	Versioned
	ID             string     `json:"id"`
	Reference      string     `json:"reference"` // what to say on the telephone
	SlotID         string     `json:"slot_id"`
	Slots          int        `json:"slots"`
	PractitionerID string     `json:"practitioner_id"`
	PatientID      string     `json:"patient_id"`
	StartsAt       time.Time  `json:"starts_at"`
	EndsAt         time.Time  `json:"ends_at"`
	TimeZone       string     `json:"time_zone"`                 // the practitioner's
	Status         string     `json:"status"`                    // held, confirmed, completed, no_show, expired or cancelled
	HoldExpiresAt  *time.Time `json:"hold_expires_at,omitempty"` // of a hold: dead at this instant
	Reason         string     `json:"reason,omitempty"`
	OverrideReason string     `json:"override_reason,omitempty"`
	CancelReason   string     `json:"cancel_reason,omitempty"`
	CreatedAt      time.Time  `json:"created_at"`
	UpdatedAt      time.Time  `json:"updated_at"`
}

// NewAppointment asks for a slot.
type NewAppointment struct {
	SlotID    string    `json:"slot_id"`
	Slots     int       `json:"slots,omitempty"` // consecutive slots to take; 0 means 1
	Reason    string    `json:"reason,omitempty"`
	PatientID string    `json:"patient_id,omitempty"` // for whom, when staff books
	Confirm   bool      `json:"confirm,omitempty"`    // confirm at once instead of holding
	Override  *Override `json:"override,omitempty"`
}

// Override lifts notice, horizon, window and cap, for staff, who say why.
type Override struct {
	Reason string `json:"reason"`
}

// AppointmentQuery filters appointments; what is zero does not filter.
type AppointmentQuery struct {
	PatientID      string
	PractitionerID string
	Status         string
	From, To       time.Time // From <= starts_at < To
	Upcoming       bool      // held or confirmed, and not begun
}

// Hold takes a slot for a patient until HoldExpiresAt.
func (c *Client) Hold(ctx context.Context, a NewAppointment, options ...CallOption) (Appointment, error) {
	return call[Appointment](ctx, c, post("/v1/appointments", a), options)
}

// Confirm turns a hold into an appointment. Repeating it changes nothing.
func (c *Client) Confirm(ctx context.Context, id string, options ...CallOption) (Appointment, error) {
	return c.step(ctx, id, "confirm", nil, options)
}

// Cancellation says why an appointment is cancelled.
type Cancellation struct {
	Reason        string `json:"reason,omitempty"`
	NotifyPatient *bool  `json:"notify_patient,omitempty"` // nil: the patient is told; only staff may say false
}

// Move names the slot that an appointment moves to.
type Move struct {
	SlotID        string    `json:"slot_id"`
	Override      *Override `json:"override,omitempty"`
	NotifyPatient *bool     `json:"notify_patient,omitempty"` // as in Cancellation
}

// Cancel gives a hold or an appointment up and frees its slot.
func (c *Client) Cancel(ctx context.Context, id, reason string, options ...CallOption) (Appointment, error) {
	return c.CancelWith(ctx, id, Cancellation{Reason: reason}, options...)
}

// CancelWith is Cancel for staff who choose whether the patient is told.
func (c *Client) CancelWith(ctx context.Context, id string, with Cancellation, options ...CallOption) (Appointment, error) {
	return c.step(ctx, id, "cancel", with, options)
}

// Reschedule moves an appointment to another slot of the same practitioner. Its id stays.
func (c *Client) Reschedule(ctx context.Context, id, slot string, override *Override, options ...CallOption) (Appointment, error) {
	return c.RescheduleWith(ctx, id, Move{SlotID: slot, Override: override}, options...)
}

// RescheduleWith is Reschedule for staff who choose whether the patient is told.
func (c *Client) RescheduleWith(ctx context.Context, id string, to Move, options ...CallOption) (Appointment, error) {
	return c.step(ctx, id, "reschedule", to, options)
}

// Complete notes, after its start, that an appointment took place.
func (c *Client) Complete(ctx context.Context, id string, options ...CallOption) (Appointment, error) {
	return c.step(ctx, id, "complete", nil, options)
}

// MarkNoShow notes, after its start, that the patient did not come.
func (c *Client) MarkNoShow(ctx context.Context, id string, options ...CallOption) (Appointment, error) {
	return c.step(ctx, id, "no-show", nil, options)
}

func (c *Client) step(ctx context.Context, id, verb string, body any, options []CallOption) (Appointment, error) {
	return call[Appointment](ctx, c, post(at("appointments", id, "/"+verb), body), options)
}

// Appointment reads an appointment.
func (c *Client) Appointment(ctx context.Context, id string, options ...CallOption) (Appointment, error) {
	return call[Appointment](ctx, c, get(at("appointments", id)), options)
}

// AppointmentICS reads an appointment as iCalendar text (RFC 5545), for calendar programs.
func (c *Client) AppointmentICS(ctx context.Context, id string, options ...CallOption) ([]byte, error) {
	_, text, err := c.do(ctx, get(at("appointments", id, "/ics")), options)
	return text, err
}

// Appointments lists the caller's appointments, all of them for staff, ascending by start.
func (c *Client) Appointments(q AppointmentQuery) List[Appointment] {
	values := newQuery().text("patient_id", q.PatientID).text("practitioner_id", q.PractitionerID).
		text("status", q.Status).instant("from", q.From).instant("to", q.To).Values
	if q.Upcoming {
		values.Set("upcoming", "true")
	}
	return List[Appointment]{c, "/v1/appointments", values}
}
