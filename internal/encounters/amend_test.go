package encounters_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/encounters"
	"medbook/internal/etag"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// versions describes what an encounter said each time.
func (c *clinic) versions(by auth.Actor, e encounters.Encounter) string {
	c.t.Helper()
	var all []string
	for req := (page.Request{Limit: 2, Count: true}); ; {
		p, err := c.Versions(c.t.Context(), by, e.ID.String(), req)
		if err != nil {
			c.t.Fatal(err)
		}
		for _, v := range p.Items {
			all = append(all, fmt.Sprintf("%d %s %s %v %s %s %s", v.Number, v.Date, v.Type, v.Shared, v.ClinicalData.Reveal(),
				v.WrittenAt.Sub(sqltest.Start), c.nameOf(v.WrittenBy.String())))
		}
		if p.Next == "" {
			if *p.Total != len(all) {
				c.t.Errorf("%d versions of %d", len(all), *p.Total)
			}
			return strings.Join(all, "\n")
		}
		req.After = p.Next
	}
}

func TestAmendmentsKeepEveryVersion(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		r := newRecords(t, db)
		r.assign(r.ann, r.brown)
		want := `1 2027-03-05 follow_up false {"data":"2027-03-05"} 0s grey`
		for i, tt := range []struct {
			name   string
			by     auth.Actor
			change encounters.Change
			want   string
		}{
			{"data", r.grey, encounters.Change{ClinicalData: new(phi.Of(`{"more":1}`))}, `2027-03-05 follow_up false {"more":1}`},
			{"date, by another practitioner", r.brown, encounters.Change{Date: new(date(t, "2027-03-04"))}, `2027-03-04 follow_up false {"more":1}`},
			{"type", r.grey, encounters.Change{Type: new(encounters.TreatmentSession)}, `2027-03-04 treatment_session false {"more":1}`},
			{"sharing", r.grey, encounters.Change{Shared: new(true)}, `2027-03-04 treatment_session true {"more":1}`},
			{"nothing", r.grey, encounters.Change{}, `2027-03-04 treatment_session true {"more":1}`},
		} {
			r.clock.Advance(time.Minute)
			from, number := r.mark(), i+2
			e, err := r.Amend(t.Context(), tt.by, r.a2.ID.String(), etag.Match(fmt.Sprintf(`"%d"`, number-1)), tt.change)
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			r.told(tt.name, from, "practitioner encounter.amend success treatment a2 x1 [ann]")
			read, err := r.Encounter(t.Context(), r.grey, r.a2.ID.String())
			if err != nil {
				t.Fatal(err)
			}
			for what, e := range map[string]encounters.Encounter{"amended": e, "read": read} {
				got := fmt.Sprintf("%s %s %v %s", e.Date, e.Type, e.Shared, e.ClinicalData.Reveal())
				if got != tt.want || int(e.Version) != number || !e.CreatedAt.Equal(sqltest.Start) || !e.UpdatedAt.Equal(r.clock.Now()) ||
					e.Practitioner != r.grey.PractitionerID || e.CreatedBy != r.grey.UserID || e.ID != r.a2.ID {
					t.Errorf("%s, %s: %s of version %d at %v, want %s of version %d", tt.name, what, got, e.Version, e.UpdatedAt, tt.want, number)
				}
			}
			want += fmt.Sprintf("\n%d %s %s %s", number, tt.want, r.clock.Now().Sub(sqltest.Start), r.nameOf(tt.by.UserID.String()))
			if got := r.versions(r.grey, r.a2); got != want {
				t.Errorf("%s: versions:\n%s\nwant:\n%s", tt.name, got, want)
			}
		}
		if got, want := r.versions(r.grey, r.a1), `1 2027-03-01 initial_assessment true {"data":"2027-03-01"} 0s grey`; got != want {
			t.Errorf("of another encounter: %s, want %s", got, want)
		}
	})
}

func TestWhoAmendsAnEncounter(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		r := newRecords(t, db)
		for _, tt := range []struct {
			name      string
			by        auth.Actor
			encounter string
			match     etag.Match
			want      error
			told      string
			versions  error // of a look at the versions
			looked    string
		}{
			{"never in care", r.brown, r.a1.ID.String(), "*", encounters.ErrNotFound, "practitioner %s denied treatment a1 x1 [ann]", encounters.ErrNotFound, ""},
			{"care has ended", r.grey, r.c1.ID.String(), "*", encounters.ErrNotFound, "practitioner %s denied treatment c1 x1 [cleo]", encounters.ErrNotFound, ""},
			{"the patient, shared", r.ann, r.a1.ID.String(), "*", auth.ErrForbidden, "patient %s denied patient-request  x1 []", auth.ErrForbidden, ""},
			{"an admin", r.admin, r.a1.ID.String(), "*", auth.ErrForbidden, "admin %s denied operations  x1 []", auth.ErrForbidden, ""},
			{"an auditor", r.auditor, r.a1.ID.String(), "*", auth.ErrForbidden, "auditor %s denied oversight  x1 []", auth.ErrForbidden, ""},
			{"no such encounter", r.grey, id.NewKeyed(r.ann.UserID).String(), "*", encounters.ErrNotFound, "practitioner %s denied treatment ? x1 [ann]", encounters.ErrNotFound, ""},
			{"no id", r.grey, "x", "*", encounters.ErrNotFound, "practitioner %s denied treatment  x1 []", encounters.ErrNotFound, ""},
			{"unknown, without a match", r.brown, r.a1.ID.String(), "", encounters.ErrNotFound, "practitioner %s denied treatment a1 x1 [ann]", encounters.ErrNotFound, ""},
			{"without a match", r.grey, r.a1.ID.String(), "", etag.ErrMissing, "", nil, "practitioner encounter.versions success treatment a1 x1 [ann]"},
			{"of a version that never was", r.grey, r.a1.ID.String(), `"2"`, etag.ErrStale, "", nil, "practitioner encounter.versions success treatment a1 x1 [ann]"},
			{"of a weak version", r.grey, r.a1.ID.String(), `W/"1"`, etag.ErrStale, "", nil, "practitioner encounter.versions success treatment a1 x1 [ann]"},
		} {
			from := r.mark()
			e, err := r.Amend(t.Context(), tt.by, tt.encounter, tt.match, encounters.Change{Shared: new(true)})
			wantErr(t, tt.name, err, tt.want)
			if e.ClinicalData.Present() || e.Version != 0 {
				t.Errorf("%s: the refusal comes with the encounter", tt.name)
			}
			p, err := r.Versions(t.Context(), tt.by, tt.encounter, page.Request{Limit: 10})
			wantErr(t, tt.name+", versions", err, tt.versions)
			if err != nil && len(p.Items) > 0 {
				t.Errorf("%s: the refusal comes with versions", tt.name)
			}
			var told []string
			if tt.told != "" {
				told = append(told, fmt.Sprintf(tt.told, "encounter.amend"), fmt.Sprintf(tt.told, "encounter.versions"))
			}
			if tt.looked != "" {
				told = append(told, tt.looked)
			}
			r.told(tt.name, from, told...)
		}
		if n := r.count(`SELECT COUNT(*) FROM encounter_versions`); n != 4 {
			t.Errorf("%d versions, want the 4 first ones", n)
		}
		for _, cursor := range []string{"x", "0", "-1"} {
			from := r.mark()
			_, err := r.Versions(t.Context(), r.grey, r.a1.ID.String(), page.Request{Limit: 1, After: cursor})
			wantErr(t, cursor, err, page.ErrCursor)
			r.told(cursor, from)
		}
	})
}

func TestAmendmentsOfOneVersionRace(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		e := c.document(c.grey, "e", c.visit(c.ann, `{}`))
		var won, stale atomic.Int32
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				_, err := c.Amend(t.Context(), c.grey, e.ID.String(), `"1"`, encounters.Change{ClinicalData: new(phi.Of(fmt.Sprintf(`{"n":%d}`, i)))})
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, etag.ErrStale):
					stale.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || stale.Load() != 7 {
			t.Errorf("won %d, stale %d, want 1 and 7", won.Load(), stale.Load())
		}
		if n := c.count(`SELECT COUNT(*) FROM encounter_versions`); n != 2 {
			t.Errorf("%d versions, want 2", n)
		}
	})
}

// TestAmendmentsOfOneVersionStall holds one amendment back while another is made.
func TestAmendmentsOfOneVersionStall(t *testing.T) {
	t.Run("between its read and its transaction", func(t *testing.T) {
		sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
			c := newClinic(t, db)
			e := c.document(c.grey, "e", c.visit(c.ann, `{}`))
			slow := c.server(&master{Master: c.Masters[0], onUnwrap: func(ctx context.Context) {
				if _, err := c.Amend(ctx, c.grey, e.ID.String(), `"1"`, encounters.Change{ClinicalData: new(phi.Of(`{"fast":1}`))}); err != nil {
					t.Error(err)
				}
			}})
			_, err := slow.Amend(t.Context(), c.grey, e.ID.String(), `"1"`, encounters.Change{ClinicalData: new(phi.Of(`{"slow":1}`))})
			wantErr(t, "the slow one", err, etag.ErrStale)
			c.reads(c.Service, c.grey, e, `{"fast":1}`)
		})
	})
	for name, at := range map[string]string{"with the lock": `^SELECT CASE|^SELECT EXISTS`, "with all written": `^INSERT INTO audit_events`} {
		t.Run(name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				stage := sqltest.NewStage(t, db)
				c := newClinic(t, db)
				e := c.document(c.grey, "e", c.visit(c.ann, `{}`))
				amend := func(name string) *sqltest.Call {
					return stage.Start(name, func(ctx context.Context) error {
						_, err := c.Amend(ctx, c.grey, e.ID.String(), `"1"`, encounters.Change{ClinicalData: new(phi.Of(`{"` + name + `":1}`))})
						return err
					})
				}
				stalled := stage.Before("first", at)
				first := amend("first")
				first.At(stalled)
				second := amend("second")
				stage.Await(second)
				stalled.End()
				wantErr(t, "first", first.Result(), nil)
				wantErr(t, "second", second.Result(), etag.ErrStale)
				c.reads(c.Service, c.grey, e, `{"first":1}`)
			})
		})
	}
}

// TestWhatIsWrittenWhileAPatientIsErased holds back who writes into a patient's
// record, with all done but its audit record, and erases the patient.
func TestWhatIsWrittenWhileAPatientIsErased(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(ctx context.Context, c *clinic, e encounters.Encounter) error
	}{
		{"create", func(ctx context.Context, c *clinic, e encounters.Encounter) error {
			return create(ctx, c.Service, c, e)
		}},
		{"amend", func(ctx context.Context, c *clinic, e encounters.Encounter) error {
			_, err := c.Amend(ctx, c.grey, e.ID.String(), `"1"`, encounters.Change{Shared: new(true)})
			return err
		}},
		{"emergency", func(ctx context.Context, c *clinic, _ encounters.Encounter) error {
			_, err := c.OpenInEmergency(ctx, c.brown, c.ann.UserID.String(), phi.Of("why"))
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				stage := sqltest.NewStage(t, db)
				c := newClinic(t, db)
				e := c.document(c.grey, "e", c.visit(c.ann, `{}`))
				stalled := stage.Before("writer", `^INSERT INTO audit_events`)
				writer := stage.Start("writer", func(ctx context.Context) error { return tt.do(ctx, c, e) })
				writer.At(stalled)
				eraser := stage.Start("eraser", func(ctx context.Context) error { return c.eraseIn(ctx, c.ann) })
				stage.Await(eraser)
				stalled.End()
				wantErr(t, "write", writer.Result(), nil)
				wantErr(t, "erase", eraser.Result(), nil)
				for _, left := range []string{
					`SELECT COUNT(*) FROM patient_keys WHERE patient_id = $1 AND wrapped IS NOT NULL`,
					`SELECT COUNT(*) FROM encounter_versions WHERE patient_id = $1 AND length(sealed) > 0`,
					`SELECT COUNT(*) FROM care_relations WHERE patient_id = $1 AND ended_at IS NULL`,
					`SELECT COUNT(*) FROM emergency_access WHERE patient_id = $1 AND reason IS NOT NULL`,
				} {
					if n := c.count(left, c.ann.UserID); n != 0 {
						t.Errorf("%s: %d, want none", left, n)
					}
				}
				if n := c.count(`SELECT COUNT(*) FROM emergency_access WHERE expires_at > $1`, sqldb.Instant(c.clock.Now())); n != 0 {
					t.Errorf("%d records are open, want none", n)
				}
			})
		})
	}
}
