package scheduling

import (
	"context"
	"time"

	"medbook/internal/id"
	"medbook/internal/sqldb"
)

// claimed is a row of claims.
type claimed struct {
	by      id.Keyed // the appointment
	cell    int64
	expires time.Time // zero: it lasts
}

// insertAppointments writes appointments to both calendars.
func insertAppointments(ctx context.Context, tx *sqldb.Tx, list []Appointment) error {
	var theirs, patients [][]any
	for _, a := range list {
		tx.Signal(calendarOf(a.Practitioner()))
		start, end, expires := sqldb.Instant(a.Start), sqldb.Instant(a.End), sqldb.Instant(a.HoldExpiresAt)
		theirs = append(theirs, []any{
			a.ID.Lead, a.ID.ID, a.Patient, start, end, a.Slots, string(a.Status), expires, a.Reference,
			a.Reason.Reveal(), a.OverrideReason.Reveal(), a.CancelReason.Reveal(), sqldb.Instant(a.CreatedAt), sqldb.Instant(a.UpdatedAt), a.Version,
		})
		patients = append(patients, []any{a.Patient, a.ID.ID, a.ID.Lead, start, end, string(a.Status), expires, sqldb.Instant(a.CreatedAt)})
	}
	groups, args := sqldb.Values(theirs...)
	_, err := tx.Exec(ctx, `INSERT INTO appointments (practitioner_id, id, patient_id, starts_at, ends_at, slots, status,
		hold_expires_at, reference, reason, override_reason, cancel_reason, created_at, updated_at, version) VALUES `+groups, args...)
	if err != nil {
		return err
	}
	groups, args = sqldb.Values(patients...)
	_, err = tx.Exec(ctx, `INSERT INTO patient_calendar (patient_id, appointment_id, practitioner_id, starts_at, ends_at, status,
		hold_expires_at, made_at) VALUES `+groups, args...)
	return err
}

// enterClaims takes cells for several appointments, and returns how many were free.
func enterClaims(ctx context.Context, tx *sqldb.Tx, list []claimed) (int, error) {
	rows := make([][]any, len(list))
	for i, c := range list {
		rows[i] = []any{c.by.Lead, c.cell, c.by.ID, sqldb.Instant(c.expires)}
	}
	groups, args := sqldb.Values(rows...)
	return tx.Exec(ctx, `INSERT INTO claims (practitioner_id, cell, appointment_id, expires_at) VALUES `+groups+` ON CONFLICT DO NOTHING`, args...)
}
