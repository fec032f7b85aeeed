package auth

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// Forget deletes all by which a user can sign in, or is signed in.
func Forget(ctx context.Context, tx *sqldb.Tx, user uuid.UUID) (err error) {
	defer errs.Wrap(&err, "forget account of %s", user)
	return deleteAccount(ctx, tx, user)
}
