package measure

import "time"

// Stopwatch tells how long something took, by the machine's monotonic clock: the
// database's may stand still in a test, or be set. It tells no time of day. The zero
// Stopwatch was not started.
type Stopwatch struct{ began time.Time }

// StartStopwatch starts one.
func StartStopwatch() Stopwatch { return Stopwatch{time.Now()} }

// Start starts one, if anything is measured.
func (i *Instruments) Start() (s Stopwatch) {
	if i != nil {
		s = StartStopwatch()
	}
	return s
}

// Elapsed returns for how long it has run, zero if it was not started.
func (s Stopwatch) Elapsed() time.Duration {
	if s.began.IsZero() {
		return 0
	}
	return time.Since(s.began)
}

// Started reports whether it was.
func (s Stopwatch) Started() bool { return !s.began.IsZero() }
