package sqldb

import (
	"context"
	"errors"
)

// group runs the closures of first and of all who queue meanwhile in one
// transaction, commits it, and answers them: refusals too, for they may have
// seen what others in the group wrote.
func (w *writer) group(first *request) {
	if err := w.begin(); err != nil {
		w.refuse(first, err)
		return
	}
	var ran []*request
	for n, r := 0, first; r != nil; r = w.next() {
		intact := w.try(r)
		if !errors.Is(r.err, errUnwound) && (intact || r.err == nil) {
			ran = append(ran, r)
		}
		if !intact {
			w.rollback()
			w.singly(ran)
			if r.err != nil {
				r.answer <- r.err
			}
			return
		}
		if n++; n == maxGroup {
			break
		}
	}
	w.finish(ran)
}

// try runs r's closure in a savepoint. It reports whether the transaction and
// what others did in it are still there: SQLite undoes all of it after some
// errors, such as a full disk.
func (w *writer) try(r *request) (intact bool) {
	if r.err = w.do("SAVEPOINT closure"); r.err != nil {
		return false
	}
	if r.err = w.give(r); r.err == nil {
		return w.do("RELEASE closure") == nil
	}
	return w.do("ROLLBACK TO closure") == nil && w.do("RELEASE closure") == nil
}

// give gives r the turn and waits until it comes back.
func (w *writer) give(r *request) error {
	r.turn <- w.on
	return <-r.ran
}

// finish commits what ran and answers. If it is certain that nothing was
// committed, each of several runs again by itself, so that only the one at
// fault fails.
func (w *writer) finish(ran []*request) {
	changed := false
	for _, r := range ran {
		changed = changed || r.err == nil
	}
	var err error
	if !changed {
		w.rollback()
	} else {
		w.db.Instruments.Group(len(ran))
		err = w.commit()
	}
	if len(ran) > 1 && sqliteCode(err)&0xff == sqliteConstraint {
		w.singly(ran)
		return
	}
	for _, r := range ran {
		if err != nil {
			r.err = err
		}
		r.answer <- r.err
	}
}

// singly runs each again, in a transaction of its own.
func (w *writer) singly(ran []*request) {
	for _, r := range ran {
		if r.err = w.begin(); r.err == nil {
			if r.err = w.give(r); r.err == nil {
				w.db.Instruments.Group(1)
				r.err = w.commit()
			} else {
				w.rollback()
			}
		}
		r.answer <- r.err
	}
}

// refuse answers err to first and to all who wait already, who would only find
// the same after as long a time.
func (w *writer) refuse(first *request, err error) {
	refused := []*request{first}
	for range len(w.queue) {
		if r := w.next(); r != nil {
			refused = append(refused, r)
		}
	}
	for _, r := range refused {
		r.answer <- err
	}
}

// begin takes the lock on the file. If the connection is the trouble, it gets
// another one.
func (w *writer) begin() error {
	const begin = "BEGIN IMMEDIATE"
	ctx := context.Background()
	if err := w.db.observe(ctx, begin); err != nil {
		return err
	}
	_, err := w.on.exec(ctx, begin, nil)
	if err != nil && sqliteCode(err)&0xff != sqliteBusy {
		w.on.discard()
		if err = w.connect(ctx); err == nil {
			_, err = w.on.exec(ctx, begin, nil)
		}
	}
	return classify(ctx, err)
}

// commit ends the transaction either way.
func (w *writer) commit() error {
	if err := w.db.observe(context.Background(), "COMMIT"); err != nil {
		w.rollback()
		return err
	}
	watch := w.db.Instruments.Start()
	_, err := w.on.exec(context.Background(), "COMMIT", nil)
	w.db.Instruments.Committed(watch)
	if err == nil {
		w.untidy++
		return nil
	}
	w.rollback()
	if surelyUndone(sqliteCode(err)) {
		return classify(context.Background(), err)
	}
	return unknown(err)
}

// surelyUndone reports whether a COMMIT that failed with SQLite's code has
// written nothing: SQLite then keeps the transaction open. After other errors
// the log may hold the transaction, and a restart may find it there.
func surelyUndone(code int) bool {
	return code&0xff == sqliteConstraint || code&0xff == sqliteBusy
}

// rollback ends the transaction if SQLite has not done so.
func (w *writer) rollback() { _ = w.do("ROLLBACK") }

func (w *writer) do(statement string) error {
	ctx := context.Background()
	err := w.db.observe(ctx, statement)
	if err == nil {
		_, err = w.on.exec(ctx, statement, nil)
	}
	return classify(ctx, err)
}
