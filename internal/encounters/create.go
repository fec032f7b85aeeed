package encounters

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/idempotency"
	"medbook/internal/keyring"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/webhooks"
)

// NewEncounter is what an encounter is made of.
type NewEncounter struct {
	Patient      string
	Date         calendar.Date // in the practitioner's zone; not in the future
	Type         Type
	ClinicalData phi.Value[string] // a JSON object of at most 256 KiB
	Appointment  string            // of this patient with the caller; it is completed. Empty: none
	Shared       bool
}

// Create documents a visit of a patient in the caller's care. An appointment that
// it names is completed in the same transaction.
//
// It returns auth.ErrForbidden, directory.ErrPatientNotFound, ErrInvalidEncounter,
// scheduling.ErrAppointmentNotFound or scheduling.ErrTransition.
func (s *Service) Create(ctx context.Context, by auth.Actor, n NewEncounter) (e Encounter, err error) {
	defer errs.Wrap(&err, "create encounter")
	const action = "encounter.create"
	if !by.Is(auth.Practitioner) {
		return e, s.refused(ctx, by, auth.ErrForbidden, action, "")
	}
	patient, err := patientID(n.Patient)
	if err != nil {
		return e, s.refused(ctx, by, err, action, "")
	}
	again := func(ctx context.Context, tx *sqldb.Tx) error {
		c, err := admitted(ctx, tx, by, patient)
		if err != nil {
			return err
		}
		event := by.Event(action, "encounter", "", patient)
		event.Purpose = c.purpose(by)
		return audit.Record(ctx, tx, event)
	}
	for range 3 { // two first encounters of a patient at once make two keys, and one stays
		var d draft
		if d, err = s.draft(ctx, by, patient); err == nil {
			err = d.fill(n)
		}
		if err == nil {
			e, err = idempotency.Do(ctx, s.DB, again, d.store)
		}
		if !errors.Is(err, errChanged) {
			break
		}
	}
	return e, s.refused(ctx, by, err, action, "", patient)
}

// draft is an encounter on its way into the database: what had to be done outside
// of the transaction is done.
type draft struct {
	by    auth.Actor
	key   *keyring.DataKey
	zone  *time.Location
	e     Encounter
	visit string // the appointment's id, or empty
}

// draft begins an encounter in a record that by may write into.
func (s *Service) draft(ctx context.Context, by auth.Actor, patient uuid.UUID) (d draft, err error) {
	d = draft{by: by, e: Encounter{ID: id.NewKeyed(patient), Practitioner: by.PractitionerID, CreatedBy: by.UserID, Version: 1}}
	var stored storedKey
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if _, err := admitted(ctx, tx, by, patient); err != nil {
			return err
		}
		if d.zone, err = scheduling.ZoneOf(ctx, tx, by.PractitionerID); err != nil {
			return err
		}
		stored, err = unknownKey(keyOf(ctx, tx, patient))
		return err
	})
	if err != nil {
		return d, err
	}
	d.key, d.e.sealed.key, err = s.keyFor(ctx, patient, stored)
	return d, err
}

// fill puts in what is to be documented.
func (d *draft) fill(n NewEncounter) error {
	if err := checkData(n.ClinicalData); err != nil {
		return err
	}
	if err := checkType(n.Type); err != nil {
		return err
	}
	d.e.Date, d.e.Type, d.e.ClinicalData, d.e.Shared, d.visit = n.Date, n.Type, n.ClinicalData, n.Shared, n.Appointment
	return d.e.seal(d.key)
}

// store writes the encounter, under the locks of a booking.
func (d *draft) store(ctx context.Context, tx *sqldb.Tx) (e Encounter, err error) {
	e = d.e
	if d.visit != "" {
		e.Appointment, err = scheduling.Attend(ctx, tx, d.by, d.visit, e.Patient())
	} else {
		err = directory.LockPatient(ctx, tx, e.Patient())
	}
	if err != nil {
		return Encounter{}, err
	}
	c, err := admitted(ctx, tx, d.by, e.Patient())
	if err != nil {
		return Encounter{}, err
	}
	e.CreatedAt, e.UpdatedAt = tx.Now(), tx.Now()
	if err := checkDate(e.Date, tx.Now(), d.zone); err != nil {
		return Encounter{}, err
	}
	if err := keepKey(ctx, tx, e.Patient(), e.sealed.key); err != nil {
		return Encounter{}, err
	}
	if err := insertEncounter(ctx, tx, e); err != nil {
		return Encounter{}, err
	}
	if err := directory.Relate(ctx, tx, e.Patient(), e.Practitioner, directory.SourceEncounter); err != nil {
		return Encounter{}, err
	}
	if e.Shared {
		if err := tell(ctx, tx, d.by, e); err != nil {
			return Encounter{}, err
		}
	}
	if err := emit(ctx, tx, webhooks.EncounterCreated, e); err != nil {
		return Encounter{}, err
	}
	event := d.by.Event("encounter.create", "encounter", e.ID.String(), e.Patient())
	event.Purpose = c.purpose(d.by)
	return e, audit.Record(ctx, tx, event)
}
