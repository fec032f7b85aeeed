package directory

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/sqldb"
)

// mostAtOnce is how many rows a statement writes of what comes in numbers.
const mostAtOnce = 200

// Admit makes patients, many at once, as part of tx, and returns their ids in the
// order of the list. Who calls it puts them on record.
//
// It returns ErrInvalidUser, or ErrEmailTaken if one of the addresses has a user.
func Admit(ctx context.Context, tx *sqldb.Tx, list []NewUser) (ids []uuid.UUID, err error) {
	defer errs.Wrap(&err, "admit %d patients", len(list))
	records := make([]record, len(list))
	for i, n := range list {
		n.Role = auth.Patient
		if records[i], err = recordOf(n).checked(tx.Now()); err != nil {
			return nil, err
		}
		ids = append(ids, id.New())
	}
	for from := 0; from < len(ids); from += mostAtOnce {
		to := min(from+mostAtOnce, len(ids))
		if err := insertPatients(ctx, tx, ids[from:to], records[from:to]); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// Relation is that a practitioner cares for a patient.
type Relation struct{ Patient, Practitioner uuid.UUID }

// RelateAll is Relate for many at once, by appointments. A relation that was ended
// stays so.
func RelateAll(ctx context.Context, tx *sqldb.Tx, list []Relation) (err error) {
	defer errs.Wrap(&err, "relate %d patients", len(list))
	for some := range slices.Chunk(list, mostAtOnce) {
		if err := insertRelations(ctx, tx, some, SourceAppointment); err != nil {
			return err
		}
	}
	return nil
}
