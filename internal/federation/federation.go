// Package federation is other people's identity: it verifies access tokens of
// configured OpenID Connect issuers, and signs people in at them by the
// authorization code flow.
//
// It owns the issuers and what is known of their keys, in memory. It knows no
// database, no session and no user: who a subject is here, and whether an
// address may be trusted, is for its caller to say. Rules that it keeps:
//
//   - What a token says of itself never decides how it is verified. Its iss, as
//     written, picks one configured issuer, its kid one of that issuer's keys,
//     its alg must be on our list; jwk, jku, x5c and x5u are not looked at.
//   - An ID token is no access token and an access token no ID token.
//   - All refusals look the same from outside. Reasons go to the log, at debug.
//   - Strangers can't make us call the issuer: once in ten seconds at most.
//   - A provider that is down stops nothing but its own users.
package federation

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"medbook/internal/errs"
	"medbook/internal/phi"
)

// Errors that a caller may act on.
var (
	// ErrToken is all that is said about a token, code or answer that is not
	// good, whatever is wrong with it.
	ErrToken = errors.New("federation: not a good token")

	ErrUnavailable = errs.New(errs.Unavailable, "identity-provider-unavailable", "The identity provider can't be reached; try again.")
	ErrNoProvider  = errs.New(errs.NotFound, "identity-provider-not-found", "There is no identity provider of this name to sign in with.")
)

// Claims is what an issuer says about who presents its token.
type Claims struct {
	Issuer    string // Issuer.Name
	IssuerURL string
	// Subject is 1 to 255 bytes without control characters. It is unique and
	// lasting within the issuer only: the key of a person is (IssuerURL, Subject).
	Subject       string
	Email         phi.Value[string] // absent if not told; not checked to be an address
	EmailVerified bool              // by the issuer; false without Email
	Name          phi.Value[string] // absent if not told
	Roles         []string          // ours, mapped by Issuer.Roles, without repeats; the rest is dropped
	Scoped        bool              // it says what it may be used for
	Scopes        []string          // of an access token, if Scoped; whatever it calls them
	AuthTime      time.Time         // when they proved who they are, UTC; zero if not told
}

// Service verifies tokens of Issuers. Its fields are set before the first call
// and not changed after it. It is safe for concurrent use.
type Service struct {
	Issuers []Issuer         // as Load returns them
	Now     func() time.Time // required
	HTTP    *http.Client     // nil means a plain one; time, size and redirects are limited whatever it is
	Log     *slog.Logger     // nil means silence

	once      sync.Once
	providers []*provider
	client    *http.Client
	log       *slog.Logger
}

func (s *Service) start() {
	s.once.Do(func() {
		s.client = careful(s.HTTP)
		s.log = s.Log
		if s.log == nil {
			s.log = slog.New(slog.DiscardHandler)
		}
		for _, i := range s.Issuers {
			i.normalize()
			s.providers = append(s.providers, &provider{Issuer: i, service: s, turn: make(chan struct{}, 1)})
		}
	})
}

// Lookup returns the issuer of that name.
func (s *Service) Lookup(name string) (i Issuer, ok bool) {
	if p := s.named(name); p != nil {
		return p.Issuer, true
	}
	return Issuer{}, false
}

func (s *Service) named(name string) *provider {
	s.start()
	for _, p := range s.providers {
		if p.Name == name {
			return p
		}
	}
	return nil
}

func (s *Service) issuing(url string) *provider {
	s.start()
	for _, p := range s.providers {
		if p.URL == url {
			return p
		}
	}
	return nil
}

// VerifyAccess verifies a JWT access token as it stands after "Bearer " and
// returns what it says. It must be of type at+jwt (RFC 9068) and for the
// issuer's Audience. It may wait for the issuer, ten seconds at most, when its
// keys are not known yet or the token names another.
//
// It returns ErrToken or ErrUnavailable.
func (s *Service) VerifyAccess(ctx context.Context, token string) (c Claims, err error) {
	defer errs.Wrap(&err, "verify access token")
	s.start()
	t, err := parse(token, maxAccessToken)
	if err != nil {
		return c, s.refuse(ctx, "", err)
	}
	p := s.issuing(t.claims.Issuer)
	if p == nil || p.Audience == "" {
		return c, s.refuse(ctx, "", errIssuer)
	}
	if err := t.isAccess(p.TokenType); err != nil {
		return c, s.refuse(ctx, p.Name, err)
	}
	if _, err := p.verify(ctx, t, p.Audience); err != nil {
		return c, err
	}
	return p.claims(t), nil
}

// refuse notes why, for the operator only, and returns ErrToken.
func (s *Service) refuse(ctx context.Context, issuer string, why error) error {
	s.log.DebugContext(ctx, "federated token refused", "issuer", issuer, "why", why.Error())
	return ErrToken
}
