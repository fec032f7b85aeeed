package auth

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/federation"
	"medbook/internal/page"
	"medbook/internal/sqldb"
)

// identityHolder is an identity with whose it is.
type identityHolder struct {
	id, user       uuid.UUID
	role           Role
	practitionerID uuid.UUID
	hasFactor      bool
}

func holderByIdentity(ctx context.Context, tx *sqldb.Tx, issuer, subject string) (identityHolder, error) {
	return sqldb.One(ctx, tx, func(r sqldb.Row) (h identityHolder, err error) {
		var practitioner uuid.NullUUID
		err = r.Scan(&h.id, &h.user, &h.role, &practitioner, &h.hasFactor)
		h.practitionerID = practitioner.UUID
		return h, err
	}, `SELECT i.id, u.id, u.role, p.id, EXISTS (SELECT 1 FROM factors f WHERE f.user_id = u.id)
		FROM identities i
		JOIN users u ON u.id = i.user_id
		LEFT JOIN practitioners p ON p.user_id = u.id AND u.role = 'practitioner'
		WHERE i.issuer = $1 AND i.subject = $2`, issuer, subject)
}

// insertIdentity reports 0 for an identity that is connected already.
func insertIdentity(ctx context.Context, tx *sqldb.Tx, which, user uuid.UUID, c federation.Claims) (int, error) {
	return tx.Exec(ctx, `INSERT INTO identities (issuer, subject, id, user_id, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT DO NOTHING`, c.IssuerURL, c.Subject, which, user, sqldb.Instant(tx.Now()))
}

func removeIdentity(ctx context.Context, tx *sqldb.Tx, user, which uuid.UUID) (int, error) {
	return tx.Exec(ctx, `DELETE FROM identities WHERE user_id = $1 AND id = $2`, user, which)
}

// identityPage lists the identities of a user, with the issuer's address as the provider.
func identityPage(ctx context.Context, tx *sqldb.Tx, user uuid.UUID, req page.Request) (page.Of[Identity], error) {
	return listing[Identity]{
		columns: `id, issuer, created_at`, from: `FROM identities WHERE user_id = $1`, args: []any{user},
		scan: func(r sqldb.Row) (i Identity, err error) {
			err = r.Scan(&i.ID, &i.Provider, (*sqldb.Instant)(&i.CreatedAt))
			return i, err
		},
		id: func(i Identity) uuid.UUID { return i.ID },
	}.page(ctx, tx, req)
}
