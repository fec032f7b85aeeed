package auth

import (
	"context"
	"errors"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// ErrKeys is what whoever starts a server with the wrong keys reads.
var ErrKeys = errs.New(errs.Unavailable, "keys-wrong", "These keys do not belong to this database: what was sealed with its own could not be read. Give the server its keys file.")

// CheckKeys returns ErrKeys unless the service has the keys that the database
// was first opened with, or ones that they were rotated to.
func (s *Service) CheckKeys(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "check keys")
	use := []byte("key check")
	fresh, err := s.Keys.Seal([]byte("medbook"), use)
	if err != nil {
		return err
	}
	var sealed []byte
	err = s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		sealed, err = keyCheck(ctx, tx)
		return err
	})
	if errors.Is(err, sqldb.ErrNoRows) {
		err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			if err := insertKeyCheck(ctx, tx, fresh); err != nil {
				return err
			}
			sealed, err = keyCheck(ctx, tx) // another server may have been faster
			return err
		})
	}
	if err != nil {
		return err
	}
	if _, err := s.Keys.Unseal(sealed, use); err != nil {
		return ErrKeys
	}
	return nil
}

// Clean deletes links and sessions that are over, and tries that are forgotten.
func (s *Service) Clean(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "clean accounts")
	return s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		return removeOld(ctx, tx, tx.Now())
	})
}
