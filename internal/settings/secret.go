package settings

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"
)

// Secret is a setting that nobody may see. It is in a file, in the variable, or in a
// credential of systemd, and in none of them where it is not set. It has no value
// before Read, so that printing it tells nothing.
type Secret struct {
	File     string // that has it; empty: none is named
	Variable string // that has it, where no file is named
}

// Decode takes the name of the file, and the variable from the flag.
func (s *Secret) Decode(ctx *kong.DecodeContext) error {
	s.Variable = bare(variable(ctx.Value))
	return ctx.Scan.PopValueInto("file", &s.File)
}

// Read returns the secret, without the line break at its end. It is "" where it
// is not set.
func (s Secret) Read() (string, error) {
	file := s.File
	if file == "" && s.Variable != "" {
		if value := os.Getenv(s.Variable); value != "" {
			return value, nil
		}
		file = s.credential()
	}
	if file == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	return strings.TrimRight(string(text), "\r\n"), err
}

// credential returns the file of the credential that systemd passes on for it, such
// as medbook.smtp-password; "" if there is none.
func (s Secret) credential() string {
	folder := os.Getenv("CREDENTIALS_DIRECTORY")
	if folder == "" || s.Variable == "" {
		return ""
	}
	file := filepath.Join(folder, s.Credential())
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		return ""
	}
	return file
}

// Credential returns the name of the credential of systemd that may have it.
func (s Secret) Credential() string { return "medbook." + dashed(s.Variable) }

// dashed writes the name of a variable as that of a flag, without what all begin with.
func dashed(variable string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(variable, prefix)), "_", "-")
}
