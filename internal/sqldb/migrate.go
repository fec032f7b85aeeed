package sqldb

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/pressly/goose/v3"

	"medbook/internal/errs"
	"medbook/internal/sqldb/migrations"
)

// Schema is how far a database is, and how far a program would bring it. Versions
// are numbers of steps, 0 being an empty database.
type Schema struct {
	Have   int64 // the newest step that was applied
	Want   int64 // the newest step that the program knows
	Oldest int64 // programs that do not know this step must not work over it; of a newer schema only

	Missing []Step // what the program would apply, in that order
}

// Step is one step of the migrations.
type Step struct {
	Version int64
	Name    string // such as "live_calendar"
}

// current returns why a program can't work over the schema, nil if it can. A newer
// schema is no reason if it says so.
func (s Schema) current() error {
	switch {
	case s.Have < s.Want:
		return ErrNotMigrated
	case s.Have > s.Want && s.Oldest > s.Want:
		return s.newer()
	}
	return nil
}

func (s Schema) newer() error {
	return ErrNewer.With(fmt.Sprintf("%s Its schema is at step %d, and this program knows %d.", ErrNewer.Detail, s.Have, s.Want))
}

// Migrate brings the schema up to date. Several processes may do so at once. Each
// step is applied as a whole or not at all, on SQLite all of them together; one that
// waits for a lock gives way to others, and ErrBusy says that it did so for minutes.
//
// A database that is newer than the program is left as it is, and the error is
// ErrNewer, unless AllowNewer is set and the database says that the program may work
// over it.
func (db *DB) Migrate(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "migrate")
	s, err := db.Schema(ctx)
	if err == nil && s.Have < s.Want {
		err = db.within(ctx, nil, func(ctx context.Context, _ work) error { return db.be.migrate(ctx) })
	}
	if err != nil {
		return err
	}
	return db.CheckVersion(ctx) // a newer program may have been faster
}

// CheckVersion returns ErrNewer if the database is newer than the program, as
// Migrate does.
func (db *DB) CheckVersion(ctx context.Context) error {
	s, err := db.Schema(ctx)
	switch {
	case err != nil:
		return err
	case s.Have > s.Want && !db.AllowNewer:
		return s.newer()
	case s.Have > s.Want:
		return s.current()
	}
	return nil
}

// readyFor is how long Ready waits for the database.
const readyFor = 3 * time.Second

// Ready returns nil if the database answers, within three seconds, and the program
// can work over its schema: its own, or a newer one that says that this program may
// go on. So the servers that run stay ready while a newer version is brought in
// beside them.
func (db *DB) Ready(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, readyFor)
	defer cancel()
	s, err := db.Schema(limited)
	switch {
	case err != nil && ctx.Err() == nil && limited.Err() != nil:
		return unavailable(errOverdue)
	case err != nil:
		return err
	}
	return s.current()
}

// Schema looks how far the database is.
func (db *DB) Schema(ctx context.Context) (s Schema, err error) {
	steps, err := db.steps()
	if err != nil {
		return s, err
	}
	exists := "SELECT count(*) > 0 FROM sqlite_schema WHERE name = 'goose_db_version'"
	if db.engine == Postgres {
		exists = "SELECT to_regclass('goose_db_version') IS NOT NULL"
	}
	err = db.View(ctx, func(ctx context.Context, tx *Tx) error {
		s = Schema{Want: steps[len(steps)-1].Version}
		begun, err := One(ctx, tx, scanTo[bool], exists)
		if err == nil && begun {
			s.Have, err = One(ctx, tx, scanTo[int64], "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version")
		}
		if err == nil && s.Have > s.Want {
			s.Oldest, err = One(ctx, tx, scanTo[int64], "SELECT oldest_program FROM schema_compatibility")
		}
		return err
	})
	s.Missing = slices.DeleteFunc(steps, func(step Step) bool { return step.Version <= s.Have })
	return s, err
}

func scanTo[T any](r Row) (v T, err error) {
	err = r.Scan(&v)
	return v, err
}

// files returns where the steps are.
func (db *DB) files() fs.FS { return cmp.Or[fs.FS](db.Steps, migrations.Files) }

// steps returns the steps that the program knows, in order.
func (db *DB) steps() (steps []Step, err error) {
	entries, err := fs.ReadDir(db.files(), ".")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if version, err := goose.NumericComponent(e.Name()); err == nil {
			_, name, _ := strings.Cut(strings.TrimSuffix(e.Name(), ".sql"), "_")
			steps = append(steps, Step{version, name})
		}
	}
	slices.SortFunc(steps, func(a, b Step) int { return cmp.Compare(a.Version, b.Version) })
	return steps, nil
}
