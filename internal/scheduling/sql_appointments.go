package scheduling

// The SQL of claims, appointments, and the patient's side of them.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/id"
	"medbook/internal/sqldb"
)

// insertClaims takes cells, in ascending order, and returns how many were free.
func insertClaims(ctx context.Context, tx *sqldb.Tx, a Appointment, cells []int64) (int, error) {
	rows := make([][]any, len(cells))
	for i, cell := range cells {
		rows[i] = []any{a.ID.Lead, cell, a.ID.ID, sqldb.Instant(a.HoldExpiresAt)}
	}
	groups, args := sqldb.Values(rows...)
	return tx.Exec(ctx, `INSERT INTO claims (practitioner_id, cell, appointment_id, expires_at)
		VALUES `+groups+` ON CONFLICT DO NOTHING`, args...)
}

// confirmClaims makes an appointment's claims lasting where they still live,
// and returns how many did.
func confirmClaims(ctx context.Context, tx *sqldb.Tx, key id.Keyed) (int, error) {
	return tx.Exec(ctx, `UPDATE claims SET expires_at = NULL
		WHERE practitioner_id = $1 AND appointment_id = $2 AND expires_at > $3`,
		key.Lead, key.ID, sqldb.Instant(tx.Now()))
}

// deleteDeadClaims frees the cells of span whose hold is over, and returns whose
// they were.
func deleteDeadClaims(ctx context.Context, tx *sqldb.Tx, practitioner uuid.UUID, span calendar.Span) ([]id.Keyed, error) {
	first, last := calendar.Cells(span)
	cells, err := sqldb.All(ctx, tx, func(r sqldb.Row) (k id.Keyed, err error) {
		err = r.Scan(&k.Lead, &k.ID)
		return k, err
	}, `DELETE FROM claims WHERE practitioner_id = $1 AND cell >= $2 AND cell < $3 AND expires_at <= $4
		RETURNING practitioner_id, appointment_id`, practitioner, first, last, sqldb.Instant(tx.Now()))
	var dead []id.Keyed
	for _, k := range cells {
		if len(dead) == 0 || dead[len(dead)-1] != k {
			dead = append(dead, k)
		}
	}
	return dead, err
}

func deleteClaimsOf(ctx context.Context, tx *sqldb.Tx, key id.Keyed) error {
	_, err := tx.Exec(ctx, `DELETE FROM claims WHERE practitioner_id = $1 AND appointment_id = $2`, key.Lead, key.ID)
	return err
}

func deleteClaimsOutside(ctx context.Context, tx *sqldb.Tx, key id.Keyed, span calendar.Span) error {
	first, last := calendar.Cells(span)
	_, err := tx.Exec(ctx, `DELETE FROM claims
		WHERE practitioner_id = $1 AND appointment_id = $2 AND (cell < $3 OR cell >= $4)`, key.Lead, key.ID, first, last)
	return err
}

// takenIn reads the live appointments of some practitioners that claim cells of
// a window, by start within a practitioner.
func takenIn(ctx context.Context, tx *sqldb.Tx, ids []uuid.UUID, window calendar.Span) ([]taken, error) {
	first, last := calendar.Cells(window)
	return inChunks(ids, func(in string, args []any) ([]taken, error) {
		return sqldb.All(ctx, tx, scanTaken, `SELECT DISTINCT a.practitioner_id, a.id, a.starts_at, a.ends_at, a.slots, a.status
			FROM claims c JOIN appointments a ON a.practitioner_id = c.practitioner_id AND a.id = c.appointment_id
			WHERE c.cell >= $1 AND c.cell < $2 AND (c.expires_at IS NULL OR c.expires_at > $3)
				AND c.practitioner_id IN (`+in+`)
			ORDER BY a.practitioner_id, a.starts_at`, args...)
	}, first, last, sqldb.Instant(tx.Now()))
}

// takenBy is takenIn for one practitioner.
func takenBy(ctx context.Context, tx *sqldb.Tx, practitioner uuid.UUID, window calendar.Span) ([]taken, error) {
	return takenIn(ctx, tx, []uuid.UUID{practitioner}, window)
}

func scanTaken(r sqldb.Row) (t taken, err error) {
	var status Status
	err = r.Scan(&t.ID.Lead, &t.ID.ID, (*sqldb.Instant)(&t.Span.Start), (*sqldb.Instant)(&t.Span.End), &t.Slots, &status)
	t.Confirmed = status != Held
	return t, err
}

const appointmentColumns = `a.practitioner_id, a.id, a.patient_id, a.starts_at, a.ends_at, a.slots, a.status,
	a.hold_expires_at, a.reference, a.reason, a.override_reason, a.cancel_reason, a.created_at, a.updated_at, a.version`

// scanAppointment reads appointmentColumns and the practitioner's zone, and
// tells the status as of now.
func scanAppointment(now time.Time) func(sqldb.Row) (Appointment, error) {
	return func(r sqldb.Row) (a Appointment, err error) {
		var reason, override, cancel string
		err = r.Scan(&a.ID.Lead, &a.ID.ID, &a.Patient, (*sqldb.Instant)(&a.Start), (*sqldb.Instant)(&a.End), &a.Slots, &a.Status,
			(*sqldb.Instant)(&a.HoldExpiresAt), &a.Reference, &reason, &override, &cancel,
			(*sqldb.Instant)(&a.CreatedAt), (*sqldb.Instant)(&a.UpdatedAt), &a.Version, &a.TimeZone)
		a.Reason, a.OverrideReason, a.CancelReason = secret(reason), secret(override), secret(cancel)
		if a.Status == Held && !a.HoldExpiresAt.After(now) {
			a.Status = Expired
		}
		return a, err
	}
}

// rowScope returns the condition that lets a caller see an appointment: a
// patient's and a practitioner's own, to staff all. $n is its one parameter.
func rowScope(by auth.Actor, n int) (condition string, arg uuid.UUID) {
	switch {
	case by.Is(auth.Admin):
		return fmt.Sprintf("a.practitioner_id <> $%d", n), uuid.Nil
	case by.Is(auth.Practitioner):
		return fmt.Sprintf("a.practitioner_id = $%d", n), by.PractitionerID
	}
	return fmt.Sprintf("a.patient_id = $%d", n), by.UserID
}

// patientOf returns the patient of an appointment that by may see.
func patientOf(ctx context.Context, tx *sqldb.Tx, by auth.Actor, key id.Keyed) (patient uuid.UUID, err error) {
	scope, arg := rowScope(by, 3)
	patient, err = sqldb.One(ctx, tx, scanID, `SELECT a.patient_id FROM appointments a
		WHERE a.practitioner_id = $1 AND a.id = $2 AND `+scope, key.Lead, key.ID, arg)
	if errors.Is(err, sqldb.ErrNoRows) {
		return patient, ErrAppointmentNotFound
	}
	return patient, err
}

func scanID(r sqldb.Row) (u uuid.UUID, err error) {
	err = r.Scan(&u)
	return u, err
}

// appointmentByID returns an appointment that by may see, as of the
// transaction's instant.
func appointmentByID(ctx context.Context, tx *sqldb.Tx, by auth.Actor, key id.Keyed) (Appointment, error) {
	scope, arg := rowScope(by, 3)
	a, err := sqldb.One(ctx, tx, scanAppointment(tx.Now()), `SELECT `+appointmentColumns+`, s.time_zone
		FROM appointments a JOIN schedules s ON s.practitioner_id = a.practitioner_id
		WHERE a.practitioner_id = $1 AND a.id = $2 AND `+scope, key.Lead, key.ID, arg)
	if errors.Is(err, sqldb.ErrNoRows) {
		return a, ErrAppointmentNotFound
	}
	return a, err
}

// liveIn returns a practitioner's live appointments that share an instant with span.
func liveIn(ctx context.Context, tx *sqldb.Tx, practitioner uuid.UUID, span calendar.Span) ([]Appointment, error) {
	return sqldb.All(ctx, tx, scanAppointment(tx.Now()), `SELECT `+appointmentColumns+`, s.time_zone
		FROM appointments a JOIN schedules s ON s.practitioner_id = a.practitioner_id
		WHERE a.practitioner_id = $1 AND a.starts_at > $2 AND a.starts_at < $3 AND a.ends_at > $4
			AND (a.status = 'confirmed' OR (a.status = 'held' AND a.hold_expires_at > $5))
		ORDER BY a.starts_at`,
		practitioner, sqldb.Instant(span.Start.Add(-longestAppointment)), sqldb.Instant(span.End), sqldb.Instant(span.Start), sqldb.Instant(tx.Now()))
}

// insertAppointment writes a new appointment to both calendars. Only what the
// patients make themselves counts for what they may hold.
func insertAppointment(ctx context.Context, tx *sqldb.Tx, a Appointment, own bool) error {
	tx.Signal(calendarOf(a.Practitioner()))
	_, err := tx.Exec(ctx, `INSERT INTO appointments (practitioner_id, id, patient_id, starts_at, ends_at, slots, status,
			hold_expires_at, reference, reason, override_reason, cancel_reason, created_at, updated_at, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '', $12, $12, $13)`,
		a.ID.Lead, a.ID.ID, a.Patient, sqldb.Instant(a.Start), sqldb.Instant(a.End), a.Slots, string(a.Status),
		sqldb.Instant(a.HoldExpiresAt), a.Reference, a.Reason.Reveal(), a.OverrideReason.Reveal(), sqldb.Instant(a.CreatedAt), a.Version)
	if err != nil {
		return err
	}
	made := sql.Null[sqldb.Instant]{V: sqldb.Instant(a.CreatedAt), Valid: own}
	_, err = tx.Exec(ctx, `INSERT INTO patient_calendar (patient_id, appointment_id, practitioner_id, starts_at, ends_at, status, hold_expires_at, made_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		a.Patient, a.ID.ID, a.ID.Lead, sqldb.Instant(a.Start), sqldb.Instant(a.End), string(a.Status), sqldb.Instant(a.HoldExpiresAt), made)
	return err
}

// updateAppointment writes what may change, if a's version is still the one in
// the database, and returns the number of rows: 0 or 1.
func updateAppointment(ctx context.Context, tx *sqldb.Tx, a Appointment) (int, error) {
	tx.Signal(calendarOf(a.Practitioner()))
	return tx.Exec(ctx, `UPDATE appointments SET starts_at = $4, ends_at = $5, status = $6, hold_expires_at = $7,
			override_reason = $8, cancel_reason = $9, updated_at = $10, reason = $11, version = version + 1
		WHERE practitioner_id = $1 AND id = $2 AND version = $3`,
		a.ID.Lead, a.ID.ID, a.Version, sqldb.Instant(a.Start), sqldb.Instant(a.End), string(a.Status), sqldb.Instant(a.HoldExpiresAt),
		a.OverrideReason.Reveal(), a.CancelReason.Reveal(), sqldb.Instant(a.UpdatedAt), a.Reason.Reveal())
}

func updatePatientCalendar(ctx context.Context, tx *sqldb.Tx, a Appointment) error {
	_, err := tx.Exec(ctx, `UPDATE patient_calendar SET starts_at = $3, ends_at = $4, status = $5, hold_expires_at = $6
		WHERE patient_id = $1 AND appointment_id = $2`,
		a.Patient, a.ID.ID, sqldb.Instant(a.Start), sqldb.Instant(a.End), string(a.Status), sqldb.Instant(a.HoldExpiresAt))
	return err
}

// markExpired writes the end of a hold that is over, and returns its patient.
// It returns sqldb.ErrNoRows when the appointment is no such hold.
func markExpired(ctx context.Context, tx *sqldb.Tx, key id.Keyed) (uuid.UUID, error) {
	tx.Signal(calendarOf(key.Lead))
	return sqldb.One(ctx, tx, scanID, `UPDATE appointments SET status = 'expired', updated_at = $3, version = version + 1
		WHERE practitioner_id = $1 AND id = $2 AND status = 'held' AND hold_expires_at <= $3
		RETURNING patient_id`, key.Lead, key.ID, sqldb.Instant(tx.Now()))
}

func expirePatientSide(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID, key id.Keyed) error {
	_, err := tx.Exec(ctx, `UPDATE patient_calendar SET status = 'expired'
		WHERE patient_id = $1 AND appointment_id = $2`, patient, key.ID)
	return err
}

// overlappingOf returns what the patient of a has otherwise, held or confirmed,
// that shares an instant with it. Only ids, status and hold_expires_at are read.
func overlappingOf(ctx context.Context, tx *sqldb.Tx, a Appointment) ([]Appointment, error) {
	return sqldb.All(ctx, tx, func(r sqldb.Row) (o Appointment, err error) {
		err = r.Scan(&o.ID.Lead, &o.ID.ID, &o.Status, (*sqldb.Instant)(&o.HoldExpiresAt))
		return o, err
	}, `SELECT practitioner_id, appointment_id, status, hold_expires_at FROM patient_calendar
		WHERE patient_id = $1 AND appointment_id <> $2 AND starts_at > $3 AND starts_at < $4 AND ends_at > $5
			AND status IN ('held', 'confirmed')
		ORDER BY practitioner_id, appointment_id`,
		a.Patient, a.ID.ID, sqldb.Instant(a.Start.Add(-longestAppointment)), sqldb.Instant(a.End), sqldb.Instant(a.Start))
}

// openHolds counts a patient's live holds, with anybody.
func openHolds(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) (int, error) {
	return sqldb.One(ctx, tx, scanCount, `SELECT count(*) FROM patient_calendar
		WHERE patient_id = $1 AND status = 'held' AND hold_expires_at > $2`, patient, sqldb.Instant(tx.Now()))
}

// recentHolds is what a patient has made of late, without staff.
type recentHolds struct {
	made, expired     int
	first, lastExpiry time.Time // zero if there is none
}

func holdsSince(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID, since time.Time) (recentHolds, error) {
	return sqldb.One(ctx, tx, func(r sqldb.Row) (h recentHolds, err error) {
		var first, last sql.Null[sqldb.Instant]
		err = r.Scan(&h.made, &first, &h.expired, &last)
		h.first, h.lastExpiry = time.Time(first.V), time.Time(last.V)
		return h, err
	}, `SELECT count(*), min(made_at),
			count(CASE WHEN status IN ('held', 'expired') AND hold_expires_at <= $3 THEN 1 END),
			max(CASE WHEN status IN ('held', 'expired') AND hold_expires_at <= $3 THEN hold_expires_at END)
		FROM patient_calendar WHERE patient_id = $1 AND made_at > $2`, patient, sqldb.Instant(since), sqldb.Instant(tx.Now()))
}

// appointmentQuery is a FROM and WHERE over appointments a.
type appointmentQuery struct {
	from  string
	where []string
	args  []any
	now   time.Time
}

func (q *appointmentQuery) and(condition string, arg any) {
	q.args = append(q.args, arg)
	q.where = append(q.where, strings.ReplaceAll(condition, "?", fmt.Sprintf("$%d", len(q.args))))
}

// selectAppointments makes a query of a filter, within the caller's row scope.
func selectAppointments(by auth.Actor, f AppointmentFilter, now time.Time) *appointmentQuery {
	q := &appointmentQuery{now: now, from: `appointments a JOIN schedules s ON s.practitioner_id = a.practitioner_id`}
	scope, arg := rowScope(by, 1)
	q.and(scope, arg)
	q.byPeople(by, f)
	live := `(a.status = 'confirmed' OR (a.status = 'held' AND a.hold_expires_at > ?))`
	switch Status(f.Status) {
	case "":
	case Held:
		q.and(`a.status = 'held' AND a.hold_expires_at > ?`, sqldb.Instant(now))
	case Expired:
		q.and(`(a.status = 'expired' OR (a.status = 'held' AND a.hold_expires_at <= ?))`, sqldb.Instant(now))
	default:
		q.and(`a.status = ?`, f.Status)
	}
	if f.Upcoming {
		q.and(live, sqldb.Instant(now))
		q.and(`a.starts_at >= ?`, sqldb.Instant(now))
	}
	if !f.From.IsZero() {
		q.and(`a.starts_at >= ?`, sqldb.Instant(f.From))
	}
	if !f.To.IsZero() {
		q.and(`a.starts_at < ?`, sqldb.Instant(f.To))
	}
	return q
}

// byPeople filters by patient and practitioner. A patient's appointments are
// found through their own calendar, whose index leads with them.
func (q *appointmentQuery) byPeople(by auth.Actor, f AppointmentFilter) {
	patient, practitioner := f.Patient, f.Practitioner
	if by.Is(auth.Patient) && patient == "" {
		patient = by.UserID.String()
	}
	if patient != "" {
		key, _ := id.Parse(patient) // a text that is no id is nobody's
		q.from += ` JOIN patient_calendar c ON c.appointment_id = a.id AND c.practitioner_id = a.practitioner_id`
		q.and(`c.patient_id = ?`, key)
	}
	if practitioner != "" {
		key, _ := id.Parse(practitioner)
		q.and(`a.practitioner_id = ?`, key)
	}
}

func (q *appointmentQuery) count(ctx context.Context, tx *sqldb.Tx) (int, error) {
	return sqldb.One(ctx, tx, scanCount, `SELECT count(*) FROM `+q.from+` WHERE `+strings.Join(q.where, " AND "), q.args...)
}

func (q *appointmentQuery) page(ctx context.Context, tx *sqldb.Tx, after position, limit int) ([]Appointment, error) {
	args := append([]any{}, q.args...)
	n := len(args)
	args = append(args, sqldb.Instant(after.start), after.key.Lead, after.key.ID, limit)
	return sqldb.All(ctx, tx, scanAppointment(q.now), fmt.Sprintf(`SELECT `+appointmentColumns+`, s.time_zone
		FROM `+q.from+` WHERE `+strings.Join(q.where, " AND ")+`
			AND (a.starts_at, a.practitioner_id, a.id) > ($%d, $%d, $%d)
		ORDER BY a.starts_at, a.practitioner_id, a.id LIMIT $%d`, n+1, n+2, n+3, n+4), args...)
}

// liveOf counts a patient's appointments that are not over: held, or confirmed
// and to come.
func liveOf(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) (int, error) {
	return sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
		err = r.Scan(&n)
		return n, err
	}, `SELECT COUNT(*) FROM patient_calendar WHERE patient_id = $1
		AND (status = 'held' AND hold_expires_at > $2 OR status = 'confirmed' AND ends_at > $2)`, patient, sqldb.Instant(tx.Now()))
}

// blankAppointments removes what was said about a patient's appointments.
func blankAppointments(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) error {
	whose, err := sqldb.All(ctx, tx, scanID, `UPDATE appointments
		SET reason = '', override_reason = '', cancel_reason = '', updated_at = $2, version = version + 1
		WHERE (practitioner_id, id) IN (SELECT practitioner_id, appointment_id FROM patient_calendar WHERE patient_id = $1)
		AND patient_id = $1 RETURNING practitioner_id`, patient, sqldb.Instant(tx.Now()))
	for _, practitioner := range whose {
		tx.Signal(calendarOf(practitioner))
	}
	return err
}

// appointmentsOf lists all of a patient's appointments by their start.
func appointmentsOf(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) ([]Appointment, error) {
	return sqldb.All(ctx, tx, scanAppointment(tx.Now()), `SELECT `+appointmentColumns+`, s.time_zone
		FROM patient_calendar p
		JOIN appointments a ON a.practitioner_id = p.practitioner_id AND a.id = p.appointment_id
		JOIN schedules s ON s.practitioner_id = a.practitioner_id
		WHERE p.patient_id = $1 ORDER BY a.starts_at, a.id`, patient)
}
