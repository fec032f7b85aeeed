package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"

	"medbook/internal/errs"
)

// The errors that callers may act on.
var (
	ErrNoRows         = sql.ErrNoRows
	ErrNested         = errors.New("sqldb: View or Update inside a transaction")
	ErrNewer          = errs.New(errs.Unavailable, "database-newer", "The database was made by a newer version of this program.")
	ErrNotMigrated    = errs.New(errs.Unavailable, "database-not-migrated", "The database has not been brought up to date yet.")
	ErrUnavailable    = errs.New(errs.Unavailable, "database-unavailable", "The database can't be reached.")
	ErrOutcomeUnknown = errs.New(errs.Unavailable, "outcome-unknown", "The database did not confirm the change; it may have been made.")
	ErrBusy           = errs.New(errs.Unavailable, "too-busy", "Too much is waiting for the database.")
	ErrInvalidText    = errs.New(errs.Invalid, "invalid-text", "A text holds a NUL or is not valid UTF-8.")
)

// SQLite's result codes that we tell apart: primary ones, and extended ones of
// sqliteConstraint.
const (
	sqliteBusy       = 5
	sqliteIO         = 10
	sqliteFull       = 13
	sqliteCantOpen   = 14
	sqliteConstraint = 19
	sqlitePrimaryKey = 1555
	sqliteUnique     = 2067
)

// PostgreSQL's SQLSTATEs that we tell apart by themselves.
const (
	queryCanceled = "57014" // the statement was ended by a cancel request
	readOnly      = "25006" // the server takes no writes: it has become a standby
	restedTooLong = "25P03" // the session was ended, for nothing came from the program within a transaction
)

// IsUnique reports whether err is a violation of a unique or primary key.
func IsUnique(err error) bool {
	code := sqliteCode(err)
	return code == sqliteUnique || code == sqlitePrimaryKey || sqlState(err) == "23505"
}

// sqliteCode returns SQLite's extended result code, or 0.
func sqliteCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// sqlState returns PostgreSQL's five characters, or "".
func sqlState(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// conflict reports whether the engine gave up this transaction for another one,
// so that it may succeed when it is run again.
func conflict(err error) bool {
	s := sqlState(err)
	return s == "40001" || s == "40P01"
}

// lost reports whether err means that the server, or the connection to it, is
// gone or was not to be had.
func lost(err error) bool {
	var connecting *unreachableError
	var network net.Error
	switch state := sqlState(err); {
	case errors.As(err, &connecting), strings.HasPrefix(state, "08"), strings.HasPrefix(state, "57P"), state == "53300", state == restedTooLong:
		return true
	case state != "", errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	}
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, pgconn.ErrConnClosed)
}

// retryable reports whether the transaction may be run again from its start.
func retryable(err error) bool { return conflict(err) || errors.Is(err, ErrUnavailable) }

// classify maps an engine's error by its code, never by its text, and hides
// values in it. The context's errors and ours stay what they are.
func classify(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	state := sqlState(err)
	if ended := ctx.Err(); ended != nil && (errors.Is(err, ended) || state == queryCanceled || lost(err)) {
		return ended
	}
	switch sqliteCode(err) & 0xff {
	case sqliteBusy:
		return fmt.Errorf("%w: %w", ErrBusy, err)
	case sqliteIO, sqliteFull, sqliteCantOpen:
		return unavailable(err)
	}
	switch {
	case lost(err) && !errors.Is(err, ErrUnavailable):
		return unavailable(err)
	case strings.HasPrefix(state, "22"): // data exceptions quote the datum
		return &maskedError{"sqldb: a value does not fit (SQLSTATE " + state + ")", err}
	}
	return err
}

// unavailable returns ErrUnavailable with the cause, in one line. A deadline of
// ours it does not wrap: it must not pass for the caller's.
func unavailable(err error) error {
	text := ErrUnavailable.Error() + " " + strings.Join(strings.Fields(err.Error()), " ")
	if errors.Is(err, context.DeadlineExceeded) {
		return &maskedError{text, ErrUnavailable}
	}
	return &maskedError{text, errors.Join(ErrUnavailable, err)}
}

// unknown returns ErrOutcomeUnknown with the text of what happened to COMMIT,
// which it does not wrap for the same reason.
func unknown(err error) error { return fmt.Errorf("%w: %s", ErrOutcomeUnknown, err.Error()) }

// maskedError gives an error another text, as its own may hold a value or lines.
type maskedError struct {
	text  string
	cause error
}

func (e *maskedError) Error() string { return e.text }
func (e *maskedError) Unwrap() error { return e.cause }

// errOverdue is the cause of a context that ended because the server took too
// long, and not because the caller's did.
var errOverdue = errors.New("no answer")

// overdue makes ErrUnavailable of the error of a statement that took too long,
// unless the server has answered after all.
func overdue(limited context.Context, err error) error {
	if err == nil || sqlState(err) != "" || !errors.Is(context.Cause(limited), errOverdue) {
		return err
	}
	return unavailable(errOverdue)
}

// types lists the types of values, which may be said, unlike the values.
func types(values []any) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = fmt.Sprintf("%T", v)
	}
	return strings.Join(names, ", ")
}
