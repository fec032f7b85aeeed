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
//   - Delivery is at least once. A repeat has the same key: Message-ID,
//     Idempotency-Key or webhook-id. One that an admin sends again has another.
//   - Each channel has workers of its own, so that a provider that hangs holds up
//     nothing else; and one that is down is asked once a minute.
//   - Nobody gets more than 10 SMS and 50 messages in 24 hours, nor an SMS in their
//     quiet hours. Messages about accounts, which go by e-mail only, do not count.
//   - What a message says is in the database only sealed, and only until it went
//     out or failed for good. Messages of a channel that keeps them, the outbox,
//     can be read by admins for 30 days. Rows are deleted after 90.
//   - No subject line, log, error or column tells who somebody is or what a mail
//     server said.
//   - A message with a link that is sent again has a new link.
package notify

import (
	"context"
	"strconv"
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

// key is what a provider knows repeats of the message by. An admin who sends it
// again means it: what a provider remembers of the first time must not stand in
// the way, and it says something else, for its link is new.
func (n Notification) key() string {
	if n.UpdatedAt.Equal(n.CreatedAt) {
		return n.ID.String()
	}
	return n.ID.String() + "." + strconv.FormatInt(n.UpdatedAt.UnixMicro(), 36)
}

// Message is what is sent.
type Message struct {
	ID      uuid.UUID
	Key     string // of its delivery: the same at each attempt, another when it is sent again
	User    uuid.UUID
	Kind    Kind
	About   string            // as in Event
	To      phi.Value[string] // where the channel finds the user: what its Address said
	Subject string            // one line without personal data
	Text    phi.Value[string] // plain text, its lines are ended by \n
	HTML    phi.Value[string] // the same as a page; may be empty
	Page    string            // as in Facts
	At      time.Time         // when it was written
	Tried   time.Time         // when this attempt began
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
	Address(ctx context.Context, tx *sqldb.Tx, u directory.User) (phi.Value[string], error)
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
func (Outbox) Address(_ context.Context, _ *sqldb.Tx, u directory.User) (phi.Value[string], error) {
	return u.Email, nil
}

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
	Rejected    Class = "rejected"     // the server refused the message for good
	Deferred    Class = "deferred"     // the server refused it for now
	Throttled   Class = "throttled"    // the server wants fewer messages, or later
	ServerError Class = "server-error" // the server says that it failed, or something that makes no sense
	Login       Class = "login"        // the server refused our user name, password or token
	Timeout     Class = "timeout"      // no answer in time
	Refused     Class = "refused"      // nobody listens there
	Unreachable Class = "unreachable"  // no such host, no way to it, or the connection broke
	TLS         Class = "tls"          // no encryption, or not with whom we wanted
	Unsendable  Class = "unsendable"   // the address or the text can't be put into a message
	NoChannel   Class = "no-channel"   // the channel it was written for is not set up, or not any more
	NoAddress   Class = "no-address"   // the user can't be found by the channel
	Unreadable  Class = "unreadable"   // the key it was sealed with is not there
	Prohibited  Class = "prohibited"   // the address is one that this program does not speak to
	QuietHours  Class = "quiet-hours"  // there was no hour in which an SMS may come
	Capped      Class = "capped"       // the user got as many messages as one gets in a day
	Restored    Class = "restored"     // it may have been sent before the database was restored from a backup
)

// Failure is why a message was not sent.
type Failure struct {
	Class Class
	Final bool          // trying again is of no use
	Alone bool          // it says nothing of the channel's other messages
	After time.Duration // how long the provider wants to be left alone; zero: it did not say
	At    time.Time     // or until when
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

	Clinic    string // who writes; as the directory has it when empty
	PublicURL string // where people find the pages that links lead to

	runner   *jobs.Runner // nil until Work is called
	breakers breakers
}

// Deliver is the job of sending a message that was written.
type Deliver struct {
	ID      uuid.UUID
	Channel string `json:",omitempty"`
}

// Kind names the job.
func (Deliver) Kind() string { return "notify.deliver" }

// Lane has each channel deliver by itself.
func (d Deliver) Lane() string { return d.Channel }

// Once is the message's id.
func (d Deliver) Once() uuid.UUID { return d.ID }

// Work registers the package's jobs.
func (s *Service) Work(r *jobs.Runner) {
	s.runner = r
	for _, c := range s.Channels {
		if !c.Keeps() {
			r.Lane(c.Name())
		}
	}
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
func (s *Service) enqueue(ctx context.Context, tx *sqldb.Tx, n Notification) error {
	if s.runner != nil {
		tx.AfterCommit(s.runner.Nudge)
	}
	return jobs.Enqueue(ctx, tx, tx.Now(), Deliver{ID: n.ID, Channel: n.Channel})
}
