package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"

	_ "modernc.org/sqlite" // the driver

	"medbook/internal/measure"
)

const (
	sqliteWriting = "_journal_mode=WAL&_busy_timeout=10000&_foreign_keys=1&_synchronous=FULL&_txlock=immediate&_dqs=0" +
		"&_pragma=temp_store(MEMORY)&_pragma=wal_autocheckpoint(8000)&_pragma=journal_size_limit(67108864)"
	sqliteReading = "_busy_timeout=10000&_query_only=1&_dqs=0&_pragma=temp_store(MEMORY)"
)

// sqliteDB is a database file: one connection writes, a few read.
type sqliteDB struct {
	db      *DB
	path    string
	pool    *sql.DB // of the writer's one connection
	reads   *sql.DB
	readers chan *session // those at rest; nil is one to be opened
	writer  *writer

	waits, waited atomic.Int64 // Views that found no reader at rest, and for how many nanoseconds
}

func openSQLite(ctx context.Context, db *DB, path string) (_ backend, err error) {
	path = strings.TrimPrefix(path, "//") // sqlite:///… out of habit
	defer func() {
		if err != nil {
			err = fmt.Errorf("open database %s: %w", path, err)
		}
	}()
	if err := prepareFile(path); err != nil {
		return nil, err
	}
	s := &sqliteDB{db: db, path: path}
	if s.pool, err = sql.Open("sqlite", sqliteDSN(path, sqliteWriting)); err != nil {
		return nil, err
	}
	if s.reads, err = sql.Open("sqlite", sqliteDSN(path, sqliteReading)); err != nil {
		return nil, err
	}
	if s.writer, err = startWriter(ctx, db, s.pool); err != nil {
		_, _ = s.pool.Close(), s.reads.Close()
		return nil, err
	}
	s.readers = make(chan *session, max(1, runtime.GOMAXPROCS(0)-1))
	for range cap(s.readers) {
		s.readers <- nil
	}
	return s, nil
}

// prepareFile makes the folder and the file, for the owner's eyes only.
func prepareFile(path string) error {
	if path == "" {
		return errors.New("the path is missing")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	// Only a new file is opened: closing a file that SQLite has open in this
	// process would drop its locks.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// sqliteDSN returns the driver's name for the file at path.
func sqliteDSN(path, options string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	return "file://" + (&url.URL{Path: path}).EscapedPath() + "?" + options
}

func (s *sqliteDB) update(ctx context.Context, fn work) error { return s.writer.update(ctx, fn) }

func (s *sqliteDB) view(ctx context.Context, fn work) error {
	on, err := s.reader(ctx)
	if err != nil {
		return err
	}
	defer s.rest(ctx, on)
	if err := s.db.observe(ctx, "BEGIN"); err != nil {
		return err
	}
	if _, err := on.exec(ctx, "BEGIN", nil); err != nil {
		return classify(ctx, err)
	}
	tx := &Tx{db: s.db, ctx: inside(ctx), on: on}
	return tx.call(fn)
}

// reader returns a connection that nobody uses, waiting for one if need be.
func (s *sqliteDB) reader(ctx context.Context) (*session, error) {
	on, err := s.rested(ctx)
	if err != nil {
		return nil, err
	}
	if on != nil {
		return on, nil
	}
	conn, err := s.reads.Conn(ctx)
	if err != nil {
		s.readers <- nil
		return nil, classify(ctx, err)
	}
	return &session{conn: conn, prepared: make(map[string]*sql.Stmt)}, nil
}

// rested waits for a reader at rest.
func (s *sqliteDB) rested(ctx context.Context) (*session, error) {
	select {
	case on := <-s.readers:
		return on, nil
	default:
	}
	watch := measure.StartStopwatch()
	s.waits.Add(1)
	defer func() { s.waited.Add(int64(watch.Elapsed())) }()
	select {
	case on := <-s.readers:
		return on, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// rest ends what a reader may have begun and gives it back.
func (s *sqliteDB) rest(ctx context.Context, on *session) {
	ctx = context.WithoutCancel(ctx)
	_ = s.db.observe(ctx, "ROLLBACK")
	if _, err := on.exec(ctx, "ROLLBACK", nil); err != nil {
		on.discard()
		on = nil
	}
	s.readers <- on
}

func (s *sqliteDB) close() error {
	err := s.writer.close()
	for range cap(s.readers) {
		if on := <-s.readers; on != nil {
			err = errors.Join(err, on.close())
		}
	}
	return errors.Join(err, s.reads.Close(), s.pool.Close())
}
