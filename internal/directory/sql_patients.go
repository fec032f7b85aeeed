package directory

import (
	"context"
	"database/sql"

	"github.com/google/uuid"

	"medbook/internal/sqldb"
)

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

// entriesAfter lists patients in the order of their ids.
func entriesAfter(ctx context.Context, tx *sqldb.Tx, after uuid.UUID, most int) ([]entry, error) {
	return sqldb.All(ctx, tx, func(r sqldb.Row) (e entry, err error) {
		var name string
		err = r.Scan(&e.patient, &name, &e.kept)
		e.name = fold(name)
		return e, err
	}, `SELECT p.patient_id, u.name, s.name FROM patients p
		JOIN users u ON u.id = p.patient_id
		LEFT JOIN patient_search s ON s.patient_id = p.patient_id
		WHERE p.patient_id > $1 ORDER BY p.patient_id LIMIT $2`, after, most)
}

// insertEntries writes rows that are missing. Who has one by now was renamed
// since the entries were read, and it is the newer one.
func insertEntries(ctx context.Context, tx *sqldb.Tx, entries []entry) error {
	if len(entries) == 0 {
		return nil
	}
	rows := make([][]any, len(entries))
	for i, e := range entries {
		rows[i] = []any{e.patient, e.name}
	}
	groups, args := sqldb.Values(rows...)
	_, err := tx.Exec(ctx, `INSERT INTO patient_search (patient_id, name) VALUES `+groups+` ON CONFLICT DO NOTHING`, args...)
	return err
}

// renewEntry writes an entry anew from the name as it is under the user's lock,
// so that it does not undo what somebody else writes at the same time.
func renewEntry(ctx context.Context, tx *sqldb.Tx, patientID uuid.UUID) error {
	if err := lockUser(ctx, tx, patientID); err != nil {
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
