package api

import (
	"context"

	"medbook/internal/auth"
	"medbook/internal/page"
)

type listProvidersInput struct{ Paging }

// listProviders lists where one can sign in: GET /v1/auth/providers. There are
// few, so that they always are one page.
func (s *Server) listProviders(_ context.Context, _ auth.Actor, in *listProvidersInput) (page.Of[string], error) {
	names := s.Auth.Providers()
	p := page.Of[string]{Items: names}
	if in.request.Count {
		n := len(names)
		p.Total = &n
	}
	if in.request.After != "" {
		return p, page.ErrCursor
	}
	return p, nil
}

type providerBody struct {
	Name string `json:"name" example:"hospital" doc:"What to call it."`
}

func providerOf(name string) providerBody { return providerBody{name} }

type departureInput struct {
	Body providerChoiceBody
}

type providerChoiceBody struct {
	Provider string `json:"provider" maxLength:"40" example:"hospital" doc:"One of GET /v1/auth/providers."`
}

// signInAt begins a sign-in: POST /v1/auth/provider-options.
func (s *Server) signInAt(ctx context.Context, _ auth.Actor, in *departureInput) (auth.Departure, error) {
	return s.Auth.SignInAt(ctx, in.Body.Provider)
}

// connectWith begins a connection: POST /v1/auth/identity-options.
func (s *Server) connectWith(ctx context.Context, by auth.Actor, in *departureInput) (auth.Departure, error) {
	return s.Auth.ConnectWith(ctx, by, in.Body.Provider)
}

type departureBody struct {
	URL       string `json:"url" example:"https://id.hospital.example/authorize?…" doc:"Where the browser goes."`
	Challenge string `json:"challenge" example:"0k3j902mz…" doc:"To be sent back with what the browser comes back with. It is for this browser only."`
	ExpiresIn int    `json:"expires_in" minimum:"0" example:"300" doc:"Seconds."`
}

func presentDeparture(d auth.Departure) answer[departureBody] {
	return answer[departureBody]{Body: departureBody{d.URL, d.Challenge, int(d.ExpiresIn.Seconds())}}
}

// ReturnParts is what a browser came back with.
type ReturnParts struct {
	Challenge string `json:"challenge" maxLength:"8192" example:"0k3j902mz…"`
	State     string `json:"state" maxLength:"1024" example:"af0ifjsldkj"`
	Code      string `json:"code" maxLength:"4096" example:"SplxlOBeZQQYbYS6WxSbIA"`
	Iss       string `json:"iss,omitempty" maxLength:"1024" example:"https://id.hospital.example" doc:"Of the response, if it had one (RFC 9207)."`
}

func (r ReturnParts) back() auth.Return {
	return auth.Return{Challenge: r.Challenge, State: r.State, Code: r.Code, Issuer: r.Iss}
}

type signInFromInput struct {
	Body signInFromBody
}

type signInFromBody struct {
	ReturnParts
	Session string `json:"session,omitempty" enum:"tokens,cookie" example:"tokens" doc:"As for POST /v1/auth/login."`
}

// signInFrom starts a session: POST /v1/auth/provider.
func (s *Server) signInFrom(ctx context.Context, by auth.Actor, in *signInFromInput) (auth.SignedIn, error) {
	return s.Auth.SignInFrom(ctx, stranger(by), in.Body.back(), in.Body.Session == "cookie")
}

type connectInput struct {
	Body connectBody
}

type connectBody struct{ ReturnParts }

// connect connects the caller: POST /v1/auth/identities.
func (s *Server) connect(ctx context.Context, by auth.Actor, in *connectInput) (none, error) {
	return none{}, s.Auth.Connect(ctx, by, in.Body.back())
}

type listIdentitiesInput struct{ Paging }

// listIdentities lists the caller's: GET /v1/auth/identities.
func (s *Server) listIdentities(ctx context.Context, by auth.Actor, in *listIdentitiesInput) (page.Of[auth.Identity], error) {
	return s.Auth.Identities(ctx, by, in.request)
}

// disconnect ends one: DELETE /v1/auth/identities/{id}.
func (s *Server) disconnect(ctx context.Context, by auth.Actor, in *ByID) (none, error) {
	return none{}, s.Auth.Disconnect(ctx, by, in.ID)
}

type identityBody struct {
	ID        string  `json:"id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	Provider  string  `json:"provider" example:"hospital" doc:"Its name, or its address if the server does not know it any more."`
	CreatedAt Instant `json:"created_at" example:"2027-08-01T09:30:00Z"`
}

func identityOf(i auth.Identity) identityBody {
	return identityBody{i.ID.String(), i.Provider, Instant{i.CreatedAt}}
}
