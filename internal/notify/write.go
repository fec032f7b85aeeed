package notify

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// errWritten undoes the second writing of a message, with the link it minted:
// the one that is in the first must stay good.
var errWritten = errors.New("this message was written before")

// write writes the message that the job asks for, and has it delivered. It does
// nothing for nobody, for a user who is gone, and for what is over.
func (s *Service) write(ctx context.Context, job auth.Mail) error {
	if job.User == uuid.Nil {
		return nil
	}
	secret := auth.NewLinkSecret()
	err := s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		channel, now := s.channel(), tx.Now()
		n := Notification{
			ID: job.ID, User: job.User, Kind: job.Subject, Channel: channel.Name(), Status: Pending,
			CreatedAt: now, UpdatedAt: now,
		}
		m, err := s.compose(ctx, tx, n, secret)
		if err != nil {
			return err
		}
		if n.sealed, err = seal(s.Seal, m); err != nil {
			return err
		}
		if channel.Keeps() {
			n.Status = Sent
		}
		mine, err := insert(ctx, tx, n)
		switch {
		case err != nil:
			return err
		case !mine:
			return errWritten
		case n.Status == Sent:
			return nil
		}
		return s.enqueue(ctx, tx, n.ID)
	})
	if errors.Is(err, errWritten) || errors.Is(err, ErrOutdated) {
		return nil
	}
	return err
}

// compose renders the message that n stands for as things are now, and mints the
// link it carries. It returns ErrOutdated when there is nothing to say any more.
func (s *Service) compose(ctx context.Context, tx *sqldb.Tx, n Notification, secret auth.LinkSecret) (m Message, err error) {
	u, err := directory.Recipient(ctx, tx, n.User)
	if errors.Is(err, directory.ErrUserNotFound) {
		err = ErrOutdated
	}
	if err != nil {
		return m, err
	}
	l := letter{kind: n.Kind, name: u.Name, zone: u.TimeZone, clinic: s.Clinic, url: s.PublicURL, at: n.CreatedAt}
	to, newAddress := u.Email, ""
	if n.Kind == auth.MailEmail {
		if newAddress, err = auth.PendingEmail(ctx, tx, n.User); err != nil {
			return m, err
		}
		if newAddress == "" {
			return m, ErrOutdated
		}
		to = phi.Of(newAddress)
	}
	if purpose := purposes[n.Kind]; purpose != "" {
		if l.ends, err = auth.MintLink(ctx, tx, secret, n.User, purpose, newAddress); err != nil {
			return m, err
		}
		l.token = secret.Token()
	}
	subject, text, err := l.render()
	return Message{ID: n.ID, To: to, Subject: subject, Text: text, At: n.UpdatedAt}, err
}

// purposes are what the links of messages are good for. Other messages have none.
var purposes = map[auth.Subject]auth.Purpose{
	auth.MailVerify: auth.PurposeVerify,
	auth.MailReset:  auth.PurposeReset,
	auth.MailEmail:  auth.PurposeEmail,
}
