package keyring

import (
	"context"
	"fmt"
	"sync"
)

// Master wraps the keys that seal what is kept: those of patients. It is a ring,
// or a key that is kept elsewhere and never leaves there.
type Master interface {
	// Name tells which key wraps now. It changes when the key does, and is no secret.
	Name() string
	// Wrap seals a key. It can be unwrapped with the same associated data only.
	Wrap(ctx context.Context, key, associated []byte) ([]byte, error)
	// Unwrap opens what Wrap made, also with an older key. It returns ErrSealed.
	Unwrap(ctx context.Context, wrapped, associated []byte) ([]byte, error)
}

// Live is a ring as a Master. When it meets what it can't open, it looks whether
// the file has new keys, so that keys are rotated without a restart. It is safe
// for concurrent use.
type Live struct {
	mu   sync.Mutex
	path string
	ring *Ring
}

// NewLive returns the ring as a Master; path is its file, or empty if it has none.
func NewLive(ring *Ring, path string) *Live { return &Live{path: path, ring: ring} }

// Name is "file:" and the number of the key that seals.
func (l *Live) Name() string {
	for _, k := range l.current().Keys() {
		if k.For == "encryption" && k.Primary {
			return fmt.Sprintf("file:%d", k.ID)
		}
	}
	return "file"
}

// Wrap seals with the newest key that is known.
func (l *Live) Wrap(_ context.Context, key, associated []byte) ([]byte, error) {
	return l.current().Seal(key, associated)
}

// Unwrap opens with any key of the ring, and of the file as it is now.
func (l *Live) Unwrap(_ context.Context, wrapped, associated []byte) ([]byte, error) {
	key, err := l.current().Unseal(wrapped, associated)
	if err == nil || l.path == "" {
		return key, err
	}
	fresh, err := Open(l.path)
	if err != nil {
		return nil, fmt.Errorf("%w, and the file of keys can't be read", ErrSealed)
	}
	if key, err = fresh.Unseal(wrapped, associated); err == nil {
		l.mu.Lock()
		l.ring = fresh
		l.mu.Unlock()
	}
	return key, err
}

func (l *Live) current() *Ring {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ring
}
