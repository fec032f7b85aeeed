package sqldb

import "sync"

// signals wakes up those who watch topics in this process. Its zero value is ready.
type signals struct {
	mu       sync.Mutex
	watchers map[string]map[chan struct{}]bool
}

// Signal has those who Watch a topic woken up once the transaction is on disk. It
// is a hint: whoever must not miss a change also looks now and then, for other
// processes change things too, and an outcome may be unknown.
func (tx *Tx) Signal(topic string) {
	tx.AfterCommit(func() { tx.db.signals.fire(topic) })
}

// Watch returns a channel that receives after commits of this DB that signalled the
// topic. What comes while one waits to be received is the same one, so nobody who
// is slow holds up a commit. The channel is never closed; cancel ends it, and may
// be called more than once.
func (db *DB) Watch(topic string) (fired <-chan struct{}, cancel func()) {
	c := make(chan struct{}, 1)
	s := &db.signals
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers == nil {
		s.watchers = map[string]map[chan struct{}]bool{}
	}
	if s.watchers[topic] == nil {
		s.watchers[topic] = map[chan struct{}]bool{}
	}
	s.watchers[topic][c] = true
	return c, func() { s.forget(topic, c) }
}

func (s *signals) forget(topic string, c chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.watchers[topic], c)
	if len(s.watchers[topic]) == 0 {
		delete(s.watchers, topic)
	}
}

func (s *signals) fire(topic string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.watchers[topic] {
		select {
		case c <- struct{}{}:
		default: // it has one waiting
		}
	}
}
