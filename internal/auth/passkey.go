package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// NewPasskeys returns what checks passkeys for people who reach the server at
// publicURL, or nil where there can be none: a passkey belongs to a host name.
func NewPasskeys(publicURL string) (*webauthn.WebAuthn, error) {
	u, err := url.Parse(publicURL)
	if err != nil {
		return nil, fmt.Errorf("public address: %w", err)
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil || u.Hostname() == "" {
		return nil, nil
	}
	return webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: product, RPOrigins: []string{u.Scheme + "://" + u.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
	})
}

// passkeyUser is a user as the library wants to see one.
type passkeyUser struct {
	account     account
	credentials []webauthn.Credential
}

func (u passkeyUser) WebAuthnID() []byte                         { return u.account.user[:] }
func (u passkeyUser) WebAuthnName() string                       { return u.account.email }
func (u passkeyUser) WebAuthnDisplayName() string                { return u.account.email }
func (u passkeyUser) WebAuthnCredentials() []webauthn.Credential { return u.credentials }

// withPasskeys reads the passkeys among a user's factors.
func (s *Service) withPasskeys(a account, all []factorRow) (u passkeyUser, err error) {
	u.account = a
	for _, f := range all {
		if f.Kind != Passkey {
			continue
		}
		plain, err := s.Keys.Unseal(f.sealed, sealedFor(f.user, f.ID))
		if err != nil {
			return u, err
		}
		var c webauthn.Credential
		if err := json.Unmarshal(plain, &c); err != nil {
			return u, err
		}
		u.credentials = append(u.credentials, c)
	}
	return u, nil
}

func (s *Service) offerPasskey(a account, present []factorRow, clinic string) (o Offer, err error) {
	if s.Passkeys == nil {
		return o, ErrNoPasskeys
	}
	u, err := s.withPasskeys(a, present)
	if err != nil {
		return o, err
	}
	creation, session, err := s.Passkeys.BeginRegistration(u, webauthn.WithExclusions(webauthn.Credentials(u.credentials).CredentialDescriptors()))
	if err != nil {
		return o, err
	}
	creation.Response.RelyingParty.Name = clinic
	o.ExpiresIn = challengeLife
	if o.Passkey, err = json.Marshal(creation.Response); err != nil {
		return o, err
	}
	o.Challenge, err = s.ask(challengePasskey, a.user, session)
	return o, err
}

// answeredPasskey checks that a passkey was made for our challenge.
func (s *Service) answeredPasskey(by Actor, n NewFactor, which uuid.UUID) (row factorRow, c challenge, err error) {
	if s.Passkeys == nil {
		return row, c, ErrNoPasskeys
	}
	var session webauthn.SessionData
	if c, err = s.asked(n.Challenge, challengePasskey, by.UserID, &session); err != nil {
		return row, c, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(n.Credential)
	if err != nil {
		return row, c, ErrWrongFactor // its text quotes what was sent
	}
	made, err := s.Passkeys.CreateCredential(passkeyUser{account: account{user: by.UserID}}, session, parsed)
	if err != nil {
		return row, c, ErrWrongFactor
	}
	row.Kind, row.credential = Passkey, made.ID
	plain, err := json.Marshal(made)
	if err != nil {
		return row, c, err
	}
	row.sealed, err = s.Keys.Seal(plain, sealedFor(by.UserID, which))
	return row, c, err
}

// OfferPasskey begins a sign-in, or a step-up, with a passkey. Nothing is kept
// of it, and it says nothing of who has one. It returns ErrNoPasskeys.
func (s *Service) OfferPasskey() (o Offer, err error) {
	defer errs.Wrap(&err, "offer passkey")
	if s.Passkeys == nil {
		return o, ErrNoPasskeys
	}
	assertion, session, err := s.Passkeys.BeginDiscoverableLogin()
	if err != nil {
		return o, err
	}
	o.ExpiresIn = challengeLife
	if o.Passkey, err = json.Marshal(assertion.Response); err != nil {
		return o, err
	}
	o.Challenge, err = s.ask(challengeSignIn, uuid.Nil, session)
	return o, err
}

// checkPasskey returns whose passkey answered the challenge, or ErrFactorRefused
// or ErrChallenge, and uses the challenge up.
func (s *Service) checkPasskey(ctx context.Context, tx *sqldb.Tx, proof Proof) (user uuid.UUID, err error) {
	if s.Passkeys == nil {
		return user, ErrNoPasskeys
	}
	var session webauthn.SessionData
	c, err := s.asked(proof.Challenge, challengeSignIn, uuid.Nil, &session)
	if err != nil {
		return user, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(proof.Credential)
	if err != nil {
		return user, ErrFactorRefused // its text quotes what was sent
	}
	var all []factorRow
	var failed error // of the database, which the library would hide
	_, used, err := s.Passkeys.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
		var u passkeyUser
		if user, err = uuid.FromBytes(handle); err != nil {
			return nil, err
		}
		if all, failed = factorsOf(ctx, tx, user); failed == nil {
			u, failed = s.withPasskeys(account{user: user}, all)
		}
		return u, failed
	}, session, parsed)
	switch {
	case failed != nil:
		return user, failed
	case err != nil || used.Authenticator.CloneWarning: // a counter that goes back: two have the key
		return user, ErrFactorRefused
	}
	if err := c.answered(ctx, tx); err != nil {
		return user, err
	}
	return user, s.keepPasskey(ctx, tx, all, used)
}

// keepPasskey writes down the counter and the flags of a passkey that was used.
func (s *Service) keepPasskey(ctx context.Context, tx *sqldb.Tx, all []factorRow, used *webauthn.Credential) error {
	for _, f := range all {
		if string(f.credential) != string(used.ID) {
			continue
		}
		plain, err := json.Marshal(used)
		if err != nil {
			return err
		}
		if f.sealed, err = s.Keys.Seal(plain, sealedFor(f.user, f.ID)); err != nil {
			return err
		}
		return setPasskey(ctx, tx, f)
	}
	return errors.New("auth: the passkey that was used is not among those that were read")
}

// SignInWithPasskey starts a session for whose passkey it is. A passkey shows
// that somebody has a device and that the device knows them: both factors.
//
// It returns ErrFactorRefused, ErrChallenge or ErrNoPasskeys.
func (s *Service) SignInWithPasskey(ctx context.Context, from Actor, proof Proof, browser bool) (in SignedIn, err error) {
	defer errs.Wrap(&err, "sign in with passkey")
	c := s.newCredentials(browser)
	c.strong = true
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		user, err := s.checkPasskey(ctx, tx, proof)
		if err != nil {
			return err
		}
		in, err = startSession(ctx, tx, from, user, c)
		return err
	})
	if errors.Is(err, ErrFactorRefused) {
		s.refused(s.DB.Now(), from)
	}
	return in, err
}
