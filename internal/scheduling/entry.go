package scheduling

import (
	"cmp"

	"medbook/internal/ics"
)

// Entry is the appointment as an event for calendar programs. It tells nobody who
// looks over a shoulder more than that there is an appointment at the clinic; an
// empty name is Medbook's.
func (a Appointment) Entry(clinic string) ics.Event {
	e := ics.Event{
		UID: a.ID.String(), Sequence: a.Version - 1, Stamp: a.UpdatedAt, // versions begin with 1 and only grow
		Start: a.Start, End: a.End, Summary: "Appointment at " + cmp.Or(clinic, "Medbook"),
	}
	switch a.Status {
	case Held:
		e.Status = ics.Tentative
	case Confirmed, Completed, NoShow:
		e.Status = ics.Confirmed
	case Cancelled, Expired:
		e.Status = ics.Cancelled
	}
	if a.Status == Expired && a.UpdatedAt.Before(a.HoldExpiresAt) { // nobody has written it down yet
		e.Sequence, e.Stamp = a.Version, a.HoldExpiresAt
	}
	return e
}
