package privacy_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/errs"
	"medbook/internal/phi"
	"medbook/internal/privacy"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// deed is what somebody does to a patient while another erases them.
type deed struct {
	name    string
	prepare func(c *clinic, patient auth.Actor, n int) string
	do      func(ctx context.Context, c *clinic, patient auth.Actor, n int, prepared string) error
	ahead   error // of an erasure that comes after it
	behind  error // of the deed, if it comes after the erasure
}

func nothing(*clinic, auth.Actor, int) string { return "" }

var deeds = []deed{
	{"create", func(c *clinic, p auth.Actor, _ int) string { c.assign(p, c.grey); return "" }, func(ctx context.Context, c *clinic, p auth.Actor, _ int, _ string) error {
		_, err := c.Encounters.Create(ctx, c.grey, encounters.NewEncounter{
			Patient: p.UserID.String(), Date: calendar.DateIn(c.clock.Now(), time.UTC), Type: encounters.FollowUp, ClinicalData: phi.Of(`{"a":1}`),
		})
		return err
	}, privacy.ErrRetained, directory.ErrPatientNotFound},
	{"hold", nothing, func(ctx context.Context, c *clinic, p auth.Actor, n int, _ string) error {
		_, err := c.scheduling.Hold(ctx, c.admin, hold(p, slot(c.grey, n), false))
		return err
	}, scheduling.ErrLiveAppointments, directory.ErrPatientNotFound},
	{"book", nothing, func(ctx context.Context, c *clinic, p auth.Actor, n int, _ string) error {
		_, err := c.scheduling.Hold(ctx, c.admin, hold(p, slot(c.grey, n), true))
		return err
	}, scheduling.ErrLiveAppointments, directory.ErrPatientNotFound},
	{"emergency", nothing, func(ctx context.Context, c *clinic, p auth.Actor, _ int, _ string) error {
		_, err := c.Encounters.OpenInEmergency(ctx, c.brown, p.UserID.String(), phi.Of("collapsed"))
		return err
	}, nil, directory.ErrPatientNotFound},
	{"legal hold", nothing, func(ctx context.Context, c *clinic, p auth.Actor, _ int, _ string) error {
		_, err := c.PlaceHold(ctx, c.admin, p.UserID.String(), phi.Of("court"))
		return err
	}, privacy.ErrLegalHold, directory.ErrPatientNotFound},
	{"wait", nothing, func(ctx context.Context, c *clinic, p auth.Actor, _ int, _ string) error {
		_, err := c.scheduling.JoinWaitlist(ctx, p, scheduling.WaitRequest{Practitioner: c.grey.PractitionerID.String(), From: sqltest.Start, To: sqltest.Start.Add(time.Hour)})
		return err
	}, nil, directory.ErrPatientNotFound},
	{"another name", nothing, func(ctx context.Context, c *clinic, p auth.Actor, _ int, _ string) error {
		_, err := c.directory.ChangeUser(ctx, c.admin, p.UserID.String(), "*", directory.UserChange{Phone: new(phi.Of("555-0199"))})
		return err
	}, nil, directory.ErrUserNotFound},
}

// confirm is a deed that stands against erasure before it is done.
var confirm = deed{"confirm", func(c *clinic, p auth.Actor, n int) string {
	return c.hold(p, slot(c.grey, n), false).ID.String()
}, func(ctx context.Context, c *clinic, _ auth.Actor, _ int, hold string) error {
	_, err := c.scheduling.Confirm(ctx, c.admin, hold)
	return err
}, scheduling.ErrLiveAppointments, nil}

// ended checks that nothing of an erased patient is live, readable or told.
func (c *clinic) ended(patient auth.Actor) {
	c.t.Helper()
	if c.count(`SELECT COUNT(*) FROM patients WHERE patient_id = $1 AND erased_at IS NOT NULL`, patient.UserID) == 0 {
		return
	}
	for _, live := range []string{
		`patient_calendar WHERE patient_id = $1 AND (status = 'held' AND hold_expires_at > $2 OR status = 'confirmed' AND ends_at > $2)`,
		`appointments a JOIN claims k ON k.practitioner_id = a.practitioner_id AND k.appointment_id = a.id WHERE a.patient_id = $1 AND (k.expires_at IS NULL OR k.expires_at > $2)`,
		`emergency_access WHERE patient_id = $1 AND (reason IS NOT NULL OR expires_at > $2)`,
		`encounter_versions WHERE patient_id = $1 AND length(sealed) > 0 AND CAST($2 AS BIGINT) > 0`,
		`patient_keys WHERE patient_id = $1 AND wrapped IS NOT NULL AND CAST($2 AS BIGINT) > 0`,
		`care_relations WHERE patient_id = $1 AND ended_at IS NULL AND CAST($2 AS BIGINT) > 0`,
		`legal_holds WHERE patient_id = $1 AND CAST($2 AS BIGINT) > 0`,
		`waitlist WHERE patient_id = $1 AND CAST($2 AS BIGINT) > 0`,
		`user_profiles WHERE user_id = $1 AND phone <> '' AND CAST($2 AS BIGINT) > 0`,
	} {
		if n := c.count(`SELECT COUNT(*) FROM `+live, patient.UserID, sqldb.Instant(c.clock.Now())); n != 0 {
			c.t.Errorf("of who was erased: %d %s", n, live)
		}
	}
}

func TestErasureRaces(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.publish(c.grey)
		n := 0
		for _, d := range append(deeds, confirm) {
			for round := range 4 {
				n++
				p := c.user(fmt.Sprint("p", n), auth.Patient)
				prepared := d.prepare(c, p, n)
				var deed, erasure error
				var wg sync.WaitGroup
				wg.Go(func() { deed = d.do(t.Context(), c, p, n, prepared) })
				wg.Go(func() { erasure = c.erase(p) })
				wg.Wait()
				for what, err := range map[string]error{d.name: deed, "erase": erasure} {
					if k := errs.KindOf(err); err != nil && k != errs.NotFound && k != errs.Conflict {
						t.Errorf("%s, round %d: %v", what, round, err)
					}
				}
				c.ended(p)
			}
		}
	})
}

// TestErasureComesAfter holds a deed back when all but its record is written.
func TestErasureComesAfter(t *testing.T) {
	for _, d := range append(deeds, confirm) {
		for _, retain := range []int{0, 10} {
			t.Run(fmt.Sprint(d.name, ", kept for ", retain), func(t *testing.T) {
				sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
					stage := sqltest.NewStage(t, db)
					c := newClinic(t, db)
					c.publish(c.grey)
					c.RetainRecords = retain
					p := c.user("p", auth.Patient)
					prepared := d.prepare(c, p, 9)
					stalled := stage.Before("deed", `^INSERT INTO audit_events`)
					deed := stage.Start("deed", func(ctx context.Context) error { return d.do(ctx, c, p, 9, prepared) })
					deed.At(stalled)
					erasure := stage.Start("erasure", func(ctx context.Context) error { _, err := c.Erase(ctx, c.admin, p.UserID.String()); return err })
					stage.Await(erasure)
					stalled.End()
					wantErr(t, d.name, deed.Result(), nil)
					want := d.ahead
					if errors.Is(want, privacy.ErrRetained) && retain == 0 {
						want = nil
					}
					wantErr(t, "erase", erasure.Result(), want)
					c.ended(p)
				})
			})
		}
	}
}

// TestErasureComesBefore holds an erasure back when all but its record is written.
func TestErasureComesBefore(t *testing.T) {
	for _, d := range deeds {
		t.Run(d.name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				stage := sqltest.NewStage(t, db)
				c := newClinic(t, db)
				c.publish(c.grey)
				p := c.user("p", auth.Patient)
				prepared := d.prepare(c, p, 9)
				stalled := stage.Before("erasure", `^INSERT INTO audit_events`)
				erasure := stage.Start("erasure", func(ctx context.Context) error { _, err := c.Erase(ctx, c.admin, p.UserID.String()); return err })
				erasure.At(stalled)
				deed := stage.Start("deed", func(ctx context.Context) error { return d.do(ctx, c, p, 9, prepared) })
				stage.Await(deed)
				stalled.End()
				wantErr(t, "erase", erasure.Result(), nil)
				wantErr(t, d.name, deed.Result(), d.behind)
				c.ended(p)
			})
		})
	}
}
