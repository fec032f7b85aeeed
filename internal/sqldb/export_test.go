package sqldb

import (
	"context"
	"time"
)

// The limits that tests reach.
const (
	MaxQueue      = maxQueue
	MaxGroup      = maxGroup
	MaxStatements = maxStatements
)

// SurelyUndone reports whether a COMMIT that failed with SQLite's code wrote nothing.
var SurelyUndone = surelyUndone

// Queued returns how many Updates wait for a SQLite database's writer.
func Queued(db *DB) int { return len(db.writer().queue) }

// TurnFor sets how long a closure of a SQLite database may take.
func TurnFor(db *DB, d time.Duration) { db.writer().turnFor = d }

// Prepared returns how many statements the writer keeps prepared.
func Prepared(db *DB) int { return len(db.writer().on.prepared) }

// OnWriter runs a statement on a SQLite database's writing connection, behind
// the writer's back.
func OnWriter(db *DB, statement string) error {
	_, err := db.writer().on.exec(context.Background(), statement, nil)
	return err
}

// CloseWriter closes a SQLite database's writing connection, behind the writer's back.
func CloseWriter(db *DB) { db.writer().on.discard() }

// Log returns how many pages a SQLite database's log has and how many of them
// have been moved into the database file.
func Log(db *DB) (logged, moved int, err error) {
	var busy int
	row := db.writer().on.conn.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(NOOP)")
	err = row.Scan(&busy, &logged, &moved)
	return logged, moved, err
}

func (db *DB) writer() *writer { return db.be.(*sqliteDB).writer }

// RetryFor sets how long a PostgreSQL database runs a View or Update again.
func RetryFor(db *DB, d time.Duration) { db.be.(*postgresDB).limits.retry = d }

// StatementFor sets how long a PostgreSQL server may take for a statement, the one
// that begins a transaction included.
func StatementFor(db *DB, d time.Duration) {
	l := &db.be.(*postgresDB).limits
	l.statement, l.begin = d, d
}

// AnswerFor sets how long the answer to COMMIT is waited for.
func AnswerFor(db *DB, d time.Duration) { db.be.(*postgresDB).limits.answer = d }

// Reconnect has a PostgreSQL database use none of its connections again.
func Reconnect(db *DB) {
	s := db.be.(*postgresDB).servers
	s.lose(&link{term: s.term, server: len(s.each) - 1})
}

// PoolSize returns how many connections to a PostgreSQL database there may be.
func PoolSize(db *DB) int { return db.be.(*postgresDB).pool.Stats().MaxOpenConnections }

// Closing reports whether Close waits for a View or Update.
func Closing(db *DB) bool {
	if db.open.TryRLock() {
		db.open.RUnlock()
		return false
	}
	return true
}

// Watched returns how many topics somebody watches.
func Watched(db *DB) int {
	db.signals.mu.Lock()
	defer db.signals.mu.Unlock()
	return len(db.signals.watchers)
}

// StepsWait sets how long a step of a PostgreSQL database waits for a lock, and how
// long steps are tried again.
func StepsWait(db *DB, lock, all time.Duration) {
	l := &db.be.(*postgresDB).limits
	l.lock, l.steps = lock, all
}
