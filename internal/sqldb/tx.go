package sqldb

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"medbook/internal/measure"
)

// Tx is a transaction. It lives as long as the closure it is given to, and only
// one goroutine may use it at a time.
type Tx struct {
	db  *DB
	ctx context.Context // the closure's, for Now, which takes none
	on  *session

	writes bool // to PostgreSQL, in an Update

	now          time.Time
	readingClock bool
	locking      bool // the next statement locks rows

	depth   int  // of savepoints
	reading bool // rows are open
	failed  error
	spoiled error
	after   []func()
}

var (
	errEnded   = errors.New("sqldb: the transaction has ended")
	errReading = errors.New("sqldb: a statement while rows are being scanned")
)

// Exec runs one statement and returns the number of rows it affected.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (rowsAffected int, err error) {
	err = tx.run(ctx, query, args, func(ctx context.Context, args []any) error {
		res, err := tx.on.exec(ctx, query, args)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		rowsAffected = int(n)
		return err
	})
	return rowsAffected, err
}

// Savepoint runs fn and, if it returns an error, undoes what it did: the
// transaction is usable again, and its AfterCommit functions are forgotten.
// A lost connection or a serialization failure can't be undone.
func (tx *Tx) Savepoint(ctx context.Context, fn func() error) error {
	name := "s" + strconv.Itoa(tx.depth)
	if _, err := tx.Exec(ctx, "SAVEPOINT "+name); err != nil {
		return err
	}
	after := len(tx.after)
	tx.depth++
	err := fn()
	tx.depth--
	if err == nil {
		err = tx.failed
	}
	if err != nil {
		tx.after = tx.after[:after]
		failed := tx.failed
		tx.failed = nil
		if _, undoing := tx.Exec(ctx, "ROLLBACK TO "+name); undoing != nil {
			tx.spoil(cmp.Or(failed, undoing))
			return err
		}
	}
	if _, releasing := tx.Exec(ctx, "RELEASE "+name); releasing != nil {
		return cmp.Or(err, releasing)
	}
	return err
}

// Engine returns the kind of database.
func (tx *Tx) Engine() Engine { return tx.db.engine }

// Instruments returns those of the database.
func (tx *Tx) Instruments() *measure.Instruments { return tx.db.Instruments }

// AfterCommit has fn run once the transaction is on disk, before Update
// returns; not if the outcome is unknown, and not in a View. The closure's ctx
// has ended by then.
func (tx *Tx) AfterCommit(fn func()) { tx.after = append(tx.after, fn) }

// ForUpdate returns the suffix of a SELECT that locks its rows alone. The
// SELECT must be the next statement; Now is read anew after it.
func (tx *Tx) ForUpdate() string { return tx.lock(" FOR UPDATE") }

// ForNoKeyUpdate is ForUpdate that lets others refer to the rows by key.
func (tx *Tx) ForNoKeyUpdate() string { return tx.lock(" FOR NO KEY UPDATE") }

// ForKeyShare is ForUpdate that shares the rows with others who do the same.
func (tx *Tx) ForKeyShare() string { return tx.lock(" FOR KEY SHARE") }

// lock notes that the next statement locks rows. SQLite has one writer, who
// holds all locks there are.
func (tx *Tx) lock(suffix string) string {
	tx.locking = true
	if tx.db.engine == SQLite {
		return ""
	}
	return suffix
}

// Row is a row to be scanned.
type Row interface{ Scan(dest ...any) error }

// All returns what scan makes of each row, [] of none. The rows are drained and
// closed when it returns; scan must not use tx.
func All[T any](ctx context.Context, tx *Tx, scan func(Row) (T, error), query string, args ...any) ([]T, error) {
	all := []T{}
	err := tx.each(ctx, query, args, func(r Row) error {
		v, err := scan(r)
		all = append(all, v)
		return err
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// One returns what scan makes of the first row. It returns ErrNoRows if there
// is none.
func One[T any](ctx context.Context, tx *Tx, scan func(Row) (T, error), query string, args ...any) (one T, err error) {
	found := false
	err = tx.each(ctx, query, args, func(r Row) (err error) {
		if !found {
			found = true
			one, err = scan(r)
		}
		return err
	})
	if err == nil && !found {
		err = ErrNoRows
	}
	return one, err
}

// each calls scan for each row. An error of scan is not the statement's, so it
// leaves the transaction usable.
func (tx *Tx) each(ctx context.Context, query string, args []any, scan func(Row) error) error {
	var scanning error
	err := tx.run(ctx, query, args, func(ctx context.Context, args []any) error {
		rows, err := tx.on.query(ctx, query, args)
		if err != nil {
			return err
		}
		defer rows.Close()
		tx.reading = true
		defer func() { tx.reading = false }()
		for rows.Next() {
			if scanning == nil {
				scanning = scan(row{rows})
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		return rows.Close()
	})
	if err != nil {
		return err
	}
	return scanning
}

// row hides the value that did not fit, which database/sql puts into its error.
type row struct{ rows *sql.Rows }

func (r row) Scan(dest ...any) error {
	if err := r.rows.Scan(dest...); err != nil {
		return &maskedError{fmt.Sprintf("sqldb: a row does not fit into %s", types(dest)), err}
	}
	return nil
}

// run runs one statement, unless the transaction can't go on, and remembers if
// it failed: like PostgreSQL, a transaction in which a statement failed runs no
// other and can't be committed.
func (tx *Tx) run(ctx context.Context, query string, args []any, statement func(ctx context.Context, args []any) error) error {
	if err := tx.usable(); err != nil {
		return err
	}
	args, err := bind(args)
	if err != nil {
		return err
	}
	if err = ctx.Err(); err == nil {
		err = tx.db.observe(ctx, query)
	}
	if err == nil {
		limited, cancel := tx.on.limited(ctx)
		err = overdue(limited, statement(limited, args))
		cancel()
	}
	if tx.writes && sqlState(err) == readOnly {
		err = unavailable(err)
	}
	err = classify(ctx, err)
	if tx.locking && !tx.readingClock {
		tx.locking, tx.now = false, time.Time{}
	}
	switch {
	case err == nil:
	case retryable(err):
		tx.spoil(err)
	default:
		tx.failed = err
	}
	return err
}

// usable returns why no statement can run, if none can.
func (tx *Tx) usable() error {
	if tx.reading {
		return errReading
	}
	return tx.verdict(nil)
}

// spoil makes the transaction fail with err whatever happens from now on.
func (tx *Tx) spoil(err error) {
	if tx.spoiled == nil {
		tx.spoiled = err
	}
}

// verdict returns what a closure that returned err has come to.
func (tx *Tx) verdict(err error) error {
	switch {
	case tx.spoiled != nil:
		return tx.spoiled
	case err != nil:
		return err
	}
	return tx.failed
}

// call runs fn in tx, which ends with it however fn does.
func (tx *Tx) call(fn work) error {
	defer func() { tx.failed = cmp.Or(tx.failed, errEnded) }()
	return tx.verdict(fn(tx.ctx, tx))
}

// committed runs what waited for the commit.
func (tx *Tx) committed() {
	for _, fn := range tx.after {
		fn()
	}
}
