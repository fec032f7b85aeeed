package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"medbook/internal/tracing"
)

const (
	connectFor = 10 * time.Second // how long a connection is tried
	retryFor   = 10 * time.Second // how long a View or Update is run again
	answerFor  = 10 * time.Second // how long the answer to COMMIT is waited for
)

// postgresDB is a database on a PostgreSQL server.
type postgresDB struct {
	db       *DB
	pool     *sql.DB
	begin    string // of an Update
	retryFor time.Duration
}

func openPostgres(ctx context.Context, db *DB, url string) (backend, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("open database: the postgres:// address can't be understood")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectFor
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "medbook"
	}
	pool := stdlib.OpenDB(*config)
	size := max(8, 4*runtime.GOMAXPROCS(0))
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	var isolation string
	if err := pool.QueryRowContext(ctx, "SHOW default_transaction_isolation").Scan(&isolation); err != nil {
		_ = pool.Close()
		text := fmt.Sprintf("open database %s at %s:%d: %s", config.Database, config.Host, config.Port, reason(err))
		return nil, &maskedError{text, classify(ctx, err)}
	}
	p := &postgresDB{db: db, pool: pool, begin: "BEGIN ISOLATION LEVEL READ COMMITTED", retryFor: retryFor}
	if isolation == "serializable" {
		p.begin = "BEGIN ISOLATION LEVEL SERIALIZABLE"
	}
	return p, nil
}

// reason returns why a connection failed, in one line.
func reason(err error) string {
	var answer *pgconn.PgError
	var network *net.OpError
	switch {
	case errors.As(err, &answer):
		return answer.Message
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer"
	case errors.As(err, &network):
		return network.Err.Error()
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

func (p *postgresDB) close() error { return p.pool.Close() }

func (p *postgresDB) view(ctx context.Context, fn work) error {
	_, err := p.retry(ctx, func() (*Tx, error) {
		return p.attempt(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", fn, nil)
	})
	return err
}

// update is READ COMMITTED, so that what follows a row lock is read after the
// wait for it, or SERIALIZABLE where that is the server's default. REPEATABLE
// READ, which would look past the lock, is never used.
func (p *postgresDB) update(ctx context.Context, fn work) error {
	tx, err := p.retry(ctx, func() (*Tx, error) {
		return p.attempt(ctx, p.begin, fn, p.commit)
	})
	if err == nil {
		tx.committed()
	}
	return err
}

// retry calls attempt until it succeeds, fails for a reason of its own, or
// retryFor is over.
func (p *postgresDB) retry(ctx context.Context, attempt func() (*Tx, error)) (*Tx, error) {
	pause := &backoff.ExponentialBackOff{
		InitialInterval: 2 * time.Millisecond, MaxInterval: 250 * time.Millisecond,
		Multiplier: 2, RandomizationFactor: 0.5,
	}
	attempts := 0
	tx, err := backoff.Retry(ctx, func() (*Tx, error) {
		attempts++
		tx, err := attempt()
		switch {
		case err == nil:
		case !retryable(err) || ctx.Err() != nil:
			err = backoff.Permanent(err)
		default:
			p.db.Instruments.Retried(whyAgain(err))
		}
		return tx, err
	}, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(p.retryFor))
	if attempts > 1 {
		tracing.Current(ctx).Count(tracing.Attempts, attempts)
	}
	switch {
	case err == nil:
		return tx, nil
	case errors.Is(err, context.Cause(ctx)): // it ended during a pause
		return nil, ctx.Err()
	case conflict(err):
		return nil, fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return nil, err
}

// attempt runs fn in a transaction, once, and ends it with commit or, without
// one or after an error or a panic, with ROLLBACK.
func (p *postgresDB) attempt(ctx context.Context, begin string, fn work, commit func(context.Context, *sql.Conn) error) (tx *Tx, err error) {
	conn, err := p.pool.Conn(ctx)
	if err != nil {
		return nil, classify(ctx, err)
	}
	committed := false
	defer func() {
		if !committed {
			p.rollback(ctx, conn)
		}
		_ = conn.Close()
	}()
	if err := p.do(ctx, conn, begin); err != nil {
		return nil, err
	}
	tx = &Tx{db: p.db, ctx: inside(ctx), on: &session{conn: conn}}
	if err := tx.call(fn); err != nil {
		return nil, err
	}
	if commit != nil {
		err = commit(ctx, conn)
		committed = err == nil
	}
	return tx, err
}

// commit sends COMMIT, unless the caller has gone, and then waits for the
// answer even if the caller goes.
func (p *postgresDB) commit(ctx context.Context, conn *sql.Conn) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := p.db.observe(ctx, "COMMIT"); err != nil {
		return classify(ctx, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerFor)
	defer cancel()
	return conn.Raw(func(driver any) error {
		server := driver.(*stdlib.Conn).Conn()
		if server.IsClosed() {
			return classify(ctx, pgconn.ErrConnClosed)
		}
		watch := p.db.Instruments.Start()
		tag, err := server.Exec(ctx, "COMMIT")
		p.db.Instruments.Committed(watch)
		switch {
		case err == nil && tag.String() != "COMMIT":
			return errors.New("sqldb: the server rolled back where it was told to commit")
		case err != nil && !refused(err):
			return unknown(err)
		}
		return classify(ctx, err)
	})
}

// refused reports whether err is the server's word that it did not do what it
// was told. A session that is being ended says FATAL, and may have done it.
// (pgconn.SafeToRetry is no help: it says yes to a COMMIT that was sent if the
// connection broke before the answer came.)
func refused(err error) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && answer.SeverityUnlocalized == "ERROR"
}

// rollback ends the transaction if the connection still works; the pool drops
// one that is in a transaction.
func (p *postgresDB) rollback(ctx context.Context, conn *sql.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerFor)
	defer cancel()
	_ = p.do(ctx, conn, "ROLLBACK")
}

func (p *postgresDB) do(ctx context.Context, conn *sql.Conn, statement string, args ...any) error {
	err := p.db.observe(ctx, statement)
	if err == nil {
		_, err = conn.ExecContext(ctx, statement, args...)
	}
	return classify(ctx, err)
}
