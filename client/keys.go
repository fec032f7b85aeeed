package client

import (
	"context"
	"time"
)

// Key is what there is to know of an API key.
type Key struct {
	ID         string     `json:"id"`
	UserID     string     `json:"user_id"` // whom it stands for
	Name       string     `json:"name"`
	Scopes     []string   `json:"scopes"`
	Networks   []string   `json:"networks"` // from where it may be used; empty: anywhere
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  time.Time  `json:"expires_at"`
	LastUsedAt *time.Time `json:"last_used_at"` // to the minute; nil: never
}

// MadeKey is a key with its text, which is shown this once.
type MadeKey struct {
	Key
	Text string `json:"key"`
}

// NewKey asks for an API key for the caller.
type NewKey struct {
	Name      string    `json:"name"`                // what it is for
	Scopes    []string  `json:"scopes,omitempty"`    // empty: all that the caller may, but what needs StepUp
	ExpiresAt time.Time `json:"expires_at,omitzero"` // at most 366 days ahead; zero: in 90 days
	Networks  []string  `json:"networks,omitempty"`  // such as "192.0.2.0/24"; empty: any
}

// KeyQuery filters keys.
type KeyQuery struct {
	UserID string // for admins; empty: all that the caller may see
}

// CreateKey makes a key for the caller. It needs a session that has just signed
// in, or StepUp; or a key that was made for it by name.
func (c *Client) CreateKey(ctx context.Context, k NewKey) (MadeKey, error) {
	return call[MadeKey](ctx, c, post("/v1/api-keys", k), nil)
}

// Keys lists API keys: the caller's own, for an admin everybody's.
func (c *Client) Keys(q KeyQuery) List[Key] {
	return List[Key]{c, "/v1/api-keys", newQuery().text("user_id", q.UserID).Values}
}

// RevokeKey revokes a key; it is worth nothing from the next request on.
func (c *Client) RevokeKey(ctx context.Context, id string) error {
	_, _, err := c.do(ctx, remove(at("api-keys", id)), nil)
	return err
}
