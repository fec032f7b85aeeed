package client

import (
	"context"
	"time"
)

// Provider is an identity provider at which one can sign in.
type Provider struct {
	Name string `json:"name"`
}

// Identity is a person at an identity provider who is the caller here.
type Identity struct {
	ID        string    `json:"id"`
	Provider  string    `json:"provider"`
	CreatedAt time.Time `json:"created_at"`
}

// Departure is where a browser goes to sign in at a provider.
type Departure struct {
	URL       string `json:"url"`
	Challenge string `json:"challenge"`  // for this browser, until it comes back
	ExpiresIn int    `json:"expires_in"` // seconds
}

// Return is what a browser came back with.
type Return struct {
	Challenge string `json:"challenge"`
	State     string `json:"state"`
	Code      string `json:"code"`
	Iss       string `json:"iss,omitempty"`
}

// Providers lists the identity providers at which one can sign in.
func (c *Client) Providers() List[Provider] { return List[Provider]{c, "/v1/auth/providers", nil} }

// LeaveForProvider begins to sign in at a provider.
func (c *Client) LeaveForProvider(ctx context.Context, provider string) (Departure, error) {
	return call[Departure](ctx, c, post("/v1/auth/provider-options", map[string]string{"provider": provider}), nil)
}

// LogInFromProvider starts a session for who came back from a provider.
func (c *Client) LogInFromProvider(ctx context.Context, r Return) (Tokens, error) {
	return call[Tokens](ctx, c, post("/v1/auth/provider", r), nil)
}

// OfferIdentity begins to connect the caller with who they are at a provider. It
// needs a session that has just signed in, or StepUp.
func (c *Client) OfferIdentity(ctx context.Context, provider string) (Departure, error) {
	return call[Departure](ctx, c, post("/v1/auth/identity-options", map[string]string{"provider": provider}), nil)
}

// ConnectIdentity connects the caller with who came back.
func (c *Client) ConnectIdentity(ctx context.Context, r Return) error {
	return c.tell(ctx, "/v1/auth/identities", r)
}

// Identities lists the caller's connections, oldest first.
func (c *Client) Identities() List[Identity] { return List[Identity]{c, "/v1/auth/identities", nil} }

// DisconnectIdentity ends a connection of the caller's.
func (c *Client) DisconnectIdentity(ctx context.Context, id string) error {
	_, _, err := c.do(ctx, remove(at("auth/identities", id)), nil)
	return err
}
