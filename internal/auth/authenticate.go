package auth

import (
	"context"
	"crypto/subtle"
	"errors"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// Authenticate returns who holds the API key: from, which says where the
// request came from, with user, role and credential filled in. A key that is
// malformed, unknown or expired gives ErrUnauthenticated, and is counted for
// the audit trail.
func (s *Service) Authenticate(ctx context.Context, key string, from Actor) (by Actor, err error) {
	defer errs.Wrap(&err, "authenticate")
	now := s.DB.Now() // the process's clock is good enough for a limit of months, and saves a round trip
	k, ok := parseKey(key)
	if !ok {
		s.refusals.add(now, from.Address, 1)
		return Actor{}, ErrUnauthenticated
	}
	var c credential
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		c, err = credentialByID(ctx, tx, k.id)
		return err
	})
	if err != nil && !errors.Is(err, sqldb.ErrNoRows) {
		return Actor{}, err
	}
	if subtle.ConstantTimeCompare(k.hash(), c.hash) != 1 || !now.Before(c.expiresAt) {
		s.refusals.add(now, from.Address, 1)
		return Actor{}, ErrUnauthenticated
	}
	from.UserID, from.Role, from.PractitionerID, from.CredentialID = c.userID, c.role, c.practitionerID, k.id
	return from, nil
}
