package auth

import (
	"context"

	"medbook/internal/sqldb"
)

// removeAnySessions ends some sessions of anybody, and tells how many.
func removeAnySessions(ctx context.Context, tx *sqldb.Tx) (int, error) {
	return tx.Exec(ctx, `DELETE FROM sessions WHERE id IN (SELECT id FROM sessions LIMIT 500)`)
}

// removeAnyLinks makes some links of anybody void, and tells how many.
func removeAnyLinks(ctx context.Context, tx *sqldb.Tx) (int, error) {
	return tx.Exec(ctx, `DELETE FROM account_links WHERE hash IN (SELECT hash FROM account_links LIMIT 500)`)
}

// goodKeys counts the API keys that are not over.
func goodKeys(ctx context.Context, tx *sqldb.Tx) (int, error) {
	return sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
		err = r.Scan(&n)
		return n, err
	}, `SELECT count(*) FROM api_keys WHERE expires_at > $1`, sqldb.Instant(tx.Now()))
}
