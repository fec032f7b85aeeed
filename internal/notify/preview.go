package notify

import (
	"context"
	"errors"
	"slices"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// Draft is what a message would say.
type Draft struct {
	Channel string // by which it would go; ByNone: its user would not be told
	Subject string
	Text    phi.Value[string]
}

// Preview writes what a user would be told of e if it happened now, in their
// language, and keeps nothing: e is not of an account, its By is the caller's role,
// and its Start when a moved appointment would begin. Admins may look, and the
// practitioner whom e is about.
//
// It returns auth.ErrForbidden, or ErrNotFound for what can't happen to that user
// or is not the caller's.
func (s *Service) Preview(ctx context.Context, by auth.Actor, user string, e Event) (d Draft, err error) {
	defer errs.Wrap(&err, "preview message")
	in := by.Intends("message.preview", "user", "")
	if !by.Is(auth.Admin, auth.Practitioner) {
		return d, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	which, ok := id.Parse(user)
	if !ok || e.About == "" || s.Sources[e.Kind] == nil {
		return d, audit.Refuse(ctx, s.DB, in, ErrNotFound)
	}
	in.ResourceID = which.String()
	e.Ahead, e.By = true, string(by.Role)
	return audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (Draft, error) {
		d, err := s.draft(ctx, tx, by, Notification{User: which, Event: e, CreatedAt: tx.Now()})
		if errors.Is(err, ErrOutdated) || errors.Is(err, directory.ErrUserNotFound) {
			err = ErrNotFound
		}
		seen.Row(which)
		return d, err
	})
}

// draft renders what n stands for as write would, for who may see it.
func (s *Service) draft(ctx context.Context, tx *sqldb.Tx, by auth.Actor, n Notification) (d Draft, err error) {
	u, err := directory.Recipient(ctx, tx, n.User)
	if err != nil {
		return d, err
	}
	wishes, err := preferencesOf(ctx, tx, u.ID)
	if err != nil {
		return d, err
	}
	l, err := s.letterTo(ctx, tx, u, wishes, n)
	if err != nil {
		return d, err
	}
	if l.facts, err = s.facts(ctx, tx, n); err != nil {
		return d, err
	}
	if !by.Is(auth.Admin) && l.facts.With != by.PractitionerID {
		return d, ErrNotFound
	}
	return s.routed(ctx, tx, u, l, n, wishes.Channels[n.Event.Kind], "")
}

// routed renders a letter, and says by which channel it would go: the one that is
// asked for, or the one that its user prefers.
func (s *Service) routed(ctx context.Context, tx *sqldb.Tx, u directory.User, l letter, n Notification, preferred, asked string) (d Draft, err error) {
	r, err := l.render()
	if err != nil {
		return d, err
	}
	d = Draft{Channel: ByNone, Subject: r.subject, Text: r.text}
	channel, err := s.wished(ctx, tx, u, preferred, asked)
	if errors.Is(err, ErrOutdated) {
		return d, nil // it would not be sent
	}
	if err == nil {
		_, _, err = s.route(ctx, tx, u, &n, channel)
		d.Channel = n.Channel
	}
	return d, err
}

// PreviewOver is Preview of what goes by the channel that is asked for and of which
// nothing is looked up, such as an order that is not placed yet. Admins may look.
//
// It returns auth.ErrForbidden, or ErrNotFound for what can't happen to that user.
func (s *Service) PreviewOver(ctx context.Context, by auth.Actor, user string, kind Kind, channel string) (d Draft, err error) {
	defer errs.Wrap(&err, "preview message")
	in := by.Intends("message.preview", "user", "")
	if !by.Is(auth.Admin) {
		return d, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	which, ok := id.Parse(user)
	if !ok || s.Sources[kind] != nil || !slices.Contains(Choosable, kind) {
		return d, audit.Refuse(ctx, s.DB, in, ErrNotFound)
	}
	in.ResourceID = which.String()
	return audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (Draft, error) {
		u, err := directory.Recipient(ctx, tx, which)
		if errors.Is(err, directory.ErrUserNotFound) {
			return Draft{}, ErrNotFound
		}
		if err != nil {
			return Draft{}, err
		}
		wishes, err := preferencesOf(ctx, tx, u.ID)
		if err != nil {
			return Draft{}, err
		}
		// It will be about something of the user that has no id yet.
		n := Notification{User: which, Event: Event{Kind: kind, About: which.String(), By: string(by.Role), Ahead: true}, CreatedAt: tx.Now()}
		l, err := s.letterTo(ctx, tx, u, wishes, n)
		if err != nil {
			return Draft{}, err
		}
		if u.Role == auth.Patient {
			seen.Row(which)
		} else {
			seen.Row()
		}
		return s.routed(ctx, tx, u, l, n, wishes.Channels[kind], channel)
	})
}
