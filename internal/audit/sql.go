package audit

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/sqldb"
)

// insert writes the event and a row for each patient, by which a patient's
// disclosures are found.
func insert(ctx context.Context, tx *sqldb.Tx, e placed) error {
	at := sqldb.Instant(e.At)
	_, err := tx.Exec(ctx, `INSERT INTO audit_events (id, at, actor_id, actor_role, credential_id, action,
			resource_type, resource_id, outcome, count, purpose, request_id, client_address, user_agent)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		e.id, at, known(e.Actor), e.ActorRole, known(e.Credential), e.Action, e.ResourceType, e.ResourceID,
		e.Outcome, e.Count, e.Purpose, e.RequestID, e.ClientAddress, e.UserAgent)
	if err != nil || len(e.Patients) == 0 {
		return err
	}
	rows := make([][]any, len(e.Patients))
	for i, patient := range e.Patients {
		rows[i] = []any{patient, e.id, at}
	}
	groups, args := sqldb.Values(rows...)
	_, err = tx.Exec(ctx, `INSERT INTO audit_patients (patient_id, event_id, at) VALUES `+groups, args...)
	return err
}

// known is u, or NULL when u is zero.
func known(u uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: u, Valid: u != uuid.Nil} }
