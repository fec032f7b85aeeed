package notify

import (
	"context"
	"crypto/ecdh"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/idempotency"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// mostBrowsers is how many subscriptions a user may have.
const mostBrowsers = 10

// Errors that a caller may act on.
var (
	ErrNoPush               = errs.New(errs.NotFound, "push-not-set-up", "This clinic sends no push messages.")
	ErrSubscriptionNotFound = errs.New(errs.NotFound, "push-subscription-not-found", "There is no such subscription.")
	ErrInvalidSubscription  = errs.New(errs.Invalid, "invalid-push-subscription", "This subscription can't be kept as given.")
	ErrTooManySubscriptions = errs.New(errs.Conflict, "too-many-push-subscriptions", "There are 10 subscriptions already; delete one first.")
)

// Subscription is a browser that takes push messages.
type Subscription struct {
	ID        uuid.UUID
	Service   string // the host of the push service
	CreatedAt time.Time
}

// NewSubscription is what a browser says of itself: the parts of a PushSubscription.
type NewSubscription struct {
	Endpoint     phi.Value[string] // https://…
	P256dh, Auth phi.Value[string] // base64url
}

// subscription is one with what it takes to reach the browser.
type subscription struct {
	ID        uuid.UUID `json:"-"`
	CreatedAt time.Time `json:"-"`
	Endpoint  string    `json:"endpoint"`
	P256dh    string    `json:"p256dh"`
	Auth      string    `json:"auth"`

	sealed []byte
}

// service returns the host of the push service.
func (s subscription) service() string {
	u, err := url.Parse(s.Endpoint)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// check returns ErrInvalidSubscription for what no browser says.
func (s subscription) check() error {
	wrong := ErrInvalidSubscription
	u, err := url.Parse(s.Endpoint)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || len(s.Endpoint) > 1000 || !oneLine(s.Endpoint) {
		wrong = wrong.Field("endpoint", "is not an https address of at most 1000 bytes")
	}
	key, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s.P256dh, "="))
	if err == nil {
		_, err = ecdh.P256().NewPublicKey(key)
	}
	if err != nil {
		wrong = wrong.Field("p256dh", "is not a P-256 key in base64url")
	}
	if secret, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s.Auth, "=")); err != nil || len(secret) != 16 {
		wrong = wrong.Field("auth", "is not 16 bytes in base64url")
	}
	if len(wrong.Fields) > 0 {
		return wrong
	}
	return nil
}

// PushKey returns the public key with which browsers subscribe, in base64url. It
// returns ErrNoPush.
func (s *Service) PushKey() (string, error) {
	if p, ok := s.named(ByPush).(*Push); ok {
		return p.public, nil
	}
	return "", ErrNoPush
}

// Subscribe has the caller told by one more browser. One that they have already
// is renewed. It returns ErrNoPush, ErrInvalidSubscription or ErrTooManySubscriptions.
func (s *Service) Subscribe(ctx context.Context, by auth.Actor, n NewSubscription) (_ Subscription, err error) {
	defer errs.Wrap(&err, "subscribe to push messages")
	if by.Anonymous() {
		return Subscription{}, auth.ErrUnauthenticated
	}
	if _, err := s.PushKey(); err != nil {
		return Subscription{}, err
	}
	browser := n.plain()
	if err := browser.check(); err != nil {
		return Subscription{}, err
	}
	event := by.Event("push_subscription.create", "push_subscription", "")
	again := func(ctx context.Context, tx *sqldb.Tx) error { return audit.Record(ctx, tx, event) }
	return idempotency.Do(ctx, s.DB, again, func(ctx context.Context, tx *sqldb.Tx) (Subscription, error) {
		browser, event := browser, event
		browser.CreatedAt = tx.Now()
		var err error
		if browser.ID, err = putSubscription(ctx, tx, s.Seal, by.UserID, browser); err != nil {
			return Subscription{}, err
		}
		if n, err := subscribed(ctx, tx, by.UserID); err != nil {
			return Subscription{}, err
		} else if n > mostBrowsers {
			return Subscription{}, ErrTooManySubscriptions
		}
		event.ResourceID = browser.ID.String()
		return Subscription{browser.ID, browser.service(), browser.CreatedAt}, audit.Record(ctx, tx, event)
	})
}

// Subscriptions lists the caller's own, oldest first.
func (s *Service) Subscriptions(ctx context.Context, by auth.Actor, req page.Request) (p page.Of[Subscription], err error) {
	defer errs.Wrap(&err, "list push subscriptions")
	if by.Anonymous() {
		return p, auth.ErrUnauthenticated
	}
	var after uuid.UUID
	if req.After != "" {
		var ok bool
		if after, ok = id.Parse(req.After); !ok {
			return p, page.ErrCursor
		}
	}
	return audit.Read(ctx, s.DB, by.Intends("push_subscription.list", "push_subscription", ""), func(ctx context.Context, tx *sqldb.Tx, _ *audit.Seen) (page.Of[Subscription], error) {
		all, err := subscriptionsOf(ctx, tx, s.Seal, by.UserID)
		if err != nil {
			return page.Of[Subscription]{}, err
		}
		items := []Subscription{}
		for _, b := range all {
			if slices.Compare(b.ID[:], after[:]) > 0 {
				items = append(items, Subscription{b.ID, b.service(), b.CreatedAt})
			}
		}
		p := page.Cut(items, req, func(s Subscription) string { return s.ID.String() })
		if req.Count {
			p.Total = new(len(all))
		}
		return p, nil
	})
}

// Unsubscribe ends one of the caller's own. It returns ErrSubscriptionNotFound.
func (s *Service) Unsubscribe(ctx context.Context, by auth.Actor, which string) (err error) {
	defer errs.Wrap(&err, "end push subscription")
	if by.Anonymous() {
		return auth.ErrUnauthenticated
	}
	one, ok := id.Parse(which)
	if !ok {
		return ErrSubscriptionNotFound
	}
	return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		switch n, err := deleteSubscription(ctx, tx, by.UserID, one, nil); {
		case err != nil:
			return err
		case n == 0:
			return ErrSubscriptionNotFound
		}
		return audit.Record(ctx, tx, by.Event("push_subscription.delete", "push_subscription", one.String()))
	})
}
