package encounters

import (
	"context"
	"errors"
	"time"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/etag"
	"medbook/internal/id"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/webhooks"
)

// Change amends an encounter; nil leaves a field.
type Change struct {
	Date         *calendar.Date
	Type         *Type
	ClinicalData *phi.Value[string] // the whole of it
	Shared       *bool
}

// Amend writes a new version of an encounter; those before it stay. Any
// practitioner who has care of its patient may, which the version tells. match
// must name the version that was read.
//
// It returns auth.ErrForbidden, ErrNotFound, etag.ErrMissing, etag.ErrStale or
// ErrInvalidEncounter.
func (s *Service) Amend(ctx context.Context, by auth.Actor, encounter string, match etag.Match, c Change) (e Encounter, err error) {
	defer errs.Wrap(&err, "amend encounter")
	const action = "encounter.amend"
	if !by.Is(auth.Practitioner) {
		return e, s.refused(ctx, by, auth.ErrForbidden, action, "")
	}
	key, err := s.readable(ctx, by, encounter, action)
	if err != nil {
		return e, err
	}
	old, err := s.amendable(ctx, by, key, match)
	if err == nil {
		e, err = s.amended(ctx, old, c)
	}
	if err == nil {
		err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error { return amend(ctx, tx, by, &e) })
	}
	if err != nil {
		return Encounter{}, s.refused(ctx, by, err, action, key.String(), key.Lead)
	}
	return e, nil
}

// toAmend is what an amendment starts from.
type toAmend struct {
	Encounter
	zone *time.Location // of who documented it
	now  time.Time
}

// amendable reads the encounter as it stands, of the version that match names.
func (s *Service) amendable(ctx context.Context, by auth.Actor, key id.Keyed, match etag.Match) (old toAmend, err error) {
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		if old.Encounter, err = encounterByID(ctx, tx, by, key); err != nil {
			return err
		}
		if err := match.Check(old.ETag()); err != nil {
			return err
		}
		old.zone, err = scheduling.ZoneOf(ctx, tx, old.Practitioner)
		old.now = tx.Now()
		return err
	})
	return old, err
}

// amended makes the next version, sealed.
func (s *Service) amended(ctx context.Context, old toAmend, c Change) (e Encounter, err error) {
	e = old.Encounter
	key, err := s.open(ctx, e.Patient(), e.sealed.key)
	if err != nil {
		return e, err
	}
	if e.ClinicalData, err = s.unseal(ctx, e.ID, e.Version, e.sealed); err != nil {
		return e, err
	}
	if c.ClinicalData != nil {
		e.ClinicalData = *c.ClinicalData
	}
	if c.Date != nil {
		e.Date = *c.Date
	}
	if c.Type != nil {
		e.Type = *c.Type
	}
	if c.Shared != nil {
		e.Shared = *c.Shared
	}
	if err := checkDate(e.Date, old.now, old.zone); err != nil {
		return e, err
	}
	if err := checkType(e.Type); err != nil {
		return e, err
	}
	if err := checkData(e.ClinicalData); err != nil {
		return e, err
	}
	e.Version++
	e.newlyShared = e.Shared && !old.Shared
	return e, e.seal(key)
}

// amend writes e after the version before it, if that is still the newest.
func amend(ctx context.Context, tx *sqldb.Tx, by auth.Actor, e *Encounter) error {
	if err := directory.LockPatient(ctx, tx, e.Patient()); errors.Is(err, directory.ErrPatientNotFound) {
		return ErrNotFound
	} else if err != nil {
		return err
	}
	c, err := careOf(ctx, tx, by, e.Patient())
	if err != nil {
		return err
	}
	if c == noCare {
		return ErrNotFound
	}
	if err := keepKey(ctx, tx, e.Patient(), e.sealed.key); err != nil {
		return err
	}
	e.UpdatedAt = tx.Now()
	n, err := updateEncounter(ctx, tx, *e)
	if err != nil {
		return err
	}
	if n == 0 {
		return etag.ErrStale
	}
	if err := insertVersion(ctx, tx, *e, by.UserID); err != nil {
		return err
	}
	if e.newlyShared {
		if err := tell(ctx, tx, by, *e); err != nil {
			return err
		}
	}
	if err := emit(ctx, tx, webhooks.EncounterAmended, *e); err != nil {
		return err
	}
	event := by.Event("encounter.amend", "encounter", e.ID.String(), e.Patient())
	event.Purpose = c.purpose(by)
	return audit.Record(ctx, tx, event)
}
