package directory

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/federation"
	"medbook/internal/id"
	"medbook/internal/sqldb"
)

// Provision makes a user of who an identity provider vouches for: with an
// address that it has verified and nobody has here, and with the one role that
// its roles are mapped to; a patient where none are mapped. Somebody who has the
// address is never taken for them. It is an auth.Provisioner.
//
// It returns auth.ErrIdentity.
func (s *Service) Provision(ctx context.Context, from auth.Actor, tx *sqldb.Tx, c federation.Claims, mapped bool) (userID uuid.UUID, err error) {
	defer errs.Wrap(&err, "make user of an identity")
	role := auth.Patient
	if mapped {
		var ok bool
		if len(c.Roles) != 1 {
			return userID, auth.ErrIdentity
		}
		if role, ok = auth.ParseRole(c.Roles[0]); !ok {
			return userID, auth.ErrIdentity
		}
	}
	r, err := recordOf(NewUser{Email: c.Email, Name: c.Name, Role: role}).checked(tx.Now())
	if err != nil || !c.EmailVerified {
		return userID, auth.ErrIdentity
	}
	userID = id.New()
	if err := insertUser(ctx, tx, userID, r); errors.Is(err, ErrEmailTaken) {
		return userID, auth.ErrIdentity
	} else if err != nil {
		return userID, err
	}
	if err := s.place(ctx, tx, userID, r); err != nil {
		return userID, err
	}
	var patients []uuid.UUID
	if role == auth.Patient {
		patients = append(patients, userID)
	}
	event := from.Event("user.provision", "user", userID.String(), patients...)
	event.Actor = userID
	return userID, audit.Record(ctx, tx, event)
}
