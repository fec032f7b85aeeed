package app

import (
	"context"
	"strings"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/check"
	"medbook/internal/directory"
	"medbook/internal/encounters"
	"medbook/internal/idempotency"
	"medbook/internal/keyring"
	"medbook/internal/notify"
	"medbook/internal/scheduling"
	"medbook/internal/sqldb"
)

// CheckConfig says what a database is checked by.
type CheckConfig struct {
	Keys        *keyring.Ring    // nil: what is sealed is not opened
	Masters     []keyring.Master // that wrap patients' keys
	Checkpoints []byte           // of the audit trail, which need Keys; empty: there are none
}

// Check asks all questions that there are of a database, which is as it is: nothing
// is migrated. It gives told each answer as it comes. The error is why it was not
// begun, or did not go on.
func Check(ctx context.Context, database string, c CheckConfig, told func(check.Answer)) (err error) {
	db, err := sqldb.Open(ctx, database)
	if err != nil {
		return err
	}
	defer db.Close()
	db.Clock = clock()
	if err := db.Ready(ctx); err != nil {
		return err
	}
	questions, err := c.questions(db)
	if err != nil {
		return err
	}
	return check.Run(ctx, db, questions, told)
}

// questions are those of all packages that own tables. What others build upon comes
// first.
func (c CheckConfig) questions(db *sqldb.DB) (all []check.Question, err error) {
	s := NewServices(db)
	all = append(all, check.Database()...)
	all = append(all, directory.Questions()...)
	all = append(all, scheduling.Questions()...)
	all = append(all, encounters.Questions()...)
	all = append(all, idempotency.Questions()...)
	all = append(all, (&App{Services: s}).newRunner().Questions()...)
	all = append(all, notify.Questions()...)
	sealed := check.Question{Name: "sealed", Says: "patients' keys can be opened, and open what they sealed"}
	var keys []string
	if c.Keys == nil {
		sealed.Ask = func(_ context.Context, _ *sqldb.DB, a *check.Answer) error {
			a.Verdict, a.Note = check.Skipped, "no keys were given"
			return nil
		}
	} else {
		s.Encounters.Masters, s.Encounters.Seal = c.Masters, c.Keys
		sealed.Ask = func(ctx context.Context, _ *sqldb.DB, a *check.Answer) error {
			return s.Encounters.CheckKeys(ctx, auth.System, a)
		}
		if keys, err = CheckpointKeys(c.Keys); err != nil {
			return nil, err
		}
	}
	return append(all, sealed, audit.Question(c.Checkpoints, []byte(strings.Join(keys, "\n")))), nil
}
