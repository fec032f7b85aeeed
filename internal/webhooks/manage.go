package webhooks

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/etag"
	"medbook/internal/id"
	"medbook/internal/sqldb"
)

// NewWebhook is what a webhook is made of.
type NewWebhook struct {
	URL   string
	Kinds []string
}

// Create subscribes an address to events of some kinds, and returns the secret that
// they are signed with, which is shown this once. Only admins do, with a fresh proof
// that it is them.
//
// It returns auth.ErrForbidden, auth.ErrStepUp, ErrInvalidWebhook or ErrTooMany.
func (s *Service) Create(ctx context.Context, by auth.Actor, n NewWebhook) (w Webhook, secret string, err error) {
	defer errs.Wrap(&err, "create webhook")
	in := by.Intends("webhook.create", "webhook", "")
	if err := s.mayMakeSecrets(by); err != nil {
		return w, "", audit.Refuse(ctx, s.DB, in, err)
	}
	w = Webhook{ID: id.New(), URL: n.URL, Enabled: true, CreatedBy: by.UserID, Version: 1}
	wrong := s.judgeURL(ErrInvalidWebhook, n.URL)
	if w.Kinds, wrong = judgeKinds(wrong, n.Kinds); len(wrong.Fields) > 0 {
		return Webhook{}, "", wrong
	}
	if secret, w.secret, err = s.newSecret(w.ID); err != nil {
		return Webhook{}, "", err
	}
	in.ResourceID = w.ID.String()
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		w.CreatedAt = tx.Now()
		n, err := countWebhooks(ctx, tx)
		if err == nil && n >= mostWebhooks {
			err = ErrTooMany
		}
		if err != nil {
			return err
		}
		if err := insertWebhook(ctx, tx, w); err != nil {
			return err
		}
		return audit.Record(ctx, tx, in.Event)
	})
	if err != nil {
		return Webhook{}, "", err
	}
	return w, secret, nil
}

// mayMakeSecrets judges who makes secrets and sends data to a new place: admins, with
// a fresh proof that it is them.
func (s *Service) mayMakeSecrets(by auth.Actor) error {
	if !by.Is(auth.Admin) {
		return auth.ErrForbidden
	}
	return by.StepUp(auth.StepUpWebhooks, s.DB.Now())
}

// Change changes a webhook; nil leaves a field.
type Change struct {
	URL     *string
	Kinds   []string // nil: as they are
	Enabled *bool
}

// Change changes a webhook. match must name the version that was read. Only admins
// do; who has events sent elsewhere needs a fresh proof that it is them.
//
// It returns auth.ErrForbidden, auth.ErrStepUp, ErrNotFound, etag.ErrMissing,
// etag.ErrStale or ErrInvalidWebhook.
func (s *Service) Change(ctx context.Context, by auth.Actor, webhook string, match etag.Match, c Change) (w Webhook, err error) {
	defer errs.Wrap(&err, "change webhook")
	err = s.edit(ctx, by, "webhook.change", webhook, nil, func(ctx context.Context, tx *sqldb.Tx, old Webhook) error {
		if err := match.Check(old.ETag()); err != nil {
			return err
		}
		if c.URL != nil && *c.URL != old.URL {
			if err := by.StepUp(auth.StepUpWebhooks, tx.Now()); err != nil {
				return err
			}
		}
		w = old
		if err := s.apply(&w, c); err != nil {
			return err
		}
		w.Version++
		return updateWebhook(ctx, tx, w)
	})
	if err != nil {
		return Webhook{}, err
	}
	return w, nil
}

// apply judges what is to be another, and only that: who is to be disabled may have an
// address that is not allowed any more.
func (s *Service) apply(w *Webhook, c Change) (err error) {
	wrong := ErrInvalidWebhook
	if c.URL != nil && *c.URL != w.URL {
		w.URL = *c.URL
		wrong = s.judgeURL(wrong, w.URL)
	}
	if c.Kinds != nil {
		w.Kinds, wrong = judgeKinds(wrong, c.Kinds)
	}
	if c.Enabled != nil {
		w.Enabled = *c.Enabled
	}
	if len(wrong.Fields) > 0 {
		return wrong
	}
	return nil
}

// judgeURL adds to wrong what is wrong with an address.
func (s *Service) judgeURL(wrong *errs.Error, url string) *errs.Error {
	if what := s.checkURL(url); what != "" {
		return wrong.Field("url", what)
	}
	return wrong
}

// judgeKinds returns the kinds that were asked for in their order, each once, and adds
// to wrong what is wrong with them.
func judgeKinds(wrong *errs.Error, names []string) ([]Kind, *errs.Error) {
	asked := map[Kind]bool{}
	for _, name := range names {
		k, ok := kindOf(name)
		if !ok {
			wrong = wrong.Field("kinds", "holds what is no kind of event")
		}
		asked[k] = true
	}
	if len(names) == 0 {
		wrong = wrong.Field("kinds", "is empty")
	}
	return slices.DeleteFunc(Kinds(), func(k Kind) bool { return !asked[k] }), wrong
}

// edit runs step on a locked webhook, in one transaction with its record. may judges
// beyond the role; nil lets all admins.
func (s *Service) edit(ctx context.Context, by auth.Actor, action, webhook string, may func(auth.Actor) error,
	step func(ctx context.Context, tx *sqldb.Tx, w Webhook) error,
) error {
	in, which, err := about(by, action, webhook, may)
	if err == nil {
		err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
			w, err := webhookByID(ctx, tx, which, tx.ForUpdate())
			if err != nil {
				return found(err, ErrNotFound)
			}
			if err := step(ctx, tx, w); err != nil {
				return err
			}
			return audit.Record(ctx, tx, in.Event)
		})
	}
	return audit.Refuse(ctx, s.DB, in, err)
}

// about judges the role, and reads the id of a webhook.
func about(by auth.Actor, action, webhook string, may func(auth.Actor) error) (in audit.Intent, which uuid.UUID, err error) {
	in = by.Intends(action, "webhook", "")
	if !by.Is(auth.Admin) {
		return in, which, auth.ErrForbidden
	}
	if may != nil {
		if err := may(by); err != nil {
			return in, which, err
		}
	}
	which, ok := id.Parse(webhook)
	if !ok {
		return in, which, ErrNotFound
	}
	in.ResourceID = which.String()
	return in, which, nil
}

// Remove ends a subscription; what is on its way is not sent. match must name the
// version that was read. Only admins do.
//
// It returns auth.ErrForbidden, ErrNotFound, etag.ErrMissing or etag.ErrStale.
func (s *Service) Remove(ctx context.Context, by auth.Actor, webhook string, match etag.Match) (err error) {
	defer errs.Wrap(&err, "remove webhook")
	return s.edit(ctx, by, "webhook.remove", webhook, nil, func(ctx context.Context, tx *sqldb.Tx, w Webhook) error {
		if err := match.Check(w.ETag()); err != nil {
			return err
		}
		return deleteWebhook(ctx, tx, w.ID)
	})
}

// RotateSecret gives a webhook a new secret, which is shown this once. The one that
// it had signs too for 24 hours, exclusive; one before that does not any more. Only
// admins do, with a fresh proof that it is them.
//
// It returns auth.ErrForbidden, auth.ErrStepUp or ErrNotFound.
func (s *Service) RotateSecret(ctx context.Context, by auth.Actor, webhook string) (w Webhook, secret string, err error) {
	defer errs.Wrap(&err, "rotate webhook secret")
	var sealed []byte
	if which, ok := id.Parse(webhook); ok {
		if secret, sealed, err = s.newSecret(which); err != nil {
			return w, "", err
		}
	}
	err = s.edit(ctx, by, "webhook.rotate_secret", webhook, s.mayMakeSecrets, func(ctx context.Context, tx *sqldb.Tx, old Webhook) error {
		w = old
		w.secret, w.old, w.OldUntil = sealed, old.secret, tx.Now().Add(overlap)
		w.Version++
		return updateWebhook(ctx, tx, w)
	})
	if err != nil {
		return Webhook{}, "", err
	}
	return w, secret, nil
}
