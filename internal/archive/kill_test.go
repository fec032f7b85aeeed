package archive_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"filippo.io/age"

	"medbook/internal/archive"
	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// The test program run with these in its environment copies or restores, and kills
// itself at a statement.
const (
	victimDoes = "MEDBOOK_TEST_VICTIM"
	victimFrom = "MEDBOOK_TEST_FROM"
	victimTo   = "MEDBOOK_TEST_TO"
	victimAt   = "MEDBOOK_TEST_AT"
)

// TestWhoIsKilledLeavesNoClinic kills a restore and a copy (kill -9) in their midst.
// No server opens what they leave. A copy goes on from there, a restore begins anew,
// and both come to all rows.
func TestWhoIsKilledLeavesNoClinic(t *testing.T) {
	if os.Getenv(victimDoes) != "" {
		beKilled(t)
		return
	}
	source, _ := full(t, "sqlite")
	file, sums := backup(t, source)
	folder := t.TempDir()
	path := filepath.Join(folder, "clinic.backup")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(folder, "key")
	if err := os.WriteFile(key, []byte(identity().String()), 0o600); err != nil {
		t.Fatal(err)
	}
	clinicFile := filepath.Join(folder, "clinic.db")
	c, err := clinic()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(clinicFile, c.file, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, e := range engines {
		t.Run(e.name+" restore", func(t *testing.T) {
			to := e.url(t)
			for at := range 4 {
				kill(t, "restore", path, to, 250+100*at)
				db := sqltest.Open(t, to)
				if _, err := restore(t, db, file, archive.Restoring{}); !errors.Is(err, sqldb.ErrUnfinished) {
					t.Errorf("another restore: error %v, want %v", err, sqldb.ErrUnfinished)
				}
				if at < 3 {
					continue
				}
				r, err := restore(t, db, file, archive.Restoring{Anew: true})
				if err != nil {
					t.Fatal(err)
				}
				for i := range sums {
					if r.Sums[i] != sums[i] {
						t.Errorf("restored %+v, want %+v", r.Sums[i], sums[i])
					}
				}
				if err := db.Ready(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
		t.Run(e.name+" copy", func(t *testing.T) {
			to := e.url(t)
			for at := range 4 {
				kill(t, "copy", "sqlite:"+clinicFile, to, 150+40*at)
			}
			from, db := sqltest.Open(t, "sqlite:"+clinicFile), sqltest.Open(t, to)
			other := sqltest.Open(t, sqltest.SQLite(t))
			if err := audit.RecordNow(t.Context(), other, auth.System.Event("keys.rotate", "installation_keys", "")); err != nil {
				t.Fatal(err)
			}
			if _, err := archive.Copy(t.Context(), other, db, archive.Copying{}); !errors.Is(err, sqldb.ErrOther) {
				t.Errorf("the copy of another clinic: error %v, want %v", err, sqldb.ErrOther)
			}
			copied, err := archive.Copy(t.Context(), from, db, archive.Copying{})
			if err != nil || !copied.Resumed {
				t.Fatalf("the copy: %+v, %v, want that it went on", copied.Resumed, err)
			}
			if err := db.Ready(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// kill has another process of this test do something and kill itself, and makes
// sure that no server would start on what it leaves.
func kill(t *testing.T, does, from, to string, at int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWhoIsKilledLeavesNoClinic$")
	cmd.Env = append(os.Environ(), victimDoes+"="+does, victimFrom+"="+from, victimTo+"="+to, victimAt+"="+strconv.Itoa(at))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("%s to be killed at %d ended with %v:\n%s", does, at, err, out)
	}
	db, err := sqldb.Open(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for what, err := range map[string]error{"Migrate": db.Migrate(t.Context()), "Ready": db.Ready(t.Context()), "CheckVersion": db.CheckVersion(t.Context())} {
		if !errors.Is(err, sqldb.ErrUnfinished) {
			t.Fatalf("%s killed at %d: %s of what is left: error %v, want %v", does, at, what, err, sqldb.ErrUnfinished)
		}
	}
}

// beKilled does not return.
func beKilled(t *testing.T) {
	db, err := sqldb.Open(t.Context(), os.Getenv(victimTo))
	if err != nil {
		t.Fatal(err)
	}
	at, _ := strconv.Atoi(os.Getenv(victimAt))
	n := 0
	db.Observe = func(_ context.Context, statement string) error {
		if strings.HasPrefix(statement, "INSERT INTO goose_db_version") { // a step of the migrations is done
			n = 0
		}
		if n++; n == at {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return nil
	}
	if os.Getenv(victimDoes) == "restore" {
		file, err := os.ReadFile(os.Getenv(victimFrom))
		if err != nil {
			t.Fatal(err)
		}
		key, err := os.ReadFile(filepath.Join(filepath.Dir(os.Getenv(victimFrom)), "key"))
		if err != nil {
			t.Fatal(err)
		}
		identities, err := age.ParseIdentities(strings.NewReader(string(key)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = archive.Restore(t.Context(), db, bytes.NewReader(file), archive.Restoring{Identities: identities, Anew: true})
		t.Fatalf("not killed after %d statements: %v", n, err)
	}
	from, err := sqldb.Open(t.Context(), os.Getenv(victimFrom))
	if err != nil {
		t.Fatal(err)
	}
	_, err = archive.Copy(t.Context(), from, db, archive.Copying{})
	t.Fatalf("not killed after %d statements: %v", n, err)
}
