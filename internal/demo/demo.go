// Package demo makes up a small clinic, so that whoever tries the program finds
// something in it. Every name in it is invented.
//
// All of it goes through the services and their rules. What lies in the past
// was booked by a clock that is set back and then goes forward, with the work that
// was due done on the way, so that its trail and messages are in their order. Only
// the providers that took the messages out are made up too.
package demo

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"medbook/internal/app"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/keyring"
)

// Prepare returns the database of the clinic in dir, which it makes up first,
// with its past before now and what is sealed by keys, if dir has none. The clinic
// appears in one step when it is complete: whoever ends the program half way finds
// no half clinic, but none.
func Prepare(ctx context.Context, dir string, keys *keyring.Ring, now time.Time) (database string, err error) {
	defer errs.Wrap(&err, "make the demo clinic")
	clinic := filepath.Join(dir, "clinic")
	database = "sqlite:" + filepath.Join(clinic, "medbook.db")
	if exists(clinic) {
		return database, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	if err := removeUnfinished(dir); err != nil {
		return "", err
	}
	unfinished, err := os.MkdirTemp(dir, "unfinished-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(unfinished)
	if err := seed(ctx, "sqlite:"+filepath.Join(unfinished, "medbook.db"), keys, now); err != nil {
		return "", err
	}
	if err := os.Rename(unfinished, clinic); err != nil && !exists(clinic) {
		return "", err
	}
	return database, nil
}

func exists(dir string) bool {
	_, err := os.Stat(dir)
	return err == nil
}

// removeUnfinished removes what a program that was killed left behind.
func removeUnfinished(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, "unfinished-*"))
	for _, l := range left {
		err = errors.Join(err, os.RemoveAll(l))
	}
	return err
}

// Key is an API key of one of the clinic's people.
type Key struct {
	Role auth.Role
	Name string
	Text string
}

// Keys makes a key for one user of each role.
func Keys(ctx context.Context, s *app.Services) ([]Key, error) {
	keys := make([]Key, 0, 4)
	for _, p := range []person{admin, practitioners[0].person, patients[0], auditor} {
		_, text, err := s.Auth.CreateKey(ctx, auth.System, auth.NewKey{Email: p.email, Name: "demo"})
		if err != nil {
			return nil, err
		}
		keys = append(keys, Key{Role: p.role, Name: p.name, Text: text})
	}
	return keys, nil
}
