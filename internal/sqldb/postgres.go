package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"medbook/internal/tracing"
)

// limits are how long what may take on a PostgreSQL database. A request that
// meets a failover waits for it, yet is answered before the HTTP server gives up
// on it after a minute.
type limits struct {
	retry     time.Duration // a View or Update looks for a server, and is run again, for so long
	begin     time.Duration // a statement that waits for nobody
	statement time.Duration // any other, unless it is Unhurried
	answer    time.Duration // the answer to COMMIT
	lock      time.Duration // a statement of a step of the migrations waits for a lock, while others wait behind it
	steps     time.Duration // steps that did not get their locks are tried again
}

var usual = limits{
	retry: 20 * time.Second, begin: 5 * time.Second, statement: 10 * time.Second, answer: 10 * time.Second,
	lock: 2 * time.Second, steps: 2 * time.Minute,
}

// postgresDB is a database on one PostgreSQL server, or on the one of several
// that takes writes.
type postgresDB struct {
	db      *DB
	servers *servers
	pool    *sql.DB
	begin   string // of an Update
	limits  limits
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
	p := &postgresDB{db: db, servers: newServers(config), begin: "BEGIN ISOLATION LEVEL READ COMMITTED", limits: usual}
	p.pool = sql.OpenDB(p.servers)
	p.pool.SetMaxOpenConns(size)
	p.pool.SetMaxIdleConns(size)
	var isolation string
	if err := p.pool.QueryRowContext(ctx, "SHOW default_transaction_isolation").Scan(&isolation); err != nil {
		_ = p.pool.Close()
		return nil, &maskedError{p.servers.whyNot(config.Database, err), classify(ctx, err)}
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

// idleFor is how long a transaction may rest between two statements.
const idleFor = 10 * time.Second

// settle is the first that a connection says. It has the server end a transaction
// whose program does nothing for so long: it is frozen, or cut off, and others wait for
// the rows that it has locked. What the address or the server's settings say about it
// is left alone. And the server is not to hide warnings: one tells that it committed
// without its standbys.
func settle(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, fmt.Sprintf(`SELECT
		CASE WHEN current_setting('idle_in_transaction_session_timeout') = '0'
			THEN set_config('idle_in_transaction_session_timeout', '%dms', FALSE) END,
		CASE WHEN current_setting('client_min_messages') IN ('error', 'fatal', 'panic')
			THEN set_config('client_min_messages', 'warning', FALSE) END`, idleFor.Milliseconds()))
	return err
}

func (p *postgresDB) close() error { return p.pool.Close() }

func (p *postgresDB) view(ctx context.Context, fn work) error {
	_, err := p.retry(ctx, func(until time.Time) (*Tx, error) {
		return p.attempt(ctx, until, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", fn, nil)
	})
	return err
}

// update is READ COMMITTED, so that what follows a row lock is read after the
// wait for it, or SERIALIZABLE where that is the server's default. REPEATABLE
// READ, which would look past the lock, is never used.
func (p *postgresDB) update(ctx context.Context, fn work) error {
	tx, err := p.retry(ctx, func(until time.Time) (*Tx, error) {
		return p.attempt(ctx, until, p.begin, fn, p.commit)
	})
	if err == nil {
		tx.committed()
	}
	return err
}

// retry calls attempt until it succeeds, fails for a reason of its own, or the
// time for that is over.
func (p *postgresDB) retry(ctx context.Context, attempt func(until time.Time) (*Tx, error)) (*Tx, error) {
	pause := &backoff.ExponentialBackOff{
		InitialInterval: 2 * time.Millisecond, MaxInterval: 250 * time.Millisecond,
		Multiplier: 2, RandomizationFactor: 0.5,
	}
	attempts, until := 0, time.Now().Add(p.limits.retry)
	tx, err := backoff.Retry(ctx, func() (*Tx, error) {
		attempts++
		tx, err := attempt(until)
		switch {
		case err == nil:
		case !retryable(err) || ctx.Err() != nil:
			err = backoff.Permanent(err)
		default:
			p.db.Instruments.Retried(whyAgain(err))
		}
		return tx, err
	}, backoff.WithBackOff(pause), backoff.WithMaxElapsedTime(p.limits.retry))
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
func (p *postgresDB) attempt(ctx context.Context, until time.Time, begin string, fn work, commit func(context.Context, *sql.Conn, *link) error) (tx *Tx, err error) {
	conn, l, err := p.connection(ctx, until)
	if err != nil {
		return nil, err
	}
	committed := false
	defer func() {
		if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrOutcomeUnknown) {
			p.servers.lose(l)
		}
		if !committed {
			p.rollback(ctx, conn)
		}
		_ = conn.Close()
	}()
	if err := p.do(ctx, conn, begin); err != nil {
		return nil, err
	}
	tx = &Tx{db: p.db, ctx: inside(ctx), on: &session{conn: conn, limit: p.limits.statement}, writes: commit != nil}
	if err := tx.call(fn); err != nil {
		return nil, err
	}
	if commit != nil {
		err = commit(ctx, conn, l)
		committed = err == nil
	}
	return tx, err
}

// connection takes a connection from the pool, or makes one, at the latest at
// the given instant.
func (p *postgresDB) connection(ctx context.Context, until time.Time) (*sql.Conn, *link, error) {
	waiting, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	conn, err := p.pool.Conn(waiting)
	switch {
	case err == nil:
		l, err := linkOf(conn)
		return conn, l, classify(ctx, err)
	case ctx.Err() == nil && waiting.Err() != nil && !lost(err):
		if failed := p.servers.down(); failed != nil {
			return nil, nil, unavailable(failed)
		}
		return nil, nil, fmt.Errorf("%w: no connection was free", ErrBusy)
	}
	return nil, nil, classify(ctx, err)
}

// commit sends COMMIT, unless the caller has gone, and then waits for the
// answer even if the caller goes.
func (p *postgresDB) commit(ctx context.Context, conn *sql.Conn, l *link) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := p.db.observe(ctx, "COMMIT"); err != nil {
		return classify(ctx, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.limits.answer)
	defer cancel()
	return conn.Raw(func(driver any) error {
		server := driver.(*stdlib.Conn).Conn()
		if server.IsClosed() {
			return classify(ctx, pgconn.ErrConnClosed)
		}
		l.warned = false
		watch := p.db.Instruments.Start()
		tag, err := server.Exec(ctx, "COMMIT")
		p.db.Instruments.Committed(watch)
		switch {
		case err == nil && tag.String() != "COMMIT":
			return errors.New("sqldb: the server rolled back where it was told to commit")
		case err == nil && l.warned:
			return unknown(errAlone)
		case err != nil && !refused(err):
			return unknown(err)
		}
		return classify(ctx, err)
	})
}

// errAlone is what a warning at COMMIT means: somebody ended the wait for the
// standbys. What was committed can be seen, and yet be lost with the server.
var errAlone = errors.New("the server committed without its standbys")

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
	_ = p.do(context.WithoutCancel(ctx), conn, "ROLLBACK")
}

// do runs a statement that waits for nobody.
func (p *postgresDB) do(ctx context.Context, conn *sql.Conn, statement string) error {
	if err := p.db.observe(ctx, statement); err != nil {
		return classify(ctx, err)
	}
	limited, cancel := context.WithTimeoutCause(ctx, p.limits.begin, errOverdue)
	defer cancel()
	_, err := conn.ExecContext(limited, statement)
	return classify(ctx, overdue(limited, err))
}
