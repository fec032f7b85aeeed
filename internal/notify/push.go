package notify

import (
	"cmp"
	"context"
	"crypto/ecdh"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"code.dny.dev/ssrf"
	"github.com/SherClockHolmes/webpush-go"
	"github.com/google/uuid"

	"medbook/internal/directory"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// Pushing says how browsers are told. The zero Pushing is: not at all.
type Pushing struct {
	Contact string            // whom push services write to about us: an e-mail address, or https://…
	Private phi.Value[string] // the VAPID key: 32 bytes in base64url. A new one makes all subscriptions useless
	Allowed []netip.Prefix    // private networks where push services may be, at any port; none: only public ones, at 443
	Roots   *x509.CertPool    // who may vouch for push services; nil: whom the system trusts
	Timeout time.Duration     // of one browser; 10 s when zero
}

// Push tells browsers, by the push services that their makers run (RFC 8030). A
// browser is told the subject line and the page, nothing personal, though it is
// encrypted for the browser alone. The address of the service comes from the user:
// it is https, and leads to no private network.
//
// A message is sent when one of its user's browsers has it. What a service does
// wrong counts against that service only.
type Push struct {
	DB   *sqldb.DB
	Seal Sealer

	public, private string // base64url
	contact         string
	client          *http.Client
	timeout         time.Duration
	breakers        breakers // by service
}

// NewPush returns a channel that pushes as c says; DB and Seal must be set before
// it is used. The error says what of c can't be.
func NewPush(c Pushing) (*Push, error) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(c.Private.Reveal(), "="))
	if err != nil {
		return nil, errors.New("the VAPID key is not base64url")
	}
	key, err := ecdh.P256().NewPrivateKey(raw)
	if err != nil {
		return nil, errors.New("the VAPID key is not one of P-256")
	}
	contact := strings.TrimPrefix(c.Contact, "mailto:")
	if !oneLine(contact) || !strings.HasPrefix(contact, "https://") && !strings.Contains(contact, "@") {
		return nil, errors.New("push services want to know whom to write to: an e-mail address, or https://…")
	}
	return &Push{
		public:  base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes()),
		private: base64.RawURLEncoding.EncodeToString(raw),
		contact: contact, client: guarded(c), timeout: cmp.Or(c.Timeout, 10*time.Second),
	}, nil
}

// guarded returns a client that connects to public addresses, and those that are
// allowed. It looks at the address that is dialled, so that no name leads astray,
// and goes through no proxy, whose address that would be.
func guarded(c Pushing) *http.Client {
	var v4, v6 []netip.Prefix
	for _, p := range c.Allowed {
		if p.Addr().Is4() {
			v4 = append(v4, p)
		} else {
			v6 = append(v6, p)
		}
	}
	options := []ssrf.Option{ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...), ssrf.WithPorts(443)}
	if len(c.Allowed) > 0 {
		options = append(options, ssrf.WithAnyPort())
	}
	transport := newTransport(c.Roots)
	transport.Proxy = nil
	transport.DialContext = (&net.Dialer{Control: ssrf.New(options...).Safe}).DialContext
	return newClient(transport, "push-service")
}

// Name returns "push".
func (*Push) Name() string { return ByPush }

// Keeps returns false.
func (*Push) Keeps() bool { return false }

// Address returns the user's id if they have subscribed.
func (*Push) Address(ctx context.Context, tx *sqldb.Tx, u directory.User) (to phi.Value[string], err error) {
	n, err := subscribed(ctx, tx, u.ID)
	if n > 0 {
		to = phi.Of(u.ID.String())
	}
	return to, err
}

// Send tells all of the user's browsers at once. A subscription that its service
// does not know any more is deleted.
func (p *Push) Send(ctx context.Context, m Message) error {
	all, err := p.subscriptions(ctx, m.User)
	if err != nil {
		return &Failure{Class: Unreadable, Alone: true}
	}
	payload, err := json.Marshal(map[string]string{"id": m.ID.String(), "subject": m.Subject, "page": m.Page})
	if err != nil {
		return &Failure{Class: Unsendable, Final: true}
	}
	failures := make([]*Failure, len(all))
	var wg sync.WaitGroup
	for i, s := range all {
		wg.Go(func() { failures[i] = p.push(ctx, m, s, payload) })
	}
	wg.Wait()
	told, worst := false, &Failure{Class: NoAddress, Final: true}
	for i, f := range failures {
		switch {
		case f == nil:
			told = true
		case f == errGone:
			_ = p.forget(ctx, m.User, all[i]) // else the next message finds it again
		case !f.Final || worst.Class == NoAddress:
			worst = f
		}
	}
	if told {
		return nil
	}
	worst.Alone = true
	return worst
}

// errGone is the failure of a subscription that its service does not know.
var errGone = &Failure{Class: NoAddress, Final: true}

// push tells one browser.
func (p *Push) push(ctx context.Context, m Message, s subscription, payload []byte) (f *Failure) {
	service := s.service()
	if back, why := p.breakers.enter(service, m.Tried); !back.IsZero() {
		return &Failure{Class: why, At: back}
	}
	defer func() { p.breakers.leave(service, m.Tried, f) }()
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	// The library writes into what is behind the payload.
	resp, err := webpush.SendNotificationWithContext(ctx, slices.Clone(payload), &webpush.Subscription{
		Endpoint: s.Endpoint, Keys: webpush.Keys{Auth: s.Auth, P256dh: s.P256dh},
	}, &webpush.Options{
		HTTPClient: p.client, Subscriber: p.contact, VAPIDPublicKey: p.public, VAPIDPrivateKey: p.private,
		TTL: int(tryFor / time.Second), Topic: base64.RawURLEncoding.EncodeToString(m.ID[:]), // a repeat replaces what still waits
	})
	var onTheWay *url.Error
	switch {
	case errors.Is(err, ssrf.ErrProhibitedIP), errors.Is(err, ssrf.ErrProhibitedPort), errors.Is(err, ssrf.ErrProhibitedNetwork):
		return &Failure{Class: Prohibited, Final: true}
	case errors.As(err, &onTheWay):
		return broken(ctx, err)
	case err != nil:
		return &Failure{Class: Unsendable, Final: true}
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone {
		return errGone
	}
	return answered(resp)
}

// subscriptions returns where a user's browsers are.
func (p *Push) subscriptions(ctx context.Context, user uuid.UUID) (all []subscription, err error) {
	err = p.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		all, err = subscriptionsOf(ctx, tx, p.Seal, user)
		return err
	})
	return all, err
}

// forget deletes a subscription, unless the browser has renewed it since.
func (p *Push) forget(ctx context.Context, user uuid.UUID, s subscription) error {
	return p.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := deleteSubscription(ctx, tx, user, s.ID, s.sealed)
		return err
	})
}
