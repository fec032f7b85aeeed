// Package directory owns the people: users with their profiles, patients,
// practitioners, who cares for whom, and what the clinic is called.
//
// Every user has one role. A user who is or was a patient has a row in
// patients, which is what their bookings lock. A user who is or was a
// practitioner has a practitioner id; the public directory lists those who are.
// Nobody but an admin sees or changes another user; to everybody else such a
// user is not there. Practitioners see of the patients in their care who they
// are.
package directory

import (
	"context"
	"strconv"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/etag"
	"medbook/internal/password"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// Errors that a caller may act on.
var (
	ErrUserNotFound         = auth.ErrUserNotFound
	ErrPatientNotFound      = errs.New(errs.NotFound, "patient-not-found", "There is no such patient.")
	ErrPractitionerNotFound = errs.New(errs.NotFound, "practitioner-not-found", "There is no such practitioner.")
	ErrCareRelationNotFound = errs.New(errs.NotFound, "care-relation-not-found", "This patient is not in the care of this practitioner.")

	ErrEmailTaken          = errs.New(errs.Conflict, "email-taken", "There is a user with this e-mail address already.")
	ErrInvalidUser         = errs.New(errs.Invalid, "invalid-user", "This user can't be kept as given.")
	ErrInvalidPractitioner = errs.New(errs.Invalid, "invalid-practitioner", "This practitioner can't be kept as given.")
	ErrInvalidClinic       = errs.New(errs.Invalid, "invalid-clinic", "The clinic can't be kept as given.")
	ErrInvalidSearch       = errs.New(errs.Invalid, "invalid-search", "This can't be searched for.")
)

// User is somebody who can sign in.
type User struct {
	ID             uuid.UUID
	Email          phi.Value[string] // trimmed and in lower case
	Name           phi.Value[string]
	Phone          phi.Value[string] // as given; may be empty, like Address
	Address        phi.Value[string]
	DateOfBirth    phi.Value[string] // YYYY-MM-DD, or absent
	Role           auth.Role
	TimeZone       string    // IANA name, for what is shown to them
	PractitionerID uuid.UUID // zero unless Role is auth.Practitioner
	CreatedAt      time.Time
	UpdatedAt      time.Time
	Version        int64 // raised by each change of what is above
}

// ETag is the version of the user alone.
func (u User) ETag() string { return etag.Quote(strconv.FormatInt(u.Version, 10)) }

// patients returns the user's id if they are a patient: whose data it is.
func (u User) patients() []uuid.UUID {
	if u.Role == auth.Patient {
		return []uuid.UUID{u.ID}
	}
	return nil
}

// NewUser is what a user is made of. Email, Name and Role are required.
type NewUser struct {
	Email, Name, Phone, Address phi.Value[string]
	DateOfBirth                 phi.Value[string] // YYYY-MM-DD
	Role                        auth.Role
	TimeZone                    string // IANA name; UTC when empty
	Specialty, Bio              string // of practitioners, public
}

// UserChange changes a user; nil leaves a field, an empty value clears it where
// it may be empty. An e-mail address is not changed this way.
type UserChange struct {
	Name, Phone, Address, DateOfBirth *phi.Value[string]
	TimeZone                          *string
	Role                              *auth.Role // by admins only
}

// Practitioner is what everybody may know of somebody who gives care.
type Practitioner struct {
	ID, UserID           uuid.UUID
	Name, Specialty, Bio string
	CreatedAt            time.Time
	Version              int64 // raised by each change of what is above
}

// Patient is what staff see of somebody who can be booked for.
type Patient struct {
	ID          uuid.UUID // the user's
	Name        phi.Value[string]
	DateOfBirth phi.Value[string] // YYYY-MM-DD, or absent
	TimeZone    string            // IANA name
	Since       time.Time         // when the care of the practitioner who asks began; zero for others
}

// Service offers the directory to api, web and fhir. Its methods are safe for
// concurrent use.
type Service struct {
	DB        *sqldb.DB
	Passwords *password.Hasher

	// ClinicName, if set, is what the clinic is called, whatever is in the database.
	ClinicName string

	// Enrol, if set, runs in the transaction that makes a user a practitioner,
	// for the first time or again, and Retire in the one that ends it.
	Enrol  func(ctx context.Context, tx *sqldb.Tx, practitionerID uuid.UUID, timeZone string) error
	Retire func(ctx context.Context, tx *sqldb.Tx, practitionerID uuid.UUID) error
}
