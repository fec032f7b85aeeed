package directory

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// PractitionerFilter narrows a list of practitioners. Its zero value matches all.
type PractitionerFilter struct {
	Specialty string // this one, in whatever case
	Query     string // part of name, specialty or bio, in whatever case
}

// PractitionersIn lists practitioners in the order of their ids, without those
// who lost the role. It returns page.ErrCursor for a position that is not one of
// its own.
func PractitionersIn(ctx context.Context, tx *sqldb.Tx, f PractitionerFilter, req page.Request) (p page.Of[Practitioner], err error) {
	defer errs.Wrap(&err, "list practitioners")
	return practitionersIn(ctx, tx, f, req)
}

// PractitionerByID returns a practitioner, or ErrPractitionerNotFound, also for
// one who lost the role.
func PractitionerByID(ctx context.Context, tx *sqldb.Tx, practitionerID uuid.UUID) (p Practitioner, err error) {
	defer errs.Wrap(&err, "read practitioner %s", practitionerID)
	return practitionerByID(ctx, tx, practitionerID)
}

// PractitionersOf returns the ids of those with that specialty, or of all when
// it is empty, ascending, without those who lost the role.
func PractitionersOf(ctx context.Context, tx *sqldb.Tx, specialty string) (ids []uuid.UUID, err error) {
	defer errs.Wrap(&err, "list practitioners by specialty")
	return practitionersOf(ctx, tx, fold(specialty))
}

// ChangePractitioner changes what is public of a practitioner; nil leaves a
// field. It returns ErrPractitionerNotFound or ErrInvalidPractitioner.
func ChangePractitioner(ctx context.Context, tx *sqldb.Tx, practitionerID uuid.UUID, specialty, bio *string) (err error) {
	defer errs.Wrap(&err, "change practitioner %s", practitionerID)
	if err := lockPractitioner(ctx, tx, practitionerID); err != nil {
		return err
	}
	p, err := practitionerByID(ctx, tx, practitionerID)
	if err != nil || specialty == nil && bio == nil {
		return err
	}
	if specialty != nil {
		p.Specialty = *specialty
	}
	if bio != nil {
		p.Bio = *bio
	}
	if p.Specialty, p.Bio, err = checkedPractitioner(p.Specialty, p.Bio); err != nil {
		return err
	}
	if err := updatePractitioner(ctx, tx, p); err != nil {
		return err
	}
	return reindex(ctx, tx, p.UserID)
}
