package api

import (
	"net/http"
	"strings"
	"testing"
)

// TestAnAppointmentIsAFileForCalendarPrograms reads one, and one that is not there.
func TestAnAppointmentIsAFileForCalendarPrograms(t *testing.T) {
	c := onSQLite(t)
	c.server.Directory.ClinicName = "Harbour; Clinic"
	slots := c.open("grey", "2027-03-15T09:00:00-04:00", "2027-03-15T12:00:00-04:00")
	held := c.must(http.StatusCreated, "ann", post, "/v1/appointments", map[string]any{"slot_id": slots[0], "reason": "Back pain"})
	page := "/v1/appointments/" + held.text(t, "id") + "/ics"
	r := c.must(http.StatusOK, "ann", get, page, nil)
	for name, want := range map[string]string{
		"Content-Type": "text/calendar; charset=utf-8", "Content-Disposition": "attachment; filename=appointment.ics",
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	text := string(r.body)
	for _, line := range []string{"UID:" + held.text(t, "id"), "SEQUENCE:0", "DTSTART:20270315T130000Z", "DTEND:20270315T131500Z", "STATUS:TENTATIVE", `SUMMARY:Appointment at Harbour\; Clinic`} {
		if !strings.Contains(text, "\r\n"+line+"\r\n") {
			t.Errorf("got %q, want the line %q", text, line)
		}
	}
	for _, personal := range []string{"Back pain", held.text(t, "patient_id"), held.text(t, "reference"), "Grey", "Ann"} {
		if strings.Contains(text, personal) {
			t.Errorf("got %q, which tells %q", text, personal)
		}
	}
	c.refused(c.call("bob", get, page, nil), http.StatusNotFound, "appointment-not-found")
}
