package privacy

import (
	"cmp"
	"context"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// Events lists records of the audit trail, the newest first, to auditors. It is a
// look that is on record itself.
//
// It returns auth.ErrForbidden, ErrInvalidRange or page.ErrCursor.
func (s *Service) Events(ctx context.Context, by auth.Actor, f audit.Filter, req page.Request) (p page.Of[audit.Entry], err error) {
	defer errs.Wrap(&err, "read audit trail")
	in, err := trailIntent(by, "trail.read", f)
	if err != nil {
		return p, audit.Refuse(ctx, s.DB, in, err)
	}
	return audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (page.Of[audit.Entry], error) {
		p, err := audit.Events(ctx, tx, f, req)
		for range max(1, len(p.Items)) { // that nothing was found tells something too
			seen.Row(in.Patients...)
		}
		return p, err
	})
}

// trailIntent judges who reads the trail, and what of it.
func trailIntent(by auth.Actor, action string, f audit.Filter) (audit.Intent, error) {
	in := by.Intends(action, "trail", "")
	if f.Patient != uuid.Nil {
		in.Patients = []uuid.UUID{f.Patient}
	}
	switch {
	case !by.Is(auth.Auditor):
		return in, auth.ErrForbidden
	case !f.From.IsZero() && !f.To.IsZero() && f.To.Before(f.From):
		return in, ErrInvalidRange.Field("to", "is before from")
	}
	return in, nil
}

// exportRows is how many records Export reads at a time.
const exportRows = 500

// Export hands all records that f chooses to each, some at a time, the newest
// first, once it is on record that they are exported. each runs outside of any
// transaction.
//
// It returns auth.ErrForbidden, ErrInvalidRange, or the error of each.
func (s *Service) Export(ctx context.Context, by auth.Actor, f audit.Filter, each func([]audit.Entry) error) (err error) {
	defer errs.Wrap(&err, "export audit trail")
	in, err := trailIntent(by, "trail.export", f)
	if err != nil {
		return audit.Refuse(ctx, s.DB, in, err)
	}
	req := page.Request{Limit: exportRows}
	for {
		p, err := audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (page.Of[audit.Entry], error) {
			if req.After == "" {
				seen.Row(in.Patients...)
			}
			return audit.Events(ctx, tx, f, req)
		})
		if err != nil {
			return err
		}
		if err := each(p.Items); err != nil {
			return err
		}
		if p.Next == "" {
			return nil
		}
		req.After = p.Next
	}
}

// Checkpoint is the newest signed head of the audit trail.
type Checkpoint struct {
	audit.Checkpoint
	Note string   // as it was signed
	Keys []string // the public keys by one of which it was signed, as audit.Verify takes them
}

// Checkpoint returns the newest one to auditors. It returns auth.ErrForbidden or
// audit.ErrNoCheckpoint.
func (s *Service) Checkpoint(ctx context.Context, by auth.Actor) (c Checkpoint, err error) {
	defer errs.Wrap(&err, "read checkpoint")
	in := by.Intends("checkpoint.read", "checkpoint", "")
	if !by.Is(auth.Auditor) {
		return c, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	return audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, _ *audit.Seen) (c Checkpoint, err error) {
		c.Keys = s.TrailKeys
		c.Checkpoint, c.Note, err = audit.Latest(ctx, tx)
		return c, err
	})
}

// Disclosure is that somebody saw, or changed, what is kept of a patient.
type Disclosure struct {
	audit.Entry
	Practitioner uuid.UUID // who it was, if they are one; zero: staff, or the program
}

// Disclosures lists who else saw or changed what is kept of a patient, the newest
// first: to the patient, and to auditors.
//
// It returns auth.ErrForbidden, directory.ErrPatientNotFound or page.ErrCursor.
func (s *Service) Disclosures(ctx context.Context, by auth.Actor, patient string, req page.Request) (p page.Of[Disclosure], err error) {
	defer errs.Wrap(&err, "list disclosures")
	in := by.Intends("disclosure.list", "patient", "")
	if !by.Is(auth.Patient, auth.Auditor) {
		return p, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	whose, err := asked(by, patient)
	if err != nil {
		return p, audit.Refuse(ctx, s.DB, in, err)
	}
	in.ResourceID, in.Patients = whose.String(), []uuid.UUID{whose}
	return audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (p page.Of[Disclosure], err error) {
		if known, err := isPatient(ctx, tx, whose); err != nil || !known {
			return p, cmp.Or(err, error(directory.ErrPatientNotFound))
		}
		found, err := disclosuresOf(ctx, tx, whose, req)
		seen.Row(whose)
		return found, err
	})
}

// disclosuresOf returns a page of a patient's disclosures.
func disclosuresOf(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID, req page.Request) (p page.Of[Disclosure], err error) {
	found, err := audit.Events(ctx, tx, audit.Filter{Patient: patient, NotActor: patient, Outcome: audit.Success}, req)
	if err != nil {
		return p, err
	}
	var actors []uuid.UUID
	for _, e := range found.Items {
		actors = append(actors, e.Actor)
	}
	practitioners, err := practitionersBy(ctx, tx, actors)
	p = page.Of[Disclosure]{Items: make([]Disclosure, len(found.Items)), Next: found.Next, Total: found.Total}
	for i, e := range found.Items {
		p.Items[i] = Disclosure{Entry: e}
		if e.ActorRole == string(auth.Practitioner) {
			p.Items[i].Practitioner = practitioners[e.Actor]
		}
	}
	return p, err
}
