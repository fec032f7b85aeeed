package notify

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/check"
	"medbook/internal/sqldb"
)

func rowQuestions() []check.Question {
	return []check.Question{{
		Name: "messages", Says: "what is to be sent is there", Rows: &check.Rows{
			Table: "notifications", Key: []string{"id"}, Where: `r.status = 'pending'`,
			Broken: []check.Broken{{When: `r.sealed IS NULL`, Says: "is to be sent, and says nothing"}},
		},
	}}
}

// deliveriesAfter lists the jobs that there must be, by the ids of their messages.
func deliveriesAfter(ctx context.Context, tx *sqldb.Tx, after uuid.UUID, most int) ([]Deliver, error) {
	return sqldb.All(ctx, tx, func(r sqldb.Row) (d Deliver, err error) {
		err = r.Scan(&d.ID, &d.Channel)
		return d, err
	}, `SELECT id, channel FROM notifications WHERE status = 'pending' AND id > $1 ORDER BY id LIMIT $2`, after, most)
}
