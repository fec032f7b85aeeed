package auth

import (
	"context"
	"errors"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// ErrNoSession is the answer to who has no session, where one is needed.
var ErrNoSession = errs.New(errs.Conflict, "session-needed", "Only a session can do this; an API key has its scopes.")

// StepUp shows that who uses the session still is its user: by a second factor
// if they have one, else by the password. For 5 minutes the session may then do
// what needs a fresh proof.
//
// It returns ErrNoSession, ErrWrongPassword, ErrWrongFactor, ErrChallenge,
// ErrThrottled or password.ErrBusy.
func (s *Service) StepUp(ctx context.Context, by Actor, proof Proof) (err error) {
	defer errs.Wrap(&err, "step up")
	switch {
	case by.Anonymous():
		return ErrUnauthenticated
	case by.Via != ViaSession:
		return ErrNoSession
	}
	has, err := s.hasFactors(ctx, by)
	if err != nil {
		return err
	}
	if has {
		err = s.countTry(ctx, triesOf(by.UserID, by.Address))
	} else {
		_, err = s.provePassword(ctx, by, proof.Password)
	}
	if err != nil {
		return err
	}
	return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error { return s.stepUp(ctx, tx, by, proof, has) })
}

// stepUp checks the second factor, which is what counts if there was one when the
// password was not asked for, and writes that a proof was given.
func (s *Service) stepUp(ctx context.Context, tx *sqldb.Tx, by Actor, proof Proof, had bool) error {
	strong, err := s.checkFactors(ctx, tx, by, by.UserID, proof)
	if errors.Is(err, ErrFactor) || errors.Is(err, ErrFactorRefused) || err == nil && had && !strong {
		return ErrWrongFactor
	}
	if err != nil {
		return err
	}
	if err := forgive(ctx, tx, triesOf(by.UserID, by.Address)); err != nil {
		return err
	}
	if strong {
		err = setStrong(ctx, tx, by.CredentialID)
	} else {
		err = setProved(ctx, tx, by.CredentialID)
	}
	if err != nil {
		return err
	}
	return recordOwn(ctx, tx, by, by.UserID, "session.step_up", "session", by.CredentialID.String())
}

func (s *Service) hasFactors(ctx context.Context, by Actor) (has bool, err error) {
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		all, err := factorsOf(ctx, tx, by.UserID)
		has = len(all) > 0
		return err
	})
	return has, err
}
