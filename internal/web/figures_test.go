package web

import (
	"strings"
	"testing"
	"time"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/calendar"
	pages "medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// attend gives grey hours from now on, and ann a visit to grey, which is over and done
// when the clock is three hours later.
func (c *clinic) attend() {
	c.t.Helper()
	grey, now := c.actor("grey"), c.db.Now()
	span := calendar.Span{Start: now.Add(time.Hour).Truncate(time.Hour), End: now.Add(9 * time.Hour).Truncate(time.Hour)}
	h := scheduling.Hours{Kind: scheduling.KindSpan, Span: span}
	if _, err := c.server.Scheduling.Publish(c.t.Context(), grey, grey.PractitionerID.String(), h); err != nil {
		c.t.Fatal(err)
	}
	slots, err := c.server.Scheduling.Slots(c.t.Context(), grey, scheduling.SlotQuery{Practitioner: grey.PractitionerID.String(), From: span.Start, To: span.End, Status: "any"}, pages.Request{Limit: 1})
	if err != nil || len(slots.Items) == 0 {
		c.t.Fatalf("no slot: %v", err)
	}
	a, err := c.server.Scheduling.Hold(c.t.Context(), c.actor("admin"), scheduling.HoldRequest{
		Slot: slots.Items[0].ID(), Patient: c.users["ann"].ID.String(), Confirm: true, Override: phi.Of("a test"), Slots: 4,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	sqltest.ClockOf(c.db).Advance(3 * time.Hour)
	if _, err := c.server.Scheduling.Complete(c.t.Context(), grey, a.ID.String()); err != nil {
		c.t.Fatal(err)
	}
}

func TestFiguresAreDrawnAndTold(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.as("grey").get("/figures").has(200, "Nothing was booked in this time.", "No appointment begins in this time.").lacks("<svg class", "NaN")
		c.attend()
		for name, texts := range map[string][]string{
			"grey":  {"1 hour booked of 8 hours", "13%", "1 visits took place and 0 were missed", "Most, 1, were booked this far ahead: Under 1 day"},
			"admin": {"1 hour booked of 8 hours", "Everybody", "What became of messages"},
			"brown": {"Nothing was booked in this time."},
		} {
			looks := c.outcomes("figures.read", audit.Success)
			p := c.as(name).get("/figures").has(200, texts...).lacks("style=", "NaN", "Ann Example")
			if n := c.outcomes("figures.read", audit.Success); n != looks+1 {
				t.Errorf("%s: %d looks are on record, want %d", name, n, looks+1)
			}
			if name == "brown" {
				continue
			}
			if !strings.Contains(p.body, `role="img"`) || strings.Count(p.body, "<svg viewBox") != strings.Count(p.body, "<desc id") {
				t.Errorf("%s: a chart is no picture with a text", name)
			}
		}
		if p := c.as("grey").get("/figures"); strings.Contains(p.body, "Everybody") || strings.Contains(p.body, "What became of messages") {
			t.Error("a practitioner is offered what is for admins")
		}
	})
}

func TestThePeriodOfFiguresIsChosen(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.attend()
		grey, admin := c.as("grey"), c.as("admin")
		own := c.actor("grey").PractitionerID.String()
		rows := func(p shown) int { return strings.Count(p.body, `<th scope="row"`) }
		for query, want := range map[string]int{"": 2*4 + 6, "?period=12": 2*12 + 6, "?period=own&from=2027-03-10&to=2027-03-16": 2*7 + 6, "?period=own&from=2027-02-15&to=2027-03-16": 2*5 + 6} {
			if got := rows(grey.get("/figures" + query).has(200)); got != want {
				t.Errorf("%s: %d rows, want %d", query, got, want)
			}
		}
		admin.get("/figures?practitioner="+own).has(200, "1 hour booked of 8 hours").lacks("What became of messages")
		admin.get("/figures?practitioner="+c.actor("brown").PractitionerID.String()).has(200, "Nothing was booked in this time.")
		admin.get("/figures?practitioner=x").has(404)
		grey.get("/figures?practitioner="+c.actor("brown").PractitionerID.String()).has(200, "1 hour booked of 8 hours") // one's own, whatever is asked
		for query, says := range map[string]string{
			"from=x&to=2027-03-14": "Give a date", "from=2027-03-14&to=2027-03-13": "", "from=2020-01-01&to=2027-03-13": "",
		} {
			grey.get("/figures?period=own&"+query).has(422, "There is a problem", says).lacks(`role="img"`)
		}
		if got := (auth.Actor{Role: auth.Auditor}).Is(carers...); got {
			t.Error("auditors see figures")
		}
	})
}
