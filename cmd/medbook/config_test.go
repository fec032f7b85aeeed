package main

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"medbook/internal/settings"
)

// bare gives the test an empty folder, and an environment without settings.
func bare(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "MEDBOOK_") || name == "CREDENTIALS_DIRECTORY" {
			t.Setenv(name, "")
		}
	}
}

// invoke runs a command line, and returns what it prints and its status.
func invoke(args ...string) (stdout, stderr string, status int) {
	var out, log strings.Builder
	status = run(args, &out, &log)
	return out.String(), log.String(), status
}

func save(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// model returns the settings of the program, and the command line.
func model(t *testing.T) ([]settings.Setting, *kong.Kong) {
	t.Helper()
	found := settings.New()
	parser, err := newParser(found)
	if err != nil {
		t.Fatal(err)
	}
	return found.All(parser), parser
}

// node returns a command of the command line.
func node(t *testing.T, parser *kong.Kong, name string) *kong.Node {
	t.Helper()
	for _, command := range parser.Model.Leaves(false) {
		if command.Path() == name {
			return command
		}
	}
	t.Fatalf("there is no command %q", name)
	return nil
}

// TestSettingsHaveOneName has each setting of the server be a flag, a key of the same
// name, and a variable of nearly the same, and mean the same in every command.
func TestSettingsHaveOneName(t *testing.T) {
	all, parser := model(t)
	byName := map[string]settings.Setting{}
	for _, s := range all {
		byName[s.Name] = s
		want := "MEDBOOK_" + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_"))
		switch s.Name {
		case "keys", "tls-key": // of which the one is a secret, and was there before there was a rule
			continue
		case "database":
			want += "_URL"
		}
		if s.Variable != want {
			t.Errorf("--%s has the variable %s, want %s", s.Name, s.Variable, want)
		}
	}
	for _, f := range node(t, parser, "serve").Flags {
		if byName[f.Name].Name == "" {
			t.Errorf("--%s of serve has no variable, and so no key", f.Name)
		}
	}
	for _, command := range parser.Model.Leaves(false) {
		for _, f := range command.Flags {
			s := byName[f.Name]
			if f.Tag.Get("env") == "" {
				continue
			}
			if f.Tag.Get("env") != s.Variable || f.Target.Type() != s.Flag.Target.Type() || f.Default != s.Flag.Default || f.Enum != s.Flag.Enum {
				t.Errorf("--%s of %s is not what it is elsewhere", f.Name, command.Path())
			}
		}
	}
}

// samples returns triples of values that a flag can have, no two alike beside each
// other where the type has so many.
func samples(f *kong.Flag) [][3]string {
	switch f.Target.Interface().(type) {
	case bool:
		return [][3]string{{"true", "false", "true"}, {"false", "true", "false"}, {"true", "true", "false"}, {"false", "false", "true"}}
	case time.Duration:
		return [][3]string{{"1m", "2m", "3m"}}
	}
	switch {
	case f.Enum != "":
		names := slices.DeleteFunc(f.EnumSlice(), func(name string) bool { return name == "" })
		return [][3]string{{names[0], names[1], names[len(names)-1]}, {names[1], names[0], names[1]}}
	case f.Target.CanInt(), f.Target.CanUint(), f.Target.CanFloat():
		return [][3]string{{"1", "2", "3"}}
	}
	if f.PlaceHolder == "URL" {
		return [][3]string{{"sqlite:one", "sqlite:two", "sqlite:three"}}
	}
	return [][3]string{{"one", "two", "three"}}
}

// valueOf writes a setting's value as it is given.
func valueOf(f *kong.Flag) string {
	switch v := f.Target.Interface().(type) {
	case settings.Secret:
		return v.File
	case time.Duration:
		return v.String()
	case []string:
		return strings.Join(v, ",")
	}
	return fmt.Sprint(f.Target)
}

// TestEverySettingObeysTheOrder sets each setting of each command by all ways and by
// some, and looks at what it is and at where the program says that it comes from.
func TestEverySettingObeysTheOrder(t *testing.T) {
	_, parser := model(t)
	tried, known := 0, map[string]bool{}
	for _, command := range parser.Model.Leaves(false) {
		for _, f := range command.Flags {
			if f.Tag.Get("env") == "" || command.Name == "config" { // which has those of serve
				continue
			}
			tried++
			t.Run(command.Name+"/"+f.Name, func(t *testing.T) {
				bare(t)
				all := []int{0, 1, 2, 3, 4, 5, 6, 7}
				if known[f.Name] { // from another command, with the same flag
					all = []int{4, 6, 7}
				}
				known[f.Name] = true
				for _, values := range samples(f) {
					for _, ways := range all {
						obey(t, command, f, values, ways)
					}
				}
			})
		}
	}
	if tried < 40 {
		t.Errorf("only %d settings were tried", tried)
	}
}

// obey sets a flag to the first value by a flag, the second by its variable and the
// third by the file, as the bits of ways say.
func obey(t *testing.T, command *kong.Node, f *kong.Flag, values [3]string, ways int) {
	t.Helper()
	name := f.Tag.Get("env")
	args, variable, file := strings.Fields(command.Path()), "", ""
	for len(args) > 0 && strings.HasPrefix(args[len(args)-1], "<") {
		args = args[:len(args)-1]
	}
	want, from := f.Default, "default"
	if ways&4 != 0 {
		file, want, from = f.Name+": "+values[2]+"\n", values[2], "settings.yaml:1"
	}
	if ways&2 != 0 {
		variable, want, from = values[1], values[1], name
	}
	if ways&1 != 0 {
		args, want, from = append(args, "--"+f.Name+"="+values[0]), values[0], "--"+f.Name
	}
	t.Setenv(name, variable)
	save(t, "settings.yaml", file)
	got, said, err := holds(command, f.Name, append(args, "--config=settings.yaml"))
	if err != nil {
		t.Fatalf("ways %03b: %v", ways, err)
	}
	if f.IsBool() {
		want = cmp.Or(want, "false")
	}
	if _, ok := f.Target.Interface().(time.Duration); ok {
		d, err := time.ParseDuration(want)
		if err != nil {
			t.Fatal(err)
		}
		want = d.String()
	}
	if got != want {
		t.Errorf("ways %03b: got %q, want %q", ways, got, want)
	}
	if want != "" && !strings.HasSuffix(said, "  # "+from) {
		t.Errorf("ways %03b: %q, want that it comes from %s", ways, said, from)
	}
}

// holds returns the value of a setting, and the line that tells of it.
func holds(command *kong.Node, name string, args []string) (value, line string, err error) {
	found := settings.New()
	parser, err := newParser(found)
	if err != nil {
		return "", "", err
	}
	for _, positional := range command.Positional {
		if positional.Required {
			args = append(args, "x")
		}
	}
	for _, f := range command.Flags {
		if f.Required && f.Name != name {
			given := "settings.yaml" // a file that is there
			if f.Enum != "" {
				given = f.EnumSlice()[0]
			}
			args = append(args, "--"+f.Name+"="+given)
		}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return "", "", err
	}
	var b strings.Builder
	if err := found.Write(&b); err != nil {
		return "", "", err
	}
	for one := range strings.Lines(b.String()) {
		if strings.HasPrefix(one, name+": ") {
			line = strings.TrimSuffix(one, "\n")
		}
	}
	for _, f := range parsed.Selected().Flags {
		if f.Name == name {
			value = valueOf(f)
		}
	}
	return value, line, nil
}

// canary is a secret with letters that mean something in addresses.
const canary = "hunter2/%41@?#&:x"

// spilt finds canary in any form.
var spilt = regexp.MustCompile(`(?i)hunter2|%68unter2`)

// way is one to give a secret.
type way struct {
	name, file string
	variables  map[string]string
}

// secretWays are the ways to give a secret, right ones and wrong ones.
func secretWays(all []settings.Setting) (ways []way) {
	for _, s := range all {
		if s.Secret != "" {
			key := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(s.Secret, "MEDBOOK_"), "_", "-"))
			ways = append(ways,
				way{s.Secret, "", map[string]string{s.Secret: canary}},
				way{s.Name + " names a file", s.Name + ": canary\n", nil},
				way{s.Variable, "", map[string]string{s.Variable: "canary"}},
				way{s.Name + " is in a variable and a file", "", map[string]string{s.Secret: canary, s.Variable: "canary"}},
				way{s.Name + " is a credential", "", map[string]string{"CREDENTIALS_DIRECTORY": "credentials"}},
				way{key + " is no YAML", key + ": \"" + canary + "\n", nil})
			if key != s.Name {
				ways = append(ways, way{key + " is a key", key + ": " + canary + "\n", nil})
			}
		}
		forms, addresses := []string{"hunter2"}, 1
		if s.Name == "database" || s.Name == "sms-url" || s.Name == "smtp-password-file" || s.Name == "listen" {
			forms = []string{canary, url.QueryEscape(canary), "%68unter2", "hunter2%zz"}
			addresses = 4
		}
		for _, form := range forms {
			for _, address := range []string{"postgres://u:" + form + "@127.0.0.1:1/x", "postgres://127.0.0.1:1/x?p%61ssword=" + form, "https://sms.example/?token=" + form, "password=" + form + " host=127.0.0.1"}[:addresses] {
				ways = append(ways,
					way{s.Name + ": " + address, s.Name + ": '" + address + "'\n", nil},
					way{s.Variable + "=" + address, "", map[string]string{s.Variable: address}})
			}
		}
	}
	return ways
}

// TestNoSecretIsTold gives each secret in each way that there is, and looks for it in
// what the program says.
func TestNoSecretIsTold(t *testing.T) {
	all, _ := model(t)
	for i, w := range secretWays(all) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			bare(t)
			save(t, "settings.yaml", w.file)
			save(t, "canary", canary)
			if err := os.Mkdir("credentials", 0o700); err != nil {
				t.Fatal(err)
			}
			for _, s := range all {
				if s.Secret != "" {
					save(t, filepath.Join("credentials", settings.Secret{Variable: s.Secret}.Credential()), canary)
				}
			}
			for name, value := range w.variables {
				t.Setenv(name, value)
			}
			commands := [][]string{{"config"}, {"config", "--check"}}
			if !strings.Contains(w.name, "hunter2@") { // nothing but a slip
				commands = append(commands, []string{"config", "--check", "--smtp=127.0.0.1:1", "--smtp-from=a@clinic.example", "--push=a@clinic.example", "--master-key=hcvault://h/transit/keys/x"})
			}
			if strings.HasPrefix(strings.ToLower(w.name), "database") || w.variables["MEDBOOK_DATABASE_URL"] != "" {
				commands = append(commands, []string{"migrate"}, []string{"audit", "key"})
			}
			for _, args := range commands {
				stdout, stderr, _ := invoke(append(args, "--config=settings.yaml")...)
				if stdout+stderr == "" && args[0] == "config" && len(args) == 1 {
					t.Errorf("%s: nothing is said at all", w.name)
				}
				if spilt.MatchString(stdout + stderr) {
					t.Errorf("%s: %v tells the secret:\n%s%s", w.name, args, stdout, stderr)
				}
			}
		})
	}
}

// TestWhatConfigPrintsIsAConfiguration takes it for the file of the next run.
func TestWhatConfigPrintsIsAConfiguration(t *testing.T) {
	bare(t)
	save(t, "settings.yaml", `
listen: 0.0.0.0:443
trusted-proxies:
  - 10.0.0.0/8
  - 192.168.0.0/16
clinic-name: "yes: #1 'Berg'"
hold-cooldown: 90m
smtp: mail.clinic.example:587
smtp-from: Clinic <hello@clinic.example>
smtp-password-file: /run/secrets/smtp
webhooks-allow-private: true
`)
	t.Setenv("MEDBOOK_RETAIN_RECORDS", "7300")
	t.Setenv("MEDBOOK_EMAIL_FIELDS", "to, text")
	first, stderr, status := invoke("config", "--config=settings.yaml", "--smtp-tls=implicit")
	if status != succeeded || stderr != "" {
		t.Fatalf("status %d, %s", status, stderr)
	}
	for _, want := range []string{"require-factor: [practitioner, admin, auditor]  # default\n", "smtp-tls: implicit  # --smtp-tls\n", "retain-records: 7300  # MEDBOOK_RETAIN_RECORDS\n", "email-fields: [to, text]  # MEDBOOK_EMAIL_FIELDS\n", "keys: ./data/medbook.keys  # default\n", "trusted-proxies: [10.0.0.0/8, 192.168.0.0/16]  # settings.yaml:3\n"} {
		if !strings.Contains(first, want) {
			t.Errorf("%q is missing from\n%s", want, first)
		}
	}
	bare(t)
	save(t, "printed.yaml", first)
	second, stderr, status := invoke("config", "--config=printed.yaml")
	if status != succeeded || stderr != "" {
		t.Fatalf("status %d, %s", status, stderr)
	}
	sources := regexp.MustCompile(`  # [^"]*\n|^#.*\n`)
	if got, want := sources.ReplaceAllString(second, "\n"), sources.ReplaceAllString(first, "\n"); got != want {
		t.Errorf("the second run says\n%s, want\n%s", got, want)
	}
}

// TestTheCheckSaysWhatTheServerSays starts servers that can't start, and has their
// settings checked.
func TestTheCheckSaysWhatTheServerSays(t *testing.T) {
	bare(t)
	save(t, "file", "nothing of use")
	save(t, "open", "{}")
	if err := os.Chmod("open", 0o644); err != nil { // whatever the umask is
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"--database=mysql://h/x"},
		{"--database=postgres://h:port/x"},
		{"--database=sqlite:"},
		{"--listen=localhost"},
		{"--listen=127.0.0.1:port"},
		{"--listen=0.0.0.0:0"},
		{"--listen=:0"},
		{"--tls-cert=x"},
		{"--tls-cert=file", "--tls-key=file"},
		{"--trusted-proxies=proxy"},
		{"--public-url=clinic"},
		{"--require-factor=boss"},
		{"--identity-providers=nowhere"},
		{"--identity-providers=file"},
		{"--cors-origins=*"},
		{"--rate-limit-address=-1"},
		{"--hold-cooldown=-1s"},
		{"--retain-records=-1"},
		{"--retain-audit=3"},
		{"--audit-webhook=http://keep.example"},
		{"--smtp=mail"},
		{"--smtp=mail:0"},
		{"--smtp=192.0.2.1:25", "--smtp-tls=none", "--smtp-from=a@b.example"},
		{"--smtp=mail:25", "--smtp-from=a@b.example", "--smtp-password-file=nowhere"},
		{"--email-url=http://mail.example"},
		{"--email-url=https://mail.example", "--email-fields=a"},
		{"--sms-url=ftp://sms.example"},
		{"--push=nobody"},
		{"--push=a@b.example", "--push-networks=x"},
		{"--message-webhook=https://hook.example"},
		{"--keys=file"},
		{"--keys=open"},
		{"--master-key=here"},
		{"--master-key=hcvault://h/transit/keys/x", "--vault-token-file=nowhere"},
		{"--config=nowhere"},
		{"--database-url-file=nowhere"},
		{"--smtp=mail:25", "--smtp-from=a@b.example", "--email-url=https://mail.example"},
	} {
		_, want, wantStatus := invoke(append([]string{"serve", "--listen=127.0.0.1:0"}, args...)...)
		stdout, got, status := invoke(append([]string{"config", "--check", "--listen=127.0.0.1:0"}, args...)...)
		if wantStatus == succeeded || got != want || status != wantStatus || stdout != "" {
			t.Errorf("%v: the check says %q and ends with %d, the server %q and %d", args, got, status, want, wantStatus)
		}
	}
}

// TestTheCheckMakesNothing looks at settings that are right.
func TestTheCheckMakesNothing(t *testing.T) {
	bare(t)
	save(t, "settings.yaml", "database: sqlite:data/medbook.db\npush: it@clinic.example\nmaster-key: hcvault://127.0.0.1:1/transit/keys/x\n")
	for _, args := range [][]string{{"config", "--check"}, {"config"}, {"config", "--check", "--database=postgres://127.0.0.1:1/x"}} {
		if _, stderr, status := invoke(append(args, "--config=settings.yaml")...); status != succeeded || stderr != "" {
			t.Errorf("%v: status %d, %s", args, status, stderr)
		}
	}
	entries, err := os.ReadDir(".")
	if err != nil || len(entries) != 1 {
		t.Errorf("there is more than the file: %v, %v", entries, err)
	}
}

// TestErrorsOfSettingsAreUsageErrors tells a service manager that it is no use to try again.
func TestErrorsOfSettingsAreUsageErrors(t *testing.T) {
	bare(t)
	save(t, "settings.yaml", "trusted-proxies: [proxy]\n")
	t.Setenv("MEDBOOK_SMPT", "x")
	if _, stderr, status := invoke("migrate"); status != misused || stderr != "medbook: MEDBOOK_SMPT is no setting; did you mean MEDBOOK_SMTP?\n" {
		t.Errorf("status %d, %q", status, stderr)
	}
	if stdout, stderr, status := invoke("version"); status != succeeded || stdout == "" || stderr != "" {
		t.Errorf("a command without settings: status %d, %q", status, stderr)
	}
	t.Setenv("MEDBOOK_SMPT", "")
	if _, stderr, status := invoke("config", "--check", "--config=settings.yaml"); status != failed || !strings.Contains(stderr, "--trusted-proxies (settings.yaml:1) takes") {
		t.Errorf("status %d, %q", status, stderr)
	}
}
