package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"medbook/client"
)

// TestOneFileServesAllCommands sets a server and the commands beside it up by one
// file, a variable and a flag, and asks which of them holds.
func TestOneFileServesAllCommands(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := "listen: 256.0.0.1:0 # a flag knows better\ndatabase: sqlite:elsewhere/mine.db # and so does a variable\nkeys: here/our.keys\nclinic-name: Riverside\n"
	if err := os.WriteFile(filepath.Join(folder, "medbook.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"MEDBOOK_CONFIG=medbook.yaml", "MEDBOOK_DATABASE_URL=sqlite:here/mine.db", "MEDBOOK_SMTP_PASSWORD=hunter2"}
	if r := run(t, folder, env, "config", "--check", "--listen=127.0.0.1:0"); r.status != 0 || r.stdout+r.stderr != "" {
		t.Errorf("the check: %+v", r)
	}
	server := start(t, folder, env, "serve", "--listen=127.0.0.1:0")
	if err := client.New(server.url).Ready(t.Context()); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]bool{"here/mine.db": true, "here/our.keys": true, "elsewhere": false, "data": false} {
		if _, err := os.Stat(filepath.Join(folder, name)); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %t", name, err, want)
		}
	}
	if r := run(t, folder, env, "user", "create", "--role=admin", "--name=Ruth Lindqvist", "--email=ruth@clinic.example"); r.status != 0 {
		t.Errorf("a command with the same file: %+v", r)
	}
	r := run(t, folder, env, "config", "--listen=127.0.0.1:0")
	for _, want := range []string{"listen: 127.0.0.1:0  # --listen\n", "database: sqlite:here/mine.db  # MEDBOOK_DATABASE_URL\n", "keys: here/our.keys  # medbook.yaml:3\n", "clinic-name: Riverside  # medbook.yaml:4\n", "# smtp-password: \"***\"  # MEDBOOK_SMTP_PASSWORD\n", "holds-per-day: 0  # MEDBOOK_HOLDS_PER_DAY\n"} {
		if r.status != 0 || !strings.Contains(r.stdout, want) {
			t.Errorf("%q is missing from %+v", want, r)
		}
	}
	if strings.Contains(r.stdout, "hunter2") {
		t.Error("a secret is printed")
	}
}
