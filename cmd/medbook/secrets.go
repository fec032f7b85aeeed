package main

import (
	"errors"
	"strings"

	"medbook/internal/settings"
)

// errInArguments does not repeat the password.
var errInArguments = errors.New("a password on the command line can be seen by everybody on this machine: put the address into MEDBOOK_DATABASE_URL, or into a file that MEDBOOK_DATABASE_URL_FILE names, or the password into ~/.pgpass")

// checkArguments refuses arguments that hold a password.
func checkArguments(args []string) error {
	for _, a := range args {
		if strings.Contains(a, "postgres") && settings.HoldsSecret(a) {
			return errInArguments
		}
	}
	return nil
}
