package sqldb

import (
	"context"
	"errors"
	"time"

	"medbook/internal/measure"
	"medbook/internal/tracing"
)

// Stats is how busy a database is at a moment.
type Stats struct {
	Pools            []Pool
	Queue, QueueMost int // Updates that wait for SQLite's writer, and how many may; zero on PostgreSQL
}

// Pool is how the connections of one kind are used.
type Pool struct {
	Name              string // "readers" of SQLite, whose writer has one of its own, or "postgres"
	InUse, Idle, Most int
	Waits             int64         // since the start, of Views and Updates that found none idle
	Waited            time.Duration // how long they did in all
}

// Stats returns how busy the database is. It asks nobody.
func (db *DB) Stats() Stats { return db.be.stats() }

func (p *postgresDB) stats() Stats {
	s := p.pool.Stats()
	return Stats{Pools: []Pool{{
		Name: p.db.engine.String(), InUse: s.InUse, Idle: s.Idle, Most: s.MaxOpenConnections, Waits: s.WaitCount, Waited: s.WaitDuration,
	}}}
}

func (s *sqliteDB) stats() Stats {
	idle := len(s.readers)
	return Stats{
		Pools: []Pool{{
			Name: "readers", InUse: cap(s.readers) - idle, Idle: idle, Most: cap(s.readers), Waits: s.waits.Load(), Waited: time.Duration(s.waited.Load()),
		}},
		Queue: len(s.writer.queue), QueueMost: cap(s.writer.queue),
	}
}

// watched runs fn by way of within, counts what it has come to, and makes it a span
// of the trace that ctx is part of.
func (db *DB) watched(ctx context.Context, k measure.Kind, fn work, run func(context.Context, work) error) (err error) {
	watch := db.Instruments.Start()
	ctx, span := tracing.Start(ctx, "transaction")
	returned := errUnwound
	defer func() {
		o := outcomeOf(returned)
		db.Instruments.Transaction(k, o, watch)
		span.Set(tracing.Engine, db.engine.system())
		span.Set(tracing.Kind, k.String())
		span.Set(tracing.Outcome, o.String())
		if o == measure.Busy || o == measure.Unavailable || o == measure.Unknown {
			span.Fail(o.String())
		}
		span.End(nil)
	}()
	err = db.within(ctx, fn, run)
	returned = err
	return err
}

// system is the engine's name in traces.
func (e Engine) system() string {
	if e == SQLite {
		return "sqlite"
	}
	return "postgresql"
}

// outcomeOf tells what a transaction has come to that returned err.
func outcomeOf(err error) measure.Outcome {
	switch {
	case err == nil:
		return measure.Done
	case errors.Is(err, ErrOutcomeUnknown):
		return measure.Unknown
	case errors.Is(err, ErrBusy):
		return measure.Busy
	case errors.Is(err, ErrUnavailable):
		return measure.Unavailable
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return measure.Cancelled
	}
	return measure.Refused
}

// whyAgain tells why a transaction that failed with err is run again.
func whyAgain(err error) string {
	switch sqlState(err) {
	case "40001":
		return measure.Serialization
	case "40P01":
		return measure.Deadlock
	}
	return measure.Connection
}
