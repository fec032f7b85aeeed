package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
	"time"
)

const (
	maxQueue = 1024             // Updates that wait; one more gets ErrBusy
	maxGroup = 64               // closures that share a COMMIT
	turnFor  = 10 * time.Second // after which a closure's statements fail
)

// errUnwound stands for a closure that did not return but panicked.
var errUnwound = errors.New("sqldb: the closure did not return")

// writer is the one who writes to a SQLite database. It commits in groups: all
// Updates that wait share one COMMIT, whose cost is that of the disk, and are
// answered after it. Nobody waits for a group to fill.
type writer struct {
	db      *DB
	pool    *sql.DB // of one connection
	on      *session
	queue   chan *request
	ended   chan struct{}
	turnFor time.Duration

	untidy int // groups committed since the log was last looked at
}

// request is an Update on its way. Its closure runs on the caller's goroutine
// when the writer gives it the turn, so that a panic unwinds the caller alone.
type request struct {
	db    *DB
	ctx   context.Context
	fn    work
	state atomic.Int32 // of waiting, taken and dropped

	turn   chan *session // from the writer: run
	ran    chan error    // to the writer: it has run
	answer chan error    // from the writer: it is over

	tx  *Tx   // of the last run; the caller's
	err error // of the last run; the writer's
}

const (
	waiting int32 = iota
	taken
	dropped
)

func startWriter(ctx context.Context, db *DB, pool *sql.DB) (*writer, error) {
	w := &writer{db: db, pool: pool, queue: make(chan *request, maxQueue), ended: make(chan struct{}), turnFor: turnFor}
	if err := w.connect(ctx); err != nil {
		return nil, err
	}
	go w.serve()
	return w, nil
}

// connect opens the writer's connection. Without a write-ahead log, which some
// file systems can't hold, readers would wait for the writer and it for them.
func (w *writer) connect(ctx context.Context) error {
	conn, err := w.pool.Conn(ctx)
	if err != nil {
		return err
	}
	var mode string
	if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return errors.Join(err, conn.Close())
	}
	if mode != "wal" {
		return errors.Join(errors.New("the file system can't hold a write-ahead log"), conn.Close())
	}
	w.on = &session{conn: conn, prepared: make(map[string]*sql.Stmt), shielded: true}
	return nil
}

// update queues fn, runs it when its turn has come, and returns after COMMIT. A
// caller who goes before that is dropped; after it, there is no way back.
func (w *writer) update(ctx context.Context, fn work) error {
	r := &request{
		db: w.db, ctx: ctx, fn: fn,
		turn: make(chan *session, 1), ran: make(chan error, 1), answer: make(chan error, 1),
	}
	select {
	case w.queue <- r:
	default:
		return ErrBusy
	}
	cancelled := ctx.Done()
	for {
		select {
		case on := <-r.turn:
			r.run(on, w.turnFor)
		case err := <-r.answer:
			if err == nil {
				r.tx.committed()
			}
			return err
		case <-cancelled:
			if r.state.CompareAndSwap(waiting, dropped) {
				return ctx.Err()
			}
			cancelled = nil
		}
	}
}

// run runs the closure and hands the turn back however it ends.
func (r *request) run(on *session, limit time.Duration) {
	err := errUnwound
	defer func() { r.ran <- err }()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), limit)
	defer cancel()
	r.tx = &Tx{db: r.db, ctx: inside(ctx), on: on}
	err = r.tx.call(r.fn)
}

// take reports whether the caller still waits, who then goes on to wait.
func (r *request) take() bool { return r.state.CompareAndSwap(waiting, taken) }

// serve is the writer's goroutine.
func (w *writer) serve() {
	defer close(w.ended)
	for r := range w.queue {
		if r.take() {
			w.group(r)
		}
		if len(w.queue) == 0 {
			w.tidy()
		}
	}
}

// close ends the writer. No update may be under way.
func (w *writer) close() error {
	close(w.queue)
	<-w.ended
	return w.on.close()
}

// next returns one who waits, nil if nobody does.
func (w *writer) next() *request {
	for {
		select {
		case r := <-w.queue:
			if r != nil && !r.take() {
				continue
			}
			return r
		default:
			return nil
		}
	}
}
