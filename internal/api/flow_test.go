package api

import (
	"net/http"
	"testing"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// TestBooking walks through the main job by every route of it.
func TestBooking(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		slots := c.open("grey", "2027-03-16T13:00:00Z", "2027-03-16T15:00:00Z")
		if len(slots) != 8 {
			t.Fatalf("%d slots, want 8", len(slots))
		}
		held := c.must(http.StatusCreated, "ann", post, "/v1/appointments", map[string]any{"slot_id": slots[0], "reason": "Back pain"})
		path := held.Header.Get("Location")
		if got := held.json(t); got["status"] != "held" || got["starts_at"] != "2027-03-16T13:00:00Z" || got["reason"] != "Back pain" {
			t.Errorf("hold = %s", held.body)
		}
		c.refused(c.call("bob", post, "/v1/appointments", map[string]any{"slot_id": slots[0]}), http.StatusConflict, "slot-taken")
		c.refused(c.call("bob", get, path, nil), http.StatusNotFound, "appointment-not-found")
		for _, method := range []string{post, put} {
			if got := c.must(http.StatusOK, "ann", method, path+"/confirm", nil).json(t); got["status"] != "confirmed" || got["hold_expires_at"] != nil {
				t.Errorf("%s confirm = %v", method, got)
			}
		}
		moved := c.must(http.StatusOK, "ann", post, path+"/reschedule", map[string]any{"slot_id": slots[4]})
		if got := moved.text(t, "slot_id"); got != slots[4] {
			t.Errorf("moved to %s, want %s", got, slots[4])
		}
		c.refused(c.call("grey", post, path+"/complete", nil), http.StatusConflict, "illegal-transition")
		cancelled := c.must(http.StatusOK, "ann", post, path+"/cancel", map[string]any{"reason": "Better"})
		if got := cancelled.text(t, "status"); got != "cancelled" {
			t.Errorf("cancelled = %s", got)
		}
		list := c.must(http.StatusOK, "grey", get, "/v1/appointments?limit=10&count=true", nil).json(t)
		if items := list["items"].([]any); len(items) != 1 || list["total"] != 1.0 || list["next_cursor"] != nil {
			t.Errorf("list = %v", list)
		}
	})
}

// TestStaffMayLeaveThePatientUntold cancels and moves without a message, which
// patients can't ask for.
func TestStaffMayLeaveThePatientUntold(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		slots := c.open("grey", "2027-03-16T13:00:00Z", "2027-03-16T15:00:00Z")
		path := c.must(http.StatusCreated, "ann", post, "/v1/appointments", map[string]any{"slot_id": slots[0], "confirm": true}).Header.Get("Location")
		const messages = `SELECT count(*) FROM jobs WHERE kind = 'notify.event'`
		queued := func(what string, quiet bool, do func()) {
			t.Helper()
			before := c.count(messages)
			do()
			// Each time of a confirmed appointment has two reminders; a cancelled one has none.
			if more := c.count(messages) - before; more%2 == 0 != quiet {
				t.Errorf("%s: %d more messages are to be written, quiet: %v", what, more, quiet)
			}
		}
		for _, tt := range []struct {
			tell  any
			quiet bool
		}{{nil, false}, {true, false}, {false, true}} {
			body := map[string]any{"slot_id": slots[1]}
			if tt.tell != nil {
				body["notify_patient"] = tt.tell
			}
			queued("moved", tt.quiet, func() { c.must(http.StatusOK, "grey", post, path+"/reschedule", body) })
			slots = slots[1:]
		}
		silent := map[string]any{"slot_id": slots[1], "notify_patient": false}
		c.refused(c.call("ann", post, path+"/reschedule", silent), http.StatusForbidden, "forbidden")
		c.refused(c.call("ann", post, path+"/cancel", map[string]any{"notify_patient": false}), http.StatusForbidden, "forbidden")
		c.must(http.StatusOK, "ann", post, path+"/reschedule", map[string]any{"slot_id": slots[1], "notify_patient": true})
		queued("cancelled", true, func() {
			c.must(http.StatusOK, "admin", post, path+"/cancel", map[string]any{"reason": "Ill.", "notify_patient": false})
		})
	})
}
