package encounters_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestWhoOpensARecordInAnEmergency(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		second := c.user("second", auth.Auditor, "UTC")
		why := phi.Of("found unconscious")
		opened := "practitioner emergency_access.open success emergency opening x1 [%s]"
		for _, tt := range []struct {
			name    string
			by      auth.Actor
			patient string
			reason  phi.Value[string]
			want    error
			told    string
		}{
			{"in care", c.grey, c.ann.UserID.String(), why, encounters.ErrInCare, ""},
			{"nobody's id", c.grey, nobody.UserID.String(), why, directory.ErrPatientNotFound, "practitioner emergency_access.open denied emergency  x1 [?]"},
			{"no id", c.grey, "x", why, directory.ErrPatientNotFound, "practitioner emergency_access.open denied emergency  x1 []"},
			{"erased", c.grey, c.eve.UserID.String(), why, directory.ErrPatientNotFound, "practitioner emergency_access.open denied emergency  x1 [eve]"},
			{"without a reason", c.grey, c.bob.UserID.String(), phi.Value[string]{}, encounters.ErrInvalidEncounter, ""},
			{"the patient", c.bob, c.bob.UserID.String(), why, auth.ErrForbidden, "patient emergency_access.open denied emergency  x1 []"},
			{"an admin", c.admin, c.bob.UserID.String(), why, auth.ErrForbidden, "admin emergency_access.open denied emergency  x1 []"},
			{"an auditor", c.auditor, c.bob.UserID.String(), why, auth.ErrForbidden, "auditor emergency_access.open denied emergency  x1 []"},
			{"never in care", c.grey, c.bob.UserID.String(), why, nil, fmt.Sprintf(opened, "bob")},
			{"again", c.grey, c.bob.UserID.String(), why, nil, fmt.Sprintf(opened, "bob")},
			{"care has ended", c.grey, c.cleo.UserID.String(), why, nil, fmt.Sprintf(opened, "cleo")},
		} {
			from := c.mark()
			mails := func(to auth.Actor) int {
				return c.count(`SELECT COUNT(*) FROM jobs WHERE kind = 'auth.mail' AND payload LIKE $1`, "%"+to.UserID.String()+"%emergency-access%")
			}
			all := func() int { return c.count(`SELECT COUNT(*) FROM jobs WHERE kind = 'auth.mail'`) }
			before := []int{mails(c.auditor), mails(second), all()}
			e, err := c.OpenInEmergency(t.Context(), tt.by, tt.patient, tt.reason)
			wantErr(t, tt.name, err, tt.want)
			one := 0
			if tt.want == nil {
				one = 1
				c.name(e.ID.String(), "opening")
				if e.OpenedAt != c.clock.Now() || e.ExpiresAt != c.clock.Now().Add(30*time.Minute) || e.User != tt.by.UserID || e.Practitioner != tt.by.PractitionerID {
					t.Errorf("%s: %v, want half an hour from now for %v", tt.name, e, tt.by)
				}
			}
			var told []string
			if tt.told != "" {
				told = append(told, tt.told)
			}
			c.told(tt.name, from, told...)
			got := []int{mails(c.auditor) - before[0], mails(second) - before[1], all() - before[2]}
			if fmt.Sprint(got) != fmt.Sprint([]int{one, one, 2 * one}) {
				t.Errorf("%s: the auditors and all are told %d times, want %d each", tt.name, got, one)
			}
		}
		if n := c.count(`SELECT COUNT(*) FROM jobs WHERE payload LIKE '%unconscious%'`); n != 0 {
			t.Error("a job quotes the reason")
		}
	})
}

func TestAnOpenRecordIsOnePatientsForOnePractitioner(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		r := newRecords(t, db)
		other := r.user("other", auth.Practitioner, "UTC")
		r.open(other, r.bob)
		for name, tt := range map[string]struct {
			by   auth.Actor
			want string
		}{"who opened": {other, "b1"}, "another": {r.grey, "a2 a1"}} {
			names, _, err := r.list(tt.by, encounters.Filter{}, page.Request{Limit: 10})
			if got := strings.Join(names, " "); got != tt.want || err != nil {
				t.Errorf("%s: sees %q, %v, want %q", name, got, err, tt.want)
			}
		}
		for at, want := range map[time.Duration]string{30*time.Minute - time.Microsecond: "emergency true", 30 * time.Minute: "treatment false"} {
			r.clock.Set(sqltest.Start.Add(at))
			err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
				purpose, ok, err := encounters.InCare(ctx, tx, other, r.bob.UserID)
				if got := fmt.Sprint(purpose, " ", ok); got != want {
					t.Errorf("after %v: InCare = %s, want %s", at, got, want)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAuditorsListEmergencies(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		for name, by := range map[string]auth.Actor{"practitioner": c.grey, "admin": c.admin, "patient": c.ann} {
			from := c.mark()
			p, err := c.Emergencies(t.Context(), by, page.Request{Limit: 10})
			wantErr(t, name, err, auth.ErrForbidden)
			if len(p.Items) != 0 {
				t.Errorf("%s: sees %d", name, len(p.Items))
			}
			c.told(name, from, fmt.Sprintf("%s emergency_access.list denied %s  x1 []", name, by.Event("", "", "").Purpose))
		}
		want := []string{}
		for i := range 5 {
			by, patient := c.grey, c.bob
			if i%2 == 1 {
				by, patient = c.brown, c.ann
			}
			reason := fmt.Sprint("reason ", i)
			if _, err := c.OpenInEmergency(t.Context(), by, patient.UserID.String(), phi.Of(reason)); err != nil {
				t.Fatal(err)
			}
			want = append([]string{reason}, want...)
			if i < 3 { // the others are at one instant
				c.clock.Advance(time.Minute)
			}
		}
		list := func(limit int) (reasons []string) {
			t.Helper()
			for req := (page.Request{Limit: limit, Count: true}); ; {
				p, err := c.Emergencies(t.Context(), c.auditor, req)
				if err != nil || *p.Total != 5 {
					t.Fatalf("list: %v, %v", p.Total, err)
				}
				for _, e := range p.Items {
					reasons = append(reasons, e.Reason.Reveal())
				}
				if p.Next == "" {
					return reasons
				}
				req.After = p.Next
			}
		}
		from := c.mark()
		one := list(10)
		c.told("list", from, "auditor emergency_access.list success oversight  x5 [ann bob]")
		if fmt.Sprint(one[2:]) != fmt.Sprint(want[2:]) || len(one) != 5 {
			t.Errorf("listed %q, want %q, the newest first", one, want)
		}
		for limit := range 4 {
			if got := list(limit + 1); fmt.Sprint(got) != fmt.Sprint(one) {
				t.Errorf("%d a page: %q, want %q", limit+1, got, one)
			}
		}
		for _, cursor := range []string{"x", "1", "1.x", "." + c.open(c.grey, c.bob).ID.String()} {
			_, err := c.Emergencies(t.Context(), c.auditor, page.Request{Limit: 1, After: cursor})
			wantErr(t, cursor, err, page.ErrCursor)
		}
		c.erase(c.bob)
		p, err := c.Emergencies(t.Context(), c.auditor, page.Request{Limit: 10})
		if err != nil || len(p.Items) != 6 {
			t.Fatalf("after one was erased: %d, %v, want 6", len(p.Items), err)
		}
		for _, e := range p.Items {
			if gone := e.ID.Lead == c.bob.UserID; gone == e.Reason.Present() || gone && e.ExpiresAt.After(c.clock.Now()) {
				t.Errorf("the reason is there: %v, of an erased patient: %v, until %v", e.Reason.Present(), gone, e.ExpiresAt)
			}
		}
		c.exec(`UPDATE emergency_access SET reason = (SELECT o.reason FROM emergency_access o WHERE o.reason IS NOT NULL ORDER BY o.id LIMIT 1) WHERE reason IS NOT NULL`)
		if p, err := c.Emergencies(t.Context(), c.auditor, page.Request{Limit: 10}); err == nil || len(p.Items) != 0 {
			t.Errorf("a reason in another's row: %d, %v, want an error", len(p.Items), err)
		}
	})
}
