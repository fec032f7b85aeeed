package client

import (
	"context"
	"encoding/json"
	"time"
)

// Factor is a second way in which a user shows who they are.
type Factor struct {
	ID         string     `json:"id"`
	Kind       string     `json:"kind"` // totp or passkey
	Name       string     `json:"name"`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at"` // nil: not since it was added
}

// AddedFactor is a factor with the recovery codes that come with the first one,
// which are shown this once.
type AddedFactor struct {
	Factor
	RecoveryCodes []string `json:"recovery_codes"`
}

// Offer is what an authenticator needs, and the challenge that goes back with its
// answer.
type Offer struct {
	Challenge string          `json:"challenge"`
	ExpiresIn int             `json:"expires_in"` // seconds
	Secret    string          `json:"secret"`     // of a TOTP, in base32
	URI       string          `json:"uri"`        // what a QR code of it holds
	PublicKey json.RawMessage `json:"public_key"` // of a passkey: WebAuthn's options
}

// NewFactor is an authenticator's answer to an Offer.
type NewFactor struct {
	Challenge  string          `json:"challenge"`
	Name       string          `json:"name"`
	Code       string          `json:"code,omitempty"`       // of a TOTP
	Credential json.RawMessage `json:"credential,omitempty"` // of a passkey
}

// Proof shows anew who the caller is: a code of a second factor or a recovery
// code, a passkey's answer, or the password of who has no second factor.
type Proof struct {
	Password   string          `json:"password,omitempty"`
	Code       string          `json:"code,omitempty"`
	Challenge  string          `json:"challenge,omitempty"`
	Credential json.RawMessage `json:"credential,omitempty"`
}

// Prove is StepUp with any proof.
func (c *Client) Prove(ctx context.Context, p Proof) error {
	return c.tell(ctx, "/v1/auth/step-up", p)
}

// LogInWithCode is LogIn for who has a second factor: with a code of it, or a
// recovery code.
func (c *Client) LogInWithCode(ctx context.Context, email, password, code string) (Tokens, error) {
	return call[Tokens](ctx, c, post("/v1/auth/login", map[string]string{"email": email, "password": password, "code": code}), nil)
}

// OfferPasskey begins to use a passkey, for LogInWithPasskey or Prove.
func (c *Client) OfferPasskey(ctx context.Context) (Offer, error) {
	return call[Offer](ctx, c, post("/v1/auth/passkey-options", nil), nil)
}

// LogInWithPasskey starts a session for whose passkey answered the challenge.
func (c *Client) LogInWithPasskey(ctx context.Context, challenge string, credential json.RawMessage) (Tokens, error) {
	return call[Tokens](ctx, c, post("/v1/auth/passkey", Proof{Challenge: challenge, Credential: credential}), nil)
}

// OfferFactor begins to add a second factor: "totp" or "passkey". It needs a
// session that has just signed in, or StepUp, like all that changes factors.
func (c *Client) OfferFactor(ctx context.Context, kind string) (Offer, error) {
	return call[Offer](ctx, c, post("/v1/auth/factor-options", map[string]string{"kind": kind}), nil)
}

// AddFactor adds the second factor that answered an Offer. With the first one
// all other sessions of the caller end.
func (c *Client) AddFactor(ctx context.Context, f NewFactor) (AddedFactor, error) {
	return call[AddedFactor](ctx, c, post("/v1/auth/factors", f), nil)
}

// Factors lists the caller's second factors, oldest first.
func (c *Client) Factors() List[Factor] { return List[Factor]{c, "/v1/auth/factors", nil} }

// RemoveFactor takes a second factor away.
func (c *Client) RemoveFactor(ctx context.Context, id string) error {
	_, _, err := c.do(ctx, remove(at("auth/factors", id)), nil)
	return err
}

// RenewRecoveryCodes gives new codes in the place of all that there were.
func (c *Client) RenewRecoveryCodes(ctx context.Context) ([]string, error) {
	made, err := call[AddedFactor](ctx, c, post("/v1/auth/recovery-codes", nil), nil)
	return made.RecoveryCodes, err
}
