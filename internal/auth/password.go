package auth

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/password"
	"medbook/internal/sqldb"
)

// Errors of passwords.
var (
	ErrWeakPassword  = errs.New(errs.Invalid, "password-weak", "This password is too easy to guess.")
	ErrWrongPassword = errs.New(errs.Conflict, "password-wrong", "This is not your present password.")
)

// mailsAnHour is how many links of one kind an address can be sent within an hour.
const mailsAnHour = 3

// CheckPassword returns ErrWeakPassword, with what is wrong with the field,
// unless the password may be kept. It may not be made of what is known of the
// person, such as their address and name.
func CheckPassword(field string, p Secret, known ...string) error {
	if local, _, ok := strings.Cut(strings.Join(known[:min(1, len(known))], ""), "@"); ok {
		known = append(known, local)
	}
	if wrong := password.Check(string(p), known...); wrong != "" {
		return ErrWeakPassword.Field(field, wrong)
	}
	return nil
}

// AddAccount lets a user sign in with the password of that hash, once the
// address is verified.
func AddAccount(ctx context.Context, tx *sqldb.Tx, user uuid.UUID, hash string, verified bool) (err error) {
	defer errs.Wrap(&err, "add account of user %s", user)
	return setPassword(ctx, tx, user, hash, verified)
}

// RequestReset sends a link that sets a new password to the address, if there
// is a user with it, and at most three an hour. Nothing tells whether it did.
func (s *Service) RequestReset(ctx context.Context, from Actor, email string) (err error) {
	defer errs.Wrap(&err, "request password reset")
	email = FoldEmail(email)
	return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		user, _, err := userByEmail(ctx, tx, email)
		if err != nil && !errors.Is(err, sqldb.ErrNoRows) {
			return err
		}
		return TellAt(ctx, tx, email, user, MailReset)
	})
}

// mayMail counts one more link to an address, and reports whether it is within
// what an address gets in an hour.
func mayMail(ctx context.Context, tx *sqldb.Tx, address string) (bool, error) {
	subject := subjectOf("mail", address)
	t, err := lockThrottle(ctx, tx, subject)
	if err != nil {
		return false, err
	}
	now := tx.Now()
	if now.Sub(t.updatedAt) >= time.Hour {
		t.failures = 0
	}
	if t.failures >= mailsAnHour {
		return false, nil
	}
	return true, setThrottle(ctx, tx, subject, t.failures+1, now)
}

// ResetPassword sets a new password with a link's token, which also shows that
// the address is the user's, and ends all their sessions. API keys
// stay.
//
// It returns ErrLink, ErrWeakPassword or password.ErrBusy.
func (s *Service) ResetPassword(ctx context.Context, from Actor, token, fresh Secret) (err error) {
	defer errs.Wrap(&err, "reset password")
	email, err := s.emailOfLink(ctx, token, PurposeReset)
	if err != nil {
		return err
	}
	if err := CheckPassword("password", fresh, email); err != nil {
		return err
	}
	hash, err := s.Passwords.Hash(ctx, string(fresh))
	if err != nil {
		return err
	}
	return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		l, err := redeemLink(ctx, tx, string(token), PurposeReset)
		if err != nil {
			return err
		}
		return passwordSet(ctx, tx, from, l.user, hash, uuid.Nil)
	})
}

// emailOfLink looks at a link without using it. An unknown one is refused
// before anything is hashed for it.
func (s *Service) emailOfLink(ctx context.Context, token Secret, purpose Purpose) (email string, err error) {
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		email, err = emailOfLink(ctx, tx, hashLink(string(token)), purpose, tx.Now())
		return err
	})
	if errors.Is(err, sqldb.ErrNoRows) {
		err = ErrLink
	}
	return email, err
}

// ChangePassword sets a new password for the caller, who gives the present one,
// and ends their other sessions.
//
// It returns ErrWrongPassword, ErrWeakPassword, ErrThrottled or password.ErrBusy.
func (s *Service) ChangePassword(ctx context.Context, by Actor, present, fresh Secret) (err error) {
	defer errs.Wrap(&err, "change password")
	if by.Anonymous() {
		return ErrUnauthenticated
	}
	a, err := s.provePassword(ctx, by, present)
	if err != nil {
		return err
	}
	if err := CheckPassword("new_password", fresh, a.email); err != nil {
		return err
	}
	hash, err := s.Passwords.Hash(ctx, string(fresh))
	if err != nil {
		return err
	}
	return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if err := forgive(ctx, tx, triesOf(by.UserID, by.Address)); err != nil {
			return err
		}
		return passwordSet(ctx, tx, by, by.UserID, hash, by.CredentialID)
	})
}

// provePassword checks the caller's present password. Tries are counted, and
// those that succeed are to be forgiven by the caller.
func (s *Service) provePassword(ctx context.Context, by Actor, present Secret) (a account, err error) {
	if err := s.countTry(ctx, triesOf(by.UserID, by.Address)); err != nil {
		return a, err
	}
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		a, err = accountByUser(ctx, tx, by.UserID)
		return err
	})
	if err != nil {
		return a, err
	}
	right, err := s.Passwords.Verify(ctx, string(present), a.passwordHash)
	if err == nil && !right {
		err = ErrWrongPassword
	}
	return a, err
}

// passwordSet writes a new password and all that follows: other sessions end,
// links that were sent before are worth nothing, the user is told, and it is on
// record.
func passwordSet(ctx context.Context, tx *sqldb.Tx, by Actor, user uuid.UUID, hash string, keepSession uuid.UUID) error {
	if err := setPassword(ctx, tx, user, hash, true); err != nil {
		return err
	}
	if err := removeSessions(ctx, tx, user, keepSession); err != nil {
		return err
	}
	if err := removeLinks(ctx, tx, user, PurposeReset); err != nil {
		return err
	}
	if err := tell(ctx, tx, user, NoticePassword); err != nil {
		return err
	}
	return recordOwn(ctx, tx, by, user, "password.change", "user", user.String())
}
