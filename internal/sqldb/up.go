package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// up applies the missing steps by way of pool.
func (db *DB) up(ctx context.Context, dialect goose.Dialect, pool *sql.DB) error {
	steps, err := goose.NewProvider(dialect, pool, db.files(), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	_, err = steps.Up(ctx)
	return err
}

// migrate goes on where it was when the connection is lost, for a step and the
// record of it are one transaction.
func (p *postgresDB) migrate(ctx context.Context) error {
	_, err := p.retry(ctx, func(time.Time) (*Tx, error) { return nil, p.migrateAlone(ctx) })
	return err
}

// migrateAlone holds a lock in a transaction of its own while goose is at work. A
// lock of the session would outlive its holder where a pooler shares sessions.
func (p *postgresDB) migrateAlone(ctx context.Context) error {
	conn, err := p.pool.Conn(ctx)
	if err != nil {
		return classify(ctx, err)
	}
	defer conn.Close()
	defer p.rollback(ctx, conn)
	for _, statement := range []string{
		"BEGIN ISOLATION LEVEL READ COMMITTED",
		"SET LOCAL lock_timeout = 0", // whoever comes second waits for the first
		"SET LOCAL idle_in_transaction_session_timeout = 0",
	} {
		if err := p.do(ctx, conn, statement); err != nil {
			return err
		}
	}
	const lock, key = "SELECT pg_advisory_xact_lock($1)", 0x6d6564626f6f6b // "medbook"
	if err := p.db.observe(ctx, lock); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, lock, int64(key)); err != nil { // it takes as long as others take
		return classify(ctx, err)
	}
	return p.applySteps(ctx)
}

// applySteps applies the missing steps, each in a transaction, and again those that
// did not get a lock in time. What waits for a lock has others queue behind it, so
// it waits for short, and lets them pass before it tries again.
func (p *postgresDB) applySteps(ctx context.Context) error {
	pool := sql.OpenDB(&stepping{p})
	defer pool.Close()
	pause := &backoff.ExponentialBackOff{
		InitialInterval: p.limits.lock / 4, MaxInterval: 2 * p.limits.lock, Multiplier: 2, RandomizationFactor: 0.5,
	}
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := p.db.up(ctx, goose.DialectPostgres, pool)
		if err != nil && !lockedOut(err) && !conflict(err) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(p.limits.steps))
	if lockedOut(err) {
		return fmt.Errorf("%w: others have a table locked that a step changes: %w", ErrBusy, err)
	}
	return classify(ctx, err)
}

// lockedOut reports whether PostgreSQL gave up waiting for a lock.
func lockedOut(err error) bool { return sqlState(err) == "55P03" }

// stepping connects to PostgreSQL for steps: the Observe hook sees what they do, and
// their transactions do not wait for long.
type stepping struct{ *postgresDB }

func (s *stepping) Driver() driver.Driver { return s.pool.Driver() }

func (s *stepping) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := s.servers.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return stepConn{conn.(*stdlib.Conn), s.postgresDB}, nil
}

type stepConn struct {
	*stdlib.Conn

	on *postgresDB
}

func (c stepConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.on.db.observe(ctx, query); err != nil {
		return nil, err
	}
	return c.Conn.ExecContext(ctx, query, args)
}

func (c stepConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.on.db.observe(ctx, query); err != nil {
		return nil, err
	}
	return c.Conn.QueryContext(ctx, query, args)
}

func (c stepConn) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	for _, statement := range []string{
		"BEGIN ISOLATION LEVEL READ COMMITTED",
		fmt.Sprintf("SET LOCAL lock_timeout = '%dms'", c.on.limits.lock.Milliseconds()),
	} {
		if _, err := c.ExecContext(ctx, statement, nil); err != nil {
			return nil, errors.Join(err, driver.ErrBadConn) // which closes it
		}
	}
	return stepTx{c}, nil
}

// stepTx ends a transaction of a step.
type stepTx struct{ on stepConn }

func (t stepTx) Commit() error   { return t.end("COMMIT") }
func (t stepTx) Rollback() error { return t.end("ROLLBACK") }

func (t stepTx) end(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), t.on.on.limits.steps)
	defer cancel()
	_, err := t.on.ExecContext(ctx, statement, nil)
	return err
}

// migrate has goose, which knows no lock for SQLite, work inside a transaction
// that locks other writers out from before its first look at the version.
func (s *sqliteDB) migrate(ctx context.Context) error {
	pool := sql.OpenDB(&outer{s})
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	if err := s.db.up(ctx, goose.DialectSQLite3, pool); err != nil {
		return classify(ctx, err)
	}
	_, err := pool.ExecContext(ctx, "COMMIT")
	return classify(ctx, err)
}

// outer connects to a SQLite database and begins a transaction, inside which
// BEGIN and COMMIT are those of a savepoint.
type outer struct{ *sqliteDB }

func (o *outer) Driver() driver.Driver { return o.pool.Driver() }

func (o *outer) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := o.Driver().Open(sqliteDSN(o.path, sqliteWriting))
	if err != nil {
		return nil, err
	}
	inner := innerConn{conn, o.db}
	if err := inner.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return inner, nil
}

// innerConn has no method but those of driver.Conn, so that database/sql goes
// through Begin.
type innerConn struct {
	driver.Conn

	db *DB
}

// Prepare stands before every statement.
func (c innerConn) Prepare(statement string) (driver.Stmt, error) {
	if err := c.db.observe(context.Background(), statement); err != nil {
		return nil, err
	}
	return c.Conn.Prepare(statement)
}

func (c innerConn) Begin() (driver.Tx, error) {
	return c, c.exec(context.Background(), "SAVEPOINT step")
}

func (c innerConn) Commit() error { return c.exec(context.Background(), "RELEASE step") }

func (c innerConn) Rollback() error {
	return errors.Join(c.exec(context.Background(), "ROLLBACK TO step"), c.exec(context.Background(), "RELEASE step"))
}

func (c innerConn) exec(ctx context.Context, statement string) error {
	s, err := c.Prepare(statement)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.(driver.StmtExecContext).ExecContext(ctx, nil)
	return err
}
