package client

import (
	"context"
	"time"
)

// Webhook is a subscription: events of some kinds are sent to an address, signed as
// Standard Webhooks says.
type Webhook struct {
	Versioned
	ID             string     `json:"id"`
	URL            string     `json:"url"`
	Kinds          []string   `json:"kinds"` // "appointment.confirmed"
	Enabled        bool       `json:"enabled"`
	OldSecretUntil *time.Time `json:"old_secret_until"` // until when the secret before signs too; nil: there is none
	CreatedAt      time.Time  `json:"created_at"`
	CreatedBy      string     `json:"created_by"` // a user
}

// MadeWebhook is a webhook with its secret, which is shown this once.
type MadeWebhook struct {
	Webhook
	Secret string `json:"secret"`
}

// NewWebhook asks for a webhook.
type NewWebhook struct {
	URL   string   `json:"url"`
	Kinds []string `json:"kinds"`
}

// WebhookChange changes a webhook; what is nil or empty stays.
type WebhookChange struct {
	URL     *string  `json:"url,omitempty"`
	Kinds   []string `json:"kinds,omitempty"`
	Enabled *bool    `json:"enabled,omitempty"`
}

// WebhookDelivery is an event on its way to a webhook, and what became of it.
type WebhookDelivery struct {
	ID             string    `json:"id"`
	WebhookID      string    `json:"webhook_id"`
	EventID        string    `json:"event_id"` // what the header webhook-id says
	Type           string    `json:"type"`
	About          string    `json:"about"` // the id that it is about
	PatientID      string    `json:"patient_id"`
	PractitionerID string    `json:"practitioner_id"`
	HappenedAt     time.Time `json:"happened_at"`
	Status         string    `json:"status"` // pending, sent or failed
	Attempts       int       `json:"attempts"`
	LastStatus     int       `json:"last_status"` // of HTTP; 0: the last attempt had no answer
	LastError      string    `json:"last_error"`  // why the last attempt failed, in a word
	CreatedAt      time.Time `json:"created_at"`
	UpdatedAt      time.Time `json:"updated_at"` // when it got its status
}

// CreateWebhook subscribes an address to events. It needs StepUp, or a key that was
// made for it by name.
func (c *Client) CreateWebhook(ctx context.Context, w NewWebhook) (MadeWebhook, error) {
	return call[MadeWebhook](ctx, c, post("/v1/webhooks", w), nil)
}

// Webhooks lists subscriptions, the newest first.
func (c *Client) Webhooks() List[Webhook] { return List[Webhook]{c, "/v1/webhooks", nil} }

// Webhook reads a subscription.
func (c *Client) Webhook(ctx context.Context, id string, options ...CallOption) (Webhook, error) {
	return call[Webhook](ctx, c, get(at("webhooks", id)), options)
}

// ChangeWebhook changes a subscription that was read with etag. Another address needs
// what CreateWebhook does.
func (c *Client) ChangeWebhook(ctx context.Context, id, etag string, w WebhookChange) (Webhook, error) {
	return call[Webhook](ctx, c, patch(at("webhooks", id), w), []CallOption{ifMatch(etag)})
}

// RemoveWebhook ends a subscription that was read with etag.
func (c *Client) RemoveWebhook(ctx context.Context, id, etag string) error {
	_, _, err := c.do(ctx, remove(at("webhooks", id)), []CallOption{ifMatch(etag)})
	return err
}

// RotateWebhookSecret gives a webhook a new secret; the one it has signs too for 24
// hours. It needs what CreateWebhook does.
func (c *Client) RotateWebhookSecret(ctx context.Context, id string) (MadeWebhook, error) {
	return call[MadeWebhook](ctx, c, post(at("webhooks", id, "/rotate-secret"), nil), nil)
}

// TestWebhook has an event of the type "webhook.test" sent.
func (c *Client) TestWebhook(ctx context.Context, id string, options ...CallOption) (WebhookDelivery, error) {
	return call[WebhookDelivery](ctx, c, post(at("webhooks", id, "/test"), nil), options)
}

// WebhookDeliveries lists what was, or is to be, sent to a webhook, the newest first;
// with a status only that.
func (c *Client) WebhookDeliveries(webhook, status string) List[WebhookDelivery] {
	return List[WebhookDelivery]{c, at("webhooks", webhook, "/deliveries"), newQuery().text("status", status).Values}
}

// ResendWebhookDelivery has a delivery that failed tried for a day more.
func (c *Client) ResendWebhookDelivery(ctx context.Context, id string, options ...CallOption) (WebhookDelivery, error) {
	return call[WebhookDelivery](ctx, c, post(at("webhook-deliveries", id, "/resend"), nil), options)
}
