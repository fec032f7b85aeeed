package client

import (
	"context"
	"time"
)

// PushSubscription is a browser of the caller's that takes push messages.
type PushSubscription struct {
	ID        string    `json:"id"`
	Service   string    `json:"service"` // the host of its push service
	CreatedAt time.Time `json:"created_at"`
}

// NewPushSubscription is what a browser's PushSubscription says of itself.
type NewPushSubscription struct {
	Endpoint string   `json:"endpoint"`
	Keys     PushKeys `json:"keys"`
}

// PushKeys are a browser's, in base64url.
type PushKeys struct {
	P256dh string `json:"p256dh"`
	Auth   string `json:"auth"`
}

// PushKey returns the public key with which browsers subscribe, in base64url.
func (c *Client) PushKey(ctx context.Context, options ...CallOption) (string, error) {
	answer, err := call[struct {
		Key string `json:"key"`
	}](ctx, c, get("/v1/push-key"), options)
	return answer.Key, err
}

// SubscribeToPush has the caller told by one more browser.
func (c *Client) SubscribeToPush(ctx context.Context, n NewPushSubscription, options ...CallOption) (PushSubscription, error) {
	return call[PushSubscription](ctx, c, post("/v1/me/push-subscriptions", n), options)
}

// PushSubscriptions lists the caller's browsers, oldest first.
func (c *Client) PushSubscriptions() List[PushSubscription] {
	return List[PushSubscription]{c, "/v1/me/push-subscriptions", nil}
}

// EndPushSubscription has a browser told no more.
func (c *Client) EndPushSubscription(ctx context.Context, id string, options ...CallOption) error {
	_, _, err := c.do(ctx, remove(at("me/push-subscriptions", id)), options)
	return err
}
