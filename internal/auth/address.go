package auth

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// VerifyAddress shows with a link's token that an address is the user's, who
// gives the password that they registered with. The password keeps somebody who
// registered another's address from having it verified by the other's click.
//
// It returns ErrLink, ErrSignIn, ErrThrottled or password.ErrBusy. A wrong
// password does not use the link up.
func (s *Service) VerifyAddress(ctx context.Context, from Actor, token, password Secret) (err error) {
	defer errs.Wrap(&err, "verify address")
	email, err := s.emailOfLink(ctx, token, PurposeVerify)
	if err != nil {
		return err
	}
	at := tries(email, from.Address)
	if err := s.countTry(ctx, at); err != nil {
		return err
	}
	a, err := s.accountByEmail(ctx, email)
	if err != nil {
		return err
	}
	right, err := s.Passwords.Verify(ctx, string(password), a.passwordHash)
	if err != nil {
		return err
	}
	if !right {
		return ErrSignIn
	}
	return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		l, err := redeemLink(ctx, tx, string(token), PurposeVerify)
		if err != nil {
			return err
		}
		if err := setVerified(ctx, tx, l.user); err != nil {
			return err
		}
		if err := forgive(ctx, tx, at); err != nil {
			return err
		}
		return recordOwn(ctx, tx, from, l.user, "address.verify", "user", l.user.String())
	})
}

// AskForEmail keeps the address that by asks for, and sends a link there and a
// notice to the present one.
func AskForEmail(ctx context.Context, tx *sqldb.Tx, by Actor, folded string) (err error) {
	defer errs.Wrap(&err, "ask for another address")
	if err := setPendingEmail(ctx, tx, by.UserID, folded); err != nil {
		return err
	}
	if err := TellAt(ctx, tx, folded, by.UserID, MailEmail); err != nil {
		return err
	}
	if err := tell(ctx, tx, by.UserID, NoticeEmailAsked); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by.Event("address.ask", "user", by.UserID.String()))
}

// RedeemEmail uses up a link of a change of address. It returns whose it is and
// the new address, which whoever owns users writes in the same transaction, or
// ErrLink.
func RedeemEmail(ctx context.Context, tx *sqldb.Tx, token Secret) (user uuid.UUID, email string, err error) {
	defer errs.Wrap(&err, "redeem link of an address")
	l, err := redeemLink(ctx, tx, string(token), PurposeEmail)
	if err != nil {
		return user, "", err
	}
	if err := setPendingEmail(ctx, tx, l.user, ""); err != nil {
		return user, "", err
	}
	return l.user, l.email, tell(ctx, tx, l.user, NoticeEmail)
}

// RedeemSetup uses up the link that sets a clinic up, or returns ErrLink.
func RedeemSetup(ctx context.Context, tx *sqldb.Tx, token Secret) (err error) {
	defer errs.Wrap(&err, "redeem link of set-up")
	_, err = redeemLink(ctx, tx, string(token), PurposeSetup)
	return err
}

// recordOwn records what somebody did to their own account, who need not be
// signed in yet.
func recordOwn(ctx context.Context, tx *sqldb.Tx, by Actor, user uuid.UUID, action, resourceType, resourceID string) error {
	by.UserID = user
	return audit.Record(ctx, tx, by.Event(action, resourceType, resourceID))
}
