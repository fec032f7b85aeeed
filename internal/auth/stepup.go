package auth

import (
	"context"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// ErrNoSession is the answer to who has no session, where one is needed.
var ErrNoSession = errs.New(errs.Conflict, "session-needed", "Only a session can do this; an API key has its scopes.")

// StepUp shows that who uses the session still is its user, who gives the
// password: for 5 minutes the session may then do what needs a fresh proof.
//
// It returns ErrNoSession, ErrWrongPassword, ErrThrottled or password.ErrBusy.
func (s *Service) StepUp(ctx context.Context, by Actor, password Secret) (err error) {
	defer errs.Wrap(&err, "step up")
	switch {
	case by.Anonymous():
		return ErrUnauthenticated
	case by.Via != ViaSession:
		return ErrNoSession
	}
	if _, err := s.provePassword(ctx, by, password); err != nil {
		return err
	}
	return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if err := forgive(ctx, tx, triesOf(by.UserID, by.Address)); err != nil {
			return err
		}
		if err := setProved(ctx, tx, by.CredentialID); err != nil {
			return err
		}
		return recordOwn(ctx, tx, by, by.UserID, "session.step_up", "session", by.CredentialID.String())
	})
}
