package scheduling

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// CloseRequest says when the clinic is closed, or some of its practitioners.
type CloseRequest struct {
	Practitioners []string // empty: all
	Hours         Hours    // KindSpan, or KindDay: of each practitioner's own day
	Reason        phi.Value[string]
}

// Close takes the same time off for every practitioner, or those named: one record
// each, with the live appointments that it hits, in the order of their ids. Those
// stay. Whose clock has passed the hours, or skips them, has nothing to close. Only
// admins close.
//
// Each practitioner's time is taken in a transaction of its own. After a failure in
// the middle those before it have it, which are returned with the error; a repeat
// takes it for the others, for time off that stands in the same words is answered
// and not taken again.
//
// It returns auth.ErrForbidden, directory.ErrPractitionerNotFound (then nobody has
// time off) or ErrInvalidHours.
func (s *Service) Close(ctx context.Context, by auth.Actor, req CloseRequest) (taken []TimeOff, err error) {
	defer errs.Wrap(&err, "close clinic")
	const action, what = "time_off.close", "practitioner"
	if !by.Is(auth.Admin) {
		return nil, s.settle(ctx, by, auth.ErrForbidden, action, what, "")
	}
	open, err := audit.Read(ctx, s.DB, by.Intends(action, what, ""), func(ctx context.Context, tx *sqldb.Tx, _ *audit.Seen) ([]uuid.UUID, error) {
		return toClose(ctx, tx, req)
	})
	if err != nil {
		return nil, err
	}
	for _, practitioner := range open {
		t, err := s.closeOne(ctx, by, practitioner, req)
		if err != nil {
			return taken, err
		}
		taken = append(taken, t)
	}
	return taken, nil
}

// toClose lists whom a request is about and whose clock has the hours ahead.
func toClose(ctx context.Context, tx *sqldb.Tx, req CloseRequest) (open []uuid.UUID, err error) {
	named := make([]uuid.UUID, len(req.Practitioners))
	for i, text := range req.Practitioners {
		key, ok := id.Parse(text)
		if !ok {
			return nil, directory.ErrPractitionerNotFound
		}
		named[i] = key
	}
	if len(named) == 0 {
		if named, err = directory.PractitionersOf(ctx, tx, ""); err != nil {
			return nil, err
		}
	}
	schedules, err := schedulesOf(ctx, tx, named)
	if err != nil {
		return nil, err
	}
	known := map[uuid.UUID]bool{}
	var wrong error
	for _, sch := range schedules {
		known[sch.Practitioner] = sch.Open
		if err := req.Hours.checkStretch(sch.Location, tx.Now()); err != nil {
			wrong = err
			continue
		}
		open = append(open, sch.Practitioner)
	}
	for _, key := range named {
		if !known[key] {
			return nil, directory.ErrPractitionerNotFound
		}
	}
	if len(open) == 0 {
		return nil, wrong
	}
	return open, nil
}

// closeOne takes time off for one practitioner, unless it stands.
func (s *Service) closeOne(ctx context.Context, by auth.Actor, practitioner uuid.UUID, req CloseRequest) (t TimeOff, err error) {
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		sch, err := lockSchedule(ctx, tx, practitioner)
		if err != nil {
			return err
		}
		if t, err = standing(ctx, tx, sch, req.Hours); err == nil && t.ID == (id.Keyed{}) {
			t, err = takeOff(ctx, tx, sch, req.Hours, req.Reason)
		}
		if err != nil {
			return err
		}
		return audit.Record(ctx, tx, by.Event("time_off.close", "practitioner", practitioner.String(), patientsOf(t.Conflicts)...))
	})
	return t, err
}

// standing returns the time off that stands in the same words, or the zero TimeOff,
// with the live appointments that it hits.
func standing(ctx context.Context, tx *sqldb.Tx, sch schedule, h Hours) (TimeOff, error) {
	span := h.span(sch.Location)
	near, err := timeOffNear(ctx, tx, []uuid.UUID{sch.Practitioner}, span)
	if err != nil {
		return TimeOff{}, err
	}
	for _, t := range near {
		if t.Hours.same(h) {
			t.TimeZone, t.Bounds = sch.Location.String(), span
			t.Conflicts, err = liveIn(ctx, tx, sch.Practitioner, span)
			return t, err
		}
	}
	return TimeOff{}, nil
}
