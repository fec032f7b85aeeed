// Package idempotency keeps one answer for a repeated request.
//
// api puts a Request into the context of a POST that carries a key; the service
// does its unit of work through Do. The key's row is written in the transaction
// of the work itself, so that work and answer are on disk together or not at
// all. What is answered may be clinical, so it is kept sealed. A repeat reads the row with a lock: what it acknowledges is then as
// durable as what the first request acknowledged.
package idempotency

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// Errors that a caller may act on.
var (
	ErrMismatch   = errs.New(errs.Invalid, "idempotency-mismatch", "This Idempotency-Key was used with another request body.")
	ErrUnreadable = errs.New(errs.Unavailable, "answer-unreadable", "The first answer to this request can't be read by this server; try again.")
	ErrInProgress = errs.New(errs.Conflict, "idempotency-in-progress", "The first request with this Idempotency-Key is still at work; try again.")
)

const (
	keep      = 24 * time.Hour  // how long an answer is kept
	patience  = 2 * time.Second // how long a repeat waits for the first request
	cleanRows = 500             // the most that one transaction of Clean deletes
)

// Request is one use of an Idempotency-Key. Caller, Route and Key together name
// it: callers and routes do not share keys.
type Request struct {
	Caller, Route, Key string
	BodyHash           [32]byte
	// OlderHashes are other hashes under which the same body may be kept: of keys
	// that were rotated.
	OlderHashes [][32]byte
	// Seal keeps what is answered from who sees the database.
	Seal Sealer
	// Encode makes the answer of the work's result or, when err is not nil, of
	// a domain error. It runs in the transaction, perhaps more than once.
	Encode func(result any, err error) (Answer, error)
	// Patience is how long to wait for a first request that is still at work;
	// zero means 2 seconds.
	Patience time.Duration
}

// Sealer seals answers. associated is authenticated with the text. Its methods are
// safe for concurrent use.
type Sealer interface {
	Seal(plaintext, associated []byte) ([]byte, error)
	Unseal(sealed, associated []byte) ([]byte, error)
}

// same reports whether a body is the one that is kept under a hash.
func (r Request) same(hash [32]byte) bool {
	return hash == r.BodyHash || slices.Contains(r.OlderHashes, hash)
}

// use says what is sealed: the answer to this request.
func (r Request) use() []byte {
	return fmt.Appendf(nil, "answer to %q %q %q", r.Caller, r.Route, r.Key)
}

// Answer is what the first request was answered, to be sent again byte for byte.
type Answer struct {
	Status int
	Header map[string]string
	Body   []byte
}

// Replay is the error by which Do hands out an answer that was kept.
type Replay struct{ Answer Answer }

// Error says that there is an answer; it does not quote it.
func (r *Replay) Error() string { return "this request was answered before" }

// replay returns err, or the Replay of what is kept.
func replay(kept *Answer, err error) error {
	if err != nil {
		return err
	}
	return &Replay{*kept}
}

type contextKey struct{}

// With returns a context in which Do keeps the answer under req.
func With(ctx context.Context, req Request) context.Context {
	return context.WithValue(ctx, contextKey{}, req)
}

// Do runs work as one db.Update. When ctx carries a Request, it also keeps the
// answer: work's result, or its domain error, whose writes are undone. Other
// errors undo everything and keep nothing, so that the caller may try again.
//
// When the answer was kept before, work does not run. Then again judges whether
// the caller may still see it, and records that they did; if it agrees, the
// error is a *Replay. Do returns ErrMismatch when the key came with another
// body, ErrInProgress when the first request does not finish in time, and
// ErrUnreadable when its answer was sealed with keys that are not here.
//
// Like every closure of a transaction, work and again may run more than once.
func Do[T any](ctx context.Context, db *sqldb.DB, again func(ctx context.Context, tx *sqldb.Tx) error,
	work func(ctx context.Context, tx *sqldb.Tx) (T, error),
) (result T, err error) {
	req, keyed := ctx.Value(contextKey{}).(Request)
	if keyed {
		if kept, err := glance(ctx, db, req); err != nil || kept != nil {
			return result, replay(kept, err)
		}
	}
	var outcome error // a *Replay or a kept error, which must not undo the transaction
	err = db.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		result, outcome = *new(T), nil
		if !keyed {
			result, err = work(ctx, tx)
			return err
		}
		kept, err := reserve(ctx, db.Engine(), tx, req)
		if err != nil {
			return err
		}
		if kept != nil {
			outcome = &Replay{*kept}
			return again(ctx, tx)
		}
		outcome = tx.Savepoint(ctx, func() error {
			result, err = work(ctx, tx)
			return err
		})
		if outcome != nil && !keeps(errs.KindOf(outcome)) {
			return outcome
		}
		answer, err := encode(req, result, outcome)
		if err != nil {
			return err
		}
		if answer.Body, err = req.Seal.Seal(answer.Body, req.use()); err != nil {
			return err
		}
		return store(ctx, tx, req, answer, tx.Now())
	})
	if err == nil {
		err = outcome
	}
	if err != nil {
		result = *new(T)
	}
	return result, err
}

// keeps reports whether an error of this kind is an answer of the domain, which
// stays the same, and not a refusal or a failure on the way to it.
func keeps(k errs.Kind) bool {
	switch k {
	case errs.NotFound, errs.Conflict, errs.Gone, errs.PreconditionFailed, errs.PreconditionRequired, errs.Invalid:
		return true
	default:
		return false
	}
}

func encode[T any](req Request, result T, err error) (Answer, error) {
	if err != nil {
		return req.Encode(nil, err)
	}
	return req.Encode(result, nil)
}

// unseal reads a kept body. Before bodies were sealed they were JSON, or empty,
// which nothing sealed is.
func unseal(req Request, body []byte) ([]byte, error) {
	if len(body) == 0 || body[0] == '{' {
		return body, nil
	}
	plain, err := req.Seal.Unseal(body, req.use())
	if err != nil { // a server that has newer keys has sealed it, perhaps
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return plain, nil
}

// reserve makes the key's row this request's, or returns the answer that it
// holds. Whoever finds an answer has the row locked until the transaction ends.
func reserve(ctx context.Context, engine sqldb.Engine, tx *sqldb.Tx, req Request) (*Answer, error) {
	for {
		if mine, err := insertPatiently(ctx, engine, tx, req); err != nil || mine {
			return nil, err
		}
		k, err := lock(ctx, tx, req)
		switch {
		case errors.Is(err, sqldb.ErrNoRows): // cleaned up since; insert again
			continue
		case err != nil:
			return nil, err
		case !k.CreatedAt.Add(keep).After(tx.Now()):
			return nil, reset(ctx, tx, req)
		case !req.same(k.BodyHash):
			return nil, ErrMismatch
		}
		k.Answer.Body, err = unseal(req, k.Answer.Body)
		return &k.Answer, err
	}
}

// insertPatiently inserts the key's row and reports whether it did. On
// PostgreSQL that waits for a transaction that has just inserted it. SQLite has
// one writer, so nobody waits there; and a context that ended in a statement
// would undo the whole batch.
func insertPatiently(ctx context.Context, engine sqldb.Engine, tx *sqldb.Tx, req Request) (bool, error) {
	if engine == sqldb.SQLite {
		return insert(ctx, tx, req)
	}
	limit := req.Patience
	if limit == 0 {
		limit = patience
	}
	waiting, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	mine, err := insert(waiting, tx, req)
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		return false, ErrInProgress
	}
	return mine, err
}

// Clean deletes the answers that are no longer kept, and tells how many. It
// does so in short transactions.
func Clean(ctx context.Context, db *sqldb.DB) (total int, err error) {
	defer errs.Wrap(&err, "clean idempotency keys")
	for {
		var n int
		err := db.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			n, err = removeBefore(ctx, tx, tx.Now().Add(-keep), cleanRows)
			return err
		})
		total += n
		if err != nil || n < cleanRows {
			return total, err
		}
	}
}

// Forget deletes the answers that are kept for a caller.
func Forget(ctx context.Context, tx *sqldb.Tx, caller string) (err error) {
	defer errs.Wrap(&err, "forget kept answers")
	return removeOf(ctx, tx, caller)
}
