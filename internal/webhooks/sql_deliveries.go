package webhooks

import (
	"context"
	"time"

	"github.com/google/uuid"

	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// pruneRows is the most that one statement of prune deletes.
const pruneRows = 500

const deliveryColumns = `id, webhook_id, event_id, kind, about, patient_id, practitioner_id, happened_at, status, attempts, last_status, last_error, created_at, updated_at`

func scanDelivery(r sqldb.Row) (d Delivery, err error) {
	var patient, practitioner uuid.NullUUID
	err = r.Scan(&d.ID, &d.Webhook, &d.EventID, &d.Event.Kind, &d.Event.About, &patient, &practitioner, (*sqldb.Instant)(&d.HappenedAt),
		&d.Status, &d.Attempts, &d.LastStatus, &d.LastError, (*sqldb.Instant)(&d.CreatedAt), (*sqldb.Instant)(&d.UpdatedAt))
	d.Event.Patient, d.Event.Practitioner = patient.UUID, practitioner.UUID
	return d, err
}

// insertDelivery reports false when the webhook has the event already.
func insertDelivery(ctx context.Context, tx *sqldb.Tx, d Delivery) (bool, error) {
	e := d.Event
	n, err := tx.Exec(ctx, `INSERT INTO webhook_deliveries (`+deliveryColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, '', $10, $11) ON CONFLICT DO NOTHING`,
		d.ID, d.Webhook, d.EventID, string(e.Kind), e.About, nullable(e.Patient), nullable(e.Practitioner), sqldb.Instant(d.HappenedAt),
		string(d.Status), sqldb.Instant(d.CreatedAt), sqldb.Instant(d.UpdatedAt))
	return n > 0, err
}

func nullable(u uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: u, Valid: u != uuid.Nil} }

// countAttempt counts an attempt and returns the delivery. It returns ErrNoRows for
// one that is not to be sent.
func countAttempt(ctx context.Context, tx *sqldb.Tx, which uuid.UUID) (Delivery, error) {
	return sqldb.One(ctx, tx, scanDelivery, `UPDATE webhook_deliveries SET attempts = attempts + 1 WHERE id = $1 AND status = 'pending'
		RETURNING `+deliveryColumns, which)
}

// writeOutcome writes down what came of an attempt, and reports whether no other was
// begun since.
func writeOutcome(ctx context.Context, tx *sqldb.Tx, d Delivery) (bool, error) {
	if d.Status != Pending {
		d.UpdatedAt = tx.Now()
	}
	n, err := tx.Exec(ctx, `UPDATE webhook_deliveries SET status = $1, last_status = $2, last_error = $3, updated_at = $4
		WHERE id = $5 AND status = 'pending' AND attempts = $6`,
		string(d.Status), d.LastStatus, string(d.LastError), sqldb.Instant(d.UpdatedAt), d.ID, d.Attempts)
	return n > 0, err
}

// makePending writes a locked delivery as it is to be tried anew.
func makePending(ctx context.Context, tx *sqldb.Tx, d Delivery) error {
	_, err := tx.Exec(ctx, `UPDATE webhook_deliveries SET status = 'pending', updated_at = $1 WHERE id = $2`, sqldb.Instant(d.UpdatedAt), d.ID)
	return err
}

// deliveryByID returns ErrNoRows if there is none. lock is "" or what tx says.
func deliveryByID(ctx context.Context, tx *sqldb.Tx, which uuid.UUID, lock string) (Delivery, error) {
	return sqldb.One(ctx, tx, scanDelivery, `SELECT `+deliveryColumns+` FROM webhook_deliveries WHERE id = $1`+lock, which)
}

func deliveriesPage(ctx context.Context, tx *sqldb.Tx, webhook uuid.UUID, status Status, req page.Request) (p page.Of[Delivery], err error) {
	before, err := position(req)
	if err != nil {
		return p, err
	}
	const matching = ` FROM webhook_deliveries WHERE webhook_id = $1 AND (CAST($2 AS TEXT) = '' OR status = $2)`
	items, err := sqldb.All(ctx, tx, scanDelivery, `SELECT `+deliveryColumns+matching+` AND id < $3 ORDER BY id DESC LIMIT $4`,
		webhook, string(status), before, req.Limit+1)
	if err != nil {
		return p, err
	}
	p = page.Cut(items, req, func(d Delivery) string { return d.ID.String() })
	if req.Count {
		var n int
		n, err = sqldb.One(ctx, tx, scanInt, `SELECT COUNT(*)`+matching, webhook, string(status))
		p.Total = &n
	}
	return p, err
}

// mostCounted is how far a backlog is counted.
const mostCounted = 10_000

// backlog returns how many deliveries wait, and since when the oldest does; the zero
// time when none does.
func backlog(ctx context.Context, tx *sqldb.Tx) (w Waiting, err error) {
	return sqldb.One(ctx, tx, func(r sqldb.Row) (w Waiting, err error) {
		var since *sqldb.Instant
		if err = r.Scan(&w.N, &since); err == nil && since != nil {
			w.Since = time.Time(*since)
		}
		return w, err
	}, `SELECT COUNT(*), MIN(updated_at) FROM (SELECT updated_at FROM webhook_deliveries
		WHERE status = 'pending' ORDER BY updated_at LIMIT $1) waiting`, mostCounted)
}

func removeBefore(ctx context.Context, tx *sqldb.Tx, t time.Time) (int, error) {
	return tx.Exec(ctx, `DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries WHERE updated_at <= $1 LIMIT $2)`,
		sqldb.Instant(t), pruneRows)
}

// removeOrphans deletes deliveries whose webhook is gone.
func removeOrphans(ctx context.Context, tx *sqldb.Tx) (int, error) {
	return tx.Exec(ctx, `DELETE FROM webhook_deliveries WHERE id IN (SELECT d.id FROM webhook_deliveries d
		WHERE NOT EXISTS (SELECT 1 FROM webhooks w WHERE w.id = d.webhook_id) LIMIT $1)`, pruneRows)
}
