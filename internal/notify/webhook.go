package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"medbook/internal/directory"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// Hook says where a program wants to know of messages. The zero Hook is none.
type Hook struct {
	URL     string            // https, or http to this machine; it may hold a secret
	Secret  phi.Value[string] // that signs: whsec_ and 24 to 64 bytes in base64
	Roots   *x509.CertPool    // who may vouch for it; nil: whom the system trusts
	Timeout time.Duration     // of one message; 10 s when zero
}

// Webhook tells a program of messages, signed as Standard Webhooks has it. It says
// what they are about and not what they say: the program asks for that with a
// credential of its own. Make it with NewWebhook.
type Webhook struct {
	key []byte
	provider
}

// NewWebhook returns a channel that posts as h says. The error says what of h
// can't be.
func NewWebhook(h Hook) (*Webhook, error) {
	text, prefixed := strings.CutPrefix(h.Secret.Reveal(), "whsec_")
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !prefixed || len(key) < 24 || len(key) > 64 {
		return nil, errors.New("the secret of the message webhook is whsec_ with 24 to 64 bytes in base64")
	}
	p, err := newProvider(h.URL, h.Roots, h.Timeout)
	return &Webhook{key: key, provider: p}, err
}

// Name returns "webhook".
func (*Webhook) Name() string { return "webhook" }

// Keeps returns false.
func (*Webhook) Keeps() bool { return false }

// Address returns the user's id.
func (*Webhook) Address(_ context.Context, _ *sqldb.Tx, u directory.User) (phi.Value[string], error) {
	return phi.Of(u.ID.String()), nil
}

// Send posts what the message is about.
func (w *Webhook) Send(ctx context.Context, m Message) error {
	body, err := json.Marshal(map[string]string{
		"id": m.ID.String(), "user_id": m.User.String(), "kind": string(m.Kind), "about": m.About,
	})
	if err != nil {
		return &Failure{Class: Unsendable, Final: true}
	}
	at := strconv.FormatInt(m.Tried.Unix(), 10)
	mac := hmac.New(sha256.New, w.key)
	fmt.Fprintf(mac, "%s.%s.%s", m.Key, at, body)
	return w.post(ctx, body, map[string]string{
		"Webhook-Id": m.Key, "Webhook-Timestamp": at, "Webhook-Signature": "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)),
	})
}
