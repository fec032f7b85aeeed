//go:build unix

package audit_test

import (
	"errors"
	"os"
	"testing"

	"medbook/internal/audit"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// TestWhatAFailoverCanLoseIsNotSigned has the waits for the standbys cut: records
// and their places can be seen then, and a checkpoint of them would outlive them.
func TestWhatAFailoverCanLoseIsNotSigned(t *testing.T) {
	r := sqltest.NewTrio(t, true)
	db := sqltest.Open(t, r.URL())
	k, keys := keeper(t, db)
	note := func() error { return audit.RecordNow(t.Context(), db, audit.Event{Action: "test"}) }
	turn := func() error { return audit.Turn(t.Context(), k) }
	r.HoldReplication()
	for _, do := range []func() error{note, turn, turn, turn} { // the first turn gives a place, the others would sign
		if err := r.CutUntil(do); !errors.Is(err, sqldb.ErrOutcomeUnknown) {
			t.Errorf("got %v, want ErrOutcomeUnknown", err)
		}
	}
	if _, err := os.Stat(k.File); !os.IsNotExist(err) {
		t.Errorf("a checkpoint was written, %v", err)
	}
	r.Kill()
	r.FailOver()
	record(t, db, 1)
	stop(t, k)
	expectVerdict(t, "after the failover", db, read(t, k.File), keys, audit.Intact)
}
