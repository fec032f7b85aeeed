package privacy_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/privacy"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// says describes a copy, each part by what it holds.
func says(c privacy.Copy) string {
	text := []string{fmt.Sprint(c.Patient.Name.Reveal(), " ", c.Patient.Email.Reveal(), " ", c.Patient.Phone.Reveal())}
	for _, a := range c.Appointments {
		text = append(text, fmt.Sprint("appointment ", a.Status, " ", a.Reason.Reveal()))
	}
	for range c.Waits {
		text = append(text, "wait")
	}
	for _, e := range c.Encounters {
		line := "encounter " + e.ClinicalData.Reveal()
		for _, v := range e.Versions {
			line += fmt.Sprintf(", %d %s", v.Number, v.ClinicalData.Reveal())
		}
		text = append(text, line)
	}
	text = append(text, fmt.Sprint("not shared ", c.NotShared))
	for _, m := range c.Messages {
		text = append(text, "message "+string(m.Kind))
	}
	return strings.Join(text, "\n")
}

func TestACopyIsAllThatItsReaderMaySee(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		mara := c.mara()
		c.document("second", c.grey, mara, `{"finding":"none"}`, false)
		c.document("another's", c.grey, c.ann, `{"finding":"ann's"}`, true)
		c.hold(c.ann, slot(c.grey, 20), true)
		c.clock.Advance(time.Minute)
		former := c.user("former", auth.Practitioner)
		c.assign(mara, former)
		if err := c.directory.EndCare(t.Context(), auth.System, mara.UserID.String(), former.PractitionerID.String()); err != nil {
			t.Fatal(err)
		}
		who, none := mara.UserID.String(), directory.ErrPatientNotFound
		head := "Mara Quincey mara.q@mail.example +1 555-0199\nappointment cancelled limping\nwait\n"
		tail := "\nmessage appointment-confirmed\nmessage appointment-cancelled\nmessage encounter-shared\nmessage password-changed"
		shared := head + `encounter {"finding":"no glioma"}` + "\nnot shared 1" + tail
		whole := head + `encounter {"finding":"no glioma"}, 1 {"finding":"glioma"}, 2 {"finding":"no glioma"}` + "\n" +
			`encounter {"finding":"none"}, 1 {"finding":"none"}` + "\nnot shared 0" + tail
		for _, tt := range []struct {
			name, patient string
			by            auth.Actor
			want          error
			says          string
			told          string
		}{
			{"the patient", who, mara, nil, shared, "patient patient.export success patient-request mara x1 [mara]"},
			{"the practitioner", who, c.grey, nil, whole, "practitioner patient.export success treatment mara x1 [mara]"},
			{"who opened the record in an emergency", who, c.brown, nil, whole, "practitioner patient.export success emergency mara x1 [mara]"},
			{"care has ended", who, former, none, "", "practitioner patient.export denied treatment mara x1 [mara]"},
			{"never in care", c.bob.UserID.String(), c.grey, none, "", "practitioner patient.export denied treatment bob x1 [bob]"},
			{"another patient", who, c.ann, none, "", "patient patient.export denied patient-request  x1 []"},
			{"an admin", who, c.admin, auth.ErrForbidden, "", "admin patient.export denied operations  x1 []"},
			{"an auditor", who, c.auditor, auth.ErrForbidden, "", "auditor patient.export denied oversight  x1 []"},
			{"nobody's id", id.New().String(), c.grey, none, "", "practitioner patient.export denied treatment ? x1 [?]"},
			{"no id", "x", c.grey, none, "", "practitioner patient.export denied treatment  x1 []"},
		} {
			from := c.mark()
			got, err := c.CopyOf(t.Context(), tt.by, tt.patient)
			wantErr(t, tt.name, err, tt.want)
			if tt.want == nil && (says(got) != tt.says || !got.At.Equal(c.clock.Now())) {
				t.Errorf("%s: copy at %v:\n%s\nwant:\n%s", tt.name, got.At, says(got), tt.says)
			}
			if tt.want != nil && (got.Patient.Name.Present() || len(got.Appointments)+len(got.Encounters)+len(got.Messages)+len(got.Disclosures) > 0) {
				t.Errorf("%s: the refusal comes with %s", tt.name, says(got))
			}
			c.told(tt.name, from, tt.told)
		}
		c.clock.Advance(30 * time.Minute)
		_, err := c.CopyOf(t.Context(), c.brown, who)
		wantErr(t, "when the emergency is over", err, none)
	})
}

func TestACopyHasAllDisclosures(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		e := c.document("visit", c.grey, c.ann, `{}`, true)
		looks := make([]audit.Event, 1001) // more than are read at a time
		for i := range looks {
			looks[i] = c.grey.Event("encounter.read", "encounter", e.ID.String(), c.ann.UserID)
		}
		if err := audit.RecordNow(t.Context(), db, looks...); err != nil {
			t.Fatal(err)
		}
		for range 2 { // one's own copy is none
			got, err := c.CopyOf(t.Context(), c.ann, c.ann.UserID.String())
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			for _, d := range got.Disclosures {
				seen[d.ID.String()] = true
			}
			if len(got.Disclosures) != 1004 || len(seen) != 1004 { // and made, assigned, documented
				t.Errorf("%d disclosures, %d of them different, want 1004", len(got.Disclosures), len(seen))
			}
		}
	})
}

// TestABrokenDatabaseIsNoUnknownPatient lets each statement of a method fail in turn.
func TestABrokenDatabaseIsNoUnknownPatient(t *testing.T) {
	broken := errors.New("the disk is on fire")
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		var left atomic.Int64
		db.Observe = func(_ context.Context, statement string) error {
			if statement != "ROLLBACK" && left.Add(-1) == 0 {
				return broken
			}
			return nil
		}
		c := newClinic(t, db)
		visit := c.document("visit", c.grey, c.ann, `{}`, true).ID.String()
		ann := c.ann.UserID.String()
		for _, tt := range []struct {
			name string
			do   func() error
		}{
			{"copy", func() error { _, err := c.CopyOf(t.Context(), c.grey, ann); return err }},
			{"the patient's", func() error { _, err := c.CopyOf(t.Context(), c.ann, ann); return err }},
			{"disclosures", func() error {
				_, err := c.Disclosures(t.Context(), c.auditor, ann, page.Request{Limit: 10})
				return err
			}},
			{"amend", func() error {
				_, err := c.Encounters.Amend(t.Context(), c.grey, visit, "*", encounters.Change{})
				return err
			}},
			{"read", func() error { _, err := c.Encounters.Encounter(t.Context(), c.grey, visit); return err }},
			{"place legal hold", func() error { _, err := c.PlaceHold(t.Context(), c.admin, ann, phi.Of("x")); return err }},
			{"read legal hold", func() error { _, err := c.Hold(t.Context(), c.admin, ann); return err }},
		} {
			name, do := tt.name, tt.do
			failures, refusals := 0, c.count(`SELECT COUNT(*) FROM audit_events WHERE outcome = 'denied'`)
			for n := int64(1); n < 200; n++ {
				left.Store(n)
				err := do()
				if err == nil {
					left.Store(0)
					break
				}
				left.Store(0)
				failures++
				if !errors.Is(err, broken) {
					t.Errorf("%s, when statement %d fails: %v, want %v", name, n, err, broken)
				}
			}
			if n := c.count(`SELECT COUNT(*) FROM audit_events WHERE outcome = 'denied'`); failures < 3 || n != refusals {
				t.Errorf("%s failed %d times, and %d of them are on record as refused, want none", name, failures, n-refusals)
			}
		}
	})
}
