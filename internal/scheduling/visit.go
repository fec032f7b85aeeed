package scheduling

import (
	"context"
	"errors"
	"strings"
	"time"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// visitsFor is how long after its end an appointment is found without signing in,
// its last instant excluded.
const visitsFor = 24 * time.Hour

// FindVisit finds the appointment of that reference, whose patient was born on that
// day, for who does not sign in. The reference may be in whatever case, with spaces
// and dashes; the date is 2006-01-02. The pass manages that one appointment for 30
// minutes; see auth.Service.ByPass. What is cancelled is found too; what is over, for
// a day.
//
// An unknown reference, another date, a patient of whom no date is known and an
// appointment that is over for longer cost the same and get the same answer. Tries
// are counted by reference and by address before they are judged; those that fail
// are on record by address and minute, and each that does not is.
//
// It returns ErrVisitNotFound or auth.ErrThrottled.
func (s *Service) FindVisit(ctx context.Context, from auth.Actor, reference string, dateOfBirth phi.Value[string]) (pass string, a Appointment, err error) {
	defer errs.Wrap(&err, "find visit")
	reference = foldReference(reference)
	try, err := s.Auth.Try(ctx, from, "booking", reference)
	if err != nil {
		return "", a, err
	}
	return s.visit(ctx, from, "visit.find", func(ctx context.Context, tx *sqldb.Tx) (Appointment, error) {
		a, err := appointmentByReference(ctx, tx, reference, dateOfBirth)
		if err != nil {
			return a, err
		}
		return a, try.Forgive(ctx, tx)
	})
}

// OpenVisit is FindVisit by the token of a link in a message about the appointment.
// It is good as often as it is used, until a day after the appointment's end.
//
// It returns ErrVisitNotFound.
func (s *Service) OpenVisit(ctx context.Context, from auth.Actor, token auth.Secret) (pass string, a Appointment, err error) {
	defer errs.Wrap(&err, "open visit")
	key, _ := auth.LinkedVisit(token) // what is no token names no appointment
	return s.visit(ctx, from, "visit.open", func(ctx context.Context, tx *sqldb.Tx) (Appointment, error) {
		a, err := visitByID(ctx, tx, key)
		if !s.Auth.OpensVisit(token, a.visit()) && err == nil {
			err = ErrVisitNotFound
		}
		return a, err
	})
}

// visit makes a pass for the appointment that find finds, and puts on record that
// it was found, or counts that it was not.
func (s *Service) visit(ctx context.Context, from auth.Actor, action string, find func(context.Context, *sqldb.Tx) (Appointment, error)) (pass string, a Appointment, err error) {
	var now time.Time
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		if a, err = find(ctx, tx); err != nil {
			return err
		}
		now = tx.Now()
		return audit.Record(ctx, tx, a.visit().By(from).Event(action, "appointment", a.ID.String(), a.Patient))
	})
	if errors.Is(err, ErrVisitNotFound) {
		s.Auth.Refused(from)
	}
	if err == nil {
		pass, err = s.Auth.Pass(a.visit(), now)
	}
	if err != nil {
		return "", Appointment{}, err
	}
	return pass, a, nil
}

// visit returns whose appointment it is and which.
func (a Appointment) visit() auth.Visit { return auth.Visit{Appointment: a.ID, Patient: a.Patient} }

// foldReference returns the one form in which a reference is kept and counted.
func foldReference(typed string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if r == '-' || r == '‐' || r == '–' || r == ' ' || r == '\u00a0' || r == '\t' {
			return -1
		}
		return r
	}, typed))
}
