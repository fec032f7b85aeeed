package scheduling

import (
	"context"
	"strconv"
	"strings"
	"time"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// AppointmentFilter chooses among the appointments that a caller may see. Its
// fields AND together; zero fields do not filter.
type AppointmentFilter struct {
	Patient      string
	Practitioner string
	Status       string    // as of now
	From, To     time.Time // From <= start < To
	Upcoming     bool      // live, and not begun
	Past         bool      // what is not Upcoming; the latest first
}

// Appointment returns one appointment to its patient, also by a pass, its
// practitioner or staff; to others it is ErrAppointmentNotFound.
func (s *Service) Appointment(ctx context.Context, by auth.Actor, appointment string) (a Appointment, err error) {
	defer errs.Wrap(&err, "read appointment")
	by = by.Visiting(appointment)
	const action = "appointment.read"
	key, ok := id.ParseKeyed(appointment)
	if !ok {
		return a, s.settle(ctx, by, ErrAppointmentNotFound, action, "appointment", "")
	}
	return audit.Read(ctx, s.DB, by.Intends(action, "appointment", key.String()), func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (Appointment, error) {
		a, err := appointmentByID(ctx, tx, by, key)
		if err == nil {
			seen.Row(a.Patient)
		}
		return a, err
	})
}

// Appointments lists appointments in order of their start, past ones backwards: a patient's and a
// practitioner's own, to staff all. It returns auth.ErrForbidden,
// ErrInvalidRange or page.ErrCursor.
func (s *Service) Appointments(ctx context.Context, by auth.Actor, f AppointmentFilter, req page.Request) (p page.Of[Appointment], err error) {
	defer errs.Wrap(&err, "list appointments")
	const action = "appointment.list"
	if !by.Is(auth.Patient, auth.Practitioner, auth.Admin) {
		return p, s.settle(ctx, by, auth.ErrForbidden, action, "appointment", "")
	}
	if !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		return p, ErrInvalidRange.Field("to", "must be after from")
	}
	after, err := parsePosition(req.After)
	if f.Past && req.After == "" {
		after.start = endOfTime
	}
	if err != nil {
		return p, err
	}
	return audit.Read(ctx, s.DB, by.Intends(action, "appointment", ""), func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) (p page.Of[Appointment], err error) {
		q := selectAppointments(by, f, tx.Now())
		items, err := q.page(ctx, tx, after, req.Limit+1)
		if err != nil {
			return p, err
		}
		p = page.Cut(items, req, positionOf)
		for _, a := range p.Items {
			seen.Row(a.Patient)
		}
		if req.Count {
			total, err := q.count(ctx, tx)
			p.Total = &total
			return p, err
		}
		return p, nil
	})
}

// endOfTime is after all appointments.
var endOfTime = time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)

// position is where a page of appointments ended.
type position struct {
	start time.Time
	key   id.Keyed
}

func positionOf(a Appointment) string {
	return strconv.FormatInt(a.Start.Unix(), 10) + "." + a.ID.String()
}

func parsePosition(text string) (p position, err error) {
	if text == "" {
		return position{start: time.Unix(0, 0).UTC()}, nil // before all
	}
	seconds, rest, _ := strings.Cut(text, ".")
	unix, err := strconv.ParseInt(seconds, 10, 40)
	key, ok := id.ParseKeyed(rest)
	if err != nil || !ok {
		return p, page.ErrCursor
	}
	return position{start: time.Unix(unix, 0).UTC(), key: key}, nil
}
