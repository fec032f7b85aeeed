package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"medbook/client"
)

// TestSecretsComeFromFilesAndCredentials starts the program as container
// platforms and systemd do.
func TestSecretsComeFromFilesAndCredentials(t *testing.T) {
	t.Parallel()
	for name, place := range map[string][2]string{
		"a file": {"url", "MEDBOOK_DATABASE_URL_FILE=url"}, "a credential": {"medbook.database-url", "CREDENTIALS_DIRECTORY=."},
	} {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, place[0]), []byte("sqlite:here/mine.db\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := run(t, folder, []string{place[1]}, "migrate"); r.status != 0 {
			t.Errorf("%s: %+v", name, r)
		}
		if _, err := os.Stat(filepath.Join(folder, "here", "mine.db")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		r := run(t, folder, []string{place[1], "MEDBOOK_DATABASE_URL_FILE=" + place[0], "MEDBOOK_DATABASE_URL=sqlite:other.db"}, "migrate")
		if r.status != 2 || !strings.Contains(r.stderr, "both") {
			t.Errorf("%s and a variable: %+v, want a refusal", name, r)
		}
	}
}

// TestKeysAreRotated keeps people signed in over new keys, and shows what an
// operator sees of the keys, which is not them.
func TestKeysAreRotated(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ruth := c.firstAdmin()
		file := c.clock + ".keys"
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the keys file has mode %v, %v", info.Mode(), err)
		}
		count := func(args ...string) (lines, used int) {
			r := run(t, t.TempDir(), c.env(), args...)
			if r.status != 0 || r.stderr != "" || len(r.stdout) > 600 {
				t.Fatalf("%v: %+v", args, r)
			}
			return strings.Count(r.stdout, "\n"), strings.Count(r.stdout, "in use")
		}
		if lines, used := count("keys", "show"); lines != 2 || used != 2 {
			t.Errorf("there are %d keys and %d in use, want one of each kind", lines, used)
		}
		if lines, used := count("keys", "rotate"); lines != 4 || used != 2 {
			t.Errorf("after a rotation there are %d keys and %d in use, want one more of each kind", lines, used)
		}
		c.restart()
		in := must(c.with().Refresh(t.Context(), ruth.RefreshToken))(t)
		if _, err := c.with(client.Token(in.AccessToken)).Me(t.Context()); err != nil {
			t.Errorf("after the rotation: %v", err)
		}
		c.server.kill(t)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		r := run(t, t.TempDir(), c.env(), "serve", "--listen=127.0.0.1:0") // it would make new ones
		if r.status != 1 || !strings.Contains(r.stderr, "keys") || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("with other keys: %+v, want that it does not start", r)
		}
		env := append(c.env(), "MEDBOOK_KEYS="+string(text), "MEDBOOK_KEYS_FILE=")
		held := start(t, t.TempDir(), env, "serve", "--listen=127.0.0.1:0")
		if err := client.New(held.url, client.Token(in.AccessToken)).Status(t.Context()); err != nil {
			t.Errorf("with the keys in a variable: %v", err)
		}
		held.signal(t, syscall.SIGTERM)
		if status := held.wait(t); status != 0 {
			t.Errorf("ended with %d", status)
		}
	})
}
