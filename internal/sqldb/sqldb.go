// Package sqldb gives the rest of the program one way to a database, whichever
// engine is behind it: View and Update, portable statements, row locks,
// migrations and the clock.
//
// It keeps these rules: nil from Update means that the change is on disk; a
// closure sees one snapshot or one transaction and never half of one; what one
// closure does wrong hurts no other; a statement's values appear in no error.
package sqldb

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"medbook/internal/measure"
)

// Engine is the kind of database behind a DB.
type Engine int

// The engines.
const (
	SQLite Engine = iota + 1
	Postgres
)

// String returns "sqlite" or "postgres".
func (e Engine) String() string {
	if e == SQLite {
		return "sqlite"
	}
	return "postgres"
}

// DB is a database. It is safe for concurrent use; its fields are set, if at
// all, before the first use.
type DB struct {
	// Clock tells the time. When it is nil the engine's own clock does: the
	// process's on SQLite, the server's on PostgreSQL.
	Clock func() time.Time

	// Observe, if set, is called before each statement with its text, those
	// that begin and end a transaction included ("BEGIN…", "COMMIT",
	// "ROLLBACK"). The statement fails with the error it returns. On SQLite
	// several Updates share a BEGIN and a COMMIT.
	Observe func(ctx context.Context, statement string) error

	// Steps holds the migrations, the program's own if it is nil. Tests set it, to
	// be an older or a newer program.
	Steps fs.FS

	// AllowNewer lets Migrate pass over a schema that a newer program has made, if
	// it says that this program may work there.
	AllowNewer bool
	// Instruments count transactions, and what packages above do in them; nil: they
	// are not counted.
	Instruments *measure.Instruments

	engine  Engine
	be      backend
	signals signals

	open   sync.RWMutex // held for reading by every View and Update
	closed bool
}

// work is what a caller wants done in a transaction.
type work = func(ctx context.Context, tx *Tx) error

// backend is what the engines do differently.
type backend interface {
	view(ctx context.Context, fn work) error
	update(ctx context.Context, fn work) error
	migrate(ctx context.Context) error
	stats() Stats
	close() error
}

// Open opens the database at url: "sqlite:PATH", whose folder is made with mode
// 0700 if it is missing, or "postgres://…". The error is one line for the
// person who gave the url, without its password.
func Open(ctx context.Context, url string) (*DB, error) {
	if err := CheckAddress(url); err != nil {
		return nil, err
	}
	db := &DB{}
	scheme, rest, _ := strings.Cut(url, ":")
	var err error
	switch scheme {
	case "sqlite":
		db.engine = SQLite
		db.be, err = openSQLite(ctx, db, rest)
	case "postgres", "postgresql":
		db.engine = Postgres
		db.be, err = openPostgres(ctx, db, url)
	}
	if err != nil {
		return nil, err
	}
	return db, nil
}

// OpenExisting is Open of a database that must be there: it makes no file.
func OpenExisting(ctx context.Context, url string) (*DB, error) {
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		path = strings.TrimPrefix(path, "//")
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("open database: %w", err)
		}
	}
	return Open(ctx, url)
}

// Close waits for running Views and Updates and closes the database. Later ones
// fail with ErrUnavailable.
func (db *DB) Close() error {
	db.open.Lock()
	defer db.open.Unlock()
	if db.closed {
		return nil
	}
	db.closed = true
	return db.be.close()
}

// Engine returns the kind of database.
func (db *DB) Engine() Engine { return db.engine }

// View runs fn in one read-only snapshot. fn may run more than once, so it has
// no outside effects but assigning results, and it uses the ctx it is given. It
// returns fn's error, ErrNested, ErrUnavailable or the context's error.
func (db *DB) View(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	return db.watched(ctx, measure.View, fn, db.be.view)
}

// Update runs fn in a transaction; nil means that it is on disk.
//
// fn may run more than once, so it does no I/O and has no outside effects but
// assigning results, and it uses the ctx it is given: on SQLite that ctx does
// not end when the caller's does, because fn shares its transaction with other
// callers' closures. fn sees all that was committed before, and fails as a
// whole: any failed statement ends it, unless inside a Savepoint.
//
// It returns fn's error, ErrNested, ErrBusy, ErrUnavailable or the context's
// error, in which cases nothing was written, or ErrOutcomeUnknown.
func (db *DB) Update(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	return db.watched(ctx, measure.Update, fn, db.be.update)
}

// within runs fn by way of run, once it is sure that it may.
func (db *DB) within(ctx context.Context, fn work, run func(context.Context, work) error) error {
	if ctx.Value(nested{}) != nil {
		return ErrNested
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	db.open.RLock()
	defer db.open.RUnlock()
	if db.closed {
		return fmt.Errorf("%w: it is closed", ErrUnavailable)
	}
	return run(ctx, fn)
}

// nested is the key under which a closure's context says that it is one.
type nested struct{}

// inside returns the context that a closure gets.
func inside(ctx context.Context) context.Context {
	return context.WithValue(ctx, nested{}, true)
}

// observe tells the Observe hook, if there is one, what is about to run.
func (db *DB) observe(ctx context.Context, statement string) error {
	if db.Observe == nil {
		return nil
	}
	return db.Observe(ctx, statement)
}
