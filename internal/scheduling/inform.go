package scheduling

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/id"
	"medbook/internal/notify"
	"medbook/internal/sqldb"
	"medbook/internal/webhooks"
)

// When patients are reminded of an appointment, before it begins, and for how
// long after that a reminder still helps.
var reminders = map[notify.Kind]struct{ before, late time.Duration }{
	notify.ReminderDay:   {24 * time.Hour, 6 * time.Hour},
	notify.ReminderHours: {2 * time.Hour, 90 * time.Minute},
}

// happened is what programs are told of what patients are told of.
var happened = map[notify.Kind]webhooks.Kind{
	notify.AppointmentHeld:      webhooks.AppointmentHeld,
	notify.WaitlistOffer:        webhooks.AppointmentHeld, // which an offer is
	notify.AppointmentConfirmed: webhooks.AppointmentConfirmed,
	notify.AppointmentMoved:     webhooks.AppointmentMoved,
	notify.AppointmentCancelled: webhooks.AppointmentCancelled,
	notify.HoldExpired:          webhooks.AppointmentExpired,
}

// emit counts what has become of an appointment, and has programs of the clinic told.
func emit(ctx context.Context, tx *sqldb.Tx, kind webhooks.Kind, a Appointment) error {
	tx.AfterCommit(func() { tx.Instruments().Appointment(strings.TrimPrefix(string(kind), "appointment.")) })
	return webhooks.Emit(ctx, tx, webhooks.Event{Kind: kind, About: a.ID.String(), Patient: a.Patient, Practitioner: a.Practitioner()})
}

// inform has the patient of an appointment told what has become of it, and by whom,
// and programs of the clinic that it has.
func inform(ctx context.Context, tx *sqldb.Tx, by auth.Actor, kind notify.Kind, a Appointment) error {
	return deed{}.inform(ctx, tx, by, kind, a)
}

// inform is the same for a deed, which may be one that the patient is not told of.
func (d deed) inform(ctx context.Context, tx *sqldb.Tx, by auth.Actor, kind notify.Kind, a Appointment) error {
	if err := emit(ctx, tx, happened[kind], a); err != nil {
		return err
	}
	e := notify.Event{Kind: kind, About: a.ID.String(), By: string(by.Role)}
	if !d.quiet {
		if err := notify.Notify(ctx, tx, a.Patient, e, ""); err != nil {
			return err
		}
	}
	if a.Status != Confirmed {
		return nil
	}
	for kind, r := range reminders {
		at := a.Start.Add(-r.before)
		if !at.After(tx.Now()) {
			continue
		}
		if err := notify.At(ctx, tx, at, a.Patient, notify.Event{Kind: kind, About: a.ID.String(), Start: a.Start}, ""); err != nil {
			return err
		}
	}
	return nil
}

// booked is the kind of message about a new appointment.
func booked(a Appointment) notify.Kind {
	if a.Status == Held {
		return notify.AppointmentHeld
	}
	return notify.AppointmentConfirmed
}

// sayable are the statuses in which there is still something to say.
var sayable = map[notify.Kind][]Status{
	notify.AppointmentHeld:      {Held},
	notify.WaitlistOffer:        {Held},
	notify.AppointmentConfirmed: {Confirmed},
	notify.AppointmentMoved:     {Held, Confirmed},
	notify.AppointmentCancelled: {Cancelled},
	notify.HoldExpired:          {Expired},
	notify.ReminderDay:          {Confirmed},
	notify.ReminderHours:        {Confirmed},
}

// Tells lists the kinds of messages whose facts Facts, and so Letters, looks up.
func Tells() (kinds []notify.Kind) {
	for kind := range sayable {
		kinds = append(kinds, kind)
	}
	return kinds
}

// Facts looks up what there is to say to the patient of an appointment. It returns
// notify.ErrOutdated once that is something else: a reminder of an appointment
// that was moved, say. Of what lies ahead it wants a live appointment.
func Facts(ctx context.Context, tx *sqldb.Tx, user uuid.UUID, e notify.Event) (f notify.Facts, err error) {
	key, ok := id.ParseKeyed(e.About)
	if !ok {
		return f, notify.ErrOutdated
	}
	a, err := appointmentByID(ctx, tx, auth.System, key)
	if err != nil {
		return f, asOutdated(err)
	}
	fits := a.Live() // what it would come to can be looked at
	if !e.Ahead {
		moved := !e.Start.IsZero() && !e.Start.Equal(a.Start) // since the reminder was set
		fits = !moved && a.worthTelling(e.Kind, tx.Now())
	} else if !e.Start.IsZero() {
		a.Start = e.Start
	}
	if a.Patient != user || !fits {
		return f, notify.ErrOutdated
	}
	f = notify.Facts{Start: a.Start, With: a.Practitioner(), Zone: a.TimeZone, Reference: a.Reference, Until: a.HoldExpiresAt}
	p, err := directory.PractitionerByID(ctx, tx, a.Practitioner())
	if err == nil {
		f.Practitioner = p.Name
		return f, nil
	}
	return f, asNotFound(err, nil) // who lost the role is not named
}

// visitPage is where links to visits lead. The token is in the fragment, which
// browsers send to no server.
const visitPage = "/visit#"

// Letters looks up what Facts does, with the link by which the patient manages the
// appointment. It needs Auth, with its keys, when it is called.
func (s *Service) Letters() notify.Source {
	return func(ctx context.Context, tx *sqldb.Tx, user uuid.UUID, e notify.Event) (notify.Facts, error) {
		f, err := Facts(ctx, tx, user, e)
		if key, ok := id.ParseKeyed(e.About); err == nil && ok {
			f.Visit = visitPage + auth.VisitLink(s.Auth.Keys, auth.Visit{Appointment: key, Patient: user})
		}
		return f, err
	}
}

// worthTelling judges whether a message of that kind still fits.
func (a Appointment) worthTelling(kind notify.Kind, now time.Time) bool {
	fits := false
	for _, s := range sayable[kind] {
		fits = fits || a.Status == s
	}
	r, reminder := reminders[kind]
	if !reminder {
		return fits
	}
	due := a.Start.Add(-r.before)
	return fits && !now.Before(due) && now.Before(due.Add(r.late))
}

func asOutdated(err error) error { return asNotFound(err, notify.ErrOutdated) }
