package sqltest_test

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// The test program run with this in its environment needs PostgreSQL and then
// waits to be killed.
const victim = "MEDBOOK_TEST_VICTIM"

func TestMain(m *testing.M) { sqltest.Main(m) }

func TestEachGivesAFreshMigratedDatabase(t *testing.T) {
	for range 2 {
		sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
			if err := db.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			sqltest.ClockOf(db).Advance(time.Hour)
			err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
				if got, want := tx.Now(), sqltest.Start.Add(time.Hour); got != want {
					t.Errorf("Now = %v, want %v", got, want)
				}
				n, err := tx.Exec(ctx, "INSERT INTO patients (patient_id) VALUES ('01890a5d-ac96-774b-bcce-b302099a8057')")
				if n != 1 {
					t.Errorf("rows = %d, want 1", n)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestClusterSettings(t *testing.T) {
	sqltest.OwnServer(t)
	db := sqltest.Open(t, sqltest.Postgres(t))
	isolation := os.Getenv("MEDBOOK_TEST_ISOLATION")
	if isolation == "" {
		isolation = "read committed"
	}
	for setting, want := range map[string]string{
		"timezone": "America/St_Johns", "listen_addresses": "", "fsync": "off", "synchronous_commit": "on",
		"max_connections": "200", "lc_collate": "C.UTF-8", "server_encoding": "UTF8", "default_transaction_isolation": isolation,
	} {
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			got, err := sqldb.One(ctx, tx, text, "SELECT current_setting($1)", setting)
			if got != want {
				t.Errorf("%s = %q, want %q", setting, got, want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func text(r sqldb.Row) (s string, err error) {
	err = r.Scan(&s)
	return s, err
}

func TestServerDiesWithItsTests(t *testing.T) {
	sqltest.OwnServer(t)
	if os.Getenv(victim) != "" {
		fmt.Println(sqltest.Postgres(t))
		select {}
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestServerDiesWithItsTests$")
	cmd.Env = append(os.Environ(), victim+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(line[:len(line)-1])
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	folder := address.Query().Get("host")
	for {
		if _, err := os.Stat(folder); os.IsNotExist(err) {
			return // which the shell removes when the server has ended
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("%s is still there", folder)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestTheListOfThoseWhoNeedAServer holds the list of tests that are left out on a
// server that the tests did not start against those that ask to be.
func TestTheListOfThoseWhoNeedAServer(t *testing.T) {
	asks := regexp.MustCompile(`func (Test\w+)\(t \*testing\.T\) \{\n\tsqltest\.OwnServer\(t\)`)
	var found []string
	err := filepath.WalkDir("../../..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range asks.FindAllStringSubmatch(string(text), -1) {
			found = append(found, m[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	if want := []string{"TestClusterSettings", "TestServerDiesWithItsTests"}; !slices.Equal(found, want) || !slices.Equal(sqltest.OwnServers(), want) {
		t.Errorf("%v ask to be left out, %v are on the list, want %v", found, sqltest.OwnServers(), want)
	}
}
