package sqldb_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// The test program run with this in its environment increments a counter.
const (
	helperAddress = "MEDBOOK_TEST_INCREMENT"
	increments    = 100
)

// helper is what such a process does; it reports whether this is one.
func helper() bool {
	address := os.Getenv(helperAddress)
	if address == "" {
		return false
	}
	ctx := context.Background()
	db, err := sqldb.Open(ctx, address)
	for range increments {
		if err == nil {
			err = db.Update(ctx, increment)
		}
	}
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return true
}

func TestTwoProcessesOnOneDatabase(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": sqltest.SQLite, "postgres": sqltest.Postgres} {
		t.Run(name, func(t *testing.T) {
			address := url(t)
			db := sqltest.Open(t, address)
			counter(t, db)
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() {
					cmd := exec.CommandContext(t.Context(), os.Args[0])
					cmd.Env = append(os.Environ(), helperAddress+"="+address)
					if out, err := cmd.CombinedOutput(); err != nil {
						t.Errorf("%v: %s", err, out)
					}
				})
				wg.Go(func() {
					for range increments {
						if err := db.Update(t.Context(), increment); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			if n := get[int](t, db, "SELECT n FROM counters"); n != 4*increments {
				t.Errorf("n = %d, want %d", n, 4*increments)
			}
		})
	}
}
