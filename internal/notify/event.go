package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/jobs"
	"medbook/internal/sqldb"
)

// Kind says what a message is about. Those about accounts are declared by auth.
type Kind = auth.Subject

// The kinds of messages that are not about accounts.
const (
	AppointmentHeld      Kind = "appointment-held" // with what to do by when
	AppointmentConfirmed Kind = "appointment-confirmed"
	AppointmentMoved     Kind = "appointment-moved"
	AppointmentCancelled Kind = "appointment-cancelled"
	HoldExpired          Kind = "hold-expired"
	ReminderDay          Kind = "reminder-day"   // 24 hours before
	ReminderHours        Kind = "reminder-hours" // 2 hours before
	WaitlistOffer        Kind = "waitlist-offer"
	EncounterShared      Kind = "encounter-shared"
	OrderPlaced          Kind = "order-placed"
)

// Event is that something happened of which somebody is to be told. It holds ids
// and words of the program only: it lies in the table of jobs.
type Event struct {
	Kind  Kind
	About string // the id of the appointment, order, … that it is about
	By    string // the role of who did it; empty: the program, or it does not matter

	// Start is when what a reminder is of begins. Of several reminders to one user, of
	// one kind, thing and start, one is written. Zero: it is no reminder.
	Start time.Time `json:",omitzero"`

	// Ahead is true of what has not happened yet and is only looked at by Preview;
	// Start is then when an appointment would begin. It is never kept: what is written
	// tells of what happened.
	Ahead bool `json:"-"`
}

// message returns the id of the message to user about e.
func (e Event) message(user uuid.UUID) uuid.UUID {
	if e.Start.IsZero() {
		return id.New()
	}
	return uuid.NewSHA1(user, fmt.Appendf(nil, "%s %s %d", e.Kind, e.About, e.Start.UnixMicro()))
}

// Facts are what the text of a message says of an event, as things are when it
// is written.
type Facts struct {
	Start        time.Time // of the appointment; zero: there is none
	Zone         string    // in which Start is shown, unless the reader has one: IANA name
	Practitioner string    // public name
	With         uuid.UUID // the practitioner, who may preview the message; zero: nobody
	Reference    string
	Until        time.Time // by when to act; zero: no matter
	Page         string    // where the reader can act, below the public address; empty: nowhere

	// Visit is the page below the public address, with the token that opens it, by
	// which who reads the message manages the appointment; empty: there is none. It
	// is in the text alone, which is sealed.
	Visit auth.Secret
}

// Source looks up the facts of events of some kinds. It returns ErrOutdated when
// there is nothing to say any more.
type Source func(ctx context.Context, tx *sqldb.Tx, user uuid.UUID, e Event) (Facts, error)

// Write is the job of writing a message about an event.
type Write struct {
	ID, User uuid.UUID // ID is the message's, so that a job that runs twice writes it once
	Event    Event
	Channel  string `json:",omitempty"` // that was asked for; empty: as the user wishes
}

// Kind names the job.
func (Write) Kind() string { return "notify.event" }

// Notify has user told of e once tx commits: over the channel that is named or, if
// none is, as the user wishes. It does not wait for anybody, and nothing that is
// wrong with a channel or an address makes it fail.
func Notify(ctx context.Context, tx *sqldb.Tx, user uuid.UUID, e Event, channel string) error {
	return At(ctx, tx, time.Time{}, user, e, channel)
}

// At is Notify at an instant; now when that is zero. Whether there is still
// something to say is judged then.
func At(ctx context.Context, tx *sqldb.Tx, at time.Time, user uuid.UUID, e Event, channel string) (err error) {
	defer errs.Wrap(&err, "notify user %s of %s", user, e.Kind)
	return jobs.Enqueue(ctx, tx, at, Write{ID: e.message(user), User: user, Event: e, Channel: channel})
}
