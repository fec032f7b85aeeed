package federation

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4/json"
	"golang.org/x/oauth2"

	"medbook/internal/errs"
)

const maxCode = 4 << 10 // bytes

// Flow is a sign-in that has begun. Its caller keeps it, bound to the browser
// that began, under State, uses it once and then forgets it.
type Flow struct {
	State    string // comes back with the code; compare it before Finish
	Nonce    string // comes back in the ID token
	Verifier string // PKCE's; a secret until Finish
}

// Begin starts a sign-in at the named issuer. The browser goes to authURL and
// comes back to redirectURI, with State and a code or an error.
//
// It returns ErrNoProvider or ErrUnavailable.
func (s *Service) Begin(ctx context.Context, name, redirectURI string) (f Flow, authURL string, err error) {
	defer errs.Wrap(&err, "begin sign-in")
	p, k, err := s.signIn(ctx, name)
	if err != nil {
		return f, "", err
	}
	f = Flow{State: random(), Nonce: random(), Verifier: random()}
	return f, p.config(k, redirectURI).AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), nil
}

// CheckIssuer judges the parameter iss of the response that brought the code
// (RFC 9207), empty if there was none: an issuer that promises it must send it.
// It stops one issuer's code from being taken to another.
//
// It returns ErrToken, ErrNoProvider or ErrUnavailable.
func (s *Service) CheckIssuer(ctx context.Context, name, iss string) (err error) {
	defer errs.Wrap(&err, "check issuer of a response")
	p, k, err := s.signIn(ctx, name)
	if err != nil {
		return err
	}
	if iss != p.URL && (iss != "" || k.metadata.SendsIss) {
		return s.refuse(ctx, p.Name, errIssuer)
	}
	return nil
}

// Finish exchanges the code that f came back with, and returns who signed in.
// redirectURI is the one that Begin was given. The issuer is asked once more,
// for the email address or the name if the ID token lacks one.
//
// It returns ErrToken if the issuer refuses the code or its ID token is not
// good, ErrNoProvider, or ErrUnavailable.
func (s *Service) Finish(ctx context.Context, name, redirectURI string, f Flow, code string) (c Claims, err error) {
	defer errs.Wrap(&err, "finish sign-in")
	p, k, err := s.signIn(ctx, name)
	if err != nil {
		return c, err
	}
	if code == "" || len(code) > maxCode || f.Nonce == "" || f.Verifier == "" {
		return c, s.refuse(ctx, p.Name, errForm)
	}
	ctx = oidc.ClientContext(ctx, s.client)
	answer, err := p.config(k, redirectURI).Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return c, p.notExchanged(ctx, err)
	}
	raw, _ := answer.Extra("id_token").(string)
	t, err := parse(raw, maxIDToken)
	if err != nil {
		return c, s.refuse(ctx, p.Name, err)
	}
	if err := t.isAnswer(p.ClientID, f.Nonce); err != nil {
		return c, s.refuse(ctx, p.Name, err)
	}
	verified, err := p.verify(ctx, t, p.ClientID)
	if err != nil {
		return c, err
	}
	if t.claims.AccessHash != nil && verified.VerifyAccessToken(answer.AccessToken) != nil {
		return c, s.refuse(ctx, p.Name, errHash)
	}
	c = p.claims(t)
	if k.oidc.UserInfoEndpoint() == "" || c.Email.Present() && c.Name.Present() {
		return c, nil
	}
	err = p.complete(ctx, k, answer, &c)
	return c, err
}

// signIn returns a provider that people can sign in at.
func (s *Service) signIn(ctx context.Context, name string) (*provider, *known, error) {
	p := s.named(name)
	if p == nil || p.ClientID == "" {
		return nil, nil, ErrNoProvider
	}
	k, err := p.discover(ctx)
	return p, k, err
}

func (p *provider) config(k *known, redirectURI string) *oauth2.Config {
	e := k.oidc.Endpoint()
	// Never "auto": it tries both, and a code is good for one try.
	e.AuthStyle = oauth2.AuthStyleInHeader
	methods := k.metadata.AuthMethods
	if p.ClientSecret == "" || methods != nil && !slices.Contains(methods, "client_secret_basic") {
		e.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{ClientID: p.ClientID, ClientSecret: string(p.ClientSecret), Endpoint: e, RedirectURL: redirectURI, Scopes: p.Scopes}
}

// notExchanged tells a bad code from an issuer that does not answer, or does
// not take us for its client.
func (p *provider) notExchanged(ctx context.Context, err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		if refused.ErrorCode == "invalid_grant" {
			return p.service.refuse(ctx, p.Name, errors.New("code refused"))
		}
		err = fmt.Errorf("status %d, error %.40q", refused.Response.StatusCode, refused.ErrorCode)
	}
	return p.unavailable(ctx, "token endpoint", err)
}

func (p *provider) unavailable(ctx context.Context, what string, err error) error {
	err = brief(err)
	p.service.log.WarnContext(ctx, "identity provider unavailable", "issuer", p.Name, "at", what, "error", err.Error())
	return fmt.Errorf("%w (%s: %s)", ErrUnavailable, what, err.Error())
}

// isAnswer judges what only an ID token has: that it was made for this client
// and this sign-in.
func (t token) isAnswer(clientID, nonce string) error {
	var got string
	_ = json.Unmarshal(t.claims.Nonce, &got) // none is ""
	switch {
	case t.header.typ != "" && t.header.typ != "JWT" && t.header.typ != "jwt":
		return errType
	case subtle.ConstantTimeCompare([]byte(got), []byte(nonce)) != 1:
		return errNonce
	case t.claims.AuthorizedParty != clientID && (t.claims.AuthorizedParty != "" || len(t.claims.Audience) > 1):
		return errParty
	}
	return nil
}

// complete adds to c what the userinfo endpoint says.
func (p *provider) complete(ctx context.Context, k *known, answer *oauth2.Token, c *Claims) error {
	info, err := k.oidc.UserInfo(ctx, oauth2.StaticTokenSource(answer))
	if err != nil {
		return p.unavailable(ctx, "userinfo", errors.New("no answer that can be read")) // its text may quote the answer
	}
	if info.Subject != c.Subject {
		return p.service.refuse(ctx, p.Name, errSubject)
	}
	var more struct {
		Email         json.RawMessage `json:"email"`
		EmailVerified json.RawMessage `json:"email_verified"`
		Name          json.RawMessage `json:"name"`
	}
	if err := info.Claims(&more); err != nil {
		return p.service.refuse(ctx, p.Name, errClaims)
	}
	if !c.Email.Present() {
		c.Email = personal(more.Email)
		c.EmailVerified = c.Email.Present() && truth(more.EmailVerified)
	}
	if !c.Name.Present() {
		c.Name = personal(more.Name)
	}
	return nil
}

// random returns 256 bits, as PKCE wants to have them written.
func random() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: it ends the program instead
	return base64.RawURLEncoding.EncodeToString(b)
}
