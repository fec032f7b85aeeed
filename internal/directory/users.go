package directory

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/etag"
	"medbook/internal/id"
	"medbook/internal/idempotency"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// CreateUser makes a user. Only admins do.
//
// It returns auth.ErrForbidden, ErrInvalidUser or ErrEmailTaken.
func (s *Service) CreateUser(ctx context.Context, by auth.Actor, n NewUser) (u User, err error) {
	defer errs.Wrap(&err, "create user")
	if !by.Is(auth.Admin) {
		return u, audit.Refuse(ctx, s.DB, by.Intends("user.create", "user", ""), auth.ErrForbidden)
	}
	given := recordOf(n)
	again := func(ctx context.Context, tx *sqldb.Tx) error {
		made, err := userByEmail(ctx, tx, auth.FoldEmail(given.email))
		if errors.Is(err, sqldb.ErrNoRows) { // the answer was a refusal
			return nil
		}
		if err != nil {
			return err
		}
		return audit.Record(ctx, tx, by.Event("user.read", "user", made.ID.String(), made.patients()...))
	}
	return idempotency.Do(ctx, s.DB, again, func(ctx context.Context, tx *sqldb.Tx) (u User, err error) {
		r, err := given.checked(tx.Now())
		if err != nil {
			return u, err
		}
		userID := id.New()
		if err := insertUser(ctx, tx, userID, r); err != nil {
			return u, err
		}
		if err := s.place(ctx, tx, userID, r); err != nil {
			return u, err
		}
		if u, err = userByID(ctx, tx, by, userID); err != nil {
			return u, err
		}
		return u, audit.Record(ctx, tx, by.Event("user.create", "user", userID.String(), u.patients()...))
	})
}

// User returns a user to themself or to an admin. To anybody else, and for an
// unknown id, it returns ErrUserNotFound.
func (s *Service) User(ctx context.Context, by auth.Actor, userID string) (u User, err error) {
	defer errs.Wrap(&err, "read user")
	if by.Anonymous() {
		return u, auth.ErrUnauthenticated
	}
	which, ok := id.Parse(userID)
	if !ok {
		return u, ErrUserNotFound
	}
	return audit.Read(ctx, s.DB, by.Intends("user.read", "user", userID), func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (User, error) {
		u, err := userByID(ctx, tx, by, which)
		if err == nil && which != by.UserID {
			seen.Row(u.patients()...)
		}
		return u, err
	})
}

// UserFilter narrows a list of users. Its zero value matches all.
type UserFilter struct {
	Role string
}

// Users lists users in the order of their ids: all of them to admins, only
// themself to anybody else. It returns page.ErrCursor for a position that is
// not one of its own.
func (s *Service) Users(ctx context.Context, by auth.Actor, f UserFilter, req page.Request) (p page.Of[User], err error) {
	defer errs.Wrap(&err, "list users")
	if by.Anonymous() {
		return p, auth.ErrUnauthenticated
	}
	return audit.Read(ctx, s.DB, by.Intends("user.list", "user", ""), func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (page.Of[User], error) {
		p, err := usersIn(ctx, tx, by, f, req)
		for _, u := range p.Items {
			if u.ID != by.UserID {
				seen.Row(u.patients()...)
			}
		}
		return p, err
	})
}

// ChangeUser changes a user for themself or for an admin. match must name the
// version that is changed.
//
// It returns auth.ErrForbidden when somebody else than an admin changes a role,
// auth.ErrStepUp when an admin has no fresh proof for that, then ErrUserNotFound, etag.ErrMissing, etag.ErrStale or ErrInvalidUser.
func (s *Service) ChangeUser(ctx context.Context, by auth.Actor, userID string, match etag.Match, c UserChange) (u User, err error) {
	defer errs.Wrap(&err, "change user")
	if by.Anonymous() {
		return u, auth.ErrUnauthenticated
	}
	which, ok := id.Parse(userID)
	if !ok {
		return u, ErrUserNotFound
	}
	in := by.Intends("user.change", "user", userID)
	if c.Role != nil && !by.Is(auth.Admin) {
		return u, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	if c.Role != nil {
		if err := by.StepUp(auth.StepUpRoles, s.DB.Now()); err != nil {
			return u, audit.Refuse(ctx, s.DB, in, err)
		}
	}
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		if err = lockUser(ctx, tx, which); err != nil {
			return err
		}
		old, err := userByID(ctx, tx, by, which)
		if err != nil {
			return err
		}
		if err := match.Check(old.ETag()); err != nil {
			return err
		}
		if u, err = s.change(ctx, tx, by, old, c); err != nil {
			return err
		}
		did := in.Event
		did.Patients = append(old.patients(), u.patients()...)
		if u.Role == old.Role {
			return audit.Record(ctx, tx, did)
		}
		role := did
		role.Action = "user.change_role"
		return audit.Record(ctx, tx, did, role)
	})
	if err != nil {
		return User{}, audit.Refuse(ctx, s.DB, in, err)
	}
	return u, nil
}

// change writes what c says over old, and what follows from it.
func (s *Service) change(ctx context.Context, tx *sqldb.Tx, by auth.Actor, old User, c UserChange) (User, error) {
	before := changed(old, UserChange{})
	after, err := changed(old, c).checked(tx.Now())
	if err != nil {
		return User{}, err
	}
	if err := updateUser(ctx, tx, old.ID, after); err != nil {
		return User{}, err
	}
	if after.role != before.role {
		if old.Role == auth.Practitioner && s.Retire != nil {
			if err := s.Retire(ctx, tx, old.PractitionerID); err != nil {
				return User{}, err
			}
		}
		if err := s.place(ctx, tx, old.ID, after); err != nil {
			return User{}, err
		}
	}
	if after.role != before.role || after.name != before.name {
		if err := reindex(ctx, tx, old.ID); err != nil {
			return User{}, err
		}
		if err := indexPatient(ctx, tx, old.ID, after.name); err != nil {
			return User{}, err
		}
	}
	return userByID(ctx, tx, by, old.ID)
}

// place gives a user the rows that their role needs.
func (s *Service) place(ctx context.Context, tx *sqldb.Tx, userID uuid.UUID, r record) error {
	switch r.role {
	case auth.Patient:
		if err := insertPatient(ctx, tx, userID); err != nil {
			return err
		}
		return indexPatient(ctx, tx, userID, r.name)
	case auth.Practitioner:
		practitionerID, err := insertPractitioner(ctx, tx, userID, r)
		if err != nil || s.Enrol == nil {
			return err
		}
		return s.Enrol(ctx, tx, practitionerID, r.timeZone)
	}
	return nil
}

// Recipient returns the user to whom a message goes, or ErrUserNotFound, also for
// who was erased.
func Recipient(ctx context.Context, tx *sqldb.Tx, userID uuid.UUID) (u User, err error) {
	defer errs.Wrap(&err, "read recipient %s", userID)
	if err := checkThere(ctx, tx, userID); err != nil {
		return u, err
	}
	return userByID(ctx, tx, auth.System, userID)
}
