package sqltest

import (
	"sync"
	"time"

	"medbook/internal/sqldb"
)

// Clock is a clock that stands still until it is moved. It is safe for
// concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

var clocks sync.Map // *sqldb.DB to its *Clock

// ClockOf returns the clock of a database that this package opened.
func ClockOf(db *sqldb.DB) *Clock {
	c, ok := clocks.Load(db)
	if !ok {
		panic("sqltest: ClockOf a database that sqltest did not open")
	}
	return c.(*Clock)
}

// Now returns what the clock says.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock by d.
func (c *Clock) Advance(d time.Duration) { c.Set(c.Now().Add(d)) }

// Set makes the clock say t.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}
