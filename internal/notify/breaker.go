package notify

import (
	"math/rand/v2"
	"sync"
	"time"
)

const (
	inARow  = 5           // failures of a provider after which it is left alone
	restFor = time.Minute // for so long; then one attempt decides
	restAsk = 10 * time.Minute
)

// breakers keep from a provider that is down all but one attempt a minute. They
// live in memory: each server finds out by itself. The zero value knows of no
// provider that is down, and forgets those that recovered.
type breakers struct {
	mu sync.Mutex
	of map[string]*breaker
}

type breaker struct {
	failures int
	until    time.Time
	last     Class
	trying   bool // the attempt that decides is under way
}

// enter returns zero to who may try now, and who does calls leave; others when to
// come back, and what was wrong.
func (b *breakers) enter(name string, now time.Time) (back time.Time, why Class) {
	b.mu.Lock()
	defer b.mu.Unlock()
	of := b.of[name]
	switch {
	case of == nil || of.failures < inARow:
		return time.Time{}, ""
	case now.Before(of.until):
		return of.until.Add(rand.N(restFor)), of.last // so that not all come back at once
	case of.trying:
		return now.Add(restFor/2 + rand.N(restFor)), of.last
	}
	of.trying = true
	return time.Time{}, ""
}

// leave says what came of an attempt; nil: it went well.
func (b *breakers) leave(name string, now time.Time, f *Failure) {
	b.mu.Lock()
	defer b.mu.Unlock()
	of := b.of[name]
	switch {
	case f == nil, f.Class == Rejected, f.Class == Deferred: // it answers
		delete(b.of, name)
	case !f.outage():
		if of != nil {
			of.trying = false
		}
	default:
		if b.of == nil {
			b.of = map[string]*breaker{}
		}
		if of == nil {
			of = &breaker{}
			b.of[name] = of
		}
		of.failures++
		of.trying, of.last = false, f.Class
		if of.failures >= inARow {
			of.until = now.Add(restFor)
			if asked := f.retryAt(now); asked.After(of.until) {
				of.until = now.Add(min(asked.Sub(now), restAsk))
			}
		}
	}
}

// outage reports whether other messages would fare no better.
func (f *Failure) outage() bool {
	switch f.Class {
	case Throttled, ServerError, Login, Timeout, Refused, Unreachable, TLS:
		return !f.Alone
	}
	return false
}

// retryAt is when the provider wants to see the message again; zero: it did not say.
func (f *Failure) retryAt(now time.Time) time.Time {
	if f.After > 0 {
		return now.Add(f.After)
	}
	return f.At
}
