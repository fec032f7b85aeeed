package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"medbook/internal/app"
	"medbook/internal/sqldb"
)

// behind is the status of migrate --dry-run for a database that is to be migrated.
const behind statusError = 3

// statusError ends the program with a status; what it means was printed.
type statusError int

// Error says what is printed already.
func (s statusError) Error() string { return fmt.Sprintf("status %d", int(s)) }

// migrate brings a database up to date.
type migrate struct {
	storage
	DryRun bool `help:"Change nothing; print how far the database is and the steps that it lacks. The status is 0 if it is up to date and 3 if not."`
}

// Help says what the summary has no room for.
func (migrate) Help() string {
	return `"medbook serve" does the same when it starts. Servers of the version before may go on over what this one makes of the database. A step that can't have a table, because somebody has it locked, gives way and is tried again for two minutes.

A database that a newer medbook has migrated is refused. There is no way back but a backup.`
}

// Run migrates and says nothing when all is well.
func (m migrate) Run(ctx context.Context, o output) error {
	database, err := m.url()
	if err != nil {
		return err
	}
	if m.DryRun {
		return tellSchema(ctx, o.stdout, database)
	}
	services, err := app.Open(ctx, database)
	if err != nil {
		return err
	}
	return services.DB.Close()
}

// tellSchema prints how far a database is and what it lacks.
func tellSchema(ctx context.Context, w io.Writer, database string) (err error) {
	db, err := app.OpenAsIs(ctx, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	s, err := db.Schema(ctx)
	if err != nil {
		return err
	}
	if len(s.Missing) == 0 {
		if err := db.CheckVersion(ctx); err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "The schema is at step %d, which is the newest that this program knows.\n", s.Have)
		return err
	}
	return errors.Join(tellMissing(w, s), behind)
}

func tellMissing(w io.Writer, s sqldb.Schema) error {
	_, err := fmt.Fprintf(w, "The schema is at step %d of %d. It lacks:\n", s.Have, s.Want)
	for _, step := range s.Missing {
		if err == nil {
			_, err = fmt.Fprintf(w, "%6d %s\n", step.Version, step.Name)
		}
	}
	return err
}
