package notify

import (
	"context"

	"github.com/google/uuid"

	"medbook/internal/check"
	"medbook/internal/jobs"
	"medbook/internal/sqldb"
)

// checkRows is how many messages a snapshot is used for.
const checkRows = 200

// Questions are what is so of the package's tables at every moment.
func Questions() []check.Question {
	return append(rowQuestions(), check.Question{
		Name: "deliveries", Says: "what is to be sent has its job", Ask: checkDeliveries,
	})
}

// checkDeliveries looks for the jobs of all messages that are to be sent.
func checkDeliveries(ctx context.Context, db *sqldb.DB, a *check.Answer) error {
	for after := uuid.Nil; ; {
		var batch, lost []Deliver
		err := db.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			if batch, err = deliveriesAfter(ctx, tx, after, checkRows); err == nil {
				lost, err = jobs.Missing(ctx, tx, batch)
			}
			return err
		})
		if err != nil {
			return err
		}
		a.Judged += len(batch)
		for _, d := range lost {
			a.Find(check.Finding{Table: "notifications", Key: []check.Part{{Column: "id", Value: d.ID.String()}}, Says: "is to be sent, and has no job that sends it"})
		}
		if len(batch) < checkRows {
			return nil
		}
		after = batch[len(batch)-1].ID
	}
}
