package encounters

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/keyring"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// storedKey is a patient's key as it is stored. The zero storedKey is none.
type storedKey struct {
	id      uuid.UUID
	wrapped []byte // empty once it is destroyed
	by      string // the name of the master that wrapped it
}

// sealed is clinical data as it is stored, with the key that opens it.
type sealed struct {
	text []byte
	key  storedKey
}

var errDestroyed = errors.New("encounters: the patient's key is destroyed")

// keyUse and dataUse say what was sealed, and for which row.
func keyUse(patient uuid.UUID) []byte { return fmt.Appendf(nil, "patient key %s", patient) }

func dataUse(key id.Keyed, version int64) []byte {
	return fmt.Appendf(nil, "encounter %s %d", key, version)
}

// mostOpened is how many keys are kept open at once.
const mostOpened = 1000

// keyCache holds patients' keys that were opened, so that a master key which is
// far away is not asked for each row.
type keyCache struct {
	mu   sync.Mutex
	keys map[uuid.UUID]openedKey // by patient
}

type openedKey struct {
	wrapped []byte // as it was stored: a key that was destroyed or wrapped anew is not found
	key     *keyring.DataKey
}

func (c *keyCache) get(patient uuid.UUID, k storedKey) *keyring.DataKey {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.keys[patient]; ok && len(k.wrapped) > 0 && bytes.Equal(known.wrapped, k.wrapped) {
		return known.key
	}
	return nil
}

func (c *keyCache) put(patient uuid.UUID, k storedKey, key *keyring.DataKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil || len(c.keys) >= mostOpened {
		c.keys = map[uuid.UUID]openedKey{}
	}
	c.keys[patient] = openedKey{k.wrapped, key}
}

// open opens a patient's key. It may ask a machine far away, and so is called
// outside of transactions.
func (s *Service) open(ctx context.Context, patient uuid.UUID, k storedKey) (*keyring.DataKey, error) {
	if len(k.wrapped) == 0 {
		return nil, errDestroyed
	}
	if key := s.opened.get(patient, k); key != nil {
		return key, nil
	}
	key, err := keyring.OpenDataKey(ctx, s.masterOf(k.by), k.wrapped, keyUse(patient))
	if err != nil {
		return nil, fmt.Errorf("open the key of patient %s: %w", patient, err)
	}
	s.opened.put(patient, k, key)
	return key, nil
}

// masterOf returns the master that wrapped what says so: one of the same kind.
func (s *Service) masterOf(name string) keyring.Master {
	kind, _, _ := strings.Cut(name, ":")
	for _, m := range s.Masters {
		if theirs, _, _ := strings.Cut(m.Name(), ":"); theirs == kind {
			return m
		}
	}
	return s.Masters[0]
}

// keyFor returns a key for what is written of a patient: the one that is stored
// or, if none is, a new one, to be stored with what it seals.
func (s *Service) keyFor(ctx context.Context, patient uuid.UUID, stored storedKey) (*keyring.DataKey, storedKey, error) {
	if stored.id != uuid.Nil {
		key, err := s.open(ctx, patient, stored)
		return key, stored, err
	}
	key, err := keyring.NewDataKey()
	if err != nil {
		return nil, stored, err
	}
	fresh := storedKey{id: id.New(), by: s.Masters[0].Name()}
	fresh.wrapped, err = key.Wrap(ctx, s.Masters[0], keyUse(patient))
	return key, fresh, err
}

// seal makes of the clinical data what is stored of the encounter's version.
func (e *Encounter) seal(key *keyring.DataKey) (err error) {
	e.sealed.text, err = key.Seal([]byte(e.ClinicalData.Reveal()), dataUse(e.ID, e.Version))
	return err
}

// unseal reads clinical data.
func (s *Service) unseal(ctx context.Context, key id.Keyed, version int64, what sealed) (v phi.Value[string], err error) {
	k, err := s.open(ctx, key.Lead, what.key)
	if err != nil {
		return v, err
	}
	text, err := k.Unseal(what.text, dataUse(key, version))
	if err != nil {
		return v, fmt.Errorf("read version %d of encounter %s: %w", version, key, err)
	}
	return phi.Of(string(text)), nil
}

// rewrapRows is how many keys Rewrap reads at a time.
const rewrapRows = 100

// Rewrap has the present master key wrap every patient's key that an older one
// wrapped, or all of them, and tells how many. Servers may run meanwhile. What is
// sealed with the patients' keys stays as it is. Only the command line does.
func (s *Service) Rewrap(ctx context.Context, by auth.Actor, all bool) (total int, err error) {
	defer errs.Wrap(&err, "rewrap keys")
	if by.UserID != uuid.Nil || !by.Is(auth.Admin) {
		return 0, auth.ErrForbidden
	}
	present := s.Masters[0].Name()
	if all {
		present = ""
	}
	for after, more := uuid.Nil, true; more; {
		var batch []patientKey
		err := s.DB.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			batch, err = keysAfter(ctx, tx, after, present, rewrapRows)
			return err
		})
		if err != nil {
			return total, err
		}
		n, err := s.rewrap(ctx, by, batch)
		if total += n; err != nil {
			return total, err
		}
		if more = len(batch) == rewrapRows; more {
			after = batch[len(batch)-1].patient
		}
	}
	return total, nil
}

// patientKey is a stored key and whose it is.
type patientKey struct {
	patient uuid.UUID
	storedKey
}

// rewrap wraps some keys anew, and counts those that were still what they were.
func (s *Service) rewrap(ctx context.Context, by auth.Actor, batch []patientKey) (n int, err error) {
	fresh := make([]storedKey, len(batch))
	for i, k := range batch {
		key, err := keyring.OpenDataKey(ctx, s.masterOf(k.by), k.wrapped, keyUse(k.patient))
		if err != nil {
			return 0, fmt.Errorf("open the key of patient %s: %w", k.patient, err)
		}
		fresh[i] = storedKey{id: k.id, by: s.Masters[0].Name()}
		if fresh[i].wrapped, err = key.Wrap(ctx, s.Masters[0], keyUse(k.patient)); err != nil {
			return 0, err
		}
	}
	if len(batch) == 0 {
		return 0, nil
	}
	err = s.DB.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		n = 0
		for i, k := range batch {
			changed, err := updateKey(ctx, tx, k, fresh[i])
			if err != nil {
				return err
			}
			n += changed
		}
		if n == 0 {
			return nil
		}
		e := by.Event("patient_key.rewrap", "patient_key", "")
		e.Count = n
		return audit.Record(ctx, tx, e)
	})
	return n, err
}
