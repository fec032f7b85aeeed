package scheduling

// The SQL of appointments that are found without signing in.

import (
	"context"
	"errors"
	"strings"
	"time"

	"medbook/internal/id"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// visits selects appointments of patients who were not erased. Whoever works here
// now signs in.
const visits = `SELECT ` + appointmentColumns + `, s.time_zone
	FROM appointments a
	JOIN schedules s ON s.practitioner_id = a.practitioner_id
	JOIN patients p ON p.patient_id = a.patient_id AND p.erased_at IS NULL
	JOIN users u ON u.id = a.patient_id AND u.role = 'patient' `

// visitByID returns an appointment that is not over for longer than visitsFor.
func visitByID(ctx context.Context, tx *sqldb.Tx, key id.Keyed) (Appointment, error) {
	a, err := sqldb.One(ctx, tx, scanAppointment(tx.Now()), visits+`WHERE a.practitioner_id = $1 AND a.id = $2 AND a.ends_at > $3`,
		key.Lead, key.ID, sqldb.Instant(tx.Now().Add(-visitsFor)))
	if errors.Is(err, sqldb.ErrNoRows) {
		return a, ErrVisitNotFound
	}
	return a, err
}

// appointmentByReference is visitByID for a reference, which no key makes unique
// over all practitioners, and the patient's date of birth. Texts that can be neither
// are looked for all the same: the look costs what any other does.
func appointmentByReference(ctx context.Context, tx *sqldb.Tx, reference string, dateOfBirth phi.Value[string]) (Appointment, error) {
	born := dateOfBirth.Reveal()
	if _, err := time.Parse(time.DateOnly, born); err != nil {
		born = "-"
	}
	if strings.Trim(reference, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		reference = "-"
	}
	found, err := sqldb.All(ctx, tx, scanAppointment(tx.Now()), visits+`JOIN user_profiles f ON f.user_id = a.patient_id
		WHERE a.reference = $1 AND f.date_of_birth = $2 AND a.ends_at > $3
		ORDER BY a.starts_at LIMIT 2`, reference, born, sqldb.Instant(tx.Now().Add(-visitsFor)))
	if err == nil && len(found) != 1 { // of two, nobody knows whose it is
		err = ErrVisitNotFound
	}
	if err != nil {
		return Appointment{}, err
	}
	return found[0], nil
}
