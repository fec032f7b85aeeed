package encounters

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// related is the condition that practitioner $n has care of the patient of a row.
func related(row string, n int) string {
	return fmt.Sprintf(`EXISTS (SELECT 1 FROM care_relations c
		WHERE c.patient_id = %s.patient_id AND c.practitioner_id = $%d AND c.ended_at IS NULL)`, row, n)
}

// opened is the condition that practitioner $n has that patient's record open in
// an emergency at the instant $n+1.
func opened(row string, n int) string {
	return fmt.Sprintf(`EXISTS (SELECT 1 FROM emergency_access g
		WHERE g.patient_id = %s.patient_id AND g.practitioner_id = $%d AND g.expires_at > $%d)`, row, n, n+1)
}

// careOf returns what lets by into the record of a patient: nothing, also if
// there is no such patient.
func careOf(ctx context.Context, tx *sqldb.Tx, by auth.Actor, patient uuid.UUID) (care, error) {
	c, err := sqldb.One(ctx, tx, func(r sqldb.Row) (c care, err error) {
		var related, open bool
		err = r.Scan(&related, &open)
		switch {
		case related:
			c = inCare
		case open:
			c = emergency
		}
		return c, err
	}, `SELECT `+related("p", 1)+`, `+opened("p", 1)+` FROM patients p WHERE p.patient_id = $3 AND p.erased_at IS NULL`,
		by.PractitionerID, sqldb.Instant(tx.Now()), patient)
	if errors.Is(err, sqldb.ErrNoRows) {
		return noCare, nil
	}
	return c, err
}

// admission returns since when by has care of a patient, and until when the record
// is open to them in an emergency; zero where it is not so.
func admission(ctx context.Context, tx *sqldb.Tx, by auth.Actor, patient uuid.UUID) (since, until time.Time, err error) {
	_, err = sqldb.One(ctx, tx, func(r sqldb.Row) (struct{}, error) {
		return struct{}{}, r.Scan((*sqldb.Instant)(&since), (*sqldb.Instant)(&until))
	}, `SELECT (SELECT c.since FROM care_relations c WHERE c.patient_id = $1 AND c.practitioner_id = $2 AND c.ended_at IS NULL),
		(SELECT MAX(g.expires_at) FROM emergency_access g WHERE g.patient_id = $1 AND g.practitioner_id = $2 AND g.expires_at > $3)`,
		patient, by.PractitionerID, sqldb.Instant(tx.Now()))
	return since, until, err
}

// scope returns the condition that lets by see an encounter e, with the column
// that tells whether it is for care. Its parameters are numbered from n.
func scope(by auth.Actor, tx *sqldb.Tx, n int) (condition, caring string, args []any) {
	if by.Is(auth.Practitioner) {
		caring = related("e", n)
		return "(" + caring + " OR " + opened("e", n) + ")", caring, []any{by.PractitionerID, sqldb.Instant(tx.Now())}
	}
	return fmt.Sprintf("(e.patient_id = $%d AND e.shared)", n), "TRUE", []any{by.UserID}
}

const encounterColumns = `e.patient_id, e.id, e.practitioner_id, e.appointment_id, e.encounter_date, e.encounter_type, e.shared,
	e.created_at, e.created_by, e.updated_at, e.version, v.sealed, k.id, k.wrapped, k.wrapped_by`

const fromEncounters = ` FROM encounters e
	JOIN encounter_versions v ON v.patient_id = e.patient_id AND v.encounter_id = e.id AND v.version = e.version
	JOIN patient_keys k ON k.patient_id = e.patient_id
	WHERE `

// scanEncounter reads encounterColumns and whether it is for care.
func scanEncounter(r sqldb.Row) (e Encounter, err error) {
	var appointment uuid.NullUUID
	var date string
	err = r.Scan(&e.ID.Lead, &e.ID.ID, &e.Practitioner, &appointment, &date, &e.Type, &e.Shared,
		(*sqldb.Instant)(&e.CreatedAt), &e.CreatedBy, (*sqldb.Instant)(&e.UpdatedAt), &e.Version,
		&e.sealed.text, &e.sealed.key.id, &e.sealed.key.wrapped, &e.sealed.key.by, &e.inCare)
	if err != nil {
		return e, err
	}
	if appointment.Valid {
		e.Appointment = id.Keyed{Lead: e.Practitioner, ID: appointment.UUID}
	}
	e.Date, err = calendar.ParseDate(date)
	return e, err
}

// encounterByID returns an encounter that by may see, or ErrNotFound.
func encounterByID(ctx context.Context, tx *sqldb.Tx, by auth.Actor, key id.Keyed) (Encounter, error) {
	condition, caring, args := scope(by, tx, 3)
	e, err := sqldb.One(ctx, tx, scanEncounter, `SELECT `+encounterColumns+`, `+caring+fromEncounters+
		`e.patient_id = $1 AND e.id = $2 AND k.wrapped IS NOT NULL AND `+condition, append([]any{key.Lead, key.ID}, args...)...)
	if errors.Is(err, sqldb.ErrNoRows) {
		return e, ErrNotFound
	}
	return e, err
}

// encountersIn returns a page of the encounters that by may see.
func encountersIn(ctx context.Context, tx *sqldb.Tx, by auth.Actor, f Filter, req page.Request) (p page.Of[Encounter], err error) {
	after, err := parsePosition(req.After)
	if err != nil {
		return p, err
	}
	condition, caring, args := scope(by, tx, 1)
	where := []string{"k.wrapped IS NOT NULL", condition}
	add := func(format string, values ...any) {
		for range values {
			format = strings.Replace(format, "?", "$"+strconv.Itoa(len(args)+1), 1)
			args = append(args, values[0])
			values = values[1:]
		}
		where = append(where, format)
	}
	if f.Patient != "" {
		patient, _ := id.Parse(f.Patient)
		add("e.patient_id = ?", patient)
	}
	if f.Practitioner != "" {
		practitioner, _ := id.Parse(f.Practitioner)
		add("e.practitioner_id = ?", practitioner)
	}
	if !f.From.IsZero() {
		add("e.encounter_date >= ?", f.From.String())
	}
	if !f.To.IsZero() {
		add("e.encounter_date <= ?", f.To.String())
	}
	if f.Type != "" {
		add("e.encounter_type = ?", string(f.Type))
	}
	matching, counted := strings.Join(where, " AND "), len(args)
	add("(e.encounter_date < ? OR (e.encounter_date = ? AND (e.patient_id, e.id) < (?, ?)))",
		after.date, after.date, after.key.Lead, after.key.ID)
	query := `SELECT ` + encounterColumns + `, ` + caring + fromEncounters + strings.Join(where, " AND ") +
		` ORDER BY e.encounter_date DESC, e.patient_id DESC, e.id DESC LIMIT $` + strconv.Itoa(len(args)+1)
	found, err := sqldb.All(ctx, tx, scanEncounter, query, append(args, req.Limit+1)...)
	if err != nil {
		return p, err
	}
	p = page.Cut(found, req, positionOf)
	if req.Count {
		total, err := sqldb.One(ctx, tx, scanInt, `SELECT COUNT(*)`+fromEncounters+matching, args[:counted]...)
		p.Total = &total
		return p, err
	}
	return p, nil
}

// chartsOf lists a patient's encounters that by may see, with their versions.
func chartsOf(ctx context.Context, tx *sqldb.Tx, by auth.Actor, patient uuid.UUID) ([]Chart, error) {
	condition, caring, args := scope(by, tx, 2)
	found, err := sqldb.All(ctx, tx, scanEncounter, `SELECT `+encounterColumns+`, `+caring+fromEncounters+
		`e.patient_id = $1 AND k.wrapped IS NOT NULL AND `+condition+` ORDER BY e.encounter_date, e.id`, append([]any{patient}, args...)...)
	if err != nil {
		return nil, err
	}
	charts := make([]Chart, len(found))
	for i, e := range found {
		charts[i].Encounter = e
		if !by.Is(auth.Practitioner) { // the others see an encounter as it stands
			continue
		}
		p, err := versionsOf(ctx, tx, e, page.Request{Limit: int(e.Version)})
		if err != nil {
			return nil, err
		}
		charts[i].Versions = p.Items
	}
	return charts, nil
}

func scanInt(r sqldb.Row) (n int, err error) {
	err = r.Scan(&n)
	return n, err
}

// insertEncounter writes an encounter and its first version.
func insertEncounter(ctx context.Context, tx *sqldb.Tx, e Encounter) error {
	appointment := uuid.NullUUID{UUID: e.Appointment.ID, Valid: e.Appointment != id.Keyed{}}
	_, err := tx.Exec(ctx, `INSERT INTO encounters (patient_id, id, practitioner_id, appointment_id, encounter_date, encounter_type,
			shared, created_at, created_by, updated_at, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $8, $10)`,
		e.ID.Lead, e.ID.ID, e.Practitioner, appointment, e.Date.String(), string(e.Type), e.Shared, sqldb.Instant(e.CreatedAt), e.CreatedBy, e.Version)
	if err != nil {
		return err
	}
	return insertVersion(ctx, tx, e, e.CreatedBy)
}

// updateEncounter brings the encounter to e's version if it is of the one before,
// and returns the number of rows: 0 or 1.
func updateEncounter(ctx context.Context, tx *sqldb.Tx, e Encounter) (int, error) {
	return tx.Exec(ctx, `UPDATE encounters SET encounter_date = $1, encounter_type = $2, shared = $3, updated_at = $4, version = $5
		WHERE patient_id = $6 AND id = $7 AND version = $8`,
		e.Date.String(), string(e.Type), e.Shared, sqldb.Instant(e.UpdatedAt), e.Version, e.ID.Lead, e.ID.ID, e.Version-1)
}

func insertVersion(ctx context.Context, tx *sqldb.Tx, e Encounter, writer uuid.UUID) error {
	_, err := tx.Exec(ctx, `INSERT INTO encounter_versions (patient_id, encounter_id, version, encounter_date, encounter_type, shared,
			sealed, written_at, written_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		e.ID.Lead, e.ID.ID, e.Version, e.Date.String(), string(e.Type), e.Shared, e.sealed.text, sqldb.Instant(e.UpdatedAt), writer)
	return err
}

// versionsOf returns a page of an encounter's versions.
func versionsOf(ctx context.Context, tx *sqldb.Tx, e Encounter, req page.Request) (p page.Of[Version], err error) {
	after := 0
	if req.After != "" {
		if after, err = strconv.Atoi(req.After); err != nil || after < 1 {
			return p, page.ErrCursor
		}
	}
	found, err := sqldb.All(ctx, tx, func(r sqldb.Row) (v Version, err error) {
		var date string
		v.Encounter, v.sealed.key = e.ID, e.sealed.key
		if err = r.Scan(&v.Number, &date, &v.Type, &v.Shared, &v.sealed.text, (*sqldb.Instant)(&v.WrittenAt), &v.WrittenBy); err == nil {
			v.Date, err = calendar.ParseDate(date)
		}
		return v, err
	}, `SELECT version, encounter_date, encounter_type, shared, sealed, written_at, written_by FROM encounter_versions
		WHERE patient_id = $1 AND encounter_id = $2 AND version > $3 ORDER BY version LIMIT $4`, e.ID.Lead, e.ID.ID, after, req.Limit+1)
	if err != nil {
		return p, err
	}
	p = page.Cut(found, req, func(v Version) string { return strconv.FormatInt(v.Number, 10) })
	if req.Count {
		total := int(e.Version)
		p.Total = &total
	}
	return p, nil
}

func insertEmergency(ctx context.Context, tx *sqldb.Tx, e Emergency) error {
	_, err := tx.Exec(ctx, `INSERT INTO emergency_access (patient_id, id, practitioner_id, user_id, reason, opened_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		e.ID.Lead, e.ID.ID, e.Practitioner, e.User, e.sealed, sqldb.Instant(e.OpenedAt), sqldb.Instant(e.ExpiresAt))
	return err
}

// emergenciesIn returns a page of all, the newest first.
func emergenciesIn(ctx context.Context, tx *sqldb.Tx, req page.Request) (p page.Of[Emergency], err error) {
	before, key := int64(1)<<62, id.Keyed{}
	if req.After != "" {
		at, rest, _ := strings.Cut(req.After, ".")
		var ok bool
		key, ok = id.ParseKeyed(rest)
		if before, err = strconv.ParseInt(at, 10, 64); err != nil || !ok {
			return p, page.ErrCursor
		}
	}
	found, err := sqldb.All(ctx, tx, func(r sqldb.Row) (e Emergency, err error) {
		err = r.Scan(&e.ID.Lead, &e.ID.ID, &e.Practitioner, &e.User, &e.sealed, (*sqldb.Instant)(&e.OpenedAt), (*sqldb.Instant)(&e.ExpiresAt))
		return e, err
	}, `SELECT patient_id, id, practitioner_id, user_id, reason, opened_at, expires_at FROM emergency_access
		WHERE (opened_at, patient_id, id) < ($1, $2, $3) ORDER BY opened_at DESC, patient_id DESC, id DESC LIMIT $4`,
		before, key.Lead, key.ID, req.Limit+1)
	if err != nil {
		return p, err
	}
	p = page.Cut(found, req, func(e Emergency) string { return strconv.FormatInt(e.OpenedAt.UnixMicro(), 10) + "." + e.ID.String() })
	if req.Count {
		total, err := sqldb.One(ctx, tx, scanInt, `SELECT COUNT(*) FROM emergency_access`)
		p.Total = &total
		return p, err
	}
	return p, nil
}

// auditorIDs lists who is told of emergencies.
func auditorIDs(ctx context.Context, tx *sqldb.Tx) ([]uuid.UUID, error) {
	return sqldb.All(ctx, tx, func(r sqldb.Row) (u uuid.UUID, err error) {
		err = r.Scan(&u)
		return u, err
	}, `SELECT id FROM users WHERE role = 'auditor' ORDER BY id`)
}

// keyOf returns a patient's key, or sqldb.ErrNoRows.
func keyOf(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) (storedKey, error) {
	return sqldb.One(ctx, tx, func(r sqldb.Row) (k storedKey, err error) {
		err = r.Scan(&k.id, &k.wrapped, &k.by)
		return k, err
	}, `SELECT id, wrapped, wrapped_by FROM patient_keys WHERE patient_id = $1`, patient)
}

// keepKey stores the key with which something is about to be written, if the
// patient has none. It returns errChanged if they have another, or none any more.
// The caller has the patient's lock.
func keepKey(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID, k storedKey) error {
	n, err := tx.Exec(ctx, `INSERT INTO patient_keys (patient_id, id, wrapped, wrapped_by, created_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, patient, k.id, k.wrapped, k.by, sqldb.Instant(tx.Now()))
	if err != nil || n == 1 {
		return err
	}
	stored, err := keyOf(ctx, tx, patient)
	if err == nil && (stored.id != k.id || len(stored.wrapped) == 0) {
		err = errChanged
	}
	return err
}

// keysAfter lists the keys that another master than the named one wrapped, by patient.
func keysAfter(ctx context.Context, tx *sqldb.Tx, after uuid.UUID, master string, most int) ([]patientKey, error) {
	return sqldb.All(ctx, tx, func(r sqldb.Row) (k patientKey, err error) {
		err = r.Scan(&k.patient, &k.id, &k.wrapped, &k.by)
		return k, err
	}, `SELECT patient_id, id, wrapped, wrapped_by FROM patient_keys
		WHERE patient_id > $1 AND wrapped_by <> $2 AND wrapped IS NOT NULL ORDER BY patient_id LIMIT $3`, after, master, most)
}

// updateKey puts a key that was wrapped anew in the place of the old one, if that
// is still there, and returns the number of rows: 0 or 1.
func updateKey(ctx context.Context, tx *sqldb.Tx, old patientKey, fresh storedKey) (int, error) {
	return tx.Exec(ctx, `UPDATE patient_keys SET wrapped = $1, wrapped_by = $2 WHERE patient_id = $3 AND wrapped = $4`,
		fresh.wrapped, fresh.by, old.patient, old.wrapped)
}

// destroyKey makes all that was sealed of a patient unreadable.
func destroyKey(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) error {
	now := sqldb.Instant(tx.Now())
	for _, statement := range []string{
		`UPDATE patient_keys SET wrapped = NULL, destroyed_at = $2 WHERE patient_id = $1 AND wrapped IS NOT NULL`,
		`UPDATE emergency_access SET reason = NULL, expires_at = CASE WHEN expires_at > $2 THEN $2 ELSE expires_at END WHERE patient_id = $1`,
	} {
		if _, err := tx.Exec(ctx, statement, patient, now); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `UPDATE encounter_versions SET sealed = $2 WHERE patient_id = $1`, patient, []byte{})
	return err
}

// lastEncounter returns the date of a patient's latest encounter, the zero Date if there is none.
func lastEncounter(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) (d calendar.Date, err error) {
	last, err := sqldb.One(ctx, tx, func(r sqldb.Row) (s sql.NullString, err error) {
		err = r.Scan(&s)
		return s, err
	}, `SELECT MAX(encounter_date) FROM encounters WHERE patient_id = $1`, patient)
	if err != nil || !last.Valid {
		return d, err
	}
	return calendar.ParseDate(last.String)
}

func countOf(ctx context.Context, tx *sqldb.Tx, patient uuid.UUID) (int, error) {
	return sqldb.One(ctx, tx, scanInt, `SELECT COUNT(*) FROM encounters WHERE patient_id = $1`, patient)
}
