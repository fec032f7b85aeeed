package directory

import (
	"context"
	"strconv"
	"time"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/errs"
	"medbook/internal/etag"
	"medbook/internal/sqldb"
)

// What a clinic is while nobody has said otherwise.
const (
	defaultName = "Medbook"
	defaultZone = "UTC"
)

// Clinic is what everybody may know of the clinic.
type Clinic struct {
	Name      string    // the one in force
	TimeZone  string    // IANA name, for what is of no practitioner and no user
	Fixed     bool      // Name is of the configuration; one that is set shows once that has none
	UpdatedAt time.Time // zero while nobody has set anything, like Version
	Version   int64     // raised by each change
}

// ETag is the version of what is set.
func (c Clinic) ETag() string { return etag.Quote(strconv.FormatInt(c.Version, 10)) }

// ClinicChange changes the clinic; nil leaves a field.
type ClinicChange struct{ Name, TimeZone *string }

// changed returns c with the change applied, in the form in which it is kept, or
// ErrInvalidClinic.
func (c Clinic) changed(with ClinicChange) (Clinic, error) {
	check := checker{err: ErrInvalidClinic}
	if with.Name != nil {
		c.Name = check.line("name", *with.Name, mostClinic)
		check.rule("name", c.Name != "", "is required")
	}
	if with.TimeZone != nil {
		c.TimeZone = *with.TimeZone
		_, err := calendar.Zone(c.TimeZone)
		check.rule("time_zone", err == nil && c.TimeZone != "", "is not an IANA time zone")
	}
	return c, check.result()
}

// Clinic returns what the clinic is called, to anybody.
func (s *Service) Clinic(ctx context.Context, _ auth.Actor) (c Clinic, err error) {
	defer errs.Wrap(&err, "read clinic")
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		c, err = clinicOf(ctx, tx)
		return err
	})
	return s.inForce(c), err
}

// inForce puts the configured name in the place of the one that is set.
func (s *Service) inForce(c Clinic) Clinic {
	if s.ClinicName != "" {
		c.Name, c.Fixed = s.ClinicName, true
	}
	return c
}

// ChangeClinic changes what the clinic is called. Only admins do. match must name
// the version that is changed. A new name is in the messages written from then on,
// by whichever server, unless that server's configuration has another.
//
// It returns auth.ErrForbidden, etag.ErrMissing, etag.ErrStale or ErrInvalidClinic.
func (s *Service) ChangeClinic(ctx context.Context, by auth.Actor, match etag.Match, change ClinicChange) (c Clinic, err error) {
	defer errs.Wrap(&err, "change clinic")
	in := by.Intends("clinic.change", "clinic", "")
	if !by.Is(auth.Admin) {
		return c, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		if c, err = lockClinic(ctx, tx); err != nil {
			return err
		}
		if err := match.Check(c.ETag()); err != nil {
			return err
		}
		if c, err = writeClinic(ctx, tx, c, change); err != nil {
			return err
		}
		return audit.Record(ctx, tx, in.Event)
	})
	if err != nil {
		return Clinic{}, err
	}
	return s.inForce(c), nil
}

// writeClinic writes what change says over what is set. The caller has locked it.
func writeClinic(ctx context.Context, tx *sqldb.Tx, old Clinic, change ClinicChange) (Clinic, error) {
	c, err := old.changed(change)
	if err != nil {
		return c, err
	}
	c.Version, c.UpdatedAt = old.Version+1, tx.Now()
	return c, updateClinic(ctx, tx, c)
}

// ClinicName returns what messages call the clinic: the configured name, or else
// the one that is set.
func ClinicName(ctx context.Context, tx *sqldb.Tx, configured string) (name string, err error) {
	defer errs.Wrap(&err, "read the clinic's name")
	if configured != "" {
		return configured, nil
	}
	c, err := clinicOf(ctx, tx)
	return c.Name, err
}

// unset is the clinic of which nobody has said anything.
func unset() Clinic { return Clinic{Name: defaultName, TimeZone: defaultZone} }
