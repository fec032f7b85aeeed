//go:build unix

package idempotency_test

import (
	"context"
	"errors"
	"testing"

	"medbook/internal/idempotency"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// TestARepeatIsAnsweredWhenItIsSafe has the wait for the standbys cut: what was
// done can be seen then, and is lost when the primary is. A repeat waits for it,
// though it writes nothing itself.
func TestARepeatIsAnsweredWhenItIsSafe(t *testing.T) {
	r := sqltest.NewTrio(t, true)
	db := sqltest.Open(t, r.URL())
	ctx := idempotency.With(t.Context(), request("one"))
	worked := 0
	do := func() error {
		_, err := idempotency.Do(ctx, db,
			func(context.Context, *sqldb.Tx) error { return nil },
			func(ctx context.Context, tx *sqldb.Tx) (string, error) {
				worked++
				made, err := put(ctx, tx)
				return made.String(), err
			})
		return err
	}
	r.HoldReplication()
	for _, what := range []string{"the request", "a repeat", "another repeat"} {
		if err := r.CutUntil(do); !errors.Is(err, sqldb.ErrOutcomeUnknown) || worked != 1 {
			t.Errorf("%s: Do = %v, and the work ran %d times; want ErrOutcomeUnknown and once", what, err, worked)
		}
	}
	r.Kill()
	r.FailOver()
	if err := do(); err != nil || worked != 2 {
		t.Errorf("on the new primary Do = %v after the work ran %d times; want that it is done again", err, worked)
	}
}
