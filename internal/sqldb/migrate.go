package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/pressly/goose/v3"

	"medbook/internal/errs"
	"medbook/internal/sqldb/migrations"
)

var errNotMigrated = errs.New(errs.Unavailable, "database-not-migrated", "The database has not been brought up to date yet.")

// Migrate brings the schema up to date. Several processes may do so at once. It
// returns ErrNewer, having changed nothing, if the database is newer than the
// program, and ErrUnfinished if it is being filled.
func (db *DB) Migrate(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "migrate")
	have, want, err := db.versions(ctx)
	switch {
	case err != nil:
		return err
	case have > want:
		return ErrNewer
	case have == want:
		return nil
	}
	err = db.within(ctx, nil, func(ctx context.Context, _ work) error { return db.be.migrate(ctx, want) })
	if err != nil {
		return err
	}
	return db.CheckVersion(ctx) // a newer program may have been faster
}

// CheckVersion returns ErrNewer if the database is newer than the program, and
// ErrUnfinished if it is being filled.
func (db *DB) CheckVersion(ctx context.Context) error {
	have, want, err := db.versions(ctx)
	if err == nil && have > want {
		return ErrNewer
	}
	return err
}

// Ready returns nil if the database answers and its schema is the program's.
func (db *DB) Ready(ctx context.Context) error {
	have, want, err := db.versions(ctx)
	switch {
	case err != nil:
		return err
	case have > want:
		return ErrNewer
	case have < want:
		return errNotMigrated
	}
	return nil
}

// Version returns the version of the schema, 0 of a database without one. It returns
// ErrUnfinished if the database is being filled.
func (db *DB) Version(ctx context.Context) (version int64, err error) {
	version, _, err = db.versions(ctx)
	return version, err
}

// versions returns the version of the schema and that of the newest step.
func (db *DB) versions(ctx context.Context) (have, want int64, err error) {
	if want, err = Newest(); err != nil {
		return 0, 0, err
	}
	err = db.View(ctx, func(ctx context.Context, tx *Tx) error {
		filling, err := tx.exists(ctx, unfinished)
		if err == nil && filling {
			err = ErrUnfinished
		}
		if err != nil {
			return err
		}
		begun, err := tx.exists(ctx, "goose_db_version")
		if err != nil || !begun {
			return err
		}
		have, err = One(ctx, tx, scanTo[int64], "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version")
		return err
	})
	return have, want, err
}

// exists reports whether there is a table of that name.
func (tx *Tx) exists(ctx context.Context, table string) (bool, error) {
	query := "SELECT count(*) > 0 FROM sqlite_schema WHERE name = $1"
	if tx.db.engine == Postgres {
		query = "SELECT to_regclass(CAST($1 AS TEXT)) IS NOT NULL"
	}
	return One(ctx, tx, scanTo[bool], query, table)
}

func scanTo[T any](r Row) (v T, err error) {
	err = r.Scan(&v)
	return v, err
}

// up applies the missing steps up to a version by way of pool.
func up(ctx context.Context, dialect goose.Dialect, pool *sql.DB, version int64) error {
	steps, err := goose.NewProvider(dialect, pool, migrations.Files, goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	_, err = steps.UpTo(ctx, version)
	return err
}

// migrate holds a lock on a connection of its own while goose is at work.
func (p *postgresDB) migrate(ctx context.Context, version int64) error {
	const key = 0x6d6564626f6f6b // "medbook"
	conn, err := p.pool.Conn(ctx)
	if err != nil {
		return classify(ctx, err)
	}
	defer conn.Close()
	if err := p.do(ctx, conn, "SELECT pg_advisory_lock($1)", int64(key)); err != nil {
		return err
	}
	defer func() { _ = p.do(context.WithoutCancel(ctx), conn, "SELECT pg_advisory_unlock($1)", int64(key)) }()
	return classify(ctx, up(ctx, goose.DialectPostgres, p.pool, version))
}

// migrate has goose, which knows no lock for SQLite, work inside a transaction
// that locks other writers out from before its first look at the version.
func (s *sqliteDB) migrate(ctx context.Context, version int64) error {
	pool := sql.OpenDB(&outer{s})
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	if err := up(ctx, goose.DialectSQLite3, pool, version); err != nil {
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
	inner := innerConn{conn}
	if err = o.db.observe(ctx, "BEGIN IMMEDIATE"); err == nil {
		err = inner.exec("BEGIN IMMEDIATE")
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return inner, nil
}

// innerConn has no method but those of driver.Conn, so that database/sql goes
// through Begin.
type innerConn struct{ driver.Conn }

func (c innerConn) Begin() (driver.Tx, error) { return c, c.exec("SAVEPOINT step") }
func (c innerConn) Commit() error             { return c.exec("RELEASE step") }
func (c innerConn) Rollback() error {
	return errors.Join(c.exec("ROLLBACK TO step"), c.exec("RELEASE step"))
}

func (c innerConn) exec(statement string) error {
	s, err := c.Prepare(statement)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.(driver.StmtExecContext).ExecContext(context.Background(), nil)
	return err
}
