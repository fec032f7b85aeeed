package e2e

import (
	"bytes"
	"database/sql"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"medbook/client"
	"medbook/internal/keyring"
	"medbook/internal/sqldb/sqltest"
)

// TestWhatGoesWrongIsOneLine runs commands that can't work.
func TestWhatGoesWrongIsOneLine(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "file"), []byte("no database, but long enough to look at: "+strings.Repeat("x", 4096)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "open"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(folder, "open"), 0o644); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	fresh := "--database=" + sqltest.SQLite(t)
	const recipient = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
	const identity = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
	if err := os.WriteFile(filepath.Join(folder, "identity"), []byte(identity), 0o600); err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(folder, "made.keys")
	if r := run(t, folder, nil, "migrate", fresh); r.status != 0 {
		t.Fatalf("migrate: %+v", r)
	}
	if ring, err := keyring.New(); err != nil || ring.Save(keys) != nil {
		t.Fatal("the keys can't be made")
	}
	unreachable := "postgres://medbook:hunter2@127.0.0.1:1/medbook?connect_timeout=5&password=hunter2"
	tests := []struct {
		name   string
		args   []string
		status int
		says   string
	}{
		{"no command", nil, 2, "expected one of"},
		{"an unknown flag", []string{"serve", "--prot=80"}, 2, "--prot"},
		{"an unknown command", []string{"server"}, 2, "server"},
		{"a missing flag", []string{"user", "create", "--role=admin"}, 2, "--name"},
		{"an unknown role", []string{"user", "create", "--role=boss", "--name=A", "--email=a@b.example"}, 2, "--role"},
		{"a password as an argument", []string{"serve", unreachable}, 2, "MEDBOOK_DATABASE_URL"},
		{"a bad zone", []string{"user", "create", "--role=admin", "--name=A", "--email=a@b.example", "--time-zone=Mars/Olympus", fresh}, 1, "zone"},
		{"a bad address", []string{"user", "create", "--role=admin", "--name=A", "--email=nobody", fresh}, 1, "email"},
		{"a key for nobody", []string{"key", "create", "nobody@b.example", fresh}, 1, "no such user"},
		{"a taken port", []string{"serve", "--listen=" + taken.Addr().String(), fresh}, 1, "address already in use"},
		{"no port", []string{"serve", "--listen=localhost", fresh}, 1, "missing port"},
		{"a wrong kind of database", []string{"migrate", "--database=mysql://root:hunter2@localhost/x"}, 1, "postgres://"},
		{"no server", []string{"migrate"}, 1, "refused"},
		{"no server to serve from", []string{"serve", "--listen=127.0.0.1:0"}, 1, "refused"},
		{"an unreadable address", []string{"migrate", "--database=postgres://u@host:port/x"}, 1, "address"},
		{"a password that all can see", []string{"migrate", "--database=postgres://u:hunter2@host/x"}, 2, "MEDBOOK_DATABASE_URL"},
		{"a password among the parameters", []string{"serve", "--database", "postgres://host/x?user=u&password=hunter2"}, 2, "MEDBOOK_DATABASE_URL"},
		{"a password with a slash", []string{"serve", "--database", "postgres://u:x/hunter2@host/x"}, 2, "~/.pgpass"},
		{"a password in capitals", []string{"key", "create", "a@b.example", "--database=postgres://u@host/x?sslmode=require&Password=hunter2"}, 2, "~/.pgpass"},
		{"a password that is written in another way", []string{"serve", "--database=postgres://u@host/x?p%61ssword=hunter2"}, 2, "~/.pgpass"},
		{"the password of a key", []string{"serve", "--database=postgres://u@host/x?sslpassword=hunter2"}, 2, "~/.pgpass"},
		{"a role that needs no factor", []string{"serve", "--require-factor=boss", fresh}, 1, "practitioner"},
		{"a public address that is none", []string{"serve", "--public-url=clinic", fresh}, 1, "https://"},
		{"a mail server without a port", []string{"serve", "--smtp=mail", fresh}, 1, "HOST:PORT"},
		{"mail in clear to elsewhere", []string{"serve", "--smtp=192.0.2.1:25", "--smtp-tls=none", "--smtp-from=a@b.example", fresh}, 1, "encryption"},
		{"no file of identity providers", []string{"serve", "--identity-providers=nowhere", fresh}, 1, "nowhere"},
		{"a file of identity providers that is none", []string{"serve", "--identity-providers=file", fresh}, 1, "identity providers"},
		{"an origin with a path", []string{"serve", "--cors-origins=https://a.example/x", fresh}, 1, "origins"},
		{"any origin", []string{"serve", "--cors-origins=*", fresh}, 1, "origins"},
		{"fewer than no requests", []string{"serve", "--rate-limit-address=-1", fresh}, 1, "negative"},
		{"a certificate that is none", []string{"serve", "--tls-cert=file", "--tls-key=file", "--listen=127.0.0.1:0", fresh}, 1, "certificate"},
		{"keys that are none", []string{"serve", "--keys=file", "--listen=127.0.0.1:0", fresh}, 1, "keys"},
		{"records that are kept for less than no time", []string{"serve", "--retain-records=-1", fresh}, 1, "negative"},
		{"a master key that is none", []string{"serve", "--master-key=here", "--listen=127.0.0.1:0", fresh}, 1, "hcvault://"},
		{"no keys to rotate", []string{"keys", "rotate", "--keys=nowhere/keys"}, 1, "nowhere/keys"},
		{"keys that others can read", []string{"keys", "show", "--keys=open"}, 1, "chmod 600"},
		{"the sessions of nobody", []string{"user", "sign-out", "nobody@b.example", fresh}, 1, "no such user"},
		{"the factors of nobody", []string{"user", "reset-factors", "nobody@b.example", fresh}, 1, "no such user"},
		{"plain HTTP for everybody", []string{"serve", "--listen=0.0.0.0:0", fresh}, 1, "--tls-cert"},
		{"plain HTTP on every address", []string{"serve", "--listen=:0", fresh}, 1, "--tls-cert"},
		{"a certificate without its key", []string{"serve", "--tls-cert=x", fresh}, 1, "go together"},
		{"a proxy that is no address", []string{"serve", "--trusted-proxies=proxy", fresh}, 1, "10.0.0.0/8"},
		{"a file that is no database", []string{"migrate", "--database=sqlite:file"}, 1, "not a database"},
		{"a look at a database that is not there", []string{"migrate", "--dry-run", "--database=sqlite:absent/medbook.db"}, 1, "no such file"},
		{"a server that stops before it is told", []string{"serve", "--drain=-1s", fresh}, 1, "negative"},
		{"connections that are no number", []string{"migrate", "--database=postgres://127.0.0.1:1/medbook?pool_max_conns=many"}, 1, "pool_max_conns"},
		{"a backup for nobody", []string{"backup", "--to=x", fresh}, 1, "--recipient"},
		{"a recipient that is none", []string{"backup", "--to=x", "--recipient=bob", fresh}, 1, "age1"},
		{"a backup over a file", []string{"backup", "--to=file", "--recipient=" + recipient, fresh}, 1, "there already"},
		{"a backup into no folder", []string{"backup", "--to=nowhere/x", "--recipient=" + recipient, fresh}, 1, "nowhere"},
		{"a backup of nothing", []string{"backup", "--to=x", "--recipient=" + recipient, "--database=sqlite:nowhere.db"}, 1, "nowhere.db"},
		{"a key over a file", []string{"backup", "key", "--to=file"}, 1, "exists"},
		{"a secret key that is none", []string{"restore", "--from=file", "--identity=file", fresh}, 1, "secret keys"},
		{"a backup that is not there", []string{"backup", "inspect", "nowhere", "--identity=identity"}, 1, "nowhere"},
		{"a backup that is none", []string{"backup", "inspect", "file", "--identity=identity"}, 1, "no backup"},
		{"a restore of what is no backup", []string{"restore", "--from=file", "--identity=identity", "--keys=" + keys, fresh}, 1, "no backup"},
		{"a copy to nowhere", []string{"copy", "--from=sqlite:file"}, 1, "--to"},
		{"a copy to itself", []string{"copy", "--from=sqlite:file", "--to=sqlite:file"}, 1, "itself"},
		{"a password of a copy", []string{"copy", "--from=sqlite:file", "--to=postgres://u:hunter2@host/x"}, 2, "MEDBOOK_DATABASE_URL"},
		{"a folder that is a file", []string{"migrate", "--database=sqlite:file/medbook.db"}, 1, "not a directory"},
	}
	for _, tt := range tests {
		r := run(t, folder, []string{"MEDBOOK_DATABASE_URL=" + unreachable}, tt.args...)
		line, ended := strings.CutSuffix(r.stderr, "\n")
		if r.status != tt.status || r.stdout != "" || !ended || strings.Contains(line, "\n") {
			t.Errorf("%s: status %d, stdout %q, stderr %q, want status %d and one line on stderr", tt.name, r.status, r.stdout, r.stderr, tt.status)
		}
		if !strings.HasPrefix(line, "medbook: ") || !strings.Contains(strings.ToLower(line), strings.ToLower(tt.says)) || strings.Contains(line, "hunter2") || len(line) > 400 {
			t.Errorf("%s: stderr says %q, want something short about %q and no password", tt.name, line, tt.says)
		}
	}
}

// TestANewerDatabaseIsLeftAlone shows that a program does not touch what a
// later one has migrated.
func TestANewerDatabaseIsLeftAlone(t *testing.T) {
	t.Parallel()
	for driver, url := range map[string]string{"sqlite": sqltest.SQLite(t), "pgx": sqltest.Postgres(t)} {
		db, err := sql.Open(driver, strings.TrimPrefix(url, "sqlite:"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), `UPDATE goose_db_version SET version_id = 99999 WHERE version_id = 1`); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"serve", "--listen=127.0.0.1:0"}, {"migrate"}, {"key", "create", "a@b.example"}} {
			r := run(t, t.TempDir(), nil, append(args, "--database="+url)...)
			if r.status != 1 || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, "newer") {
				t.Errorf("%s, %s: status %d, %q, want 1 and a line about a newer database", driver, args[0], r.status, r.stderr)
			}
		}
	}
}

// TestTheFirstStart begins as a user does: with nothing.
func TestTheFirstStart(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	server := start(t, folder, []string{"MEDBOOK_LISTEN=127.0.0.1:0", "MEDBOOK_DATABASE_URL="}, "serve")
	for path, mode := range map[string]os.FileMode{"data": 0o700, "data/medbook.db": 0o600, "data/medbook.keys": 0o600} {
		info, err := os.Stat(filepath.Join(folder, path))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), mode)
		}
	}
	id := run(t, folder, nil, "user", "create", "--role", "admin", "--name", "Ruth Lindqvist", "--email", "Ruth@clinic.example", "--time-zone", "Europe/Berlin")
	key := run(t, folder, nil, "key", "create", "ruth@clinic.example", "--name", "laptop")
	if id.status != 0 || key.status != 0 || !strings.HasPrefix(key.stdout, "mb_") || strings.Count(key.stdout, "\n") != 1 {
		t.Fatalf("user: %+v, key: %+v", id, key)
	}
	me := must(client.New(server.url, client.APIKey(strings.TrimSpace(key.stdout))).Me(t.Context()))(t)
	if me.ID+"\n" != id.stdout || me.Role != "admin" || me.TimeZone != "Europe/Berlin" || me.Email != "ruth@clinic.example" {
		t.Errorf("the server knows %+v, the command line printed %q", me, id.stdout)
	}
}

// TestFlagsWin shows that a flag is worth more than the environment.
func TestFlagsWin(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	server := start(t, folder, []string{"MEDBOOK_LISTEN=256.0.0.1:0", "MEDBOOK_DATABASE_URL=mysql://"}, "serve", "--listen=127.0.0.1:0", "--database=sqlite:here/mine.db")
	if err := client.New(server.url).Ready(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "here", "mine.db")); err != nil {
		t.Error(err)
	}
}

func TestHelpIsWorthReading(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		says []string
	}{
		{[]string{"--help"}, []string{"serve", "migrate", "user create", "key create", "keys rewrap", "audit verify", "backup make", "backup inspect", "restore", "copy", "demo", "openapi", "health", "version", "data/medbook.db"}},
		{[]string{"serve", "--help"}, []string{"--master-key", "$MEDBOOK_VAULT_TOKEN", "--retain-records", "ten years", "--listen", "--database", "$MEDBOOK_LISTEN", "$MEDBOOK_DATABASE_URL", "127.0.0.1:8080", "sqlite:./data/medbook.db", "SIGTERM"}},
		{[]string{"user", "create", "--help"}, []string{"--role", "--name", "--email", "--time-zone", "--database"}},
		{[]string{"key", "create", "--help"}, []string{"<email>", "--name", "X-API-Key"}},
		{[]string{"keys", "rewrap", "--help"}, []string{"--master-key", "--all", "while servers run"}},
		{[]string{"backup", "make", "--help"}, []string{"--to", "--recipient", "--recipients-file", "medbook.keys", "while servers go on"}},
		{[]string{"restore", "--help"}, []string{"--from", "--identity", "--keys", "--begin-anew", "--accept-trail", "Nothing is written over"}},
		{[]string{"copy", "--help"}, []string{"--from", "--to", "$MEDBOOK_COPY_TO_URL", "Stop the servers first", "goes on where it was"}},
		{[]string{"demo", "run", "--help"}, []string{"--listen", "--data"}},
	} {
		r := run(t, t.TempDir(), []string{"MEDBOOK_DATABASE_URL=postgres://u:hunter2@host/x"}, tt.args...)
		if r.status != 0 || r.stderr != "" || strings.Contains(r.stdout, "hunter2") {
			t.Errorf("%v: status %d, %s", tt.args, r.status, r.stderr)
		}
		for _, want := range tt.says {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("%v does not say %q:\n%s", tt.args, want, r.stdout)
			}
		}
	}
	if r := run(t, t.TempDir(), nil, "version"); r.status != 0 || !strings.HasPrefix(r.stdout, "medbook ") || !strings.Contains(r.stdout, "\nsqlite ") {
		t.Errorf("version: %+v", r)
	}
}

// TestAReleaseHasNoTestClock builds the program as users get it.
func TestAReleaseHasNoTestClock(t *testing.T) {
	t.Parallel()
	release, err := released()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{program(t): true, release: false} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Contains(text, []byte("MEDBOOK_TEST_CLOCK")); got != want {
			t.Errorf("%s knows the test clock: %v, want %v", filepath.Base(path), got, want)
		}
	}
}
