package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"
)

// maxStatements bounds the statements that a session keeps prepared.
const maxStatements = 200

// session is a database connection of our own.
type session struct {
	conn *sql.Conn

	// prepared holds statements by text, if it is not nil. On SQLite preparing
	// one costs more than running it; pgx has a cache of its own.
	prepared map[string]*sql.Stmt

	// shielded keeps the caller's cancellation from statements, for it could
	// undo what others did in the same transaction.
	shielded bool

	// limit is how long the server may take for a statement, if it is not zero: one
	// that is frozen, or cut off, says nothing.
	limit time.Duration
}

// Unhurried returns a context whose statements may take as long as they take. On
// PostgreSQL others fail with ErrUnavailable after 10 seconds, for the server may
// be gone.
func Unhurried(ctx context.Context) context.Context {
	return context.WithValue(ctx, unhurried{}, true)
}

type unhurried struct{}

// limited returns the context of one statement.
func (s *session) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.limit == 0 || ctx.Value(unhurried{}) != nil {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, s.limit, errOverdue)
}

func (s *session) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	ctx = s.shield(ctx)
	if s.prepared == nil {
		return s.conn.ExecContext(ctx, query, args...)
	}
	stmt, err := s.prepare(ctx, query) //nolint:sqlclosecheck // it stays in the cache
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

func (s *session) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	ctx = s.shield(ctx)
	if s.prepared == nil {
		return s.conn.QueryContext(ctx, query, args...)
	}
	stmt, err := s.prepare(ctx, query) //nolint:sqlclosecheck // it stays in the cache
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

func (s *session) shield(ctx context.Context) context.Context {
	if s.shielded {
		return context.Background()
	}
	return ctx
}

// prepare returns the statement from the cache, or makes room for it.
func (s *session) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := s.prepared[query]; ok {
		return stmt, nil
	}
	stmt, err := s.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if len(s.prepared) >= maxStatements {
		for text, any := range s.prepared {
			_ = any.Close()
			delete(s.prepared, text)
			break
		}
	}
	s.prepared[query] = stmt
	return stmt, nil
}

// close gives the connection back to its pool.
func (s *session) close() error {
	s.forget()
	return s.conn.Close()
}

// discard closes the connection, whatever state it is in.
func (s *session) discard() {
	s.forget()
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
}

// forget closes the statements, which must not outlive their connection:
// database/sql leaves that to us.
func (s *session) forget() {
	for _, stmt := range s.prepared {
		_ = stmt.Close()
	}
	clear(s.prepared)
}
