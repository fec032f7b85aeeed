package encounters

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/idempotency"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// emergencyFor is how long a record stays open.
const emergencyFor = 30 * time.Minute

// Emergency is that a practitioner opened the record of a patient who is not in
// their care.
type Emergency struct {
	ID           id.Keyed // its lead is the patient
	Practitioner uuid.UUID
	User         uuid.UUID // the practitioner's
	Reason       phi.Value[string]
	OpenedAt     time.Time
	ExpiresAt    time.Time // exclusive

	sealed []byte
}

func reasonUse(key id.Keyed) []byte { return fmt.Appendf(nil, "emergency access %s", key) }

// OpenInEmergency opens a patient's record to a practitioner who has no care of
// them, for 30 minutes. Every auditor is told, and whatever is done by it is on
// record as done in an emergency.
//
// It returns auth.ErrForbidden, directory.ErrPatientNotFound, ErrInCare or
// ErrInvalidEncounter for a missing reason.
func (s *Service) OpenInEmergency(ctx context.Context, by auth.Actor, patient string, reason phi.Value[string]) (e Emergency, err error) {
	defer errs.Wrap(&err, "open record in emergency")
	const action, what = "emergency_access.open", "emergency_access"
	in := by.Intends(action, what, "")
	in.Purpose = auth.PurposeEmergency
	if !by.Is(auth.Practitioner) {
		return e, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	whose, err := patientID(patient)
	if err != nil {
		return e, audit.Refuse(ctx, s.DB, in, err)
	}
	in.Patients = []uuid.UUID{whose}
	if reason.IsZero() {
		return e, ErrInvalidEncounter.Field("reason", "is required")
	}
	e = Emergency{ID: id.NewKeyed(whose), Practitioner: by.PractitionerID, User: by.UserID, Reason: reason}
	if e.sealed, err = s.Seal.Seal([]byte(reason.Reveal()), reasonUse(e.ID)); err != nil {
		return Emergency{}, err
	}
	again := func(ctx context.Context, tx *sqldb.Tx) error { return audit.Record(ctx, tx, in.Event) }
	e, err = idempotency.Do(ctx, s.DB, again, func(ctx context.Context, tx *sqldb.Tx) (Emergency, error) {
		return breakGlass(ctx, tx, by, in.Event, e)
	})
	return e, audit.Refuse(ctx, s.DB, in, err)
}

// breakGlass writes e, tells the auditors, and records it.
func breakGlass(ctx context.Context, tx *sqldb.Tx, by auth.Actor, event audit.Event, e Emergency) (Emergency, error) {
	if err := directory.LockPatient(ctx, tx, e.ID.Lead); err != nil {
		return Emergency{}, err
	}
	c, err := careOf(ctx, tx, by, e.ID.Lead)
	if err != nil {
		return Emergency{}, err
	}
	if c == inCare {
		return Emergency{}, ErrInCare
	}
	e.OpenedAt, e.ExpiresAt = tx.Now(), tx.Now().Add(emergencyFor)
	if err := insertEmergency(ctx, tx, e); err != nil {
		return Emergency{}, err
	}
	auditors, err := auditorIDs(ctx, tx)
	if err != nil {
		return Emergency{}, err
	}
	for _, auditor := range auditors {
		if err := auth.Tell(ctx, tx, auditor, auth.NoticeEmergency); err != nil {
			return Emergency{}, err
		}
	}
	event.ResourceID = e.ID.String()
	return e, audit.Record(ctx, tx, event)
}

// Emergencies lists the newest first, with their reasons, to auditors. It
// returns auth.ErrForbidden or page.ErrCursor.
func (s *Service) Emergencies(ctx context.Context, by auth.Actor, req page.Request) (p page.Of[Emergency], err error) {
	defer errs.Wrap(&err, "list emergency access")
	in := by.Intends("emergency_access.list", "emergency_access", "")
	if !by.Is(auth.Auditor) {
		return p, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	p, err = audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (page.Of[Emergency], error) {
		p, err := emergenciesIn(ctx, tx, req)
		for _, e := range p.Items {
			seen.Row(e.ID.Lead)
		}
		return p, err
	})
	for i, e := range p.Items {
		if len(e.sealed) == 0 { // the patient was erased
			continue
		}
		text, err := s.Seal.Unseal(e.sealed, reasonUse(e.ID))
		if err != nil {
			return page.Of[Emergency]{}, err
		}
		p.Items[i].Reason = phi.Of(string(text))
	}
	return p, err
}
