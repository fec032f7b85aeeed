package settings_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"medbook/internal/settings"
)

// line is a command line with a setting of each type.
type line struct {
	ConfigFile settings.File `name:"config" env:"MEDBOOK_CONFIG"`

	Serve struct {
		store
		Listen   string        `env:"MEDBOOK_LISTEN" default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
		Proxies  string        `env:"MEDBOOK_PROXIES" placeholder:"CIDR,…"`
		Origins  []string      `env:"MEDBOOK_ORIGINS"`
		Limit    int           `env:"MEDBOOK_LIMIT" default:"600"`
		Share    float64       `env:"MEDBOOK_SHARE" default:"0.5"`
		Cooldown time.Duration `env:"MEDBOOK_COOLDOWN" default:"1h"`
		Private  bool          `env:"MEDBOOK_PRIVATE"`
		Mode     string        `env:"MEDBOOK_MODE" enum:"starttls,implicit,none," default:"starttls"`

		SMTP     string          `name:"smtp" env:"MEDBOOK_SMTP"`
		Password settings.Secret `name:"smtp-password-file" env:"MEDBOOK_SMTP_PASSWORD_FILE"`
	} `cmd:""`
	Migrate store `cmd:""`
	Verify  struct {
		Database    string          `xor:"what" env:"MEDBOOK_DATABASE_URL"`
		Export      string          `xor:"what"`
		DatabaseURL settings.Secret `name:"database-url-file" env:"MEDBOOK_DATABASE_URL_FILE"`
	} `cmd:""`
	Create struct {
		Name string
	} `cmd:""`
}

type store struct {
	Database    string          `env:"MEDBOOK_DATABASE_URL"`
	DatabaseURL settings.Secret `name:"database-url-file" env:"MEDBOOK_DATABASE_URL_FILE"`
}

// parse reads a command line where the environment has nothing but variables
// ("NAME=value"), and the file, if it has a text, is medbook.yaml.
func parse(t *testing.T, file string, variables []string, args ...string) (line, *settings.Settings, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "MEDBOOK_") || name == "CREDENTIALS_DIRECTORY" {
			t.Setenv(name, "")
		}
	}
	for _, pair := range variables {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	if file != "" {
		if err := os.WriteFile("medbook.yaml", []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config=medbook.yaml")
	}
	var l line
	found := settings.New()
	parser, err := kong.New(&l, found, kong.Exit(func(int) { t.Fatal("kong ended the program") }))
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return l, found, err
}

func TestValuesOfEachType(t *testing.T) {
	file := `
listen: 127.0.0.1:80
proxies: [10.0.0.0/8, "::1/128"]
origins:
  - https://a.example
  - https://b.example
limit: 7
share: 0.25
cooldown: 90s
private: true
mode: none
smtp-password-file: /run/secrets/smtp
database: sqlite:yes # a comment
smtp: # nothing
`
	l, _, err := parse(t, file, nil, "serve")
	if err != nil {
		t.Fatal(err)
	}
	s := l.Serve
	got := []any{s.Listen, s.Proxies, s.Origins, s.Limit, s.Share, s.Cooldown, s.Private, s.Mode, s.Password.File, s.Database, s.SMTP}
	want := []any{"127.0.0.1:80", "10.0.0.0/8,::1/128", []string{"https://a.example", "https://b.example"}, 7, 0.25, 90 * time.Second, true, "none", "/run/secrets/smtp", "sqlite:yes", ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the file says otherwise (-want +got):\n%s", diff)
	}
}

// TestTextIsTakenAsItIsWritten keeps YAML from making numbers, dates and truths of
// what is a text.
func TestTextIsTakenAsItIsWritten(t *testing.T) {
	for _, text := range []string{"yes", "0x10", "1_000", "2026-01-01", "1:30", "1e3", "null-byte", "007"} {
		if l, _, err := parse(t, "smtp: "+text+"\n", nil, "serve"); err != nil || l.Serve.SMTP != text {
			t.Errorf("%q became %q, %v", text, l.Serve.SMTP, err)
		}
	}
}

func TestEmptyCountsAsNone(t *testing.T) {
	for _, empty := range []string{"", "null", "~", `""`, "''"} {
		l, _, err := parse(t, "listen: "+empty+"\nlimit: "+empty+"\nsmtp: "+empty+"\n", []string{"MEDBOOK_LISTEN=", "MEDBOOK_LIMIT=", "MEDBOOK_COOLDOWN=", "MEDBOOK_PRIVATE=", "MEDBOOK_MODE=", "MEDBOOK_NOTHING="}, "serve")
		if err != nil || l.Serve.Listen != "127.0.0.1:8080" || l.Serve.Limit != 600 || l.Serve.Cooldown != time.Hour || l.Serve.Mode != "starttls" {
			t.Errorf("%q: %+v, %v, want the defaults", empty, l.Serve, err)
		}
	}
	for _, file := range []string{"# nothing\n", "---\n", "{}\n", "~\n"} {
		if l, _, err := parse(t, file, []string{"MEDBOOK_CONFIG=elsewhere.yaml"}, "serve"); err != nil || l.Serve.Limit != 600 {
			t.Errorf("a file with %q: %v", file, err)
		}
	}
	if _, _, err := parse(t, "", []string{"MEDBOOK_CONFIG="}, "serve"); err != nil {
		t.Errorf("no name of a file: %v", err)
	}
	if l, _, err := parse(t, "smtp: a:25\n", nil, "serve", "--smtp="); err != nil || l.Serve.SMTP != "" {
		t.Errorf("a flag that takes away what the file says: %q, %v", l.Serve.SMTP, err)
	}
}

// TestWhereASecretIs shows the order of the ways to give one, and that two of a kind
// are refused.
func TestWhereASecretIs(t *testing.T) {
	const inFile, fileVariable, variable, flag = "smtp-password-file: key\n", "MEDBOOK_SMTP_PASSWORD_FILE=path", "MEDBOOK_SMTP_PASSWORD=text", "--smtp-password-file=flag"
	for _, tt := range []struct {
		name      string
		file      string
		variables []string
		args      []string
		want      string
	}{
		{"nowhere", "", nil, nil, ""},
		{"a credential", "", []string{"CREDENTIALS_DIRECTORY=."}, nil, "in the credential"},
		{"a key before a credential", inFile, []string{"CREDENTIALS_DIRECTORY=."}, nil, "in key"},
		{"a variable before a key", inFile, []string{variable}, nil, "text"},
		{"a file's variable before a key", inFile, []string{fileVariable}, nil, "in path"},
		{"a flag before all", inFile, []string{variable, fileVariable, "CREDENTIALS_DIRECTORY=."}, []string{flag}, "in flag"},
		{"a flag before a variable", "", []string{variable}, []string{flag}, "in flag"},
		{"both variables", inFile, []string{variable, fileVariable}, nil, "error: both MEDBOOK_SMTP_PASSWORD and MEDBOOK_SMTP_PASSWORD_FILE are given; give one"},
	} {
		l, _, err := parse(t, tt.file, tt.variables, append([]string{"serve"}, tt.args...)...)
		for name, text := range map[string]string{"key": "in key\n", "path": "in path\r\n", "flag": "in flag\n", "medbook.smtp-password": "in the credential"} {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got := ""
		if err == nil {
			got, err = l.Serve.Password.Read()
		}
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestASettingThatMayBeASecret is the same for an address of a database, which is
// secret when it has a password.
func TestASettingThatMayBeASecret(t *testing.T) {
	for _, tt := range []struct {
		name           string
		file           string
		variables      []string
		args           []string
		database, path string
		wrong          string
	}{
		{"a key", "database: k\n", nil, nil, "k", "", ""},
		{"a key of a file", "database-url-file: k\n", nil, nil, "", "k", ""},
		{"both keys", "database: k\ndatabase-url-file: k\n", nil, nil, "", "", "both medbook.yaml:1 and medbook.yaml:2 are given"},
		{"a variable before a key of a file", "database-url-file: k\n", []string{"MEDBOOK_DATABASE_URL=v"}, nil, "v", "", ""},
		{"a file's variable before a key", "database: k\n", []string{"MEDBOOK_DATABASE_URL_FILE=v"}, nil, "", "v", ""},
		{"both variables", "", []string{"MEDBOOK_DATABASE_URL_FILE=v", "MEDBOOK_DATABASE_URL=v"}, nil, "", "", "both MEDBOOK_DATABASE_URL and MEDBOOK_DATABASE_URL_FILE"},
		{"a flag before a file's variable", "", []string{"MEDBOOK_DATABASE_URL_FILE=v"}, []string{"--database=f"}, "f", "", ""},
		{"a file's flag before a variable", "", []string{"MEDBOOK_DATABASE_URL=v"}, []string{"--database-url-file=f"}, "", "f", ""},
		{"both flags", "", nil, []string{"--database=f", "--database-url-file=f"}, "", "", "both --database and --database-url-file"},
	} {
		l, _, err := parse(t, tt.file, tt.variables, append([]string{"migrate"}, tt.args...)...)
		if tt.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("%s: %v, want %q", tt.name, err, tt.wrong)
			}
			continue
		}
		if err != nil || l.Migrate.Database != tt.database || l.Migrate.DatabaseURL.File != tt.path {
			t.Errorf("%s: %+v, %v, want %q and %q", tt.name, l.Migrate, err, tt.database, tt.path)
		}
	}
}

// TestAFlagExcludesSettings has a flag of the command line win over a setting of the
// file or the environment that can't be used with it.
func TestAFlagExcludesSettings(t *testing.T) {
	for _, variables := range [][]string{nil, {"MEDBOOK_DATABASE_URL=v"}} {
		l, _, err := parse(t, "database: k\n", variables, "verify", "--export=x")
		if err != nil || l.Verify.Export != "x" || l.Verify.Database != "" {
			t.Errorf("%+v, %v, want the export only", l.Verify, err)
		}
	}
	if _, _, err := parse(t, "", nil, "verify", "--export=x", "--database=y"); err == nil {
		t.Error("two flags that exclude each other were taken")
	}
}

// TestSettingsOfOtherCommands shows that one file serves all, that its slips show with
// each command that has settings, and that they don't hold up one that has none.
func TestSettingsOfOtherCommands(t *testing.T) {
	if l, _, err := parse(t, "limit: 5\ndatabase: k\n", []string{"MEDBOOK_LIMIT=6"}, "migrate"); err != nil || l.Migrate.Database != "k" {
		t.Errorf("%+v, %v", l.Migrate, err)
	}
	if _, _, err := parse(t, "limit: many\n", nil, "migrate"); err == nil {
		t.Error("a slip in what is for another command went unseen")
	}
	if _, _, err := parse(t, "limit: many\nname: x\n", []string{"MEDBOOK_NAME=x"}, "create", "--name=y"); err != nil {
		t.Errorf("a command without settings: %v", err)
	}
}

func TestWhatIsWrongInTheFile(t *testing.T) {
	const notYAML = "this is not YAML"
	for _, tt := range []struct{ name, file, want string }{
		{"a slip", "limit: 5\nlisen: hunter2\n", "medbook.yaml:2: lisen is no setting; did you mean listen?"},
		{"a name in other letters", "SMTP: hunter2\n", "medbook.yaml:1: SMTP is no setting; did you mean smtp?"},
		{"a name of a variable", "MEDBOOK_LIMIT: hunter2\n", "medbook.yaml:1: MEDBOOK_LIMIT is no setting; did you mean limit?"},
		{"a name with underscores", "smtp_password_file: x\n", "did you mean smtp-password-file?"},
		{"letters exchanged", "smpt: x\n", "did you mean smtp?"},
		{"a name that is near to none", "frobnicate: hunter2\n", "medbook.yaml:1: frobnicate is no setting"},
		{"a flag that is no setting", "name: hunter2\n", "medbook.yaml:1: name is no setting"},
		{"the file itself", "config: hunter2\n", "medbook.yaml:1: config can be given by a flag or a variable only"},
		{"twice", "limit: 5\n\nlimit: 5\n", "medbook.yaml:3: limit stands in line 1 already"},
		{"a number that is none", "limit: hunter2\n", "medbook.yaml:1: limit takes a whole number"},
		{"a fraction", "limit: 1.5\n", "medbook.yaml:1: limit takes a whole number"},
		{"another number that is none", "share: hunter2\n", "medbook.yaml:1: share takes a number"},
		{"a duration without a unit", "cooldown: 30\n", "medbook.yaml:1: cooldown takes a duration such as 30m or 24h"},
		{"a truth that is none", "private: hunter2\n", "medbook.yaml:1: private takes true or false"},
		{"none of a few", "mode: hunter2\n", "medbook.yaml:1: mode takes one of starttls, implicit, none"},
		{"a list of one", "listen: [hunter2]\n", "medbook.yaml:1: listen takes one value, not a list"},
		{"a comma in a list", "proxies: ['hunter2,x']\n", "medbook.yaml:1: proxies has a comma within a value of its list"},
		{"a hole in a list", "proxies:\n- a\n-\n", "medbook.yaml:1: proxies has an empty value in its list"},
		{"a list in a list", "proxies: [[hunter2]]\n", "medbook.yaml:1: proxies takes one value"},
		{"sections", "smtp:\n  host: hunter2\n", "medbook.yaml:1: smtp takes one value"},
		{"several lines", "smtp: |\n  hunter2\n  x\n", "medbook.yaml:1: smtp takes one line of text"},
		{"an anchor", "smtp: &x hunter2\n", "medbook.yaml:1: smtp has an anchor or a tag"},
		{"a tag", "smtp: !!binary hunter2\n", "medbook.yaml:1: smtp has an anchor or a tag"},
		{"an alias", "listen: &hunter2 x\nsmtp: *hunter2\n", "medbook.yaml:2: smtp takes one value"},
		{"an alias of nothing", "limit: 5\nsmtp-password: *hunter2\n", "medbook.yaml:2: " + notYAML},
		{"a merge", "<<: {limit: 5}\n", "medbook.yaml:1: this key is no setting"},
		{"a key that is an address", "postgres://u:hunter2@h/x: y\n", "medbook.yaml:1: this key is no setting"},
		{"a key that is a list", "? [hunter2]\n: x\n", "medbook.yaml:1: this key is no setting"},
		{"an open quote", "smtp-password: \"hunter2\n", "medbook.yaml:"},
		{"a tab", "limit: 5\n\thunter2: 3\n", "medbook.yaml:2: " + notYAML},
		{"two colons", "smtp: hunter2: x\n", "medbook.yaml:1: " + notYAML},
		{"other letters than UTF-8", "smtp: \xffhunter2\n", notYAML},
		{"a list", "- hunter2\n", "medbook.yaml:1: a configuration has lines such as"},
		{"a word", "hunter2\n", "medbook.yaml:1: a configuration has lines such as"},
		{"two documents", "limit: 5\n---\nlimit: 6\n", "more than one document"},
		{"a secret", "smtp-password: hunter2\n", "medbook.yaml:1: smtp-password is a secret, which can't stand in this file: name a file that has it with smtp-password-file, or set MEDBOOK_SMTP_PASSWORD"},
		{"a secret without a value", "smtp-password:\n", "smtp-password is a secret"},
		{"a list of secrets", "smtp-password: [hunter2]\n", "smtp-password is a secret"},
		{"an address of a database as a secret", "database-url: postgres://u:hunter2@h/x\n", "database-url is a secret"},
		{"an address with a password", "database: postgres://u:hunter2@h/x\n", "medbook.yaml:1: database holds a secret, which can't stand in this file: set MEDBOOK_DATABASE_URL, or put it into a file and name that with database-url-file"},
		{"a password with a slash", "database: postgres://u:x/hunter2@h/x\n", "database holds a secret"},
		{"a password among parameters", "database: postgres://h/x?user=u&p%61ssword=hunter2\n", "database holds a secret"},
		{"words of a connection", "database: password=hunter2 host=h\n", "database holds a secret"},
		{"a token in an address", "smtp: https://h/x?api_key=hunter2\n", "smtp holds a secret, which can't stand in this file: set MEDBOOK_SMTP"},
		{"too long", "smtp: " + strings.Repeat("x", 1<<20) + "\n", "longer"},
	} {
		_, _, err := parse(t, tt.file, nil, "serve")
		invalid, ok := errors.AsType[*settings.InvalidError](err)
		if !ok || !strings.Contains(invalid.Error(), tt.want) || strings.Contains(strings.Replace(invalid.Error(), tt.want, "", 1), "hunter2") || strings.Contains(tt.want, "hunter2") {
			t.Errorf("%s: %v, want %q and nothing of the value", tt.name, err, tt.want)
		}
	}
	for _, path := range []string{"nowhere.yaml", "."} {
		if _, _, err := parse(t, "", []string{"MEDBOOK_CONFIG=" + path}, "serve"); err == nil || !strings.Contains(err.Error(), "read the configuration") {
			t.Errorf("a file at %s: %v, want an error", path, err)
		}
	}
}

// TestAllThatIsWrongIsToldAtOnce spares whoever mends a configuration a try for each slip.
func TestAllThatIsWrongIsToldAtOnce(t *testing.T) {
	_, _, err := parse(t, "limit: a\nlisen: b\n", []string{"MEDBOOK_COOLDOWN=c", "MEDBOOK_SMPT=d"}, "serve")
	invalid, ok := errors.AsType[*settings.InvalidError](err)
	if want := []string{
		"MEDBOOK_SMPT is no setting; did you mean MEDBOOK_SMTP?",
		"MEDBOOK_COOLDOWN takes a duration such as 30m or 24h",
		"medbook.yaml:1: limit takes a whole number",
		"medbook.yaml:2: lisen is no setting; did you mean listen?",
	}; !ok || !cmp.Equal(invalid.Problems, want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestVariablesThatSetNothing(t *testing.T) {
	for pair, want := range map[string]string{
		"MEDBOOK_SMPT=hunter2":                       "MEDBOOK_SMPT is no setting; did you mean MEDBOOK_SMTP?",
		"MEDBOOK_SMTP_PASWORD=hunter2":               "did you mean MEDBOOK_SMTP_PASSWORD?",
		"MEDBOOK_DATABASE=hunter2":                   "did you mean MEDBOOK_DATABASE_URL?",
		"MEDBOOK_DATABASE_FILE=hunter2":              "MEDBOOK_DATABASE_FILE is no setting",
		"MEDBOOK_NAME=hunter2":                       "MEDBOOK_NAME is no setting",
		"MEDBOOK_LIMIT=hunter2":                      "MEDBOOK_LIMIT takes a whole number",
		"MEDBOOK_PRIVATE=hunter2":                    "MEDBOOK_PRIVATE takes true or false",
		"MEDBOOK_PORT=8080":                          "MEDBOOK_PORT is no setting; the port is part of MEDBOOK_LISTEN",
		"MEDBOOK_WEB_PORT=8080":                      "MEDBOOK_WEB_PORT is no setting",
		"MEDBOOK_SERVICE=hunter2":                    "MEDBOOK_SERVICE is no setting",
		"MEDBOOK_TESTS=hunter2":                      "MEDBOOK_TESTS is no setting",
		"MEDBOOK_SMTP=":                              "",
		"MEDBOOK_NOTHING=":                           "", // an empty one sets nothing, and nobody meant it to
		"MEDBOOK_TEST_CLOCK=x":                       "",
		"MEDBOOK_SOAK=1":                             "",
		"MEDBOOK_SCREENSHOTS=x":                      "",
		"MEDBOOKING=x":                               "",
		"MEDBOOK_PORT=tcp://10.0.0.1:80":             "", // by Kubernetes, for a service called medbook
		"MEDBOOK_SERVICE_HOST=10.0.0.1":              "",
		"MEDBOOK_SERVICE_PORT=80":                    "",
		"MEDBOOK_SERVICE_PORT_HTTP=80":               "",
		"MEDBOOK_PORT_8080_TCP=tcp://10.0.0.1:8080":  "",
		"MEDBOOK_PORT_8080_TCP_PROTO=tcp":            "",
		"MEDBOOK_PORT_8080_TCP_PORT=8080":            "",
		"MEDBOOK_PORT_8080_TCP_ADDR=10.0.0.1":        "",
		"MEDBOOK_WEB_PORT=tcp://10.0.0.1:80":         "", // and for one called medbook-web
		"MEDBOOK_WEB_SERVICE_HOST=10.0.0.1":          "",
		"MEDBOOK_WEB_PORT_443_TCP=tcp://10.0.0.1:80": "",
	} {
		_, _, err := parse(t, "", []string{pair}, "migrate")
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v, want none", pair, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2")):
			t.Errorf("%s: %v, want %q and nothing of the value", pair, err, want)
		}
	}
}

func TestErrorsSayWhereAFlagWasSet(t *testing.T) {
	_, found, err := parse(t, "smtp: x\nlimit: 3\n", []string{"MEDBOOK_LIMIT=4"}, "serve", "--listen=x")
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("--smtp, --limit, --listen, --cooldown and --smtp-from are odd")
	got := found.Locate(cause)
	if want := "--smtp (medbook.yaml:1), --limit (MEDBOOK_LIMIT), --listen, --cooldown and --smtp-from are odd"; got.Error() != want || !errors.Is(got, cause) {
		t.Errorf("got %v, want %s", got, want)
	}
	if other := errors.New("out of paper"); !errors.Is(found.Locate(other), other) || found.Locate(other).Error() != other.Error() || found.Locate(nil) != nil {
		t.Error("an error that speaks of no flag was changed")
	}
}

func TestWrite(t *testing.T) {
	file := "proxies: [10.0.0.0/8]\nsmtp: 'a: b # \"c\"'\nprivate: true\ncooldown: 90m\norigins: ['https://a,b']\n"
	file = strings.Replace(file, "'https://a,b'", "'007', 'yes'", 1)
	_, found, err := parse(t, file, []string{"MEDBOOK_SMTP_PASSWORD=hunter2", "MEDBOOK_DATABASE_URL=postgres://u:hunter2@h/x", "MEDBOOK_LIMIT=3"}, "serve", "--listen=::1")
	if err != nil {
		t.Fatal(err)
	}
	want := `# What holds: flags, else variables, else medbook.yaml, else defaults.
# database: postgres://u:***@h/x  # MEDBOOK_DATABASE_URL
# database-url-file:  # not set
listen: ::1  # --listen
proxies: [10.0.0.0/8]  # medbook.yaml:1
origins: ['007', yes]  # medbook.yaml:5
limit: 3  # MEDBOOK_LIMIT
share: 0.5  # default
cooldown: 1h30m  # medbook.yaml:4
private: true  # medbook.yaml:3
mode: starttls  # default
smtp: 'a: b # "c"'  # medbook.yaml:2
# smtp-password: "***"  # MEDBOOK_SMTP_PASSWORD
`
	if diff := cmp.Diff(want, written(t, found)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func written(t *testing.T, found *settings.Settings) string {
	t.Helper()
	var b strings.Builder
	if err := found.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestWriteTellsOfCredentials shows a secret of systemd's, without it.
func TestWriteTellsOfCredentials(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"medbook.smtp-password", "medbook.database-url"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("hunter2"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, found, err := parse(t, "", []string{"CREDENTIALS_DIRECTORY=" + folder}, "serve")
	if err != nil {
		t.Fatal(err)
	}
	got := written(t, found)
	for _, want := range []string{"# smtp-password: \"***\"  # the credential medbook.smtp-password\n", "# database-url: \"***\"  # the credential medbook.database-url\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing from\n%s", want, got)
		}
	}
	_, found, err = parse(t, "database: sqlite:x\n", []string{"CREDENTIALS_DIRECTORY=" + folder}, "serve")
	if err != nil {
		t.Fatal(err)
	}
	if got := written(t, found); !strings.Contains(got, "\ndatabase: sqlite:x  # medbook.yaml:1\n# database-url-file:  # not set\n") {
		t.Errorf("a credential won over the file:\n%s", got)
	}
}
