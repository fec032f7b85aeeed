package audit

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/sqldb"
)

// insert writes events and a row for each of their patients, by which a patient's
// disclosures are found.
func insert(ctx context.Context, tx *sqldb.Tx, list []placed) error {
	var events, patients [][]any
	for _, e := range list {
		at := sqldb.Instant(e.At)
		events = append(events, []any{
			e.id, at, known(e.Actor), e.ActorRole, known(e.Credential), e.Action, e.ResourceType, e.ResourceID,
			e.Outcome, e.Count, e.Purpose, e.RequestID, e.ClientAddress, e.UserAgent,
		})
		for _, patient := range e.Patients {
			patients = append(patients, []any{patient, e.id, at})
		}
	}
	groups, args := sqldb.Values(events...)
	_, err := tx.Exec(ctx, `INSERT INTO audit_events (id, at, actor_id, actor_role, credential_id, action,
			resource_type, resource_id, outcome, count, purpose, request_id, client_address, user_agent)
		VALUES `+groups, args...)
	if err != nil || len(patients) == 0 {
		return err
	}
	groups, args = sqldb.Values(patients...)
	_, err = tx.Exec(ctx, `INSERT INTO audit_patients (patient_id, event_id, at) VALUES `+groups, args...)
	return err
}

// known is u, or NULL when u is zero.
func known(u uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: u, Valid: u != uuid.Nil} }
