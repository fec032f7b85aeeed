package scheduling

import "medbook/internal/check"

// taking are the statuses of appointments that have claims. A hold that is over
// has them until somebody writes down that it is, and then loses both at once; so
// none of these rules needs to know what time it is.
const taking = `('held', 'confirmed', 'completed', 'no_show')`

// Questions are what is so of the package's tables at every moment.
func Questions() []check.Question {
	return []check.Question{
		{Name: "appointments", Says: "appointments of a practitioner never overlap", Rows: &check.Rows{
			Table: "appointments", Key: []string{"practitioner_id", "id"}, Where: `r.status IN ` + taking,
			Broken: []check.Broken{{When: `EXISTS (SELECT 1 FROM appointments o WHERE o.practitioner_id = r.practitioner_id
				AND o.starts_at >= r.starts_at AND o.starts_at < r.ends_at AND o.status IN ` + taking + `
				AND o.id <> r.id AND (o.starts_at > r.starts_at OR o.id > r.id))`, Says: "overlaps another of the practitioner"}},
		}},
		{Name: "patients", Says: "live appointments of a patient never overlap", Rows: &check.Rows{
			Table: "patient_calendar", Key: []string{"patient_id", "appointment_id"}, Where: `r.status IN ('held', 'confirmed')`,
			Broken: []check.Broken{{When: `EXISTS (SELECT 1 FROM patient_calendar o WHERE o.patient_id = r.patient_id
				AND o.starts_at >= r.starts_at AND o.starts_at < r.ends_at AND o.status IN ('held', 'confirmed')
				AND o.appointment_id <> r.appointment_id AND (o.starts_at > r.starts_at OR o.appointment_id > r.appointment_id))`, Says: "overlaps another of the patient"}},
		}},
		{Name: "cells", Says: "appointments have the cells of their time", Rows: &check.Rows{
			Table: "appointments", Key: []string{"practitioner_id", "id"},
			Broken: []check.Broken{
				{When: `r.status = 'held' AND r.hold_expires_at IS NULL`, Says: "is a hold without an end"},
				{When: `r.status NOT IN ('held', 'expired') AND r.hold_expires_at IS NOT NULL`, Says: "has the end of a hold and is none"},
				{When: `r.status IN ` + taking + ` AND (r.ends_at + 299999999) / 300000000 - r.starts_at / 300000000 <> (SELECT COUNT(*) FROM claims c
					WHERE c.practitioner_id = r.practitioner_id AND c.appointment_id = r.id
					AND c.cell >= r.starts_at / 300000000 AND c.cell < (r.ends_at + 299999999) / 300000000)`, Says: "lacks a cell of its time"},
			},
		}},
		{Name: "claims", Says: "cells are claimed by appointments that may have them", Rows: &check.Rows{
			Table: "claims", Key: []string{"practitioner_id", "cell"},
			Join: `LEFT JOIN appointments a ON a.practitioner_id = r.practitioner_id AND a.id = r.appointment_id`,
			Broken: []check.Broken{
				{When: `a.id IS NULL`, Says: "belongs to no appointment"},
				{When: `a.status NOT IN ` + taking, Says: "belongs to an appointment that takes no time"},
				{When: `r.cell < a.starts_at / 300000000 OR r.cell >= (a.ends_at + 299999999) / 300000000`, Says: "is outside of its appointment's time"},
				{When: `r.expires_at IS DISTINCT FROM a.hold_expires_at`, Says: "ends at another time than its appointment's hold"},
			},
		}},
		{Name: "sides", Says: "appointments are in their patients' calendars as they are", Rows: &check.Rows{
			Table: "appointments", Key: []string{"practitioner_id", "id"},
			Join: `LEFT JOIN patient_calendar p ON p.patient_id = r.patient_id AND p.appointment_id = r.id
				LEFT JOIN patients t ON t.patient_id = r.patient_id`,
			Broken: []check.Broken{
				{When: `t.patient_id IS NULL`, Says: "is of a patient who is not there"},
				{When: `p.patient_id IS NULL`, Says: "is not in its patient's calendar"},
				{When: `p.practitioner_id <> r.practitioner_id`, Says: "is in its patient's calendar with another practitioner"},
				{When: `p.starts_at <> r.starts_at OR p.ends_at <> r.ends_at`, Says: "is in its patient's calendar at another time"},
				{When: `p.status <> r.status`, Says: "is in its patient's calendar with another status"},
				{When: `p.hold_expires_at IS DISTINCT FROM r.hold_expires_at`, Says: "is in its patient's calendar with another end of its hold"},
			},
		}},
		{Name: "calendars", Says: "patients' calendars have nothing but appointments", Rows: &check.Rows{
			Table: "patient_calendar", Key: []string{"patient_id", "appointment_id"},
			Join:   `LEFT JOIN appointments a ON a.practitioner_id = r.practitioner_id AND a.id = r.appointment_id AND a.patient_id = r.patient_id`,
			Broken: []check.Broken{{When: `a.id IS NULL`, Says: "is of no appointment of this patient"}},
		}},
		{Name: "slots", Says: "slots made by hand never overlap", Rows: &check.Rows{
			Table: "schedules", Key: []string{"practitioner_id"},
			Join: `LEFT JOIN practitioners p ON p.id = r.practitioner_id`,
			Broken: []check.Broken{
				{When: `p.id IS NULL`, Says: "is the time of nobody"},
				{When: `EXISTS (SELECT 1 FROM (SELECT s.starts_at, LAG(s.ends_at) OVER (ORDER BY s.starts_at, s.ends_at) AS earlier
					FROM availability s WHERE s.practitioner_id = r.practitioner_id AND s.kind = 'slot') h WHERE h.earlier > h.starts_at)`, Says: "has slots made by hand that overlap"},
			},
		}},
		{Name: "schedules", Says: "practitioners have a schedule", Rows: &check.Rows{
			Table: "practitioners", Key: []string{"id"}, Join: `LEFT JOIN schedules s ON s.practitioner_id = r.id`,
			Broken: []check.Broken{{When: `s.practitioner_id IS NULL`, Says: "has no schedule"}},
		}},
		{Name: "waiting", Says: "who waits is a patient, for a practitioner", Rows: &check.Rows{
			Table: "waitlist", Key: []string{"patient_id", "id"},
			Join: `LEFT JOIN patients t ON t.patient_id = r.patient_id LEFT JOIN schedules s ON s.practitioner_id = r.practitioner_id`,
			Broken: []check.Broken{
				{When: `t.patient_id IS NULL`, Says: "is of a patient who is not there"},
				{When: `s.practitioner_id IS NULL`, Says: "is for a practitioner who is not there"},
			},
		}},
	}
}
