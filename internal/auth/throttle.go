package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// ErrThrottled is the answer to a try that comes too soon after failed ones.
var ErrThrottled = errs.New(errs.Limited, "too-many-tries", "There were too many failed tries. Wait, then try again.")

const (
	forgetAfter = 24 * time.Hour   // failures are forgotten when none came for so long
	longestWait = 15 * time.Minute // so that nobody can lock somebody else out for long
)

// allowance is how many tries may fail at a subject before each one more
// doubles the wait for the next, from one second on.
type allowance struct {
	subject []byte
	free    int
}

// tries are the subjects of a try at an account from an address: both together,
// the account, and the address, behind which a whole clinic may sit.
func tries(account, address string) []allowance {
	address = network(address)
	return []allowance{
		{subjectOf("pair", account, address), 5},
		{subjectOf("account", account), 20},
		{subjectOf("address", address), 50},
	}
}

// triesOf is tries for an account whose user is known.
func triesOf(user uuid.UUID, address string) []allowance { return tries(user.String(), address) }

func subjectOf(parts ...string) []byte {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return h.Sum(nil)
}

// network is what an address is counted as: IPv6 is given out by /64.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Unmap().Is4() {
		return address
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}

// wait is how long the next try must wait after so many failed ones.
func (a allowance) wait(failures int) time.Duration {
	over := failures - a.free
	if over < 0 {
		return 0
	}
	return min(longestWait, time.Second<<min(over, 10))
}

// countTry counts a try as failed before it is made, so that tries made at once
// are counted like those made one after the other. It returns ErrThrottled, and
// counts nothing, when it comes too soon. forgive takes back what a try that
// succeeded was counted.
func (s *Service) countTry(ctx context.Context, at []allowance) error {
	err := s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		for _, a := range at {
			t, err := lockThrottle(ctx, tx, a.subject)
			if err != nil {
				return err
			}
			now := tx.Now()
			if now.Sub(t.updatedAt) >= forgetAfter {
				t.failures = 0
			}
			if until := t.updatedAt.Add(a.wait(t.failures)); t.failures > 0 && now.Before(until) {
				return ErrThrottled.After(until.Sub(now))
			}
			if err := setThrottle(ctx, tx, a.subject, t.failures+1, now); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, ErrThrottled) {
		s.DB.Instruments.SignInThrottled()
	}
	return err
}

// forgive forgets the failures of an account, and this try at the address.
func forgive(ctx context.Context, tx *sqldb.Tx, at []allowance) error {
	for i, a := range at {
		if i < len(at)-1 {
			if err := removeThrottle(ctx, tx, a.subject); err != nil {
				return err
			}
			continue
		}
		if err := lowerThrottle(ctx, tx, a.subject); err != nil {
			return err
		}
	}
	return nil
}
