package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"strings"

	"medbook/internal/errs"
	"medbook/internal/federation"
	"medbook/internal/sqldb"
)

// Shown is the one credential that a request showed.
type Shown struct {
	Key    string // an API key
	Bearer string // a session's access token, or one of an identity provider
	Cookie string // a browser's session
}

// Authenticate returns who the credential stands for: from, which says where
// the request came from, with user, role and credential filled in. One that is
// malformed, unknown, expired or used from where it may not be gives
// ErrUnauthenticated, and is counted for the audit trail.
func (s *Service) Authenticate(ctx context.Context, shown Shown, from Actor) (by Actor, err error) {
	defer errs.Wrap(&err, "authenticate")
	if t, ok := parseToken(keyPrefix, shown.Key); ok {
		return s.authenticateKey(ctx, t, from)
	}
	if t, ok := parseToken(accessPrefix, shown.Bearer); ok {
		return s.authenticateSession(ctx, t, from)
	}
	if s.Federation != nil && strings.Count(shown.Bearer, ".") == 2 {
		return s.authenticateToken(ctx, shown.Bearer, from)
	}
	if t, ok := parseToken(cookiePrefix, shown.Cookie); ok {
		return s.authenticateSession(ctx, t, from)
	}
	s.refused(s.DB.Now(), from)
	return Actor{}, ErrUnauthenticated
}

func (s *Service) authenticateKey(ctx context.Context, k token, from Actor) (by Actor, err error) {
	now := s.DB.Now() // the process's clock is good enough for a limit of months, and saves a round trip
	var c credential
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		c, err = credentialByID(ctx, tx, k.id)
		return err
	})
	if err != nil && !errors.Is(err, sqldb.ErrNoRows) {
		return Actor{}, err
	}
	if subtle.ConstantTimeCompare(k.hash(), c.hash) != 1 || !now.Before(c.expiresAt) || !c.reaches(from.Address) {
		s.refused(now, from)
		return Actor{}, ErrUnauthenticated
	}
	if now.Sub(c.lastUsedAt) >= seenEvery {
		if err := s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error { return setUsed(ctx, tx, k.id, now) }); err != nil {
			return Actor{}, err
		}
	}
	from.UserID, from.Role, from.PractitionerID, from.CredentialID = c.userID, c.role, c.practitionerID, k.id
	from.Via, from.Scopes = ViaKey, c.scopes
	return from, nil
}

// authenticateToken returns who an identity provider's access token stands for.
// Nobody is made by it: a user has to have connected the identity before.
func (s *Service) authenticateToken(ctx context.Context, token string, from Actor) (Actor, error) {
	c, err := s.Federation.VerifyAccess(ctx, token)
	if errors.Is(err, federation.ErrToken) {
		s.refused(s.DB.Now(), from)
		return Actor{}, ErrUnauthenticated
	}
	if err != nil {
		return Actor{}, err
	}
	var h identityHolder
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		h, err = holderByIdentity(ctx, tx, c.IssuerURL, c.Subject)
		return err
	})
	if err != nil && !errors.Is(err, sqldb.ErrNoRows) {
		return Actor{}, err
	}
	issuer, _ := s.Federation.Lookup(c.Issuer)
	if err != nil || !grants(issuer, c, h.role) {
		s.refused(s.DB.Now(), from)
		return Actor{}, ErrUnauthenticated
	}
	from.UserID, from.Role, from.PractitionerID, from.CredentialID = h.user, h.role, h.practitionerID, h.id
	from.Via, from.Scopes = ViaToken, delegated(c)
	from.Weak = !issuer.SecondFactor && (h.hasFactor || slices.Contains(s.RequireFactor, h.role))
	return from, nil
}

// grants reports whether the issuer lets the subject be what the user is here.
// Where roles are mapped, one that is taken away there is gone here at once; what
// a user's role is, is changed here alone.
func grants(i federation.Issuer, c federation.Claims, role Role) bool {
	return len(i.Roles) == 0 || slices.Contains(c.Roles, string(role))
}
