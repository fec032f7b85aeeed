package sqldb_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestSQLiteSettings(t *testing.T) {
	db := sqltest.Open(t, sqltest.SQLite(t))
	const full, memory = 2, 2
	both := map[string]any{
		"journal_mode": "wal", "busy_timeout": int64(10000), "foreign_keys": int64(1),
		"temp_store": int64(memory), "query_only": int64(0), "synchronous": int64(full), "wal_autocheckpoint": int64(8000), "journal_size_limit": int64(64 << 20),
	}
	reading := map[string]any{"journal_mode": "wal", "busy_timeout": int64(10000), "query_only": int64(1), "temp_store": int64(memory)}
	for _, tt := range []struct {
		name string
		run  func(context.Context, func(context.Context, *sqldb.Tx) error) error
		want map[string]any
	}{{"Update", db.Update, both}, {"View", db.View, reading}} {
		err := tt.run(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			for pragma, want := range tt.want {
				got, err := sqldb.One(ctx, tx, value[any], "PRAGMA "+pragma)
				if err != nil {
					return err
				}
				if got != want {
					t.Errorf("%s: %s = %v, want %v", tt.name, pragma, got, want)
				}
			}
			_, err := tx.Exec(ctx, `SELECT "no such column" FROM users`)
			if err == nil {
				t.Errorf("%s: an unknown name in double quotes passes for a text", tt.name)
			}
			return nil
		})
		if err == nil {
			t.Errorf("%s: no error of the unknown column", tt.name)
		}
	}
}

func TestSQLiteVersion(t *testing.T) {
	db := sqltest.Open(t, sqltest.SQLite(t))
	if got := get[string](t, db, `SELECT sqlite_version()`); got != sqldb.SQLiteVersion {
		t.Errorf("SQLite %s, want %s, as the program says", got, sqldb.SQLiteVersion)
	}
	version := get[int](t, db, `SELECT CAST(substr(v, 1, 1) AS BIGINT) * 1000000 + CAST(substr(v, 3, 2) AS BIGINT) * 1000 + CAST(substr(v, 6) AS BIGINT)
		FROM (SELECT sqlite_version() AS v)`)
	if version < 3_051_003 {
		t.Errorf("SQLite %d, want at least 3.51.3", version)
	}
}

func TestSQLiteFilesAreTheOwnersAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Log("Windows has no such modes")
		return
	}
	folder := filepath.Join(t.TempDir(), "a", "data")
	db := sqltest.Open(t, "sqlite:"+filepath.Join(folder, "100% ? #.db"))
	counter(t, db)
	names, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != 3 {
		t.Errorf("files %v, want the database, its log and its index", names)
	}
	paths := []string{folder, filepath.Dir(folder)}
	for _, name := range names {
		paths = append(paths, filepath.Join(folder, name.Name()))
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, want none for others", path, info.Mode())
		}
	}
}

func TestSQLiteAddresses(t *testing.T) {
	t.Chdir(t.TempDir())
	for address, file := range map[string]string{
		"sqlite:a.db":                         "a.db",
		"sqlite://b/b.db":                     "b/b.db",
		"sqlite:./c.db":                       "c.db",
		"sqlite:" + filepath.Join("e", "?.d"): "e/?.d",
	} {
		db := sqltest.Open(t, address)
		update(t, db, "CREATE TABLE t (a TEXT)")
		if _, err := os.Stat(file); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestOpenSaysWhatIsWrongInOneLine(t *testing.T) {
	folder := t.TempDir()
	text := filepath.Join(folder, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := listener.Addr().String()
	listener.Close()
	elsewhere, err := url.Parse(sqltest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere.Path = "/no_such"
	tests := []struct{ name, address, want string }{
		{"no scheme", "medbook.db", `must begin with "sqlite:" or "postgres://"`},
		{"other scheme", "mysql://root:secret@host/db", `must begin with "sqlite:" or "postgres://"`},
		{"no path", "sqlite:", "path is missing"},
		{"not a database", "sqlite:" + text, "not a database"},
		{"a folder", "sqlite:" + folder, "open database " + folder},
		{"below a file", "sqlite:" + text + "/x.db", "not a directory"},
		{"nobody there", "postgres://me:secret@" + nobody + "/clinic", "clinic at " + nobody + ": connect: connection refused"},
		{"nonsense", "postgres://me:secret@host:port/clinic", "can't be understood"},
		{"no such database", elsewhere.String(), "does not exist"},
	}
	for _, tt := range tests {
		db, err := sqldb.Open(t.Context(), tt.address)
		if err == nil {
			t.Errorf("%s: opened", tt.name)
			db.Close()
			continue
		}
		line := err.Error()
		if !strings.Contains(line, tt.want) || strings.Contains(line, "\n") || strings.Contains(line, "secret") {
			t.Errorf("%s: %q, want one line with %q and no password", tt.name, line, tt.want)
		}
	}
	_, err = sqldb.Open(t.Context(), "postgres://"+nobody+"/clinic")
	if !errors.Is(err, sqldb.ErrUnavailable) {
		t.Errorf("Open = %v, want ErrUnavailable", err)
	}
}

func TestServerThatSaysNothing(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, err = sqldb.Open(t.Context(), "postgres://"+listener.Addr().String()+"/clinic?sslmode=disable&connect_timeout=1")
	if !errors.Is(err, sqldb.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Open = %v, want ErrUnavailable and not the caller's deadline", err)
	}
	if err != nil && !strings.HasSuffix(err.Error(), ": no answer") {
		t.Errorf("Open = %q, want that there was no answer", err)
	}
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Log("root may write anywhere")
		return
	}
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	_, err := sqldb.Open(t.Context(), "sqlite:"+filepath.Join(folder, "data", "x.db"))
	if err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("Open = %v, want permission denied", err)
	}
}
