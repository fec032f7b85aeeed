package client

import (
	"context"
	"time"
)

// NewPatient is who registers.
type NewPatient struct {
	Email       string `json:"email"`
	Name        string `json:"name"`
	Password    string `json:"password"` // at least 12 characters
	Phone       string `json:"phone,omitempty"`
	TimeZone    string `json:"time_zone,omitempty"`     // IANA name; empty means UTC
	DateOfBirth string `json:"date_of_birth,omitempty"` // YYYY-MM-DD
}

// NewAdmin is the first user of a clinic.
type NewAdmin struct {
	Email    string `json:"email"`
	Name     string `json:"name"`
	Password string `json:"password"`            // at least 12 characters
	TimeZone string `json:"time_zone,omitempty"` // IANA name; empty means the clinic's, or UTC

	Clinic       *NewClinic         `json:"clinic,omitempty"`       // what the clinic is called
	Practitioner *FirstPractitioner `json:"practitioner,omitempty"` // is sent a link to set a password
}

// NewClinic is what a clinic is called.
type NewClinic struct {
	Name     string `json:"name"`
	TimeZone string `json:"time_zone,omitempty"` // IANA name; empty means UTC
}

// FirstPractitioner is who gives care in a clinic that begins.
type FirstPractitioner struct {
	Email     string `json:"email"`
	Name      string `json:"name"`
	Specialty string `json:"specialty,omitempty"`
	TimeZone  string `json:"time_zone,omitempty"` // IANA name; empty means the clinic's, or UTC
}

// Tokens are what a session proves itself with.
type Tokens struct {
	AccessToken  string `json:"access_token"`  // for Token
	RefreshToken string `json:"refresh_token"` // for Refresh, once
	TokenType    string `json:"token_type"`    // Bearer
	ExpiresIn    int    `json:"expires_in"`    // seconds that the access token is good
}

// Session is somewhere that the caller is signed in.
type Session struct {
	ID            string    `json:"id"`
	Kind          string    `json:"kind"`    // tokens or cookie
	Current       bool      `json:"current"` // whether it is the one that asks
	ClientAddress string    `json:"client_address"`
	UserAgent     string    `json:"user_agent"` // the kind of program
	CreatedAt     time.Time `json:"created_at"`
	SeenAt        time.Time `json:"seen_at"`    // when it was last used, to the minute
	ExpiresAt     time.Time `json:"expires_at"` // when it ends whatever happens
}

// SetUp makes the first admin of a clinic that has no users, with the token of
// the link that the server printed, and what else it begins with.
func (c *Client) SetUp(ctx context.Context, token string, a NewAdmin) (User, error) {
	body := struct {
		Token string `json:"token"`
		NewAdmin
	}{token, a}
	return call[User](ctx, c, post("/v1/setup", body), nil)
}

// Register makes a patient, who can sign in once VerifyAddress was called with
// what is sent to the address. A known address gets the same answer, with an id
// that is nobody's.
func (c *Client) Register(ctx context.Context, p NewPatient) (User, error) {
	return call[User](ctx, c, post("/v1/auth/register", p), nil)
}

// VerifyAddress shows that an address is the caller's, with the token of the link
// that was sent there and the password of Register.
func (c *Client) VerifyAddress(ctx context.Context, token, password string) error {
	return c.tell(ctx, "/v1/auth/verify", map[string]string{"token": token, "password": password})
}

// LogIn starts a session. Its tokens are for another Client: New(url, Token(…)).
func (c *Client) LogIn(ctx context.Context, email, password string) (Tokens, error) {
	return call[Tokens](ctx, c, post("/v1/auth/login", map[string]string{"email": email, "password": password}), nil)
}

// Refresh gives new tokens for a refresh token; the old ones are worth nothing
// from then on. Sending a refresh token a second time ends the session, unless
// the same client does so within 10 seconds, for an answer that was lost.
func (c *Client) Refresh(ctx context.Context, refreshToken string) (Tokens, error) {
	return call[Tokens](ctx, c, post("/v1/auth/refresh", map[string]string{"refresh_token": refreshToken}), nil)
}

// LogOut ends the session that asks, or all of the caller's.
func (c *Client) LogOut(ctx context.Context, everywhere bool) error {
	return c.tell(ctx, "/v1/auth/logout", map[string]bool{"everywhere": everywhere})
}

// RequestPasswordReset has a link sent to the address that sets a new password.
// It is nil too when nobody has the address.
func (c *Client) RequestPasswordReset(ctx context.Context, email string) error {
	return c.tell(ctx, "/v1/auth/password-reset", map[string]string{"email": email})
}

// ResetPassword sets a password with the token of the link, and ends all sessions.
func (c *Client) ResetPassword(ctx context.Context, token, password string) error {
	return c.tell(ctx, "/v1/auth/password-reset/confirm", map[string]string{"token": token, "password": password})
}

// ChangePassword sets another password for the caller, and ends their other sessions.
func (c *Client) ChangePassword(ctx context.Context, present, fresh string) error {
	return c.tell(ctx, "/v1/auth/password", map[string]string{"password": present, "new_password": fresh})
}

// ChangeEmail has a link sent to a new address of the caller's. It needs a session
// that has just signed in, or StepUp.
func (c *Client) ChangeEmail(ctx context.Context, email string) error {
	return c.tell(ctx, "/v1/auth/email", map[string]string{"email": email})
}

// ConfirmEmail makes the address the user's to which the link was sent.
func (c *Client) ConfirmEmail(ctx context.Context, token string) error {
	return c.tell(ctx, "/v1/auth/email/confirm", map[string]string{"token": token})
}

// StepUp shows again who the caller is. For 5 minutes the session may then do
// what is refused with the code step-up-required.
func (c *Client) StepUp(ctx context.Context, password string) error {
	return c.tell(ctx, "/v1/auth/step-up", map[string]string{"password": password})
}

// Sessions lists the caller's sessions that go on, oldest first.
func (c *Client) Sessions() List[Session] { return List[Session]{c, "/v1/auth/sessions", nil} }

// EndSession ends one of the caller's sessions.
func (c *Client) EndSession(ctx context.Context, id string) error {
	_, _, err := c.do(ctx, remove(at("auth/sessions", id)), nil)
	return err
}

// tell sends what is answered by nothing.
func (c *Client) tell(ctx context.Context, path string, body any) error {
	_, _, err := c.do(ctx, post(path, body), nil)
	return err
}
