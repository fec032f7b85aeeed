package notify

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// errWritten undoes the second writing of a message, with the link it minted:
// the one that is in the first must stay good.
var errWritten = errors.New("this message was written before")

// writeMail writes a message about an account.
func (s *Service) writeMail(ctx context.Context, job auth.Mail) error {
	return s.write(ctx, Notification{ID: job.ID, User: job.User, Event: Event{Kind: job.Subject}}, ByEmail)
}

// writeEvent writes a message about something else that happened.
func (s *Service) writeEvent(ctx context.Context, job Write) error {
	return s.write(ctx, Notification{ID: job.ID, User: job.User, Event: job.Event}, job.Channel)
}

// write writes a message, and has it delivered. It does nothing for nobody, for a
// user who is gone or does not want it, and for what is over.
func (s *Service) write(ctx context.Context, n Notification, channel string) error {
	if n.User == uuid.Nil {
		return nil
	}
	secret := auth.NewLinkSecret()
	err := s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		n := n
		n.Status, n.CreatedAt, n.UpdatedAt = Pending, tx.Now(), tx.Now()
		by, m, err := s.compose(ctx, tx, &n, channel, secret)
		if err != nil {
			return err
		}
		if n.sealed, err = seal(s.Seal, m); err != nil {
			return err
		}
		if by.Keeps() {
			n.Status = Sent
		} else if err := s.cap(ctx, tx, &n); err != nil {
			return err
		}
		mine, err := insert(ctx, tx, n)
		switch {
		case err != nil:
			return err
		case !mine:
			return errWritten
		case n.Status != Pending:
			return nil
		}
		return s.enqueue(ctx, tx, n)
	})
	if errors.Is(err, errWritten) || errors.Is(err, ErrOutdated) {
		return nil
	}
	return err
}

const (
	mostSMS = 10 // to a user in capDay
	most    = 50 // messages by any channel
	capDay  = 24 * time.Hour
)

// cap makes a message that is too much for its user one that failed. Messages
// about accounts are never too much.
func (s *Service) cap(ctx context.Context, tx *sqldb.Tx, n *Notification) error {
	if n.About == "" {
		return nil
	}
	sms, all, err := recent(ctx, tx, n.User, tx.Now().Add(-capDay))
	if all >= most || n.Channel == BySMS && sms >= mostSMS {
		n.Status, n.LastError, n.sealed = Failed, Capped, nil
	}
	return err
}

// compose chooses the channel and renders the message that n stands for as things
// are now, and mints the link it carries. It returns ErrOutdated when there is
// nothing to say any more, or nobody to say it to.
func (s *Service) compose(ctx context.Context, tx *sqldb.Tx, n *Notification, channel string, secret auth.LinkSecret) (by Channel, m Message, err error) {
	u, err := directory.Recipient(ctx, tx, n.User)
	if errors.Is(err, directory.ErrUserNotFound) {
		err = ErrOutdated
	}
	if err != nil {
		return nil, m, err
	}
	wishes, err := preferencesOf(ctx, tx, u.ID)
	if err != nil {
		return nil, m, err
	}
	l, err := s.letterTo(ctx, tx, u, wishes, *n)
	if err != nil {
		return nil, m, err
	}
	if n.About != "" { // what is about an account goes to its address, whatever its user prefers
		if l.facts, err = s.facts(ctx, tx, *n); err != nil {
			return nil, m, err
		}
		if channel, err = s.wished(ctx, tx, u, wishes.Channels[n.Event.Kind], channel); err != nil {
			return nil, m, err
		}
	}
	by, to, err := s.route(ctx, tx, u, n, channel)
	if err != nil {
		return nil, m, err
	}
	newAddress := ""
	if n.Event.Kind == auth.MailEmail {
		if newAddress, err = auth.PendingEmail(ctx, tx, n.User); err != nil {
			return nil, m, err
		}
		if newAddress == "" {
			return nil, m, ErrOutdated
		}
		to = phi.Of(newAddress)
	}
	if purpose := purposes[n.Event.Kind]; purpose != "" {
		if l.ends, err = auth.MintLink(ctx, tx, secret, n.User, purpose, newAddress); err != nil {
			return nil, m, err
		}
		l.token = secret.Token()
	}
	r, err := l.render()
	return by, Message{ID: n.ID, To: to, Subject: r.subject, Text: r.text, HTML: r.html, Page: l.facts.Page, At: n.UpdatedAt}, err
}

// letterTo begins the letter that n stands for.
func (s *Service) letterTo(ctx context.Context, tx *sqldb.Tx, u directory.User, wishes Preferences, n Notification) (letter, error) {
	clinic, err := directory.ClinicName(ctx, tx, s.Clinic)
	return letter{event: n.Event, language: wishes.Language, name: u.Name, zone: u.TimeZone, clinic: clinic, url: s.PublicURL, at: n.CreatedAt}, err
}

// facts looks up what there is to say.
func (s *Service) facts(ctx context.Context, tx *sqldb.Tx, n Notification) (Facts, error) {
	source := s.Sources[n.Event.Kind]
	if source == nil {
		return Facts{}, nil
	}
	return source(ctx, tx, n.User, n.Event)
}

// wished returns the channel for a message to a user: the one that was asked for,
// the one that they prefer, or e-mail. It returns ErrOutdated for who does not want
// it, and for who has not shown that their address is theirs.
func (s *Service) wished(ctx context.Context, tx *sqldb.Tx, u directory.User, preferred, asked string) (string, error) {
	verified, err := auth.Verified(ctx, tx, u.ID)
	if err != nil {
		return "", err
	}
	if !verified {
		return "", ErrOutdated
	}
	if asked == "" && preferred == ByNone {
		return "", ErrOutdated
	}
	return cmp.Or(asked, preferred, ByEmail), nil
}

// route returns the channel that a message takes, and where it finds the user. If
// the wanted one is not set up, or does not find them, it is the first that does,
// and the message says so. Where none does, and for messages about accounts where
// there is no e-mail, it is the Outbox: a telephone number is nobody's until it was
// shown to be, and links to accounts are not sent there.
func (s *Service) route(ctx context.Context, tx *sqldb.Tx, u directory.User, n *Notification, wanted string) (Channel, phi.Value[string], error) {
	c := s.named(wanted)
	n.Note = NoChannel
	if c != nil {
		if to, err := c.Address(ctx, tx, u); err != nil || !to.IsZero() {
			n.Note = ""
			return takes(c, to, n, err)
		}
		n.Note = NoAddress
	}
	n.Wanted = wanted
	for _, c := range s.Channels {
		if c.Name() == wanted || c.Keeps() || n.About == "" {
			continue
		}
		if to, err := c.Address(ctx, tx, u); err != nil || !to.IsZero() {
			return takes(c, to, n, err)
		}
	}
	if wanted == ByEmail {
		n.Wanted, n.Note = "", "" // the outbox is for what would be e-mail
	}
	return takes(Outbox{}, u.Email, n, nil)
}

// takes says that a message goes by c.
func takes(c Channel, to phi.Value[string], n *Notification, err error) (Channel, phi.Value[string], error) {
	n.Channel = c.Name()
	return c, to, err
}

// purposes are what the links of messages are good for. Other messages have none.
var purposes = map[auth.Subject]auth.Purpose{
	auth.MailVerify: auth.PurposeVerify,
	auth.MailReset:  auth.PurposeReset,
	auth.MailEmail:  auth.PurposeEmail,
}
