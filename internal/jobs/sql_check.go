package jobs

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"medbook/internal/check"
	"medbook/internal/sqldb"
)

// Questions are what is so of the package's table at every moment, if the jobs of
// r are all there are.
func (r *Runner) Questions() []check.Question {
	return []check.Question{{
		Name: "jobs", Says: "somebody can do every job", Rows: &check.Rows{
			Table: "jobs", Key: []string{"id"},
			Broken: []check.Broken{{When: `r.kind NOT IN ('` + strings.Join(r.kinds(), `', '`) + `')`, Says: "is of a kind that this version does not know"}},
		},
	}}
}

// there returns those among jobs that are in the table.
func there(ctx context.Context, tx *sqldb.Tx, ids []uuid.UUID) ([]uuid.UUID, error) {
	args := make([]any, len(ids))
	for i, u := range ids {
		args[i] = u
	}
	return sqldb.All(ctx, tx, scan[uuid.UUID], `SELECT id FROM jobs WHERE id IN (`+sqldb.In(1, len(ids))+`)`, args...)
}
