package main

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"medbook/internal/keyring"
)

// keyFile is the flag of every command that needs the installation's keys.
type keyFile struct {
	Keys string `env:"MEDBOOK_KEYS_FILE" placeholder:"FILE" help:"File of the installation's own keys, made if it is missing. Default: medbook.keys beside a SQLite database, else ./data/medbook.keys."`
}

// path returns where the keys of that database are.
func (k keyFile) path(database string) string {
	if k.Keys != "" {
		return k.Keys
	}
	if file, ok := sqliteFile(database); ok {
		return strings.TrimSuffix(file, filepath.Ext(file)) + ".keys"
	}
	return filepath.Join("data", "medbook.keys")
}

// sqliteFile returns the file of a database at sqlite:PATH.
func sqliteFile(database string) (string, bool) {
	file, ok := strings.CutPrefix(database, "sqlite:")
	if u, err := url.Parse(file); err == nil {
		file = cmp.Or(u.Path, file)
	}
	return file, ok
}

// ring reads the keys: the text of MEDBOOK_KEYS or of the credential
// medbook.keys if there is one, else the file.
func (k keyFile) ring(database string) (*keyring.Ring, error) {
	if os.Getenv("MEDBOOK_KEYS_FILE") == "" {
		text, err := secret("KEYS")
		if err != nil {
			return nil, err
		}
		if text != "" {
			return keyring.Parse([]byte(text))
		}
	}
	return keyring.OpenOrCreate(k.path(database))
}

// rotateKeys adds new keys.
type rotateKeys struct {
	storage
	keyFile
}

// Help says what the summary has no room for.
func (rotateKeys) Help() string {
	return `Adds a new key for encryption and one for signing, which are used from the next start of each server on; the old ones stay, to read what they sealed. Give every server the new file before you restart the first. Keep a copy of the file, apart from those of the database: without it what it sealed is lost.`
}

// Run replaces the file in one step.
func (c rotateKeys) Run(o output) error {
	database, err := c.url()
	if err != nil {
		return err
	}
	path := c.path(database)
	ring, err := keyring.Open(path)
	if err != nil {
		return err
	}
	if ring, err = ring.Rotate(); err != nil {
		return err
	}
	if err := ring.Save(path); err != nil {
		return err
	}
	return printKeys(o, ring)
}

// showKeys tells which keys there are.
type showKeys struct {
	storage
	keyFile
}

// Run prints no secret.
func (c showKeys) Run(o output) error {
	database, err := c.url()
	if err != nil {
		return err
	}
	ring, err := keyring.Open(c.path(database))
	if err != nil {
		return err
	}
	return printKeys(o, ring)
}

func printKeys(o output, ring *keyring.Ring) error {
	for _, k := range ring.Keys() {
		use := "kept to read what is old"
		if k.Primary {
			use = "in use"
		}
		if _, err := fmt.Fprintf(o.stdout, "%-10s  %10d  %s\n", k.For, k.ID, use); err != nil {
			return err
		}
	}
	return nil
}
