package directory

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// indexBatch is how many patients IndexPatients looks at in one transaction.
const indexBatch = 500

// IndexPatients brings what patients are searched by in line with their names,
// where that is missing or old: who was a patient before there was a search, and
// whom a server of the version before, or another program, made or renamed. It
// may run beside any change, and run again at any time.
func IndexPatients(ctx context.Context, db *sqldb.DB) (err error) {
	defer errs.Wrap(&err, "index patients")
	after := uuid.Nil
	for {
		var entries []entry
		err := db.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			entries, err = entriesAfter(ctx, tx, after, indexBatch)
			return err
		})
		if err != nil || len(entries) == 0 {
			return err
		}
		if err := mend(ctx, db, entries); err != nil {
			return err
		}
		after = entries[len(entries)-1].patient
	}
}

// mend writes the entries that are missing or stale, and nothing if none is.
func mend(ctx context.Context, db *sqldb.DB, entries []entry) error {
	var missing, stale []entry
	for _, e := range entries {
		switch {
		case e.missing():
			missing = append(missing, e)
		case e.stale():
			stale = append(stale, e)
		}
	}
	if len(missing)+len(stale) == 0 {
		return nil
	}
	return db.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if err := insertEntries(ctx, tx, missing); err != nil {
			return err
		}
		for _, e := range stale {
			if err := renewEntry(ctx, tx, e.patient); err != nil {
				return err
			}
		}
		return nil
	})
}
