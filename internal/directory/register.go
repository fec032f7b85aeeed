package directory

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// errUndo takes back what was written only to cost what a registration costs.
var errUndo = errors.New("directory: undone")

// Register makes a patient of who asks, who can sign in with the password once
// they have followed the link that is sent to the address. For an address that
// has a user already it answers the same, after the same work: the id is then
// nobody's, nothing is kept, and the owner of the address is told.
//
// It returns ErrInvalidUser, auth.ErrWeakPassword or password.ErrBusy.
func (s *Service) Register(ctx context.Context, from auth.Actor, n NewUser, password auth.Secret) (u User, err error) {
	defer errs.Wrap(&err, "register")
	n.Role = auth.Patient
	r, err := recordOf(n).checked(s.DB.Now())
	if err != nil {
		return u, err
	}
	if err := auth.CheckPassword("password", password, r.email, r.name); err != nil {
		return u, err
	}
	hash, err := s.Passwords.Hash(ctx, string(password))
	if err != nil {
		return u, err
	}
	userID := id.New()
	work := func(ctx context.Context, tx *sqldb.Tx) error {
		u = userOfRecord(userID, r, tx.Now())
		return s.register(ctx, tx, from, userID, r, hash)
	}
	if err = s.DB.Update(ctx, work); errors.Is(err, ErrEmailTaken) { // by somebody who was faster; now it is known
		err = s.DB.Update(ctx, work)
	}
	return u, err
}

// register makes the user, or tells the one who has the address.
func (s *Service) register(ctx context.Context, tx *sqldb.Tx, from auth.Actor, userID uuid.UUID, r record, hash string) error {
	owner, err := ownerOf(ctx, tx, r.email)
	if err != nil {
		return err
	}
	known := owner.id != uuid.Nil
	made := r
	if known {
		made.email = userID.String() + "@undone.invalid"
	}
	err = tx.Savepoint(ctx, func() error {
		if err := s.insertRegistered(ctx, tx, userID, made, hash); err != nil || !known {
			return err
		}
		return errUndo
	})
	if err != nil && !errors.Is(err, errUndo) {
		return err
	}
	event, subject, to := from.Event("user.register", "user", userID.String(), userID), auth.MailVerify, userID
	event.Actor = userID
	if known {
		event, subject, to = from.Event("user.register", "user", owner.id.String(), owner.id), owner.subject(), owner.id
		event.Outcome = audit.Denied
	}
	if err := auth.TellAt(ctx, tx, r.email, to, subject); err != nil {
		return err
	}
	return audit.Record(ctx, tx, event)
}

func (s *Service) insertRegistered(ctx context.Context, tx *sqldb.Tx, userID uuid.UUID, r record, hash string) error {
	if err := insertUser(ctx, tx, userID, r); err != nil {
		return err
	}
	if err := s.place(ctx, tx, userID, r); err != nil {
		return err
	}
	return auth.AddAccount(ctx, tx, userID, hash, false)
}

// owner is who has an address; the zero owner is nobody.
type owner struct {
	id       uuid.UUID
	verified bool
}

// subject is what an owner is told when their address is registered again:
// who never followed their link gets another.
func (o owner) subject() auth.Subject {
	if o.verified {
		return auth.MailKnown
	}
	return auth.MailVerify
}

// AskForEmail begins a change of the caller's address: a link goes to the new
// one. Nothing tells whether somebody has it. It needs step-up.
//
// It returns auth.ErrStepUp or ErrInvalidUser.
func (s *Service) AskForEmail(ctx context.Context, by auth.Actor, email phi.Value[string]) (err error) {
	defer errs.Wrap(&err, "ask for another address")
	if by.Anonymous() {
		return auth.ErrUnauthenticated
	}
	if err := by.StepUp(auth.StepUpAccount, s.DB.Now()); err != nil {
		return err
	}
	folded, ok := foldedEmail(email)
	if !ok {
		return ErrInvalidUser.Field("email", "is not an e-mail address")
	}
	return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		return auth.AskForEmail(ctx, tx, by, folded)
	})
}

// ConfirmEmail makes the address that a link was sent to the user's, and ends
// links that were sent to the one before. It returns auth.ErrLink, or
// ErrEmailTaken when somebody else has the address by now.
func (s *Service) ConfirmEmail(ctx context.Context, from auth.Actor, token auth.Secret) (err error) {
	defer errs.Wrap(&err, "confirm address")
	return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		userID, email, err := auth.RedeemEmail(ctx, tx, token)
		if err != nil {
			return err
		}
		if err := lockUser(ctx, tx, userID); err != nil {
			return err
		}
		owner, err := ownerOf(ctx, tx, email)
		if err != nil {
			return err
		}
		if owner.id != uuid.Nil && owner.id != userID {
			return ErrEmailTaken
		}
		if err := updateEmail(ctx, tx, userID, email); err != nil {
			return err
		}
		from.UserID = userID
		return audit.Record(ctx, tx, from.Event("address.change", "user", userID.String()))
	})
}
