package scheduling

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/etag"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// Practitioner is what the public directory says of somebody who gives care,
// with the zone and policy of their schedule.
type Practitioner struct {
	directory.Practitioner
	TimeZone string
	Policy   Policy
}

// ETag is made of what a reader sees, so that publishing availability, which
// raises the schedule's version, makes no editor of the profile start over.
func (p Practitioner) ETag() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %v", p.Name, p.Specialty, p.Bio, p.TimeZone, p.Policy))
	return etag.Quote(hex.EncodeToString(sum[:8]))
}

// PractitionerChange changes a profile; nil leaves a field.
type PractitionerChange struct {
	Specialty, Bio, TimeZone *string
	Policy                   PolicyChange
}

// PolicyChange is merged into a policy; nil leaves a field.
type PolicyChange struct {
	SlotMinutes, NoticeSeconds, HoldSeconds              *int
	CancellationWindowSeconds, HorizonDays, MaxOpenHolds *int
}

func (p Policy) changed(c PolicyChange) Policy {
	set(&p.SlotMinutes, c.SlotMinutes)
	set(&p.NoticeSeconds, c.NoticeSeconds)
	set(&p.HoldSeconds, c.HoldSeconds)
	set(&p.CancellationWindowSeconds, c.CancellationWindowSeconds)
	set(&p.HorizonDays, c.HorizonDays)
	set(&p.MaxOpenHolds, c.MaxOpenHolds)
	return p
}

// Practitioners lists the public directory.
func (s *Service) Practitioners(ctx context.Context, _ auth.Actor, f directory.PractitionerFilter, req page.Request) (p page.Of[Practitioner], err error) {
	defer errs.Wrap(&err, "list practitioners")
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		found, err := directory.PractitionersIn(ctx, tx, f, req)
		if err != nil {
			return err
		}
		ids := make([]uuid.UUID, len(found.Items))
		for i, d := range found.Items {
			ids[i] = d.ID
		}
		schedules, err := schedulesOf(ctx, tx, ids)
		if err != nil {
			return err
		}
		of := make(map[uuid.UUID]schedule, len(schedules))
		for _, sch := range schedules {
			of[sch.Practitioner] = sch
		}
		p = page.Of[Practitioner]{Items: []Practitioner{}, Next: found.Next, Total: found.Total}
		for _, d := range found.Items {
			p.Items = append(p.Items, profile(d, of[d.ID]))
		}
		return nil
	})
	return p, err
}

// Practitioner returns one entry of the public directory, or
// directory.ErrPractitionerNotFound.
func (s *Service) Practitioner(ctx context.Context, _ auth.Actor, practitioner string) (p Practitioner, err error) {
	defer errs.Wrap(&err, "read practitioner")
	key, ok := id.Parse(practitioner)
	if !ok {
		return p, directory.ErrPractitionerNotFound
	}
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		sch, err := scheduleOf(ctx, tx, key)
		if err == nil {
			p, err = readProfile(ctx, tx, sch)
		}
		return err
	})
	return p, err
}

// ChangePractitioner changes a profile, its zone or its policy, by the
// practitioner or staff. Appointments that stand are not touched.
//
// It returns auth.ErrForbidden, directory.ErrPractitionerNotFound,
// etag.ErrMissing, etag.ErrStale, ErrInvalidPolicy, or directory.ErrInvalidUser.
func (s *Service) ChangePractitioner(ctx context.Context, by auth.Actor, practitioner string, match etag.Match, c PractitionerChange) (p Practitioner, err error) {
	defer errs.Wrap(&err, "change practitioner")
	const action, what = "practitioner.change", "practitioner"
	key, err := editable(by, practitioner)
	if err != nil {
		return p, s.settle(ctx, by, err, action, what, "")
	}
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		sch, err := lockSchedule(ctx, tx, key)
		if err != nil {
			return err
		}
		if p, err = readProfile(ctx, tx, sch); err != nil {
			return err
		}
		if err := match.Check(p.ETag()); err != nil {
			return err
		}
		sch.Policy = sch.Policy.changed(c.Policy)
		if err := sch.Policy.Check(); err != nil {
			return err
		}
		if c.TimeZone != nil {
			if sch.Location, err = calendar.Zone(*c.TimeZone); err != nil {
				return ErrInvalidPolicy.Field("time_zone", "is not an IANA time zone")
			}
		}
		if err := updateSchedule(ctx, tx, sch); err != nil {
			return err
		}
		if err := directory.ChangePractitioner(ctx, tx, key, c.Specialty, c.Bio); err != nil {
			return err
		}
		if p, err = readProfile(ctx, tx, sch); err != nil {
			return err
		}
		return audit.Record(ctx, tx, by.Event(action, what, key.String()))
	})
	return p, s.settle(ctx, by, err, action, what, key.String())
}

// ZoneOf returns the zone of a practitioner's schedule, in which their days are,
// or directory.ErrPractitionerNotFound.
func ZoneOf(ctx context.Context, tx *sqldb.Tx, practitioner uuid.UUID) (zone *time.Location, err error) {
	defer errs.Wrap(&err, "read zone of practitioner %s", practitioner)
	sch, err := scheduleOf(ctx, tx, practitioner)
	return sch.Location, err
}

func readProfile(ctx context.Context, tx *sqldb.Tx, sch schedule) (Practitioner, error) {
	d, err := directory.PractitionerByID(ctx, tx, sch.Practitioner)
	return profile(d, sch), err
}

func profile(d directory.Practitioner, sch schedule) Practitioner {
	p := Practitioner{Practitioner: d, Policy: sch.Policy}
	if sch.Location != nil {
		p.TimeZone = sch.Location.String()
	}
	return p
}
