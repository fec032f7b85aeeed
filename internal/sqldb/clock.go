package sqldb

import (
	"time"
)

// Now returns the time of Clock or else of the process: UTC, in whole
// microseconds. Rules inside a transaction use Tx.Now.
func (db *DB) Now() time.Time {
	if db.Clock != nil {
		return instant(db.Clock())
	}
	return instant(time.Now())
}

// Now returns the instant of this transaction: UTC, in whole microseconds. It
// is the same one for all rows of a closure, read by the first call in a
// statement of its own, and read anew after a statement that locks rows, which
// may have waited for them. On PostgreSQL it is the server's, so that instances
// whose clocks differ agree.
//
// If the server's clock can't be read, Now returns the zero time and the
// transaction fails, whatever the closure returns.
func (tx *Tx) Now() time.Time {
	if !tx.now.IsZero() {
		return tx.now
	}
	if tx.reading {
		tx.spoil(errReading)
		return time.Time{}
	}
	if tx.db.Clock != nil || tx.db.engine == SQLite {
		tx.now = tx.db.Now()
		return tx.now
	}
	tx.readingClock = true
	t, err := One(tx.ctx, tx, func(r Row) (t time.Time, err error) {
		err = r.Scan(&t)
		return t, err
	}, "SELECT clock_timestamp()")
	tx.readingClock = false
	if err != nil {
		tx.spoil(err)
		return time.Time{}
	}
	tx.now = instant(t)
	return tx.now
}

// instant returns t as the database keeps it.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
