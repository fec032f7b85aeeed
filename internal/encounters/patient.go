package encounters

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// Chart is an encounter with all of its versions, as it is stored: Open reads it.
type Chart struct {
	Encounter
	Versions []Version
}

// OfPatient lists the encounters of a patient that by may see, the oldest first,
// with their versions.
func OfPatient(ctx context.Context, tx *sqldb.Tx, by auth.Actor, patient uuid.UUID) (all []Chart, err error) {
	defer errs.Wrap(&err, "list encounters of %s", patient)
	return chartsOf(ctx, tx, by, patient)
}

// Open reads the clinical data of charts, outside of any transaction.
func (s *Service) Open(ctx context.Context, _ auth.Actor, charts []Chart) (err error) {
	defer errs.Wrap(&err, "open charts")
	for i := range charts {
		c := &charts[i]
		if c.ClinicalData, err = s.unseal(ctx, c.ID, c.Version, c.sealed); err != nil {
			return err
		}
		for j := range c.Versions {
			v := &c.Versions[j]
			if v.ClinicalData, err = s.unseal(ctx, v.Encounter, v.Number, v.sealed); err != nil {
				return err
			}
		}
	}
	return nil
}

// InCare reports whether by has care of a patient, or has opened their record in
// an emergency.
func InCare(ctx context.Context, tx *sqldb.Tx, by auth.Actor, patient uuid.UUID) (purpose string, ok bool, err error) {
	defer errs.Wrap(&err, "read care of %s", patient)
	c, err := careOf(ctx, tx, by, patient)
	return c.purpose(by), c != noCare, err
}

// Last returns the date of a patient's latest encounter, the zero Date if there is
// none.
func Last(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) (d calendar.Date, err error) {
	defer errs.Wrap(&err, "read latest encounter of %s", patient)
	return lastEncounter(ctx, tx, patient)
}

// Forget destroys a patient's key and what it sealed, and closes their record to
// everybody. The caller has the patient's lock.
func Forget(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) (err error) {
	defer errs.Wrap(&err, "forget encounters of %s", patient)
	return destroyKey(ctx, tx, patient)
}

// Count tells how many encounters there are of a patient, whoever may see them.
func Count(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) (n int, err error) {
	defer errs.Wrap(&err, "count encounters of %s", patient)
	return countOf(ctx, tx, patient)
}
