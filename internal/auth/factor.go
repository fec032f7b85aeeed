package auth

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// Errors of second factors. Before a sign-in they are 401, after it conflicts.
var (
	ErrFactor         = errs.New(errs.Unauthenticated, "factor-required", "A second factor is needed: send its code or a recovery code, or sign in with a passkey.")
	ErrFactorRefused  = errs.New(errs.Unauthenticated, "factor-refused", "The code or the passkey is not good, or was used before.")
	ErrWrongFactor    = errs.New(errs.Conflict, "factor-wrong", "The code or the passkey is not good, was used before, or is missing.")
	ErrFactorMissing  = errs.New(errs.Forbidden, "factor-missing", "Your role needs a second factor: add one at /v1/auth/factors, or sign in with the one that you have.")
	ErrFactorNotFound = errs.New(errs.NotFound, "factor-not-found", "There is no such second factor, or it is not yours.")
	ErrInvalidFactor  = errs.New(errs.Invalid, "invalid-factor", "This second factor can't be added.")
	ErrNoPasskeys     = errs.New(errs.Conflict, "passkeys-unavailable", "Passkeys belong to a host name, and this server is known by an address only.")
)

const mostFactors = 20 // of one user

// FactorKind is a kind of second factor.
type FactorKind string

// The kinds of second factors.
const (
	TOTP    FactorKind = "totp"    // codes of an authenticator app, RFC 6238
	Passkey FactorKind = "passkey" // WebAuthn, with verification of the user: good for a sign-in of its own
)

// Factor is a second way in which a user shows who they are.
type Factor struct {
	ID         uuid.UUID
	Kind       FactorKind
	Name       string // in its owner's words
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: never
}

// Proof is what shows anew who somebody is: their password, or if they have a
// second factor one of its codes, a recovery code, or a passkey's answer.
type Proof struct {
	Password   Secret
	Code       Secret
	Challenge  string // that the passkey answered
	Credential []byte // its answer, as WebAuthn's JSON
}

// checkFactors returns ErrFactor where the user has second factors and proof has
// none, ErrFactorRefused if it has and is wrong, and whether there was one.
// What was used is used up.
func (s *Service) checkFactors(ctx context.Context, tx *sqldb.Tx, from Actor, user uuid.UUID, proof Proof) (strong bool, err error) {
	all, err := factorsOf(ctx, tx, user)
	switch {
	case err != nil || len(all) == 0:
		return false, err
	case proof.Credential != nil:
		who, err := s.checkPasskey(ctx, tx, proof)
		if err == nil && who != user {
			err = ErrFactorRefused
		}
		return true, err
	case proof.Code == "":
		return false, ErrFactor
	}
	for _, f := range all {
		if good, err := s.checkTOTP(ctx, tx, f, proof.Code); good || err != nil {
			return true, err
		}
	}
	return true, useRecoveryCode(ctx, tx, from, user, proof.Code)
}

// Factors lists the caller's own second factors, oldest first. It returns
// page.ErrCursor for a position that is not one of its own.
func (s *Service) Factors(ctx context.Context, by Actor, req page.Request) (p page.Of[Factor], err error) {
	defer errs.Wrap(&err, "list factors")
	if by.Anonymous() {
		return p, ErrUnauthenticated
	}
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		p, err = factorPage(ctx, tx, by.UserID, req)
		return err
	})
	return p, err
}

// RemoveFactor takes a second factor of the caller's away. With the last one the
// recovery codes go, and no session counts as strong any more.
//
// It returns ErrNoSession, ErrStepUp or ErrFactorNotFound.
func (s *Service) RemoveFactor(ctx context.Context, by Actor, factor string) (err error) {
	defer errs.Wrap(&err, "remove factor")
	if err := s.mayChangeFactors(by); err != nil {
		return err
	}
	which, ok := id.Parse(factor)
	if !ok {
		return ErrFactorNotFound
	}
	return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if n, err := removeFactor(ctx, tx, by.UserID, which); err != nil || n == 0 {
			return errors.Join(err, ErrFactorNotFound)
		}
		left, err := factorsOf(ctx, tx, by.UserID)
		if err != nil {
			return err
		}
		if len(left) == 0 {
			if err := forgetFactors(ctx, tx, by.UserID); err != nil {
				return err
			}
		}
		if err := tell(ctx, tx, by.UserID, NoticeFactor); err != nil {
			return err
		}
		return recordOwn(ctx, tx, by, by.UserID, "factor.remove", "factor", factor)
	})
}

// ResetFactors takes all second factors of the user with that address away, and
// ends their sessions: for who has lost them all. It is for System only, so that
// no admin can get into a colleague's account.
//
// It returns ErrForbidden or ErrUserNotFound.
func (s *Service) ResetFactors(ctx context.Context, by Actor, email string) (err error) {
	defer errs.Wrap(&err, "reset factors")
	if by.Role != system {
		return ErrForbidden
	}
	return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		user, _, err := userOf(ctx, tx, email)
		if err != nil {
			return err
		}
		if err := removeFactors(ctx, tx, user); err != nil {
			return err
		}
		if err := forgetFactors(ctx, tx, user); err != nil {
			return err
		}
		if err := removeSessions(ctx, tx, user, uuid.Nil); err != nil {
			return err
		}
		if err := tell(ctx, tx, user, NoticeFactor); err != nil {
			return err
		}
		return recordOwn(ctx, tx, by, user, "factor.reset", "user", user.String())
	})
}

// mayChangeFactors returns why by may not change their second factors. An API
// key never may: it would be a way in that outlives it.
func (s *Service) mayChangeFactors(by Actor) error {
	switch {
	case by.Anonymous():
		return ErrUnauthenticated
	case by.Via != ViaSession:
		return ErrNoSession
	}
	return by.StepUp(StepUpAccount, s.DB.Now())
}

// checkLabel returns ErrInvalidFactor unless a factor may be called that.
func checkLabel(name string) error {
	if name == "" || !utf8.ValidString(name) || utf8.RuneCountInString(name) > 100 || name != strings.TrimSpace(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return ErrInvalidFactor.Field("name", "must be 1 to 100 printable characters")
	}
	return nil
}
