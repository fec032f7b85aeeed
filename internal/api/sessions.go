package api

import (
	"context"

	"medbook/internal/auth"
	"medbook/internal/gate"
	"medbook/internal/page"
)

type logInInput struct {
	Body logInBody
}

type logInBody struct {
	Email    string `json:"email" maxLength:"254" example:"ann@example.org"`
	Password string `json:"password" maxLength:"1024" example:"correct horse battery"`
	Code     string `json:"code,omitempty" maxLength:"100" example:"492039" doc:"Of a second factor, where one is needed: from the app, or a recovery code."`
	Session  string `json:"session,omitempty" enum:"tokens,cookie" example:"tokens" doc:"tokens, which is what is meant if it is left out, or cookie, for browsers."`
}

// logIn starts a session: POST /v1/auth/login.
func (s *Server) logIn(ctx context.Context, by auth.Actor, in *logInInput) (auth.SignedIn, error) {
	b := in.Body
	return s.Auth.SignIn(ctx, stranger(by), auth.LogIn{
		Email: b.Email, Password: auth.Secret(b.Password), Code: auth.Secret(b.Code), Browser: b.Session == "cookie",
	})
}

// stranger is who asks without the credential that was shown: who signs in is
// nobody until they have.
func stranger(by auth.Actor) auth.Actor {
	return auth.Actor{RequestID: by.RequestID, Address: by.Address, Agent: by.Agent}
}

type signedInBody struct {
	AccessToken  string `json:"access_token,omitempty" example:"mba_…" doc:"To be sent as Authorization: Bearer, for as long as expires_in says. Not given with a cookie."`
	RefreshToken string `json:"refresh_token,omitempty" example:"mbr_…" doc:"For POST /v1/auth/refresh, once."`
	TokenType    string `json:"token_type" enum:"Bearer,Cookie" example:"Bearer"`
	ExpiresIn    int    `json:"expires_in" minimum:"0" example:"600" doc:"Seconds."`
}

func presentSignedIn(in auth.SignedIn) answer[signedInBody] {
	b := signedInBody{AccessToken: in.Access, RefreshToken: in.Refresh, TokenType: "Bearer", ExpiresIn: int(in.ExpiresIn.Seconds())}
	if in.Cookie == "" {
		return answer[signedInBody]{Body: b}
	}
	b.TokenType = "Cookie"
	return answer[signedInBody]{Body: b, Cookie: gate.SessionCookie(in.Cookie, 0).String()}
}

type refreshInput struct {
	Body refreshBody
}

type refreshBody struct {
	RefreshToken string `json:"refresh_token" maxLength:"200" example:"mbr_…"`
}

// refresh gives new tokens: POST /v1/auth/refresh.
func (s *Server) refresh(ctx context.Context, by auth.Actor, in *refreshInput) (auth.SignedIn, error) {
	return s.Auth.Refresh(ctx, stranger(by), in.Body.RefreshToken)
}

type logOutInput struct {
	Body *logOutBody
}

type logOutBody struct {
	Everywhere bool `json:"everywhere,omitempty" doc:"End all of the caller's sessions, not only this one."`
}

// logOut ends sessions: POST /v1/auth/logout.
func (s *Server) logOut(ctx context.Context, by auth.Actor, in *logOutInput) (loggedOut, error) {
	return loggedOut{}, s.Auth.LogOut(ctx, by, in.Body != nil && in.Body.Everywhere)
}

// loggedOut makes an answer that also takes the browser's cookie away.
type loggedOut struct{}

func presentLoggedOut(loggedOut) answer[none] {
	return answer[none]{Cookie: gate.SessionCookie("", -1).String()}
}

type stepUpInput struct {
	Body stepUpBody
}

type stepUpBody struct {
	Password   string         `json:"password,omitempty" maxLength:"1024" example:"correct horse battery" doc:"The present one; for who has no second factor."`
	Code       string         `json:"code,omitempty" maxLength:"100" example:"492039" doc:"From the app, or a recovery code."`
	Challenge  string         `json:"challenge,omitempty" maxLength:"4096" example:"0k3j902mz…" doc:"Of POST /v1/auth/passkey-options, with credential."`
	Credential map[string]any `json:"credential,omitempty" doc:"The passkey's answer, as WebAuthn's toJSON() writes it."`
}

func (b stepUpBody) examples() map[string]any {
	return map[string]any{
		"a code":     map[string]any{"code": "492039"},
		"a password": map[string]any{"password": "correct horse battery"},
		"a passkey":  map[string]any{"challenge": "0k3j902mz…", "credential": passkeyExample},
	}
}

// stepUp shows again who the caller is: POST /v1/auth/step-up.
func (s *Server) stepUp(ctx context.Context, by auth.Actor, in *stepUpInput) (none, error) {
	b := in.Body
	credential, err := answerJSON(b.Credential)
	if err != nil {
		return none{}, err
	}
	return none{}, s.Auth.StepUp(ctx, by, auth.Proof{
		Password: auth.Secret(b.Password), Code: auth.Secret(b.Code), Challenge: b.Challenge, Credential: credential,
	})
}

type listSessionsInput struct{ Paging }

// listSessions lists the caller's sessions: GET /v1/auth/sessions.
func (s *Server) listSessions(ctx context.Context, by auth.Actor, in *listSessionsInput) (page.Of[auth.Session], error) {
	return s.Auth.Sessions(ctx, by, in.request)
}

// endSession ends one of the caller's sessions: DELETE /v1/auth/sessions/{id}.
func (s *Server) endSession(ctx context.Context, by auth.Actor, in *ByID) (none, error) {
	return none{}, s.Auth.EndSession(ctx, by, in.ID)
}

type sessionBody struct {
	ID            string  `json:"id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	Kind          string  `json:"kind" enum:"tokens,cookie" example:"tokens"`
	Current       bool    `json:"current" example:"true" doc:"Whether it is the one that asks."`
	ClientAddress string  `json:"client_address" example:"192.0.2.7" doc:"From where it was started."`
	UserAgent     string  `json:"user_agent" example:"Firefox" doc:"The kind of program."`
	CreatedAt     Instant `json:"created_at" example:"2027-08-01T09:30:00Z"`
	SeenAt        Instant `json:"seen_at" example:"2027-08-01T10:12:00Z" doc:"When it was last used, to the minute."`
	ExpiresAt     Instant `json:"expires_at" example:"2027-08-01T21:30:00Z" doc:"When it ends whatever happens."`
}

func sessionOf(s auth.Session) sessionBody {
	b := sessionBody{
		ID: s.ID.String(), Kind: "tokens", Current: s.Current, ClientAddress: s.Address, UserAgent: s.Agent,
		CreatedAt: Instant{s.CreatedAt}, SeenAt: Instant{s.SeenAt}, ExpiresAt: Instant{s.ExpiresAt},
	}
	if s.Browser {
		b.Kind = "cookie"
	}
	return b
}
