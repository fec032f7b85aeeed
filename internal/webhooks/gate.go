package webhooks

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	mostAtOnce = 2               // of the four jobs that a runner does at once; the others are for the rest of the program
	aMoment    = time.Second     // after which who found no place comes again
	firstRest  = 2 * time.Second // of a webhook after a failure; doubled with each in a row
	longRest   = 5 * time.Minute // the longest
	lastWait   = time.Hour       // the longest that one delivery waits
)

// gate lets one attempt a webhook at a time through, and lets a webhook rest whose
// attempts fail: thousands of events for a receiver that hangs then take no more
// of the program's time than one does. It knows of this process only. Its zero
// value is ready for use.
type gate struct {
	mu    sync.Mutex
	busy  map[uuid.UUID]bool
	weary map[uuid.UUID]weariness
}

// weariness is how a webhook that fails is doing.
type weariness struct {
	failures int // in a row
	until    time.Time
}

// enter returns 0 to who may go through, and must leave; to others how long to wait.
func (g *gate) enter(w uuid.UUID, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	weary := g.weary[w]
	switch {
	case now.Before(weary.until):
		return spread(weary.until.Sub(now) + aMoment)
	case g.busy[w] || len(g.busy) >= mostAtOnce:
		return spread(max(aMoment, rest(weary.failures)))
	}
	if g.busy == nil {
		g.busy, g.weary = map[uuid.UUID]bool{}, map[uuid.UUID]weariness{}
	}
	g.busy[w] = true
	return 0
}

// leave says that an attempt is over, and how it went.
func (g *gate) leave(w uuid.UUID, failed bool, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.busy, w)
	if !failed {
		delete(g.weary, w)
		return
	}
	n := g.weary[w].failures + 1
	g.weary[w] = weariness{n, now.Add(rest(n))}
}

// rest is for how long a webhook rests that failed so many times in a row.
func rest(failures int) time.Duration {
	if failures == 0 {
		return 0
	}
	return min(longRest, firstRest<<min(failures-1, 16))
}

// wait is how long a delivery waits that failed for the given time, counted from 1.
// It is no less than its webhook rests, so that one that is alone is not sent away.
// Half of it is chance, so that those that failed together do not come back together.
func wait(attempts int) time.Duration {
	d := min(lastWait, 2*firstRest<<min(attempts-1, 16))
	return d/2 + rand.N(d/2)
}

// spread adds up to as much again, so that those that wait do not come all at once.
func spread(d time.Duration) time.Duration { return d + rand.N(d) }
