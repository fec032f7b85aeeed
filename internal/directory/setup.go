package directory

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/sqldb"
)

// FirstRun is what a clinic begins with. Who has no time zone has the clinic's.
type FirstRun struct {
	Clinic       ClinicChange
	Admin        NewUser
	Password     auth.Secret // of the admin
	Practitioner *NewUser    // nil: there is none yet
}

// SetUp makes the first admin of a clinic with the one-use link that the server
// prints while it has no users, and with them what else it begins with. The
// practitioner is sent a link with which they set their password. Nothing of it
// is kept, and the link stays good, unless all is.
//
// It returns auth.ErrLink, also when there is an admin already, ErrInvalidUser,
// ErrInvalidClinic, ErrEmailTaken, auth.ErrWeakPassword or password.ErrBusy.
func (s *Service) SetUp(ctx context.Context, from auth.Actor, token auth.Secret, f FirstRun) (u User, err error) {
	defer errs.Wrap(&err, "set up")
	o, err := f.checked(s.DB.Now())
	if err != nil {
		return u, err
	}
	if err := auth.CheckPassword("password", f.Password, o.admin.email, o.admin.name); err != nil {
		return u, err
	}
	hash, err := s.Passwords.Hash(ctx, string(f.Password))
	if err != nil {
		return u, err
	}
	adminID, practitionerID := id.New(), id.New()
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if err := auth.RedeemSetup(ctx, tx, token); err != nil {
			return err
		}
		if has, err := hasAdmin(ctx, tx); err != nil || has {
			return errors.Join(err, auth.ErrLink)
		}
		if err := insertUser(ctx, tx, adminID, o.admin); err != nil {
			return err
		}
		if err := auth.AddAccount(ctx, tx, adminID, hash, true); err != nil {
			return err
		}
		u = userOfRecord(adminID, o.admin, tx.Now())
		from := from
		from.UserID = adminID
		if err := nameClinic(ctx, tx, f.Clinic); err != nil {
			return err
		}
		if o.practitioner != nil {
			if err := s.invite(ctx, tx, from, practitionerID, *o.practitioner); err != nil {
				return err
			}
		}
		return audit.Record(ctx, tx, from.Event("clinic.set_up", "user", adminID.String()))
	})
	if err != nil {
		return User{}, err
	}
	return u, nil
}

// opening is a FirstRun in the form in which it is kept.
type opening struct {
	admin        record
	practitioner *record
}

// checked judges all of it, before a password is hashed and a link is used up.
func (f FirstRun) checked(now time.Time) (o opening, err error) {
	clinic, err := unset().changed(f.Clinic)
	if err != nil {
		return o, within("clinic", err)
	}
	as := func(n NewUser, role auth.Role) (record, error) {
		n.Role, n.TimeZone = role, cmp.Or(n.TimeZone, clinic.TimeZone)
		return recordOf(n).checked(now)
	}
	if o.admin, err = as(f.Admin, auth.Admin); err != nil || f.Practitioner == nil {
		return o, err
	}
	p, err := as(*f.Practitioner, auth.Practitioner)
	o.practitioner = &p
	return o, within("practitioner", err)
}

// within says of the fields that err is about that they are fields of part.
func within(part string, err error) error {
	e := errs.As(err)
	if e == nil {
		return err
	}
	inner := *e
	inner.Fields = nil
	nested := &inner
	for field, wrong := range e.Fields {
		nested = nested.Field(part+"."+field, wrong)
	}
	return nested
}

// nameClinic writes what the clinic is called, if anything was said.
func nameClinic(ctx context.Context, tx *sqldb.Tx, change ClinicChange) error {
	if change == (ClinicChange{}) {
		return nil
	}
	old, err := lockClinic(ctx, tx)
	if err == nil {
		_, err = writeClinic(ctx, tx, old, change)
	}
	return err
}

// invite makes a user, and sends them a link with which they set their password.
func (s *Service) invite(ctx context.Context, tx *sqldb.Tx, by auth.Actor, userID uuid.UUID, r record) error {
	if err := insertUser(ctx, tx, userID, r); err != nil {
		return err
	}
	if err := s.place(ctx, tx, userID, r); err != nil {
		return err
	}
	if err := auth.Tell(ctx, tx, userID, auth.MailReset); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by.Event("user.create", "user", userID.String()))
}

// HasUsers reports whether there is anybody in the database.
func HasUsers(ctx context.Context, tx *sqldb.Tx) (has bool, err error) {
	defer errs.Wrap(&err, "look for users")
	return hasUsers(ctx, tx)
}

// NeedsSetUp reports whether the clinic has no admin yet. Anybody may know.
func (s *Service) NeedsSetUp(ctx context.Context, _ auth.Actor) (needs bool, err error) {
	defer errs.Wrap(&err, "see whether the clinic is set up")
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		has, err := hasAdmin(ctx, tx)
		needs = !has
		return err
	})
	return needs, err
}

// SetUpLink makes the link's token with which a clinic that has no users is set
// up, good for an hour and in place of one before; "" where there are users.
func (s *Service) SetUpLink(ctx context.Context, by auth.Actor) (token string, err error) {
	defer errs.Wrap(&err, "make link of set-up")
	if !by.Is(auth.Admin) {
		return "", auth.ErrForbidden
	}
	secret := auth.NewLinkSecret()
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if has, err := hasUsers(ctx, tx); err != nil || has {
			token = ""
			return err
		}
		token = secret.Token()
		_, err := auth.MintLink(ctx, tx, secret, uuid.Nil, auth.PurposeSetup, "")
		return err
	})
	return token, err
}
