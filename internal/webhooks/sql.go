package webhooks

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"

	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

const webhookColumns = `SELECT id, url, kinds, enabled, secret, old_secret, old_until, created_at, created_by, version FROM webhooks`

func scanWebhook(r sqldb.Row) (w Webhook, err error) {
	var list string
	var until sql.NullInt64
	err = r.Scan(&w.ID, &w.URL, &list, &w.Enabled, &w.secret, &w.old, &until, (*sqldb.Instant)(&w.CreatedAt), &w.CreatedBy, &w.Version)
	w.Kinds = parted(list)
	if until.Valid {
		w.OldUntil = time.UnixMicro(until.Int64).UTC()
	}
	return w, err
}

// until returns when the secret before ends, as it is kept.
func (w Webhook) until() any {
	if w.OldUntil.IsZero() {
		return nil
	}
	return sqldb.Instant(w.OldUntil)
}

// enabledKinds returns the kinds that each enabled webhook wants.
func enabledKinds(ctx context.Context, tx *sqldb.Tx) ([][]Kind, error) {
	return sqldb.All(ctx, tx, func(r sqldb.Row) ([]Kind, error) {
		var list string
		err := r.Scan(&list)
		return parted(list), err
	}, `SELECT kinds FROM webhooks WHERE enabled`)
}

func enabledWebhooks(ctx context.Context, tx *sqldb.Tx) ([]Webhook, error) {
	return sqldb.All(ctx, tx, scanWebhook, webhookColumns+` WHERE enabled ORDER BY id`)
}

// webhookByID returns ErrNoRows if there is none. lock is "" or what tx says.
func webhookByID(ctx context.Context, tx *sqldb.Tx, which uuid.UUID, lock string) (Webhook, error) {
	return sqldb.One(ctx, tx, scanWebhook, webhookColumns+` WHERE id = $1`+lock, which)
}

func countWebhooks(ctx context.Context, tx *sqldb.Tx) (int, error) {
	return sqldb.One(ctx, tx, scanInt, `SELECT COUNT(*) FROM webhooks`)
}

func insertWebhook(ctx context.Context, tx *sqldb.Tx, w Webhook) error {
	_, err := tx.Exec(ctx, `INSERT INTO webhooks (id, url, kinds, enabled, secret, created_at, created_by, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		w.ID, w.URL, joined(w.Kinds), w.Enabled, w.secret, sqldb.Instant(w.CreatedAt), w.CreatedBy, w.Version)
	return err
}

// updateWebhook writes a locked webhook.
func updateWebhook(ctx context.Context, tx *sqldb.Tx, w Webhook) error {
	_, err := tx.Exec(ctx, `UPDATE webhooks SET url = $1, kinds = $2, enabled = $3, secret = $4, old_secret = $5, old_until = $6, version = $7 WHERE id = $8`,
		w.URL, joined(w.Kinds), w.Enabled, w.secret, w.old, w.until(), w.Version, w.ID)
	return err
}

// disableAt disables a webhook that still leads to where it did.
func disableAt(ctx context.Context, tx *sqldb.Tx, w Webhook) (int, error) {
	return tx.Exec(ctx, `UPDATE webhooks SET enabled = FALSE, version = version + 1 WHERE id = $1 AND url = $2 AND enabled`, w.ID, w.URL)
}

func deleteWebhook(ctx context.Context, tx *sqldb.Tx, which uuid.UUID) error {
	_, err := tx.Exec(ctx, `DELETE FROM webhooks WHERE id = $1`, which)
	return err
}

func webhooksPage(ctx context.Context, tx *sqldb.Tx, req page.Request) (p page.Of[Webhook], err error) {
	before, err := position(req)
	if err != nil {
		return p, err
	}
	items, err := sqldb.All(ctx, tx, scanWebhook, webhookColumns+` WHERE id < $1 ORDER BY id DESC LIMIT $2`, before, req.Limit+1)
	if err != nil {
		return p, err
	}
	p = page.Cut(items, req, func(w Webhook) string { return w.ID.String() })
	if req.Count {
		var n int
		n, err = countWebhooks(ctx, tx)
		p.Total = &n
	}
	return p, err
}

// position returns the id before which a page begins.
func position(req page.Request) (uuid.UUID, error) {
	if req.After == "" {
		return uuid.Max, nil
	}
	before, ok := id.Parse(req.After)
	if !ok {
		return before, page.ErrCursor
	}
	return before, nil
}

func scanInt(r sqldb.Row) (n int, err error) {
	err = r.Scan(&n)
	return n, err
}

// found puts unknown in the place of "no row".
func found(err, unknown error) error {
	if errors.Is(err, sqldb.ErrNoRows) {
		return unknown
	}
	return err
}
