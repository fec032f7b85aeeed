package auth

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// ErrSignIn says the same of an unknown address, a wrong password, and an
// address that is not verified yet.
var ErrSignIn = errs.New(errs.Unauthenticated, "sign-in-failed", "The address or the password is wrong, or the address is not verified yet.")

// Secret is a text that must not be printed: a password, a code, a link's token.
type Secret string

// String hides the secret from logs and errors.
func (Secret) String() string { return "[secret]" }

// GoString does the same for %#v.
func (Secret) GoString() string { return "[secret]" }

// LogIn is a sign-in with a password.
type LogIn struct {
	Email    string // in whatever case
	Password Secret
	Code     Secret // of a second factor, where the user has one
	Browser  bool   // answer with a cookie instead of tokens
}

// SignIn checks a password and starts a session. Whatever is wrong costs as much
// time and gets the same answer; that a second factor is needed is told only to
// who knows the password.
//
// It returns ErrSignIn, ErrFactor, ErrFactorRefused, ErrThrottled or password.ErrBusy.
func (s *Service) SignIn(ctx context.Context, from Actor, l LogIn) (in SignedIn, err error) {
	defer errs.Wrap(&err, "sign in")
	email := FoldEmail(l.Email)
	at := tries(email, from.Address)
	if err := s.countTry(ctx, at); err != nil {
		return in, err
	}
	a, err := s.accountByEmail(ctx, email)
	if err != nil {
		return in, err
	}
	right, err := s.Passwords.Verify(ctx, string(l.Password), a.passwordHash)
	if err != nil {
		return in, err
	}
	if !right || !a.verified {
		s.refused(s.DB.Now(), from)
		return in, ErrSignIn
	}
	c := s.newCredentials(l.Browser)
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		if c.strong, err = s.checkFactors(ctx, tx, from, a.user, Proof{Code: l.Code}); err != nil {
			return err
		}
		if err := forgive(ctx, tx, at); err != nil {
			return err
		}
		in, err = startSession(ctx, tx, from, a.user, c)
		return err
	})
	if errors.Is(err, ErrFactorRefused) {
		s.refused(s.DB.Now(), from)
	}
	return in, err
}

// account is what a sign-in with a password is judged by. The zero account is
// nobody's.
type account struct {
	user         uuid.UUID
	email        string
	passwordHash string // empty: no password fits
	verified     bool
}

func (s *Service) accountByEmail(ctx context.Context, folded string) (a account, err error) {
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		a, err = accountByEmail(ctx, tx, folded)
		return err
	})
	if errors.Is(err, sqldb.ErrNoRows) {
		return account{}, nil
	}
	return a, err
}
