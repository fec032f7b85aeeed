package scheduling

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/idempotency"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// TakeTimeOff blocks a practitioner's slots during h, of KindSpan or KindDay.
// Live appointments stay; those that it hits are returned as Conflicts.
//
// It returns auth.ErrForbidden, directory.ErrPractitionerNotFound or ErrInvalidHours.
func (s *Service) TakeTimeOff(ctx context.Context, by auth.Actor, practitioner string, h Hours, reason phi.Value[string]) (t TimeOff, err error) {
	defer errs.Wrap(&err, "take time off")
	const action, what = "time_off.take", "practitioner"
	key, err := editable(by, practitioner)
	if err != nil {
		return t, s.settle(ctx, by, err, action, what, "")
	}
	t, err = idempotency.Do(ctx, s.DB, recorded(by, action, what, key.String()), func(ctx context.Context, tx *sqldb.Tx) (t TimeOff, err error) {
		sch, err := lockSchedule(ctx, tx, key)
		if err != nil {
			return t, err
		}
		if t, err = takeOff(ctx, tx, sch, h, reason); err != nil {
			return t, err
		}
		return t, audit.Record(ctx, tx, by.Event(action, what, key.String(), patientsOf(t.Conflicts)...))
	})
	return t, s.settle(ctx, by, err, action, what, key.String())
}

// takeOff stores time off below a locked schedule, and returns it with the live
// appointments that it hits.
func takeOff(ctx context.Context, tx *sqldb.Tx, sch schedule, h Hours, reason phi.Value[string]) (t TimeOff, err error) {
	if err := h.checkStretch(sch.Location, tx.Now()); err != nil {
		return t, err
	}
	t = TimeOff{ID: id.NewKeyed(sch.Practitioner), Hours: h, Bounds: h.span(sch.Location), TimeZone: sch.Location.String(), Reason: reason, CreatedAt: tx.Now()}
	if err := insertTimeOff(ctx, tx, t); err != nil {
		return t, err
	}
	if err := touchSchedule(ctx, tx, sch); err != nil {
		return t, err
	}
	t.Conflicts, err = liveIn(ctx, tx, sch.Practitioner, t.Bounds)
	return t, err
}

// patientsOf lists whose appointments they are.
func patientsOf(as []Appointment) (patients []uuid.UUID) {
	for _, a := range as {
		patients = append(patients, a.Patient)
	}
	return patients
}

// TimeOffs lists a practitioner's time off, past and coming, in the order in
// which it was taken, to themselves and staff.
func (s *Service) TimeOffs(ctx context.Context, by auth.Actor, practitioner string, req page.Request) (p page.Of[TimeOff], err error) {
	defer errs.Wrap(&err, "list time off")
	key, err := editable(by, practitioner)
	if err != nil {
		return p, s.settle(ctx, by, err, "time_off.list", "practitioner", "")
	}
	return audit.Read(ctx, s.DB, by.Intends("time_off.list", "practitioner", key.String()), func(ctx context.Context, tx *sqldb.Tx, _ *audit.Seen) (p page.Of[TimeOff], err error) {
		sch, err := scheduleOf(ctx, tx, key)
		if err != nil {
			return p, err
		}
		p, err = timeOffPage(ctx, tx, key, req)
		for i, t := range p.Items {
			p.Items[i].TimeZone, p.Items[i].Bounds = sch.Location.String(), t.Hours.span(sch.Location)
		}
		return p, err
	})
}

// EndTimeOff gives the time back. It returns auth.ErrForbidden or ErrTimeOffNotFound.
func (s *Service) EndTimeOff(ctx context.Context, by auth.Actor, timeOff string) (err error) {
	defer errs.Wrap(&err, "end time off")
	const action, what = "time_off.end", "time_off"
	key, err := editableRow(by, timeOff, ErrTimeOffNotFound)
	if err != nil {
		return s.settle(ctx, by, err, action, what, "")
	}
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		sch, err := lockSchedule(ctx, tx, key.Lead)
		if err != nil {
			return asNotFound(err, ErrTimeOffNotFound)
		}
		if err := deleteTimeOff(ctx, tx, key); err != nil {
			return err
		}
		if err := touchSchedule(ctx, tx, sch); err != nil {
			return err
		}
		return audit.Record(ctx, tx, by.Event(action, what, key.String()))
	})
	return s.settle(ctx, by, err, action, what, key.String())
}
