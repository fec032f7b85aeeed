package api

import (
	"context"
	"encoding/json"

	"medbook/internal/auth"
	"medbook/internal/page"
)

// passkeyExample stands for what a browser makes of a passkey's answer.
var passkeyExample = map[string]any{"id": "…", "rawId": "…", "type": "public-key", "response": map[string]any{"clientDataJSON": "…"}}

// answerJSON returns a passkey's answer as the text that it was, nil for none.
func answerJSON(credential map[string]any) ([]byte, error) {
	if credential == nil {
		return nil, nil
	}
	return json.Marshal(credential)
}

// offerBody is an auth.Offer. Which fields it has depends on the kind.
type offerBody struct {
	Challenge string         `json:"challenge" example:"0k3j902mz…" doc:"To be sent back with the answer."`
	ExpiresIn int            `json:"expires_in" minimum:"0" example:"300" doc:"Seconds."`
	Secret    string         `json:"secret,omitempty" example:"JBSWY3DPEHPK3PXP" doc:"Of a TOTP (RFC 6238: SHA-1, 6 digits, 30 seconds), in base32."`
	URI       string         `json:"uri,omitempty" example:"otpauth://totp/…" doc:"What the QR code of it holds."`
	PublicKey map[string]any `json:"public_key,omitempty" doc:"Of a passkey: WebAuthn's options, for PublicKeyCredential.parseCreationOptionsFromJSON() or parseRequestOptionsFromJSON()."`
}

func presentOffer(o offered) answer[offerBody] {
	return answer[offerBody]{Body: offerBody{
		Challenge: o.Challenge, ExpiresIn: int(o.ExpiresIn.Seconds()), Secret: o.Secret, URI: o.URI, PublicKey: o.options,
	}}
}

// offered is an offer with its options read.
type offered struct {
	auth.Offer
	options map[string]any
}

func readOffer(o auth.Offer, err error) (offered, error) {
	out := offered{Offer: o}
	if err == nil && o.Passkey != nil {
		err = json.Unmarshal(o.Passkey, &out.options)
	}
	return out, err
}

type nothingInput struct{}

// offerPasskey begins a sign-in or a step-up: POST /v1/auth/passkey-options.
func (s *Server) offerPasskey(context.Context, auth.Actor, *nothingInput) (offered, error) {
	return readOffer(s.Auth.OfferPasskey())
}

type passkeyLogInInput struct {
	Body passkeyLogInBody
}

type passkeyLogInBody struct {
	Challenge  string         `json:"challenge" maxLength:"4096" example:"0k3j902mz…"`
	Credential map[string]any `json:"credential" doc:"The passkey's answer, as WebAuthn's toJSON() writes it."`
	Session    string         `json:"session,omitempty" enum:"tokens,cookie" example:"tokens" doc:"As for POST /v1/auth/login."`
}

func (passkeyLogInBody) examples() map[string]any {
	return map[string]any{"tokens": map[string]any{"challenge": "0k3j902mz…", "credential": passkeyExample}}
}

// passkeyLogIn starts a session: POST /v1/auth/passkey.
func (s *Server) passkeyLogIn(ctx context.Context, by auth.Actor, in *passkeyLogInInput) (auth.SignedIn, error) {
	credential, err := answerJSON(in.Body.Credential)
	if err != nil {
		return auth.SignedIn{}, err
	}
	proof := auth.Proof{Challenge: in.Body.Challenge, Credential: credential}
	return s.Auth.SignInWithPasskey(ctx, stranger(by), proof, in.Body.Session == "cookie")
}

type offerFactorInput struct {
	Body offerFactorBody
}

type offerFactorBody struct {
	Kind string `json:"kind" enum:"totp,passkey" example:"totp" doc:"An app that shows codes, or a passkey."`
}

// offerFactor begins the adding of one: POST /v1/auth/factor-options.
func (s *Server) offerFactor(ctx context.Context, by auth.Actor, in *offerFactorInput) (offered, error) {
	return readOffer(s.Auth.OfferFactor(ctx, by, auth.FactorKind(in.Body.Kind)))
}

type addFactorInput struct {
	Body addFactorBody
}

type addFactorBody struct {
	Challenge  string         `json:"challenge" maxLength:"4096" example:"0k3j902mz…"`
	Name       string         `json:"name" minLength:"1" maxLength:"100" example:"My phone"`
	Code       string         `json:"code,omitempty" maxLength:"100" example:"492039" doc:"That the app shows."`
	Credential map[string]any `json:"credential,omitempty" doc:"The passkey, as WebAuthn's toJSON() writes it."`
}

func (addFactorBody) examples() map[string]any {
	return map[string]any{
		"an app":    map[string]any{"challenge": "0k3j902mz…", "name": "My phone", "code": "492039"},
		"a passkey": map[string]any{"challenge": "0k3j902mz…", "name": "My key", "credential": passkeyExample},
	}
}

// addFactor adds a second factor: POST /v1/auth/factors.
func (s *Server) addFactor(ctx context.Context, by auth.Actor, in *addFactorInput) (addedFactor, error) {
	b := in.Body
	credential, err := answerJSON(b.Credential)
	if err != nil {
		return addedFactor{}, err
	}
	f, codes, err := s.Auth.AddFactor(ctx, by, auth.NewFactor{
		Challenge: b.Challenge, Name: b.Name, Code: auth.Secret(b.Code), Credential: credential,
	})
	return addedFactor{f, codes}, err
}

// addedFactor is a factor with the recovery codes that came with it, if any.
type addedFactor struct {
	auth.Factor
	codes []string
}

type listFactorsInput struct{ Paging }

// listFactors lists the caller's: GET /v1/auth/factors.
func (s *Server) listFactors(ctx context.Context, by auth.Actor, in *listFactorsInput) (page.Of[auth.Factor], error) {
	return s.Auth.Factors(ctx, by, in.request)
}

// removeFactor takes one away: DELETE /v1/auth/factors/{id}.
func (s *Server) removeFactor(ctx context.Context, by auth.Actor, in *ByID) (none, error) {
	return none{}, s.Auth.RemoveFactor(ctx, by, in.ID)
}

// renewRecoveryCodes gives new ones: POST /v1/auth/recovery-codes.
func (s *Server) renewRecoveryCodes(ctx context.Context, by auth.Actor, _ *nothingInput) ([]string, error) {
	return s.Auth.RenewRecoveryCodes(ctx, by)
}

// FactorParts is what there is to know of a second factor.
type FactorParts struct {
	ID         string   `json:"id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	Kind       string   `json:"kind" enum:"totp,passkey" example:"totp"`
	Name       string   `json:"name" example:"My phone"`
	CreatedAt  Instant  `json:"created_at" example:"2027-08-01T09:30:00Z"`
	LastUsedAt *Instant `json:"last_used_at" nullable:"true" example:"2027-08-02T08:00:00Z" doc:"null: not since it was added."`
}

type factorBody struct{ FactorParts }

type addedFactorBody struct {
	FactorParts
	RecoveryCodes []string `json:"recovery_codes,omitempty" example:"[\"k3j9-02mz-7qtx-5rna-0hve-8wgd\"]" doc:"Each good once; shown this once, with the first factor."`
}

type codesBody struct {
	RecoveryCodes []string `json:"recovery_codes" example:"[\"k3j9-02mz-7qtx-5rna-0hve-8wgd\"]" doc:"Each good once; shown this once."`
}

func factorParts(f auth.Factor) FactorParts {
	p := FactorParts{ID: f.ID.String(), Kind: string(f.Kind), Name: f.Name, CreatedAt: Instant{f.CreatedAt}}
	if !f.LastUsedAt.IsZero() {
		p.LastUsedAt = &Instant{f.LastUsedAt}
	}
	return p
}

func factorOf(f auth.Factor) factorBody { return factorBody{factorParts(f)} }

func presentAddedFactor(f addedFactor) answer[addedFactorBody] {
	return answer[addedFactorBody]{Body: addedFactorBody{factorParts(f.Factor), f.codes}}
}

func presentCodes(codes []string) answer[codesBody] {
	return answer[codesBody]{Body: codesBody{codes}}
}
