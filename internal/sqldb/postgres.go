package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	connectFor = 10 * time.Second // how long a connection is tried
	retryFor   = 10 * time.Second // how long a View or Update is run again
	answerFor  = 10 * time.Second // how long the answer to COMMIT is waited for
	idleFor    = 10 * time.Second // how long a transaction may rest between two statements
)

// postgresDB is a database on a PostgreSQL server.
type postgresDB struct {
	db       *DB
	config   pgx.ConnConfig
	pool     *sql.DB
	begin    string // of an Update
	retryFor time.Duration
	lockFor  time.Duration
	stepsFor time.Duration
}

func openPostgres(ctx context.Context, db *DB, url string) (backend, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errNotUnderstood
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectFor
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "medbook"
	}
	size, err := poolSize(config)
	if err != nil {
		return nil, err
	}
	pool := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(bounded))
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	var isolation string
	if err := pool.QueryRowContext(ctx, "SHOW default_transaction_isolation").Scan(&isolation); err != nil {
		_ = pool.Close()
		text := fmt.Sprintf("open database %s at %s:%d: %s", config.Database, config.Host, config.Port, reason(err))
		return nil, &maskedError{text, classify(ctx, err)}
	}
	p := &postgresDB{
		db: db, config: *config, pool: pool, begin: "BEGIN ISOLATION LEVEL READ COMMITTED",
		retryFor: retryFor, lockFor: lockFor, stepsFor: stepsFor,
	}
	if isolation == "serializable" {
		p.begin = "BEGIN ISOLATION LEVEL SERIALIZABLE"
	}
	return p, nil
}

// poolSize returns how many connections there may be at most: what the address says
// as pool_max_conns, which is no parameter of the server's, or as many as the
// machine can make use of.
func poolSize(config *pgx.ConnConfig) (int, error) {
	const name = "pool_max_conns"
	given, ok := config.RuntimeParams[name]
	if !ok {
		return max(8, 4*runtime.GOMAXPROCS(0)), nil
	}
	delete(config.RuntimeParams, name)
	size, err := strconv.Atoi(given)
	if err != nil || size < 2 {
		return 0, errors.New("open database: pool_max_conns takes a number of connections, 2 or more")
	}
	return size, nil
}

// bounded has the server end a transaction whose program does nothing for so long: it
// is frozen, or cut off, and others wait for the rows that it has locked. What the
// address or the server's settings say about it is left alone.
func bounded(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, fmt.Sprintf(`SELECT set_config('idle_in_transaction_session_timeout', '%dms', FALSE)
		WHERE current_setting('idle_in_transaction_session_timeout') = '0'`, idleFor.Milliseconds()))
	return err
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
	tx, err := backoff.Retry(ctx, func() (*Tx, error) {
		tx, err := attempt()
		if err != nil && (!retryable(err) || ctx.Err() != nil) {
			err = backoff.Permanent(err)
		}
		return tx, err
	}, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(p.retryFor))
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
		tag, err := server.Exec(ctx, "COMMIT")
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
