package encounters

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// Filter chooses among the encounters that a caller may see. Its fields AND
// together; zero fields do not filter.
type Filter struct {
	Patient      string
	Practitioner string
	From, To     calendar.Date // both included
	Type         Type
}

// Encounter returns one encounter to a practitioner who has care of its patient
// and, if it is shared with them, to the patient. To others it is ErrNotFound.
func (s *Service) Encounter(ctx context.Context, by auth.Actor, encounter string) (e Encounter, err error) {
	defer errs.Wrap(&err, "read encounter")
	const action = "encounter.read"
	key, err := s.readable(ctx, by, encounter, action)
	if err != nil {
		return e, err
	}
	e, err = audit.Read(ctx, s.DB, by.Intends(action, "encounter", key.String(), key.Lead), func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (Encounter, error) {
		e, err := encounterByID(ctx, tx, by, key)
		if err == nil {
			seen.Named(key.String(), e.purpose(by), key.Lead)
		}
		return e, err
	})
	if err != nil {
		return Encounter{}, err
	}
	e.ClinicalData, err = s.unseal(ctx, e.ID, e.Version, e.sealed)
	return e, err
}

// readable judges who may read encounters at all, and reads the id of one.
func (s *Service) readable(ctx context.Context, by auth.Actor, encounter, action string) (key id.Keyed, err error) {
	key, ok := id.ParseKeyed(encounter)
	switch {
	case !by.Is(auth.Practitioner, auth.Patient):
		return key, s.refused(ctx, by, auth.ErrForbidden, action, "")
	case !ok:
		return key, s.refused(ctx, by, ErrNotFound, action, "")
	}
	return key, nil
}

// Encounters lists encounters, those of the newest date first: to practitioners
// those of the patients in their care, to patients those that are shared with
// them. Each that is answered has a record of its own.
//
// It returns auth.ErrForbidden, directory.ErrPatientNotFound for the filter's
// patient if they are not the caller's, ErrInvalidRange or page.ErrCursor.
func (s *Service) Encounters(ctx context.Context, by auth.Actor, f Filter, req page.Request) (p page.Of[Encounter], err error) {
	defer errs.Wrap(&err, "list encounters")
	const action = "encounter.list"
	if !by.Is(auth.Practitioner, auth.Patient) {
		return p, s.refused(ctx, by, auth.ErrForbidden, action, "")
	}
	if !f.From.IsZero() && !f.To.IsZero() && f.To.Before(f.From) {
		return p, ErrInvalidRange.Field("end_date", "is before start_date")
	}
	var asked []uuid.UUID
	if f.Patient != "" {
		patient, err := patientID(f.Patient)
		if err == nil && by.Is(auth.Patient) && patient != by.UserID {
			err = directory.ErrPatientNotFound
		}
		if err != nil {
			return p, s.refused(ctx, by, err, action, "")
		}
		asked = append(asked, patient)
	}
	p, err = audit.Read(ctx, s.DB, by.Intends(action, "encounter", "", asked...), func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (p page.Of[Encounter], err error) {
		if len(asked) > 0 && by.Is(auth.Practitioner) {
			if _, err := admitted(ctx, tx, by, asked[0]); err != nil {
				return p, err
			}
		}
		p, err = encountersIn(ctx, tx, by, f, req)
		for _, e := range p.Items {
			seen.Named(e.ID.String(), e.purpose(by), e.Patient())
		}
		return p, err
	})
	for i, e := range p.Items {
		if p.Items[i].ClinicalData, err = s.unseal(ctx, e.ID, e.Version, e.sealed); err != nil {
			return page.Of[Encounter]{}, err
		}
	}
	return p, err
}

// Versions lists what an encounter said each time it was written, the first
// version first, to practitioners who have care of its patient. It returns
// auth.ErrForbidden, ErrNotFound or page.ErrCursor.
func (s *Service) Versions(ctx context.Context, by auth.Actor, encounter string, req page.Request) (p page.Of[Version], err error) {
	defer errs.Wrap(&err, "list versions of encounter")
	const action = "encounter.versions"
	if !by.Is(auth.Practitioner) {
		return p, s.refused(ctx, by, auth.ErrForbidden, action, "")
	}
	key, err := s.readable(ctx, by, encounter, action)
	if err != nil {
		return p, err
	}
	p, err = audit.Read(ctx, s.DB, by.Intends(action, "encounter", key.String(), key.Lead), func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (p page.Of[Version], err error) {
		e, err := encounterByID(ctx, tx, by, key)
		if err != nil {
			return p, err
		}
		seen.Named(key.String(), e.purpose(by), key.Lead)
		return versionsOf(ctx, tx, e, req)
	})
	for i, v := range p.Items {
		if p.Items[i].ClinicalData, err = s.unseal(ctx, v.Encounter, v.Number, v.sealed); err != nil {
			return page.Of[Version]{}, err
		}
	}
	return p, err
}

// position is where a page of encounters ended.
type position struct {
	date string
	key  id.Keyed
}

func positionOf(e Encounter) string { return e.Date.String() + "." + e.ID.String() }

func parsePosition(text string) (p position, err error) {
	if text == "" {
		return position{date: "9999-12-31"}, nil // before all
	}
	date, rest, _ := strings.Cut(text, ".")
	key, ok := id.ParseKeyed(rest)
	if _, err := calendar.ParseDate(date); err != nil || !ok {
		return p, page.ErrCursor
	}
	return position{date, key}, nil
}
