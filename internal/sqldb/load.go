package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"medbook/internal/errs"
)

// The errors of a load.
var (
	ErrUnfinished = errs.New(errs.Unavailable, "database-unfinished", "A restore or a copy into this database was not finished. Run the same command again; a restore also needs --begin-anew.")
	ErrNotEmpty   = errors.New("the database is not empty, and nothing is written over: choose another, or take this one away by hand")
	ErrOther      = errors.New("this database has the beginning of something else: give --begin-anew to throw that away")
	ErrTakenOver  = errors.New("another restore or copy into this database has begun")
)

// unfinished is the table that a database has while it is being filled, and none
// that can be served. No migration makes it, for a database of any version is
// filled.
const unfinished = "medbook_unfinished"

// Filling says what a database is filled with.
type Filling struct {
	What    string // "restore" or "copy"
	Source  string // which one: what was begun with it goes on with it only
	Version int64  // of the schema that the rows have
	Resume  bool   // go on with what was begun with the same source
	Anew    bool   // throw away what was begun, whatever it was; nothing that was finished is
}

// Load fills a database that has nothing in it with rows that were somewhere else,
// table by table, faster than Update could. No other process can use the database
// before Done: Migrate and Ready fail with ErrUnfinished. It may be killed at any
// time. What it has written by then is the beginning of each table in the order of
// its key, so that another can go on.
//
// It is for one goroutine, and for package archive, which sees to it that what was
// loaded is what there was: none of the program's rules are asked.
type Load struct {
	Layout Layout

	db    *DB
	conn  *sql.Conn
	pool  *sql.DB // of conn, on SQLite
	owner string
	stmts map[string]*sql.Stmt // by their text; on SQLite
}

// StartLoad makes the database ready to be filled: it has the schema of f.Version,
// without the indexes that are not keys. resumed reports whether there are rows of
// one that was begun before.
//
// It returns ErrNotEmpty, and has changed nothing, if there is a row in any table;
// ErrUnfinished for what was begun and may not be resumed; ErrOther for what was
// begun with another source.
func (db *DB) StartLoad(ctx context.Context, f Filling) (_ *Load, resumed bool, err error) {
	defer errs.Wrap(&err, "make the database ready")
	l := &Load{db: db, owner: uuid.NewString(), stmts: map[string]*sql.Stmt{}}
	if l.Layout, err = LayoutAt(ctx, f.Version); err != nil {
		return nil, false, err
	}
	if err := db.be.startLoad(ctx, l); err != nil {
		return nil, false, err
	}
	if resumed, err = l.take(ctx, f); err == nil {
		err = l.prepare(ctx)
		if err == nil && !resumed {
			err = l.clear(ctx)
		}
		if err != nil && !resumed {
			err = errors.Join(err, l.Undo(context.WithoutCancel(ctx)))
		}
	}
	if err != nil {
		l.Close()
		return nil, false, err
	}
	return l, resumed, nil
}

// prepare gives the database its tables, without the indexes that are not keys.
func (l *Load) prepare(ctx context.Context) error {
	if err := l.db.be.migrate(ctx, l.Layout.Version); err != nil {
		return err
	}
	for _, t := range l.Layout.Tables {
		for _, i := range t.indexes {
			if err := l.exec(ctx, "DROP INDEX IF EXISTS "+i.name); err != nil {
				return err
			}
		}
	}
	return nil
}

// clear deletes the rows that the migrations have made: what is loaded has them.
func (l *Load) clear(ctx context.Context) error {
	for _, t := range l.Layout.Tables {
		if t.made == 0 {
			continue
		}
		if err := l.exec(ctx, "DELETE FROM "+t.Name); err != nil {
			return err
		}
	}
	return nil
}

// take marks the database as ours, in one transaction with the look at what is in
// it, and reports whether there is something to go on with.
func (l *Load) take(ctx context.Context, f Filling) (resumed bool, err error) {
	newest, err := Newest()
	if err != nil {
		return false, err
	}
	latest, err := LayoutAt(ctx, newest)
	if err != nil {
		return false, err
	}
	err = l.transaction(ctx, func() error {
		have, err := l.tables(ctx)
		if err != nil {
			return err
		}
		ours := mine(have, latest, l.Layout)
		if slices.Contains(have, unfinished) {
			if resumed, err = l.resume(ctx, f); err != nil || resumed {
				return err
			}
		} else if err := l.empty(ctx, ours, latest); err != nil {
			return err
		}
		for _, t := range ours {
			if err := l.exec(ctx, "DROP TABLE "+t); err != nil {
				return err
			}
		}
		if err := l.exec(ctx, `CREATE TABLE IF NOT EXISTS `+unfinished+` (id BIGINT PRIMARY KEY, what TEXT NOT NULL, source TEXT NOT NULL,
				version BIGINT NOT NULL, owner TEXT NOT NULL, steps BIGINT NOT NULL)`); err != nil {
			return err
		}
		return l.exec(ctx, `INSERT INTO `+unfinished+` VALUES (1, $1, $2, $3, $4, 0) ON CONFLICT (id) DO UPDATE
			SET what = excluded.what, source = excluded.source, version = excluded.version, owner = excluded.owner`,
			f.What, f.Source, f.Version, l.owner)
	})
	return resumed, err
}

// mine returns those of the tables that are ours, what refers to others first, and
// the migration tool's.
func mine(have []string, schemas ...Layout) (ours []string) {
	for _, s := range schemas {
		for _, t := range slices.Backward(s.Tables) {
			if slices.Contains(have, t.Name) && !slices.Contains(ours, t.Name) {
				ours = append(ours, t.Name)
			}
		}
	}
	if slices.Contains(have, "goose_db_version") {
		ours = append(ours, "goose_db_version")
	}
	return ours
}

// resume judges what was begun. It is as if there were nothing if that is to be
// thrown away.
func (l *Load) resume(ctx context.Context, f Filling) (bool, error) {
	var what, source string
	var version int64
	err := l.conn.QueryRowContext(ctx, "SELECT what, source, version FROM "+unfinished).Scan(&what, &source, &version)
	switch {
	case f.Anew, errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	case what != f.What, !f.Resume:
		return false, ErrUnfinished
	case source != f.Source, version != f.Version:
		return false, ErrOther
	}
	return true, l.exec(ctx, "UPDATE "+unfinished+" SET owner = $1", l.owner)
}

// empty returns ErrNotEmpty if any of the tables has a row that no migration made.
// Nobody writes one before the transaction is over.
func (l *Load) empty(ctx context.Context, tables []string, latest Layout) error {
	for _, t := range tables {
		if l.db.engine == Postgres {
			if err := l.exec(ctx, "LOCK TABLE "+t+" IN ACCESS EXCLUSIVE MODE"); err != nil {
				return err
			}
		}
		var full bool
		beyond := max(latest.made(t), l.Layout.made(t))
		if err := l.conn.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM "+t+" LIMIT 1 OFFSET "+strconv.FormatInt(beyond, 10)+")").Scan(&full); err != nil {
			return err
		}
		if full && t != "goose_db_version" {
			return ErrNotEmpty
		}
	}
	return nil
}

// tables lists the tables of the database.
func (l *Load) tables(ctx context.Context) (names []string, err error) {
	query := "SELECT name FROM sqlite_schema WHERE type = 'table'"
	if l.db.engine == Postgres {
		query = "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = current_schema()"
	}
	rows, err := l.conn.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// LastKey returns the greatest key that a table has, nil if it is empty.
func (l *Load) LastKey(ctx context.Context, t Table) (key []any, err error) {
	err = l.db.View(ctx, func(ctx context.Context, tx *Tx) (err error) {
		key, err = tx.LastKey(ctx, t)
		return err
	})
	return key, err
}

// Count returns how many rows of a table are there.
func (l *Load) Count(ctx context.Context, t Table) (n int64, err error) {
	err = l.db.View(ctx, func(ctx context.Context, tx *Tx) (err error) {
		n, err = tx.Count(ctx, t)
		return err
	})
	return n, err
}

// Insert writes rows of a table, all or none. They must come in the order of the
// key, after those that there are.
func (l *Load) Insert(ctx context.Context, t Table, rows [][]any) (err error) {
	defer errs.Wrap(&err, "load %s", t.Name)
	return l.transaction(ctx, func() error {
		if err := l.step(ctx); err != nil {
			return err
		}
		return l.db.be.insert(ctx, l, t, rows)
	})
}

// step makes sure that nobody else has begun to fill the database.
func (l *Load) step(ctx context.Context) error {
	result, err := l.conn.ExecContext(ctx, "UPDATE "+unfinished+" SET steps = steps + 1 WHERE owner = $1", l.owner)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(ErrTakenOver, err)
	}
	return nil
}

// BuildIndexes makes the indexes anew that a load does without, and says before
// each which.
func (l *Load) BuildIndexes(ctx context.Context, next func(name string)) (err error) {
	defer errs.Wrap(&err, "build indexes")
	for _, t := range l.Layout.Tables {
		for _, i := range t.indexes {
			next(i.name)
			err := l.transaction(ctx, func() error {
				if err := l.step(ctx); err != nil {
					return err
				}
				if err := l.exec(ctx, "DROP INDEX IF EXISTS "+i.name); err != nil {
					return err
				}
				return l.exec(ctx, i.made)
			})
			if err != nil {
				return err
			}
		}
	}
	if l.db.engine == Postgres {
		return l.exec(ctx, "ANALYZE") // else its planner knows nothing for a minute
	}
	return nil
}

// Migrate brings the schema from the version of the rows to the program's.
func (l *Load) Migrate(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "migrate")
	newest, err := Newest()
	if err != nil {
		return err
	}
	return l.db.be.migrate(ctx, newest)
}

// Done makes the database one that can be served. nil means that it is on disk.
func (l *Load) Done(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "finish the load")
	err = l.transaction(ctx, func() error {
		if err := l.step(ctx); err != nil {
			return err
		}
		return l.exec(ctx, "DROP TABLE "+unfinished)
	})
	if err == nil && l.db.engine == SQLite {
		var busy, logged, moved int
		err = l.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &logged, &moved)
	}
	return err
}

// Undo takes away all that was loaded, so that the database is as empty as before.
func (l *Load) Undo(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "take away what was loaded")
	newest, err := Newest()
	if err != nil {
		return err
	}
	latest, err := LayoutAt(ctx, newest)
	if err != nil {
		return err
	}
	return l.transaction(ctx, func() error {
		if err := l.step(ctx); err != nil {
			return err
		}
		have, err := l.tables(ctx)
		if err != nil {
			return err
		}
		for _, t := range append(mine(have, latest, l.Layout), unfinished) {
			if err := l.exec(ctx, "DROP TABLE "+t); err != nil {
				return err
			}
		}
		return nil
	})
}

// Close gives the connection back. What was loaded stays as it is.
func (l *Load) Close() {
	for _, s := range l.stmts {
		_ = s.Close()
	}
	_ = l.conn.Close()
	if l.pool != nil {
		_ = l.pool.Close()
	}
}

// transaction runs fn in one, on the load's connection.
func (l *Load) transaction(ctx context.Context, fn func() error) error {
	begin := "BEGIN IMMEDIATE"
	if l.db.engine == Postgres {
		begin = "BEGIN ISOLATION LEVEL READ COMMITTED"
	}
	if err := l.exec(ctx, begin); err != nil {
		return err
	}
	err := fn()
	if err == nil {
		err = l.exec(ctx, "COMMIT")
	}
	if err != nil {
		_ = l.exec(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return classify(ctx, err)
}

func (l *Load) exec(ctx context.Context, statement string, args ...any) error {
	if err := l.db.observe(ctx, statement); err != nil {
		return err
	}
	_, err := l.conn.ExecContext(ctx, statement, args...)
	return classify(ctx, err)
}

// sqliteLoading are the options of the connection that fills a database: commits
// need not be on disk before Done is, the order is kept anyway. Indexes are sorted
// in files, for memory may not have room for them.
const sqliteLoading = "_journal_mode=WAL&_busy_timeout=10000&_foreign_keys=1&_synchronous=NORMAL&_txlock=immediate&_dqs=0" +
	"&_pragma=temp_store(FILE)&_pragma=wal_autocheckpoint(8000)&_pragma=journal_size_limit(67108864)&_pragma=cache_size(-65536)"

func (s *sqliteDB) startLoad(ctx context.Context, l *Load) (err error) {
	if l.pool, err = sql.Open("sqlite", sqliteDSN(s.path, sqliteLoading)); err != nil {
		return err
	}
	if l.conn, err = l.pool.Conn(ctx); err != nil {
		return errors.Join(classify(ctx, err), l.pool.Close())
	}
	return nil
}

func (p *postgresDB) startLoad(ctx context.Context, l *Load) (err error) {
	l.conn, err = p.pool.Conn(ctx)
	return classify(ctx, err)
}

// rowsAtOnce is how many rows one statement inserts.
const rowsAtOnce = 20

func (s *sqliteDB) insert(ctx context.Context, l *Load, t Table, rows [][]any) error {
	args := make([]any, 0, rowsAtOnce*len(t.Columns))
	for some := range slices.Chunk(rows, rowsAtOnce) {
		args = args[:0]
		for _, row := range some {
			args = append(args, row...)
		}
		stmt, err := l.statement(ctx, t, len(some)) //nolint:sqlclosecheck // it stays until Close
		if err != nil {
			return err
		}
		if _, err := stmt.ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// statement returns the INSERT of so many rows. Its parameters have no numbers, by
// which the driver would look each up among all.
func (l *Load) statement(ctx context.Context, t Table, rows int) (*sql.Stmt, error) {
	group := "(" + strings.Repeat("?,", len(t.Columns)-1) + "?)"
	query := "INSERT INTO " + t.Name + " (" + t.names() + ") VALUES " + strings.Repeat(group+",", rows-1) + group
	if stmt, ok := l.stmts[query]; ok {
		return stmt, nil
	}
	if len(l.stmts) >= maxStatements {
		for text, s := range l.stmts {
			_ = s.Close()
			delete(l.stmts, text)
		}
	}
	stmt, err := l.conn.PrepareContext(ctx, query)
	if err == nil {
		l.stmts[query] = stmt
	}
	return stmt, err
}

// insert uses COPY, which takes a twentieth of the time of INSERT for each row.
func (p *postgresDB) insert(ctx context.Context, l *Load, t Table, rows [][]any) error {
	if err := p.db.observe(ctx, "COPY "+t.Name); err != nil {
		return err
	}
	columns := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = c.Name
	}
	return l.conn.Raw(func(driver any) error {
		n, err := driver.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{t.Name}, columns, pgx.CopyFromRows(rows))
		if err == nil && n != int64(len(rows)) {
			err = fmt.Errorf("sqldb: the server took %d rows of %d", n, len(rows))
		}
		return err
	})
}
