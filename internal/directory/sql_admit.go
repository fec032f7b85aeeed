package directory

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/sqldb"
)

// insertPatients writes users who are patients, with all their rows. It returns
// ErrEmailTaken: the unique index says so.
func insertPatients(ctx context.Context, tx *sqldb.Tx, ids []uuid.UUID, records []record) error {
	var users, profiles, patients, search [][]any
	now := sqldb.Instant(tx.Now())
	for i, r := range records {
		users = append(users, []any{ids[i], r.email, r.name, string(r.role), now})
		profiles = append(profiles, []any{ids[i], r.phone, r.address, r.timeZone, nullable(r.dateOfBirth), now, 1})
		patients = append(patients, []any{ids[i]})
		search = append(search, []any{ids[i], fold(r.name)})
	}
	groups, args := sqldb.Values(users...)
	n, err := tx.Exec(ctx, `INSERT INTO users (id, email, name, role, created_at) VALUES `+groups+` ON CONFLICT (email) DO NOTHING`, args...)
	if err != nil {
		return err
	}
	if n < len(ids) {
		return ErrEmailTaken
	}
	groups, args = sqldb.Values(profiles...)
	_, err = tx.Exec(ctx, `INSERT INTO user_profiles (user_id, phone, address, time_zone, date_of_birth, updated_at, version) VALUES `+groups, args...)
	if err != nil {
		return err
	}
	groups, args = sqldb.Values(patients...)
	if _, err = tx.Exec(ctx, `INSERT INTO patients (patient_id) VALUES `+groups, args...); err != nil {
		return err
	}
	groups, args = sqldb.Values(search...)
	_, err = tx.Exec(ctx, `INSERT INTO patient_search (patient_id, name) VALUES `+groups, args...)
	return err
}

func insertRelations(ctx context.Context, tx *sqldb.Tx, list []Relation, source string) error {
	rows := make([][]any, len(list))
	for i, r := range list {
		rows[i] = []any{r.Patient, r.Practitioner, source, sqldb.Instant(tx.Now())}
	}
	groups, args := sqldb.Values(rows...)
	_, err := tx.Exec(ctx, `INSERT INTO care_relations (patient_id, practitioner_id, source, since) VALUES `+groups+` ON CONFLICT DO NOTHING`, args...)
	return err
}
