package encounters_test

import (
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestWhoOpensARecord(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		start := c.clock.Now()
		c.open(c.grey, c.cleo)
		c.clock.Advance(10 * time.Minute)
		c.open(c.grey, c.cleo) // the later one counts
		none := directory.ErrPatientNotFound
		tests := []struct {
			name         string
			by           auth.Actor
			patient      string
			want         error
			since, until time.Time
			told         string
		}{
			{"in care", c.grey, c.ann.UserID.String(), nil, start, time.Time{}, "practitioner patient.read success treatment ann x1 [ann]"},
			{"in an emergency", c.grey, c.cleo.UserID.String(), nil, time.Time{}, start.Add(40 * time.Minute), "practitioner patient.read success emergency cleo x1 [cleo]"},
			{"never in care", c.grey, c.bob.UserID.String(), none, time.Time{}, time.Time{}, "practitioner patient.read denied treatment bob x1 [bob]"},
			{"another's emergency", c.brown, c.cleo.UserID.String(), none, time.Time{}, time.Time{}, "practitioner patient.read denied treatment cleo x1 [cleo]"},
			{"erased", c.grey, c.eve.UserID.String(), none, time.Time{}, time.Time{}, "practitioner patient.read denied treatment eve x1 [eve]"},
			{"no patient", c.grey, c.admin.UserID.String(), none, time.Time{}, time.Time{}, "practitioner patient.read denied treatment admin x1 [admin]"},
			{"no id", c.grey, "x", none, time.Time{}, time.Time{}, "practitioner patient.read denied treatment  x1 []"},
			{"the patient", c.ann, c.ann.UserID.String(), auth.ErrForbidden, time.Time{}, time.Time{}, "patient patient.read denied patient-request  x1 []"},
			{"an admin", c.admin, c.ann.UserID.String(), auth.ErrForbidden, time.Time{}, time.Time{}, "admin patient.read denied operations  x1 []"},
			{"an auditor", c.auditor, c.ann.UserID.String(), auth.ErrForbidden, time.Time{}, time.Time{}, "auditor patient.read denied oversight  x1 []"},
		}
		for _, tt := range tests {
			from := c.mark()
			r, err := c.Record(t.Context(), tt.by, tt.patient)
			wantErr(t, tt.name, err, tt.want)
			if !r.Since.Equal(tt.since) || !r.Until.Equal(tt.until) || err == nil && r.Patient.ID.String() != tt.patient {
				t.Errorf("%s: %v, since %s until %s, want %s and %s", tt.name, r.Patient.ID, r.Since, r.Until, tt.since, tt.until)
			}
			c.told(tt.name, from, tt.told)
		}
		c.clock.Set(start.Add(40*time.Minute - time.Microsecond))
		_, err := c.Record(t.Context(), c.grey, c.cleo.UserID.String())
		wantErr(t, "just before the emergency ends", err, nil)
		c.clock.Advance(time.Microsecond)
		_, err = c.Record(t.Context(), c.grey, c.cleo.UserID.String())
		wantErr(t, "when it ends", err, none)
		c.assign(c.cleo, c.grey)
		if r, err := c.Record(t.Context(), c.grey, c.cleo.UserID.String()); err != nil || r.Since.IsZero() || !r.Until.IsZero() {
			t.Errorf("in care again: since %s until %s, %v", r.Since, r.Until, err)
		}
	})
}
