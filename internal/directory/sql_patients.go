package directory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/page"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

const selectPatient = `SELECT p.patient_id, u.name, f.date_of_birth, f.time_zone, r.since `

// patientsOf returns where the patients are read from whom by may see: all for
// admins, who are nobody's practitioner, and those in their care for
// practitioners. $1 is by.PractitionerID.
func patientsOf(by auth.Actor) string {
	const care = `JOIN care_relations r ON r.patient_id = p.patient_id AND r.practitioner_id = $1 AND r.ended_at IS NULL `
	from := `FROM patients p
		JOIN users u ON u.id = p.patient_id AND p.erased_at IS NULL
		JOIN user_profiles f ON f.user_id = p.patient_id
		`
	if by.Is(auth.Admin) {
		from += `LEFT `
	}
	return from + care
}

func scanPatient(r sqldb.Row) (p Patient, err error) {
	err = r.Scan(&p.ID, &p.Name, &p.DateOfBirth, &p.TimeZone, (*sqldb.Instant)(&p.Since))
	return p, err
}

// patientsIn lists the patients whom by may see.
func patientsIn(ctx context.Context, tx *sqldb.Tx, by auth.Actor, req page.Request) (p page.Of[Patient], err error) {
	after, err := position(req)
	if err != nil {
		return p, err
	}
	from, args := patientsOf(by), []any{by.PractitionerID}
	patients, err := sqldb.All(ctx, tx, scanPatient, selectPatient+from+`WHERE p.patient_id > $2 ORDER BY p.patient_id LIMIT $3`,
		append(args, after, req.Limit+1)...)
	if err != nil {
		return p, err
	}
	p = page.Cut(patients, req, func(p Patient) string { return p.ID.String() })
	if req.Count {
		p.Total, err = count(ctx, tx, `SELECT COUNT(*) `+from, args)
	}
	return p, err
}

// endRelation reports false when there is no relation that goes on.
func endRelation(ctx context.Context, tx *sqldb.Tx, patientID, practitionerID uuid.UUID) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE care_relations SET ended_at = $1
		WHERE patient_id = $2 AND practitioner_id = $3 AND ended_at IS NULL`, sqldb.Instant(tx.Now()), patientID, practitionerID)
	return n > 0, err
}

// termsOf takes what is searched for out of its wrapping.
func termsOf(query phi.Value[string]) (terms, error) { return parseTerms(query.Reveal()) }

// patientsFound searches the patients whom by may see. Who has no entry yet is
// found by address and date of birth all the same.
func patientsFound(ctx context.Context, tx *sqldb.Tx, by auth.Actor, t terms, most int) ([]Patient, error) {
	args := []any{by.PractitionerID, t.email, t.born, most}
	named := make([]string, len(t.words))
	for i, word := range t.words {
		args = append(args, containing(word))
		named[i] = fmt.Sprintf(`s.name LIKE $%d ESCAPE '\'`, len(args))
	}
	return sqldb.All(ctx, tx, scanPatient, selectPatient+patientsOf(by)+`
		LEFT JOIN patient_search s ON s.patient_id = p.patient_id
		WHERE u.email = $2 OR f.date_of_birth = $3 OR `+strings.Join(named, " AND ")+`
		ORDER BY COALESCE(s.name, ''), p.patient_id LIMIT $4`, args...)
}

// indexPatient brings what is searched of a patient in line with their name. It
// does nothing for users who never were patients. Who renames has locked the user.
func indexPatient(ctx context.Context, tx *sqldb.Tx, userID uuid.UUID, name string) error {
	_, err := tx.Exec(ctx, `INSERT INTO patient_search (patient_id, name)
		SELECT patient_id, CAST($2 AS TEXT) FROM patients WHERE patient_id = $1
		ON CONFLICT (patient_id) DO UPDATE SET name = excluded.name`, userID, fold(name))
	return err
}

// entry is what a patient is searched by, and what they should be.
type entry struct {
	patient uuid.UUID
	name    string         // folded
	kept    sql.NullString // NULL while there is no row
}

func (e entry) missing() bool { return !e.kept.Valid }
func (e entry) stale() bool   { return e.kept.Valid && e.kept.String != e.name }

// entriesAfter lists patients in the order of their ids, but not who is erased.
func entriesAfter(ctx context.Context, tx *sqldb.Tx, after uuid.UUID, most int) ([]entry, error) {
	return sqldb.All(ctx, tx, func(r sqldb.Row) (e entry, err error) {
		var name string
		err = r.Scan(&e.patient, &name, &e.kept)
		e.name = fold(name)
		return e, err
	}, `SELECT p.patient_id, u.name, s.name FROM patients p
		JOIN users u ON u.id = p.patient_id
		LEFT JOIN patient_search s ON s.patient_id = p.patient_id
		WHERE p.patient_id > $1 AND p.erased_at IS NULL ORDER BY p.patient_id LIMIT $2`, after, most)
}

// insertEntries writes rows that are missing. Who has one by now was renamed
// since the entries were read, and it is the newer one; who was erased gets none.
func insertEntries(ctx context.Context, tx *sqldb.Tx, entries []entry) error {
	if len(entries) == 0 {
		return nil
	}
	names, ids := map[uuid.UUID]string{}, make([]any, len(entries))
	for i, e := range entries {
		names[e.patient], ids[i] = e.name, e.patient
	}
	living, err := sqldb.All(ctx, tx, scanID, `SELECT patient_id FROM patients
		WHERE patient_id IN (`+sqldb.In(1, len(ids))+`) AND erased_at IS NULL ORDER BY patient_id`+tx.ForNoKeyUpdate(), ids...)
	if err != nil || len(living) == 0 {
		return err
	}
	rows := make([][]any, len(living))
	for i, patient := range living {
		rows[i] = []any{patient, names[patient]}
	}
	groups, args := sqldb.Values(rows...)
	_, err = tx.Exec(ctx, `INSERT INTO patient_search (patient_id, name) VALUES `+groups+` ON CONFLICT DO NOTHING`, args...)
	return err
}

// renewEntry writes an entry anew from the name as it is under the user's lock,
// so that it does not undo what somebody else writes at the same time. Who was
// erased gets none.
func renewEntry(ctx context.Context, tx *sqldb.Tx, patientID uuid.UUID) error {
	if err := lockUser(ctx, tx, patientID); errors.Is(err, ErrUserNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	name, err := sqldb.One(ctx, tx, func(r sqldb.Row) (name string, err error) {
		err = r.Scan(&name)
		return name, err
	}, `SELECT name FROM users WHERE id = $1`, patientID)
	if err != nil {
		return err
	}
	return indexPatient(ctx, tx, patientID, name)
}

// called is what lists call a patient.
type called struct {
	patient  uuid.UUID
	initials string
}

// initialsIn returns the initials of those among ids whom by may see. The name goes
// no further than here.
func initialsIn(ctx context.Context, tx *sqldb.Tx, by auth.Actor, ids []uuid.UUID) ([]called, error) {
	args := []any{by.PractitionerID, by.Is(auth.Admin)}
	for _, patient := range ids {
		args = append(args, patient)
	}
	return sqldb.All(ctx, tx, func(r sqldb.Row) (c called, err error) {
		var name string
		err = r.Scan(&c.patient, &name)
		c.initials = initials(name)
		return c, err
	}, `SELECT p.patient_id, u.name FROM patients p JOIN users u ON u.id = p.patient_id
		WHERE p.patient_id IN (`+sqldb.In(3, len(ids))+`) AND p.erased_at IS NULL AND (CAST($2 AS BOOLEAN)
			OR EXISTS (SELECT 1 FROM care_relations r WHERE r.patient_id = p.patient_id AND r.practitioner_id = $1 AND r.ended_at IS NULL)
			OR EXISTS (SELECT 1 FROM patient_calendar c WHERE c.patient_id = p.patient_id AND c.practitioner_id = $1))`, args...)
}
