package auth

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/federation"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// Errors of identities.
var (
	// ErrIdentity is the one answer to who comes back from an identity provider
	// with nothing that is good, or is nobody here.
	ErrIdentity         = errs.New(errs.Unauthenticated, "identity-refused", "This sign-in did not work, or no user here is connected with it: sign in as usual and connect it first.")
	ErrWrongIdentity    = errs.New(errs.Conflict, "identity-wrong", "The identity provider's answer is not good. Begin again.")
	ErrIdentityTaken    = errs.New(errs.Conflict, "identity-taken", "This identity is connected with a user already.")
	ErrIdentityNotFound = errs.New(errs.NotFound, "identity-not-found", "There is no such connection, or it is not yours.")
)

// signInPage is where identity providers send people back to.
const signInPage = "/account/sign-in"

// Identity is a person at an identity provider who is a user here.
type Identity struct {
	ID        uuid.UUID
	Provider  string // its name; its address if it is no longer configured
	CreatedAt time.Time
}

// Provisioner makes a user of who signs in at an identity provider that may
// have users made, and returns who it is. It returns ErrIdentity for who can't
// be one here. It never looks for a user by what the claims say. mapped tells that
// roles of the provider's are mapped to ours, and the claims' roles count.
type Provisioner func(ctx context.Context, from Actor, tx *sqldb.Tx, c federation.Claims, mapped bool) (uuid.UUID, error)

// Departure is where a browser goes to sign in at an identity provider.
type Departure struct {
	URL       string
	Challenge string // comes back with the Return, from the same browser
	ExpiresIn time.Duration
}

// Return is what a browser came back with.
type Return struct {
	Challenge   string
	State, Code string
	Issuer      string // iss of the response, RFC 9207; empty if there was none
}

// journey is what is sealed in a Departure's challenge.
type journey struct {
	Provider string
	Flow     federation.Flow
}

// Providers lists the names of the identity providers at which one can sign in.
func (s *Service) Providers() []string {
	names := []string{}
	if s.Federation == nil {
		return names
	}
	for _, i := range s.Federation.Issuers {
		if i.ClientID != "" {
			names = append(names, i.Name)
		}
	}
	return names
}

// SignInAt begins a sign-in at the provider of that name. It returns
// federation.ErrNoProvider or federation.ErrUnavailable.
func (s *Service) SignInAt(ctx context.Context, provider string) (d Departure, err error) {
	defer errs.Wrap(&err, "sign in at provider")
	return s.depart(ctx, provider, challengeProvider, uuid.Nil)
}

// ConnectWith begins to connect the caller with who they are at a provider.
//
// It returns ErrNoSession, ErrStepUp, federation.ErrNoProvider or federation.ErrUnavailable.
func (s *Service) ConnectWith(ctx context.Context, by Actor, provider string) (d Departure, err error) {
	defer errs.Wrap(&err, "connect with provider")
	if err := s.mayChangeFactors(by); err != nil {
		return d, err
	}
	return s.depart(ctx, provider, challengeIdentity, by.UserID)
}

func (s *Service) depart(ctx context.Context, provider, purpose string, user uuid.UUID) (d Departure, err error) {
	if s.Federation == nil {
		return d, federation.ErrNoProvider
	}
	flow, to, err := s.Federation.Begin(ctx, provider, s.PublicURL+signInPage)
	if err != nil {
		return d, err
	}
	d = Departure{URL: to, ExpiresIn: challengeLife}
	d.Challenge, err = s.ask(purpose, user, journey{provider, flow})
	return d, err
}

// arrive returns who came back, and the challenge, which is to be used up.
// federation.ErrToken is all that is wrong with the answer.
func (s *Service) arrive(ctx context.Context, r Return, purpose string, user uuid.UUID) (c federation.Claims, asked challenge, err error) {
	if s.Federation == nil {
		return c, asked, ErrChallenge
	}
	var j journey
	if asked, err = s.asked(r.Challenge, purpose, user, &j); err != nil {
		return c, asked, err
	}
	if r.State != j.Flow.State {
		return c, asked, federation.ErrToken
	}
	if err := s.Federation.CheckIssuer(ctx, j.Provider, r.Issuer); err != nil {
		return c, asked, err
	}
	c, err = s.Federation.Finish(ctx, j.Provider, s.PublicURL+signInPage, j.Flow, r.Code)
	return c, asked, err
}

// SignInFrom starts a session for who came back from a provider. Who is not
// connected with a user is made one where the provider may have that done.
//
// It returns ErrIdentity, ErrChallenge, federation.ErrNoProvider or
// federation.ErrUnavailable.
func (s *Service) SignInFrom(ctx context.Context, from Actor, r Return, browser bool) (in SignedIn, err error) {
	defer errs.Wrap(&err, "sign in from provider")
	claims, asked, err := s.arrive(ctx, r, challengeProvider, uuid.Nil)
	if errors.Is(err, federation.ErrToken) {
		err = ErrIdentity
	}
	c := s.newCredentials(browser)
	work := func(ctx context.Context, tx *sqldb.Tx) (err error) {
		if err := asked.answered(ctx, tx); err != nil {
			return err
		}
		in, err = s.signInAs(ctx, tx, from, claims, c)
		return err
	}
	if err == nil {
		err = s.DB.Update(ctx, work)
		if errors.Is(err, ErrIdentity) || errors.Is(err, ErrIdentityTaken) { // perhaps because they are made at this moment
			err = s.DB.Update(ctx, work)
		}
	}
	if errors.Is(err, ErrIdentity) {
		s.refused(s.DB.Now(), from)
	}
	return in, err
}

// signInAs starts the session of who the claims are about.
func (s *Service) signInAs(ctx context.Context, tx *sqldb.Tx, from Actor, claims federation.Claims, c credentials) (SignedIn, error) {
	issuer, _ := s.Federation.Lookup(claims.Issuer)
	h, err := holderByIdentity(ctx, tx, claims.IssuerURL, claims.Subject)
	switch {
	case errors.Is(err, sqldb.ErrNoRows) && issuer.Provision && s.Provision != nil:
		if h.user, err = s.Provision(ctx, from, tx, claims, len(issuer.Roles) > 0); err == nil {
			from.UserID = h.user
			err = connect(ctx, tx, from, claims)
		}
	case errors.Is(err, sqldb.ErrNoRows), err == nil && !grants(issuer, claims, h.role):
		err = ErrIdentity
	}
	if err != nil {
		return SignedIn{}, err
	}
	c.strong = issuer.SecondFactor
	return startSession(ctx, tx, from, h.user, c)
}

// Connect connects the caller with who they are at a provider, which is how
// they may sign in from then on.
//
// It returns ErrNoSession, ErrStepUp, ErrWrongIdentity, ErrIdentityTaken,
// ErrChallenge, federation.ErrNoProvider or federation.ErrUnavailable.
func (s *Service) Connect(ctx context.Context, by Actor, r Return) (err error) {
	defer errs.Wrap(&err, "connect identity")
	if err := s.mayChangeFactors(by); err != nil {
		return err
	}
	claims, asked, err := s.arrive(ctx, r, challengeIdentity, by.UserID)
	if errors.Is(err, federation.ErrToken) {
		err = ErrWrongIdentity
	}
	if err != nil {
		return err
	}
	return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if err := asked.answered(ctx, tx); err != nil {
			return err
		}
		return connect(ctx, tx, by, claims)
	})
}

// connect writes who the subject is here, tells them and records it.
func connect(ctx context.Context, tx *sqldb.Tx, by Actor, c federation.Claims) error {
	which := id.New()
	if n, err := insertIdentity(ctx, tx, which, by.UserID, c); err != nil || n == 0 {
		return errors.Join(err, ErrIdentityTaken)
	}
	if err := tell(ctx, tx, by.UserID, NoticeIdentity); err != nil {
		return err
	}
	return recordOwn(ctx, tx, by, by.UserID, "identity.connect", "identity", which.String())
}

// Identities lists the caller's own, oldest first. It returns page.ErrCursor for
// a position that is not one of its own.
func (s *Service) Identities(ctx context.Context, by Actor, req page.Request) (p page.Of[Identity], err error) {
	defer errs.Wrap(&err, "list identities")
	if by.Anonymous() {
		return p, ErrUnauthenticated
	}
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		p, err = identityPage(ctx, tx, by.UserID, req)
		return err
	})
	for i, found := range p.Items {
		p.Items[i].Provider = s.providerAt(found.Provider)
	}
	return p, err
}

// providerAt returns the name of the provider with that address.
func (s *Service) providerAt(url string) string {
	if s.Federation != nil {
		for _, i := range s.Federation.Issuers {
			if i.URL == url {
				return i.Name
			}
		}
	}
	return url
}

// Disconnect ends a connection of the caller's; the sessions that came of it go on.
//
// It returns ErrNoSession, ErrStepUp or ErrIdentityNotFound.
func (s *Service) Disconnect(ctx context.Context, by Actor, identity string) (err error) {
	defer errs.Wrap(&err, "disconnect identity")
	if err := s.mayChangeFactors(by); err != nil {
		return err
	}
	which, ok := id.Parse(identity)
	if !ok {
		return ErrIdentityNotFound
	}
	return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if n, err := removeIdentity(ctx, tx, by.UserID, which); err != nil || n == 0 {
			return errors.Join(err, ErrIdentityNotFound)
		}
		if err := tell(ctx, tx, by.UserID, NoticeIdentity); err != nil {
			return err
		}
		return recordOwn(ctx, tx, by, by.UserID, "identity.disconnect", "identity", identity)
	})
}
