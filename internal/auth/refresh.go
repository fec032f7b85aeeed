package auth

import (
	"bytes"
	"context"
	"errors"
	"time"

	"medbook/internal/audit"
	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// Refresh gives new tokens for a refresh token, which is good for one use: both
// old tokens are worth nothing from then on. A token that is shown again ends
// the whole session, since one of those who have it is not its owner; only the
// same client may repeat itself for 10 seconds, and gets the same tokens again.
//
// It returns ErrUnauthenticated whatever is wrong.
func (s *Service) Refresh(ctx context.Context, from Actor, refresh string) (in SignedIn, err error) {
	defer errs.Wrap(&err, "refresh session")
	old, ok := parseToken(refreshPrefix, refresh)
	if !ok {
		s.refused(s.DB.Now(), from)
		return in, ErrUnauthenticated
	}
	next := s.nextOf(old)
	c := credentials{handle: old.id, access: s.accessOf(next), refresh: next}
	var good bool
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		in, good, err = rotate(ctx, tx, from, old, c)
		return err
	})
	if err == nil && !good {
		s.refused(s.DB.Now(), from)
		err = ErrUnauthenticated
	}
	return in, err
}

// rotate puts c in the place of the tokens that old belongs to. It reports false
// when old is not good, and has then written what follows from that.
func rotate(ctx context.Context, tx *sqldb.Tx, from Actor, old token, c credentials) (SignedIn, bool, error) {
	row, err := lockSession(ctx, tx, old.id)
	if errors.Is(err, sqldb.ErrNoRows) {
		return SignedIn{}, false, nil
	}
	if err != nil {
		return SignedIn{}, false, err
	}
	now := tx.Now()
	switch {
	case row.browser || !now.Before(row.expiresAt):
		return SignedIn{}, false, nil
	case bytes.Equal(row.refreshHash, old.hash()):
		expires := now.Add(accessLife)
		if expires.After(row.expiresAt) {
			expires = row.expiresAt
		}
		return c.signedIn(expires.Sub(now)), true, setTokens(ctx, tx, row, c, now, expires)
	case row.repeats(old, c, from, now):
		return c.signedIn(max(row.accessExpiresAt.Sub(now), time.Second)), true, nil
	}
	if _, err := removeSession(ctx, tx, row.user, row.id); err != nil {
		return SignedIn{}, false, err
	}
	from.UserID, from.CredentialID = row.user, row.id
	e := from.Event("session.reuse", "session", row.id.String())
	e.Outcome = audit.Denied
	if err := audit.Record(ctx, tx, e); err != nil {
		return SignedIn{}, false, err
	}
	return SignedIn{}, false, tell(ctx, tx, row.user, NoticeTokenReused)
}

// repeats reports whether the last refresh is repeated by who made it: with the
// token that it was made with, within 10 seconds, from the same address and
// program, and nothing came after it.
func (r storedSession) repeats(old token, c credentials, from Actor, now time.Time) bool {
	return bytes.Equal(r.previousHash, old.hash()) && bytes.Equal(r.refreshHash, c.refresh.hash()) &&
		!now.After(r.rotatedAt.Add(refreshGrace)) && r.address == from.Address && r.agent == from.Agent
}
