package notify

import (
	"cmp"
	"context"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/idempotency"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// Filter narrows a list of messages. Its zero value matches all.
type Filter struct {
	User    string // an unknown one has no messages
	Status  Status
	Channel string
	Legible bool // only those that can be read
}

// Notifications lists messages without what they say, newest first. Only admins
// see them.
func (s *Service) Notifications(ctx context.Context, by auth.Actor, f Filter, req page.Request) (p page.Of[Notification], err error) {
	defer errs.Wrap(&err, "list notifications")
	in := by.Intends("notification.list", "notification", "")
	if !by.Is(auth.Admin) {
		return p, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	return audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (page.Of[Notification], error) {
		p, err := pageOf(ctx, tx, f, req)
		for _, n := range p.Items {
			seen.Row(n.patients()...)
		}
		return p, err
	})
}

// Outbox lists the messages that Message shows.
func (s *Service) Outbox(ctx context.Context, by auth.Actor, req page.Request) (page.Of[Notification], error) {
	return s.Notifications(ctx, by, Filter{Channel: Outbox{}.Name(), Legible: true}, req)
}

// Message returns what a message of the outbox says, to admins. It returns
// ErrNotFound for one that went out by another channel or is older than 30 days.
func (s *Service) Message(ctx context.Context, by auth.Actor, message string) (m Message, err error) {
	defer errs.Wrap(&err, "read message")
	in := by.Intends("message.read", "notification", "")
	if !by.Is(auth.Admin) {
		return m, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	which, ok := id.Parse(message)
	if !ok {
		return m, ErrNotFound
	}
	in.ResourceID = which.String()
	n, err := audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (Notification, error) {
		n, err := byID(ctx, tx, which)
		if err == nil && (n.Channel != Outbox{}.Name() || n.sealed == nil) {
			err = ErrNotFound
		}
		seen.Row(n.patients()...)
		return n, err
	})
	if err != nil {
		return m, err
	}
	return unseal(s.Seal, n)
}

// Resend has a message that failed written anew, to where its user is found now
// and with a new link if it has one, and delivered. One that is still pending
// stays as it is. Only admins do.
//
// It returns auth.ErrForbidden, ErrNotFound, ErrAlreadySent or ErrOutdated.
func (s *Service) Resend(ctx context.Context, by auth.Actor, notification string) (n Notification, err error) {
	defer errs.Wrap(&err, "resend notification")
	event := by.Event("notification.resend", "notification", "")
	if !by.Is(auth.Admin) {
		return n, audit.Refuse(ctx, s.DB, audit.Intent{Event: event}, auth.ErrForbidden)
	}
	which, ok := id.Parse(notification)
	if !ok {
		return n, ErrNotFound
	}
	event.ResourceID = which.String()
	again := func(ctx context.Context, tx *sqldb.Tx) error {
		n, err := byID(ctx, tx, which)
		if err != nil {
			return nil //nolint:nilerr // the answer was a refusal, or the message is forgotten since
		}
		event := event
		event.Patients = n.patients()
		return audit.Record(ctx, tx, event)
	}
	secret := auth.NewLinkSecret()
	return idempotency.Do(ctx, s.DB, again, func(ctx context.Context, tx *sqldb.Tx) (Notification, error) {
		if err := lock(ctx, tx, which); err != nil {
			return Notification{}, err
		}
		n, err := byID(ctx, tx, which)
		switch {
		case err != nil:
			return Notification{}, err
		case n.Status == Sent:
			return Notification{}, ErrAlreadySent
		case n.Status == Failed:
			if n, err = s.rewrite(ctx, tx, n, secret); err != nil {
				return Notification{}, err
			}
		}
		event := event
		event.Patients = n.patients()
		return n, audit.Record(ctx, tx, event)
	})
}

// rewrite makes a locked message that failed pending, as if it were new.
func (s *Service) rewrite(ctx context.Context, tx *sqldb.Tx, n Notification, secret auth.LinkSecret) (Notification, error) {
	channel := cmp.Or(n.Wanted, n.Channel)
	if channel == (Outbox{}).Name() {
		channel = ByEmail
	}
	n.Wanted, n.Note, n.Status, n.LastError, n.UpdatedAt = "", "", Pending, "", tx.Now()
	by, m, err := s.compose(ctx, tx, &n, channel, secret)
	if err != nil {
		return n, err
	}
	if n.sealed, err = seal(s.Seal, m); err != nil {
		return n, err
	}
	if by.Keeps() {
		n.Status = Sent
	}
	if err := replace(ctx, tx, n); err != nil || n.Status == Sent {
		return n, err
	}
	return n, s.enqueue(ctx, tx, n)
}

// Forget deletes all messages to a user, sent or not.
func Forget(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) (err error) {
	defer errs.Wrap(&err, "forget messages to %s", user)
	return deleteOf(ctx, tx, user)
}

// MessagesTo lists what is known of the messages to a user, the oldest first.
func MessagesTo(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) (list []Notification, err error) {
	defer errs.Wrap(&err, "list messages to %s", user)
	return messagesTo(ctx, tx, user)
}
