package archive_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"medbook/internal/app"
	"medbook/internal/archive"
	"medbook/internal/audit"
	"medbook/internal/demo"
	"medbook/internal/keyring"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

// engines are the kinds of databases, each with what makes an empty one that is
// migrated already.
var engines = []struct {
	name string
	url  func(testing.TB) string
}{{"sqlite", sqltest.SQLite}, {"postgres", sqltest.Postgres}}

// identity opens the backups of these tests.
var identity = sync.OnceValue(func() *age.X25519Identity {
	i, err := age.GenerateX25519Identity()
	if err != nil {
		panic(err)
	}
	return i
})

// clinic is the demo clinic, made once.
var clinic = sync.OnceValues(func() (c struct {
	file []byte // of a SQLite database
	ring *keyring.Ring
}, err error,
) {
	folder, err := os.MkdirTemp("", "medbook-archive")
	if err != nil {
		return c, err
	}
	defer os.RemoveAll(folder)
	if c.ring, err = keyring.New(); err != nil {
		return c, err
	}
	url, err := demo.Prepare(context.Background(), folder, c.ring, sqltest.Start)
	if err != nil {
		return c, err
	}
	c.file, err = os.ReadFile(strings.TrimPrefix(url, "sqlite:"))
	return c, err
})

// full returns the demo clinic in a database of an engine, and its public keys.
func full(t *testing.T, engine string) (db *sqldb.DB, keys []byte) {
	t.Helper()
	c, err := clinic()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "clinic.db")
	if err := os.WriteFile(path, c.file, 0o600); err != nil {
		t.Fatal(err)
	}
	lines, err := app.CheckpointKeys(c.ring)
	if err != nil {
		t.Fatal(err)
	}
	db = sqltest.Open(t, "sqlite:"+path)
	if engine == "postgres" {
		to := sqltest.Open(t, sqltest.Postgres(t))
		if _, err := archive.Copy(t.Context(), db, to, archive.Copying{}); err != nil {
			t.Fatal(err)
		}
		db = to
	}
	return db, []byte(strings.Join(lines, "\n"))
}

// backup returns a backup of db.
func backup(t *testing.T, db *sqldb.DB) ([]byte, []archive.Sum) {
	t.Helper()
	var b bytes.Buffer
	_, sums, err := archive.Backup(t.Context(), db, &b, []age.Recipient{identity().Recipient()}, "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), sums
}

func restore(t *testing.T, db *sqldb.DB, from []byte, how archive.Restoring) (archive.Restored, error) {
	t.Helper()
	if how.Identities == nil {
		how.Identities = []age.Identity{identity()}
	}
	return archive.Restore(t.Context(), db, bytes.NewReader(from), how)
}

func TestABackupIsRestoredOnAnyEngine(t *testing.T) {
	for _, from := range engines {
		source, keys := full(t, from.name)
		began := source.Now()
		file, sums := backup(t, source)
		h, inspected, err := archive.Inspect(bytes.NewReader(file), []age.Identity{identity()})
		if err != nil {
			t.Fatal(err)
		}
		if h.Engine != from.name || h.Program != "test" || h.At.Before(began) || h.At.Location() != time.UTC {
			t.Errorf("the header is %+v, want engine %s and an instant from %s on", h, from.name, began)
		}
		for i, s := range inspected {
			if s != sums[i] {
				t.Errorf("%s: inspected %+v, written %+v", from.name, s, sums[i])
			}
		}
		for _, to := range engines {
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				db := sqltest.Open(t, to.url(t))
				r, err := restore(t, db, file, archive.Restoring{Keys: keys})
				if err != nil {
					t.Fatal(err)
				}
				if len(r.Sums) != len(sums) {
					t.Fatalf("%d tables were restored, want %d", len(r.Sums), len(sums))
				}
				for i := range sums {
					if r.Sums[i] != sums[i] {
						t.Errorf("restored %+v, backed up %+v", r.Sums[i], sums[i])
					}
				}
				if r.Trail.Verdict == audit.Tampered || r.Trail.Records == 0 {
					t.Errorf("the trail is %+v", r.Trail)
				}
				if err := db.Migrate(t.Context()); err != nil {
					t.Errorf("a server would not start: %v", err)
				}
				again, _, err := audit.VerifyRestored(t.Context(), db, nil, keys)
				if err != nil || again.Verdict == audit.Tampered {
					t.Errorf("the trail is %+v, %v after the restore was recorded", again, err)
				}
			})
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
