package notify

import (
	"context"
	"time"

	"medbook/internal/sqldb"
)

// Waiting is how many messages of a channel were written and are not sent yet.
type Waiting struct {
	Channel string
	N       int       // at most 10,000 of all channels are counted
	Since   time.Time // when the oldest was written, or was to be sent again
}

// Backlog tells, as part of tx, what waits to be sent, by channel.
func Backlog(ctx context.Context, tx *sqldb.Tx) ([]Waiting, error) { return backlog(ctx, tx) }

// Resting returns, by channel, how many providers are left alone now for their
// failures. Of browsers' push services it tells how many, not which: people choose them.
func (s *Service) Resting() map[string]int {
	all := map[string]int{}
	for _, c := range s.Channels {
		if c.Keeps() {
			continue
		}
		all[c.Name()] = s.breakers.resting(c.Name())
		if p, ok := c.(*Push); ok {
			all[c.Name()] += p.breakers.resting("")
		}
	}
	return all
}

// resting counts those that nobody may try now, or one only; of one name, if that is
// not empty.
func (b *breakers) resting(name string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for of, one := range b.of {
		if (name == "" || of == name) && one.failures >= inARow {
			n++
		}
	}
	return n
}
