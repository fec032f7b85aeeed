// Package scheduling keeps practitioners' time: availability and time off, the
// slots computed from them, the claims that take time, appointments, and the
// waiting list.
//
// It keeps the rules that the product exists for:
//
//   - A slot has at most one live appointment. The primary key of claims
//     (practitioner, five-minute cell) keeps that, whatever code does.
//   - A patient's live appointments never overlap. A lock on the patient's row
//     and a look at patient_calendar in the writing transaction keep that.
//   - A practitioner's slots never overlap. Editors lock the schedule's row
//     alone; bookings share it.
//   - A hold is live if and only if now < hold_expires_at, judged in the
//     transaction that writes, after its last row lock. No timer takes part.
//
// Transactions take their locks in one order: schedules ascending, the
// patient's row, claims by cell, appointments, patient_calendar.
package scheduling

import (
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/errs"
	"medbook/internal/etag"
	"medbook/internal/id"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// Errors that a caller may act on.
var (
	ErrSlotNotFound         = errs.New(errs.NotFound, "slot-not-found", "There is no such slot.")
	ErrAppointmentNotFound  = errs.New(errs.NotFound, "appointment-not-found", "There is no such appointment, or it is not yours.")
	ErrAvailabilityNotFound = errs.New(errs.NotFound, "availability-not-found", "There is no such availability, or it is not yours.")
	ErrTimeOffNotFound      = errs.New(errs.NotFound, "time-off-not-found", "There is no such time off, or it is not yours.")
	ErrVisitNotFound        = errs.New(errs.NotFound, "visit-not-found", "There is no such booking. Check the reference and the date of birth, or open the newest link that you were sent.")
	ErrWaitNotFound         = errs.New(errs.NotFound, "waitlist-entry-not-found", "There is no such entry, or it is not yours.")

	ErrSlotPast      = errs.New(errs.Invalid, "slot-past", "This slot has already begun.")
	ErrTooLate       = errs.New(errs.Invalid, "too-late-to-book", "This slot begins too soon to be booked.")
	ErrBeyondHorizon = errs.New(errs.Invalid, "beyond-horizon", "This slot is too far in the future to be booked yet.")
	ErrOtherCalendar = errs.New(errs.Invalid, "other-practitioner", "An appointment moves only to a slot of the same practitioner.")
	ErrNoPatient     = errs.New(errs.Invalid, "patient-required", "Say which patient the appointment is for.").Field("patient_id", "is required for staff")
	ErrNoReason      = errs.New(errs.Invalid, "reason-required", "Staff give a reason for this.").Field("reason", "is required for staff")
	ErrTooLong       = errs.New(errs.Invalid, "too-many-slots", "An appointment takes at most 24 hours.").Field("slots", "is too many")
	ErrInvalidHours  = errs.New(errs.Invalid, "invalid-hours", "These hours can't be worked.")
	ErrInvalidPolicy = errs.New(errs.Invalid, "invalid-policy", "This policy is not allowed.")
	ErrInvalidRange  = errs.New(errs.Invalid, "invalid-range", "This range of time can't be searched.")
	ErrInvalidSlot   = errs.New(errs.Invalid, "invalid-slot", "This is not a slot that can be kept.")

	ErrSlotTaken        = errs.New(errs.Conflict, "slot-taken", "Someone else has just booked this slot.")
	ErrSlotBlocked      = errs.New(errs.Conflict, "slot-blocked", "The practitioner has taken this time off.")
	ErrSlotInUse        = errs.New(errs.Conflict, "slot-in-use", "A held or booked slot can't be changed.")
	ErrSlotOverlap      = errs.New(errs.Conflict, "slot-overlap", "There is a slot at this time already.")
	ErrPatientBusy      = errs.New(errs.Conflict, "patient-busy", "The patient has another appointment at this time.")
	ErrTooManyHolds     = errs.New(errs.Conflict, "too-many-holds", "The patient holds too many unconfirmed slots.")
	ErrTransition       = errs.New(errs.Conflict, "illegal-transition", "The appointment's status does not allow this.")
	ErrWindowClosed     = errs.New(errs.Conflict, "cancellation-window-closed", "It is too late to cancel or move this appointment.")
	ErrHoldExpired      = errs.New(errs.Gone, "hold-expired", "The hold is over; the slot may be free again.")
	errChangedMeanwhile = errs.New(errs.Unavailable, "changed-meanwhile", "This changed while you asked; try again.")
)

// Status is where an appointment stands. It only moves forward.
type Status string

// The statuses of an appointment: held → confirmed → completed or no_show;
// held → expired; held or confirmed → cancelled.
const (
	Held      Status = "held"
	Confirmed Status = "confirmed"
	Completed Status = "completed"
	NoShow    Status = "no_show"
	Expired   Status = "expired"
	Cancelled Status = "cancelled"
)

// Appointment is an agreement that a patient sees a practitioner during
// [Start, End), both UTC. Start is inclusive and End exclusive, so back-to-back
// appointments do not overlap.
//
// Status is the one at the instant of the read: a hold whose time is over is
// Expired, whether or not anybody has written that down.
type Appointment struct {
	ID             id.Keyed // its lead is the practitioner
	Patient        uuid.UUID
	Start, End     time.Time
	Slots          int // how many consecutive slots of equal length
	Status         Status
	HoldExpiresAt  time.Time // exclusive; zero once it is no longer a hold
	TimeZone       string    // the practitioner's
	Reference      string    // ten characters to find the booking by
	Reason         phi.Value[string]
	OverrideReason phi.Value[string]
	CancelReason   phi.Value[string]
	CreatedAt      time.Time
	UpdatedAt      time.Time
	Version        int64
}

// Practitioner returns whose time the appointment takes.
func (a Appointment) Practitioner() uuid.UUID { return a.ID.Lead }

// span returns the time that the appointment takes.
func (a Appointment) span() calendar.Span { return calendar.Span{Start: a.Start, End: a.End} }

// Live reports whether the appointment takes time from both calendars.
func (a Appointment) Live() bool { return a.Status == Held || a.Status == Confirmed }

// SlotID returns the id of the appointment's first slot.
func (a Appointment) SlotID() string {
	length := a.End.Sub(a.Start) / time.Duration(a.Slots)
	return id.Slot{Practitioner: a.Practitioner(), Start: a.Start, End: a.Start.Add(length)}.String()
}

// ETag changes with everything that a reader can see, also when a hold runs out.
func (a Appointment) ETag() string {
	return etag.Quote(versionText(a.Version) + "-" + string(a.Status))
}

// Service offers scheduling to api, web and fhir. Its methods are safe for concurrent use.
type Service struct {
	DB        *sqldb.DB
	Restraint Restraint // set before the first call

	// Auth counts tries at bookings, and has the keys of the links to them. Without
	// it nobody finds one without signing in.
	Auth *auth.Service
}
