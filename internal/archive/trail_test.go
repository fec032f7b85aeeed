package archive_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"medbook/internal/archive"
	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/keyring"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// signed signs the present head of a trail, as a server does, and returns the note.
func signed(t *testing.T, db *sqldb.DB, ring *keyring.Ring) string {
	t.Helper()
	signer, err := audit.NewSigner(ring.Derive("audit checkpoint", nil))
	if err != nil {
		t.Fatal(err)
	}
	file := t.TempDir() + "/checkpoints"
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // it signs once more when it is to stop
	k := &audit.Keeper{DB: db, Signer: signer, File: file}
	if err := k.Run(ctx); err != nil {
		t.Fatal(err)
	}
	return readFile(t, file)
}

// TestATrailThatWasTamperedWithIsNotRestored changes a record before the backup.
func TestATrailThatWasTamperedWithIsNotRestored(t *testing.T) {
	for _, e := range engines {
		source, keys := full(t, e.name)
		err := source.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			n, err := tx.Exec(ctx, `UPDATE audit_events SET client_address = '192.0.2.1' WHERE id = (SELECT event_id FROM audit_leaves WHERE seq = 17)`)
			if err == nil && n != 1 {
				err = errors.New("there is no such record")
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		file, _ := backup(t, source)
		db := sqltest.Open(t, e.url(t))
		_, err = restore(t, db, file, archive.Restoring{Keys: keys})
		if !errors.Is(err, archive.ErrTampered) || !strings.Contains(err.Error(), "record 17 ") {
			t.Errorf("%s: restore: error %v, want %v and the record", e.name, err, archive.ErrTampered)
		}
		isEmpty(t, db)
		r, err := restore(t, db, file, archive.Restoring{Keys: keys, AcceptTrail: true})
		if err != nil || r.Trail.Verdict != audit.Tampered {
			t.Errorf("%s: restore that accepts it: %+v, %v", e.name, r.Trail, err)
		}
	}
}

// TestCheckpointsFromAfterTheBackupTellWhatIsLost has two records more signed for
// than the backup has.
func TestCheckpointsFromAfterTheBackupTellWhatIsLost(t *testing.T) {
	c, err := clinic()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range engines {
		source, keys := full(t, e.name)
		before := signed(t, source, c.ring)
		file, _ := backup(t, source)
		records := ask(t, source, `SELECT COUNT(*) FROM audit_leaves`)
		for range 2 {
			if err := audit.RecordNow(t.Context(), source, auth.System.Event("keys.rotate", "installation_keys", "")); err != nil {
				t.Fatal(err)
			}
		}
		after := signed(t, source, c.ring)
		r, err := restore(t, sqltest.Open(t, e.url(t)), file, archive.Restoring{Keys: keys, Checkpoints: []byte(before + after)})
		if err != nil || r.Lost != 2 || r.Trail.Verdict != audit.Intact || r.Trail.Records != int64(records) {
			t.Errorf("%s: lost %d, trail %+v, %v, want 2 lost of %d that are intact", e.name, r.Lost, r.Trail, err, records)
		}
		other, err := keyring.New()
		if err != nil {
			t.Fatal(err)
		}
		forged := signed(t, source, other)
		if _, err := restore(t, sqltest.Open(t, e.url(t)), file, archive.Restoring{Keys: keys, Checkpoints: []byte(forged)}); !errors.Is(err, archive.ErrTampered) {
			t.Errorf("%s: with checkpoints that another signed: error %v, want %v", e.name, err, archive.ErrTampered)
		}
	}
}
