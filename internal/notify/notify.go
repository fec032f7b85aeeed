// Package notify tells people what concerns them: one service, many channels.
//
// A part of the program that has something to say enqueues a job in its own
// transaction. Its worker here writes the message: it reads the user, renders
// the text, seals it and keeps it as a row of notifications, all in one
// transaction, under the id that the job carries, so that a job that runs twice
// writes once. Delivery is a second job, which sends outside of any transaction
// and then marks the row.
//
// Rules that it keeps:
//
//   - Delivery is at least once. A repeat has the same Message-ID.
//   - What a message says is in the database only sealed, and only until it went
//     out or failed for good. Messages of a channel that keeps them, the outbox,
//     can be read by admins for 30 days. Rows are deleted after 90.
//   - No subject line, log, error or column tells who somebody is or what a mail
//     server said.
//   - A message with a link that is sent again has a new link.
package notify

import (
	"context"
	"time"

	"github.com/google/uuid"

	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/jobs"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// Errors that a caller may act on.
var (
	ErrNotFound    = errs.New(errs.NotFound, "notification-not-found", "There is no such message, or it can't be read.")
	ErrAlreadySent = errs.New(errs.Conflict, "already-sent", "This message was sent already.")
	ErrOutdated    = errs.New(errs.Conflict, "message-outdated", "There is nothing to send any more: what this message was about is over.")
)

const (
	tryFor   = 24 * time.Hour      // how long a message is tried again, from its writing on
	readable = 30 * 24 * time.Hour // how long a message that a channel keeps can be read
	keep     = 90 * 24 * time.Hour // how long it is known that there was a message
)

// Status is how far a message has come.
type Status string

// The statuses of messages.
const (
	Pending Status = "pending" // it is tried, perhaps again
	Sent    Status = "sent"    // the next server has it, or the channel keeps it
	Failed  Status = "failed"  // it is not tried any more
)

// Notification is what is known of a message beside what it says.
type Notification struct {
	ID        uuid.UUID
	User      uuid.UUID
	Event     // what it tells of; About and By are empty for accounts
	Channel   string
	Wanted    string // the channel that it was meant for, if it took another; empty: this one
	Note      Class  // why it took another
	Status    Status
	Attempts  int
	LastError Class // of the last attempt that failed; empty when none did
	CreatedAt time.Time
	UpdatedAt time.Time // when it got its status

	patient bool // the user is one
	sealed  []byte
}

// patients returns whose data the message is.
func (n Notification) patients() []uuid.UUID {
	if n.patient {
		return []uuid.UUID{n.User}
	}
	return nil
}

// Message is what is sent.
type Message struct {
	ID      uuid.UUID
	To      phi.Value[string] // where the channel finds the user; an e-mail address
	Subject string            // one line without personal data
	Text    phi.Value[string] // plain text, its lines are ended by \n
	HTML    phi.Value[string] // the same as a page; may be empty
	At      time.Time         // when it was written
}

// Sealer keeps what messages say from who sees the database. associated is
// authenticated with the text. Its methods are safe for concurrent use.
type Sealer interface {
	Seal(plaintext, associated []byte) ([]byte, error)
	Unseal(sealed, associated []byte) ([]byte, error)
}

// The names of channels that are known by name; others may be added.
const (
	ByEmail = "email"
	BySMS   = "sms"
	ByPush  = "push"
	ByNone  = "off" // as a preference: not at all
)

// Channel takes messages to people. To add one, write a type and give it a place in
// Service.Channels.
type Channel interface {
	// Name is what the channel is called in the database, and where people choose.
	Name() string
	// Address is where the channel finds a user; absent: nowhere.
	Address(u directory.User) phi.Value[string]
	// Keeps reports whether messages do not leave the program: they count as sent
	// when they are written, and staff can read them.
	Keeps() bool
	// Send takes a message out. It runs outside of any transaction, at most for as
	// long as a job may take, perhaps twice. Its error is a *Failure.
	Send(ctx context.Context, m Message) error
}

// Outbox is the channel of an installation that sends nothing outside.
type Outbox struct{}

// Address returns the user's e-mail address.
func (Outbox) Address(u directory.User) phi.Value[string] { return u.Email }

// Name returns "outbox".
func (Outbox) Name() string { return "outbox" }

// Keeps returns true.
func (Outbox) Keeps() bool { return true }

// Send has nothing to do.
func (Outbox) Send(context.Context, Message) error { return nil }

// Class says why an attempt failed, in one word that tells nothing of a person
// or of what a server said.
type Class string

// The classes of failures.
const (
	Rejected    Class = "rejected"    // the server refused the message for good
	Deferred    Class = "deferred"    // the server refused it for now
	Login       Class = "login"       // the server refused our user name or password
	Timeout     Class = "timeout"     // no answer in time
	Refused     Class = "refused"     // nobody listens there
	Unreachable Class = "unreachable" // no such host, no way to it, or the connection broke
	TLS         Class = "tls"         // no encryption, or not with whom we wanted
	Unsendable  Class = "unsendable"  // the address or the text can't be put into a message
	NoChannel   Class = "no-channel"  // the channel it was written for is not set up, or not any more
	NoAddress   Class = "no-address"  // the user can't be found by the channel
	Unreadable  Class = "unreadable"  // the key it was sealed with is not there
)

// Failure is why a message was not sent.
type Failure struct {
	Class Class
	Final bool // trying again is of no use
}

// Error says the class and no more.
func (f *Failure) Error() string { return "not sent: " + string(f.Class) }

// Service writes messages, sends them, and shows staff what became of them. Its
// fields must be set before Work is called and not changed afterwards; its
// methods are safe for concurrent use.
type Service struct {
	DB   *sqldb.DB
	Seal Sealer

	// Channels are those that messages can go out by. The first one is for whoever
	// can't be reached as wished. With none, all stays in the Outbox.
	Channels []Channel

	// Sources look up the facts of events, by their kinds.
	Sources map[Kind]Source

	Clinic    string // who writes; "Medbook" when empty
	PublicURL string // where people find the pages that links lead to

	runner *jobs.Runner // nil until Work is called
}

// Deliver is the job of sending a message that was written.
type Deliver struct{ ID uuid.UUID }

// Kind names the job.
func (Deliver) Kind() string { return "notify.deliver" }

// Work registers the package's jobs.
func (s *Service) Work(r *jobs.Runner) {
	s.runner = r
	jobs.Handle(r, s.writeMail)
	jobs.Handle(r, s.writeEvent)
	jobs.Handle(r, s.deliver)
	r.Every(time.Hour, "notify.prune", s.prune)
}

// named returns the channel of that name, nil if it is not set up.
func (s *Service) named(name string) Channel {
	for _, c := range s.Channels {
		if c.Name() == name {
			return c
		}
	}
	return nil
}

// enqueue makes a message's delivery due, and has it begin when tx is on disk.
func (s *Service) enqueue(ctx context.Context, tx *sqldb.Tx, which uuid.UUID) error {
	if s.runner != nil {
		tx.AfterCommit(s.runner.Nudge)
	}
	return jobs.Enqueue(ctx, tx, tx.Now(), Deliver{ID: which})
}
