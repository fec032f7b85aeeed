//go:build testclock

package app

import (
	"io/fs"
	"os"
	"strings"
	"time"
)

// clock returns a clock that shows the instant written in the file that
// MEDBOOK_TEST_CLOCK names, and nil when it names none. It is read anew each
// time; whoever moves it replaces the file in one step. Only the end-to-end
// tests build this.
func clock() func() time.Time {
	file := os.Getenv("MEDBOOK_TEST_CLOCK")
	if file == "" {
		return nil
	}
	return func() time.Time {
		text, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		t, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(string(text)))
		if err != nil {
			panic(err)
		}
		return t
	}
}

// steps returns the migrations in the folder that MEDBOOK_TEST_STEPS names, with
// which the program is a later version, and nil when it names none.
func steps() fs.FS {
	folder := os.Getenv("MEDBOOK_TEST_STEPS")
	if folder == "" {
		return nil
	}
	return os.DirFS(folder)
}
