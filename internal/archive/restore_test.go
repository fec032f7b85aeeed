package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"filippo.io/age"

	"medbook/internal/archive"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// isEmpty fails unless a database is as one without anything in it.
func isEmpty(t *testing.T, db *sqldb.DB) {
	t.Helper()
	version, err := db.Version(t.Context())
	if err != nil || version != 0 {
		t.Errorf("the database is of version %d, %v, want 0: nothing in it", version, err)
	}
}

// TestABrokenBackupIsNeverAClinic cuts a backup off and flips bits in it.
func TestABrokenBackupIsNeverAClinic(t *testing.T) {
	source, _ := full(t, "sqlite")
	file, _ := backup(t, source)
	var broken [][]byte
	for i := range 20 {
		broken = append(broken, file[:len(file)*i/20])
	}
	broken = append(broken, file[:len(file)-1], append(bytes.Clone(file), 0))
	seed := rand.Uint64()
	chance := rand.New(rand.NewPCG(seed, 0))
	for range 60 {
		flipped := bytes.Clone(file)
		flipped[chance.IntN(len(file))] ^= 1 << chance.IntN(8)
		broken = append(broken, flipped)
	}
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			db := sqltest.Open(t, e.url(t))
			for i, b := range broken {
				_, _, inspected := archive.Inspect(bytes.NewReader(b), []age.Identity{identity()})
				_, restored := restore(t, db, b, archive.Restoring{})
				for what, err := range map[string]error{"inspect": inspected, "restore": restored} {
					if !errors.Is(err, archive.ErrDamaged) && !errors.Is(err, archive.ErrNoBackup) && !errors.Is(err, archive.ErrIdentity) {
						t.Errorf("%s of broken backup %d (seed %d): error %v, want that it is damaged", what, i, seed, err)
					}
				}
			}
			if _, err := restore(t, db, file, archive.Restoring{}); err != nil {
				t.Errorf("after all that, the whole backup: %v", err)
			}
		})
	}
}

func TestOnlyWhoHasTheKeyOpensABackup(t *testing.T) {
	source, _ := full(t, "sqlite")
	file, _ := backup(t, source)
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	db := sqltest.Open(t, sqltest.SQLite(t))
	if _, err := restore(t, db, file, archive.Restoring{Identities: []age.Identity{stranger}}); !errors.Is(err, archive.ErrIdentity) {
		t.Errorf("restore by a stranger: error %v, want %v", err, archive.ErrIdentity)
	}
	// Nothing of the clinic is legible: its users' addresses all end alike.
	if bytes.Contains(file, []byte("clinic.example")) || bytes.Contains(file, []byte("medbook backup")) {
		t.Error("the backup can be read without a key")
	}
	if _, _, err := archive.Backup(t.Context(), source, &bytes.Buffer{}, nil, "test", nil); err == nil {
		t.Error("a backup for nobody was made")
	}
	var plain bytes.Buffer
	fmt.Fprint(&plain, "no backup")
	if _, err := restore(t, db, plain.Bytes(), archive.Restoring{}); !errors.Is(err, archive.ErrNoBackup) {
		t.Errorf("restore of something else: error %v, want %v", err, archive.ErrNoBackup)
	}
}

func TestNothingIsWrittenOver(t *testing.T) {
	source, _ := full(t, "sqlite")
	file, _ := backup(t, source)
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		write := func(statement string) {
			t.Helper()
			err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
				_, err := tx.Exec(ctx, statement)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		write("INSERT INTO patients (patient_id) VALUES ('01890a5d-ac96-774b-bcce-b302099a8057')")
		for _, anew := range []bool{false, true} {
			if _, err := restore(t, db, file, archive.Restoring{Anew: anew}); !errors.Is(err, sqldb.ErrNotEmpty) {
				t.Errorf("restore over a patient, anew %v: error %v, want %v", anew, err, sqldb.ErrNotEmpty)
			}
			if _, err := archive.Copy(t.Context(), source, db, archive.Copying{Anew: anew}); !errors.Is(err, sqldb.ErrNotEmpty) {
				t.Errorf("copy over a patient, anew %v: error %v, want %v", anew, err, sqldb.ErrNotEmpty)
			}
		}
		if err := db.Ready(t.Context()); err != nil {
			t.Errorf("the database with the patient: %v", err)
		}
		write("DELETE FROM patients")
		if _, err := restore(t, db, file, archive.Restoring{}); err != nil {
			t.Errorf("restore over nothing: %v", err)
		}
		if _, err := restore(t, db, file, archive.Restoring{Anew: true}); !errors.Is(err, sqldb.ErrNotEmpty) {
			t.Errorf("restore over a restored clinic: error %v, want %v", err, sqldb.ErrNotEmpty)
		}
	})
}

// TestARestoreThatFailsLeavesNothing has each of some statements of a restore fail, and
// looks at what is left: what was there before, which can be restored to.
func TestARestoreThatFailsLeavesNothing(t *testing.T) {
	source, _ := full(t, "sqlite")
	file, _ := backup(t, source)
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			broken, failed := errors.New("broken disk"), 0
			for fail, more := 1, true; more; fail += 61 {
				db := sqltest.Open(t, e.url(t))
				n := 0
				db.Observe = func(context.Context, string) error {
					if n++; n == fail {
						return broken
					}
					return nil
				}
				_, err := restore(t, db, file, archive.Restoring{})
				db.Observe = nil
				if more = n >= fail; err == nil { // it was a ROLLBACK, or there was none
					continue
				}
				failed++
				if !errors.Is(err, broken) {
					t.Errorf("statement %d failed: error %v, want %v", fail, err, broken)
				}
				if _, err := restore(t, db, file, archive.Restoring{}); err != nil {
					t.Errorf("after statement %d failed: %v", fail, err)
				}
			}
			if failed < 5 {
				t.Errorf("a restore failed %d times, want more", failed)
			}
		})
	}
}

// TestWhatDiffersIsFound has a row changed between loading and comparing.
func TestWhatDiffersIsFound(t *testing.T) {
	source, _ := full(t, "sqlite")
	file, _ := backup(t, source)
	for _, change := range []string{
		"UPDATE user_profiles SET version = version + 1 WHERE user_id = (SELECT MIN(CAST(user_id AS TEXT)) FROM user_profiles)",
		"DELETE FROM claims WHERE cell = (SELECT MIN(cell) FROM claims)",
		"UPDATE appointments SET reason = 'x' WHERE starts_at = (SELECT MIN(starts_at) FROM appointments)",
		"UPDATE schedules SET open = NOT open",
		"INSERT INTO patients (patient_id) VALUES ('01890a5d-ac96-774b-bcce-b302099a8057')",
	} {
		for _, e := range engines {
			if e.name == "postgres" {
				change = strings.Replace(change, "WHERE user_id = (SELECT", "WHERE CAST(user_id AS TEXT) = (SELECT", 1)
			}
			db := sqltest.Open(t, e.url(t))
			meddle := &meddler{t: t, db: db, statement: change}
			if _, err := restore(t, db, file, archive.Restoring{Progress: meddle}); !errors.Is(err, archive.ErrDiffers) {
				t.Errorf("%s, %s: restore: error %v, want %v", e.name, change, err, archive.ErrDiffers)
			}
			if isEmpty(t, db); t.Failed() {
				return
			}
			_, err := archive.Copy(t.Context(), source, db, archive.Copying{Progress: &meddler{t: t, db: db, statement: change}})
			if !errors.Is(err, archive.ErrDiffers) || !strings.Contains(err.Error(), "row ") {
				t.Errorf("%s, %s: copy: error %v, want %v and which row", e.name, change, err, archive.ErrDiffers)
			}
			if err := db.Migrate(t.Context()); !errors.Is(err, sqldb.ErrUnfinished) {
				t.Errorf("%s: a server would start on it: %v, want %v", e.name, err, sqldb.ErrUnfinished)
			}
		}
	}
}

// meddler runs a statement when all is loaded.
type meddler struct {
	t         *testing.T
	db        *sqldb.DB
	statement string
	what      string
}

func (m *meddler) Begin(what string, _ int64) { m.what = what }
func (m *meddler) Add(int)                    {}
func (m *meddler) End() {
	if m.what != "load" && m.what != "copy" {
		return
	}
	err := m.db.Update(m.t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		n, err := tx.Exec(ctx, m.statement)
		if err == nil && n == 0 {
			err = errors.New("nothing was changed")
		}
		return err
	})
	if err != nil {
		m.t.Errorf("%s: %v", m.statement, err)
	}
}
