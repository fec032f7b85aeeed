package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// secret returns the setting NAME, which may be a secret, from the one place
// that has it: MEDBOOK_NAME, the file that MEDBOOK_NAME_FILE names, or the
// systemd credential medbook.name. It is "" when there is none.
func secret(name string) (string, error) {
	value, file := os.Getenv("MEDBOOK_"+name), os.Getenv("MEDBOOK_"+name+"_FILE")
	if value != "" && file != "" {
		return "", fmt.Errorf("both MEDBOOK_%[1]s and MEDBOOK_%[1]s_FILE are given; give one", name)
	}
	if value != "" {
		return value, nil
	}
	credentials := os.Getenv("CREDENTIALS_DIRECTORY")
	if file == "" && credentials != "" {
		file = filepath.Join(credentials, "medbook."+strings.ReplaceAll(strings.ToLower(name), "_", "-"))
		if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
			return "", nil
		}
	}
	if file == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	return strings.TrimRight(string(text), "\r\n"), err
}

// inAddress finds a password in the address of a database.
var inAddress = regexp.MustCompile(`(?i)://[^\s/:@]*:[^\s@]+@|[?&\s](ssl)?password=[^\s&]`)

// errInArguments does not repeat the password.
var errInArguments = errors.New("a password on the command line can be seen by everybody on this machine: put the address into MEDBOOK_DATABASE_URL, or into a file that MEDBOOK_DATABASE_URL_FILE names, or the password into ~/.pgpass")

// checkArguments refuses arguments that hold a password.
func checkArguments(args []string) error {
	for _, a := range args {
		plain, err := url.PathUnescape(a)
		if err != nil {
			plain = a
		}
		if strings.Contains(a, "postgres") && (inAddress.MatchString(a) || inAddress.MatchString(plain)) {
			return errInArguments
		}
	}
	return nil
}
