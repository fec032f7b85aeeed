package auth

import (
	"context"
	"sync"
	"time"

	"medbook/internal/audit"
	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

const (
	mostRefusals = 2048 // keys that refusals remembers; the addresses after that are counted as one
	flushRows    = 200  // records in one transaction
)

// refusals counts wrong credentials by minute and address, so that somebody who
// tries many of them does not fill the audit trail, or the memory.
type refusals struct {
	mu     sync.Mutex
	counts map[refusal]int
}

type refusal struct {
	minute  time.Time // its beginning, UTC
	address string
}

// refused counts a wrong credential.
func (s *Service) refused(at time.Time, from Actor) {
	s.DB.Instruments.CredentialRefused()
	s.refusals.add(at, from.Address, 1)
}

func (r *refusals) add(at time.Time, address string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		r.counts = map[refusal]int{}
	}
	k := refusal{at.Truncate(time.Minute), address}
	if r.counts[k] == 0 && len(r.counts) >= mostRefusals {
		k.address = ""
	}
	r.counts[k] += n
}

// take removes and returns at most flushRows counts of minutes before the given one.
func (r *refusals) take(before time.Time) map[refusal]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := map[refusal]int{}
	for k, n := range r.counts {
		if len(taken) < flushRows && k.minute.Before(before) {
			taken[k] = n
			delete(r.counts, k)
		}
	}
	return taken
}

// Run writes the refusals of each minute into the audit trail soon after it is
// over, until ctx ends; then it writes what is left and returns the error of that.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return s.flush(context.WithoutCancel(ctx), s.DB.Now().Add(time.Minute))
		case <-tick.C:
			if err := s.Flush(ctx); err != nil && ctx.Err() == nil {
				s.Log.WarnContext(ctx, "refused credentials can't be recorded yet", "error", err)
			}
		}
	}
}

// Flush writes the refusals of the minutes that are over into the audit trail:
// one record for each minute and client address, with their count.
func (s *Service) Flush(ctx context.Context) error {
	return s.flush(ctx, s.DB.Now().Truncate(time.Minute))
}

func (s *Service) flush(ctx context.Context, before time.Time) (err error) {
	defer errs.Wrap(&err, "record refused credentials")
	for {
		taken := s.refusals.take(before)
		if len(taken) == 0 {
			return nil
		}
		err := s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
			for k, n := range taken {
				e := Actor{Address: k.address}.Event("credential.refused", "credential", "")
				e.Outcome, e.Count = audit.Denied, n
				if err := audit.Record(ctx, tx, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			for k, n := range taken {
				s.refusals.add(k.minute, k.address, n)
			}
			return err
		}
	}
}
