package scheduling

import "fmt"

// invariants are what no moment may break, each as a query that counts where it
// is broken. live is what takes time at the moment of the question.
var invariants = []struct{ broken, query string }{
	{"two live appointments of a practitioner overlap", `SELECT count(*) FROM live a JOIN live b
		ON a.practitioner_id = b.practitioner_id AND a.id < b.id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at`},
	{"two live appointments of a patient overlap", `SELECT count(*) FROM live a JOIN live b
		ON a.patient_id = b.patient_id AND a.id < b.id AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at`},
	{"a live appointment lacks a cell, or has it for another while", `SELECT count(*) FROM live a
		WHERE (a.ends_at - a.starts_at) / 300000000 <> (SELECT count(*) FROM claims c
			WHERE c.practitioner_id = a.practitioner_id AND c.appointment_id = a.id
				AND c.cell >= a.starts_at / 300000000 AND c.cell < a.ends_at / 300000000
				AND c.expires_at IS NOT DISTINCT FROM a.hold_expires_at)`},
	{"a live claim belongs to no live appointment", `SELECT count(*) FROM claims c
		WHERE (c.expires_at IS NULL OR c.expires_at > (SELECT now FROM moment)) AND NOT EXISTS (SELECT 1 FROM live a
			WHERE a.practitioner_id = c.practitioner_id AND a.id = c.appointment_id
				AND c.cell >= a.starts_at / 300000000 AND c.cell < a.ends_at / 300000000)`},
	{"an appointment is not in its patient's calendar as it is", `SELECT count(*) FROM (
		SELECT id, patient_id, practitioner_id, starts_at, ends_at, status, hold_expires_at FROM appointments EXCEPT
		SELECT appointment_id, patient_id, practitioner_id, starts_at, ends_at, status, hold_expires_at FROM patient_calendar) x`},
	{"a patient's calendar has what is no appointment", `SELECT count(*) FROM (
		SELECT appointment_id, patient_id, practitioner_id, starts_at, ends_at, status, hold_expires_at FROM patient_calendar EXCEPT
		SELECT id, patient_id, practitioner_id, starts_at, ends_at, status, hold_expires_at FROM appointments) x`},
}

// checkInvariants fails the test for each invariant that is broken now.
func (c *clinic) checkInvariants() {
	c.t.Helper()
	with := fmt.Sprintf(`WITH moment (now) AS (SELECT CAST(%d AS BIGINT)), live AS (SELECT * FROM appointments
		WHERE status IN ('confirmed', 'completed', 'no_show')
			OR (status = 'held' AND hold_expires_at > (SELECT now FROM moment))) `, c.clock.Now().UnixMicro())
	for _, i := range invariants {
		if n := c.count(with + i.query); n != 0 {
			c.t.Errorf("%d times: %s", n, i.broken)
		}
	}
}
