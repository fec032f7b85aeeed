package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"medbook/internal/app"
	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/keyring"
	"medbook/internal/settings"
	"medbook/internal/vault"
)

// keyFile is the flag of every command that needs the installation's keys.
type keyFile struct {
	Keys settings.Secret `env:"MEDBOOK_KEYS_FILE" placeholder:"FILE" help:"File of the installation's own keys, made if it is missing. Default: medbook.keys beside a SQLite database, else ./data/medbook.keys."`
}

// path returns where the keys of that database are.
func (k keyFile) path(database string) string {
	if k.Keys.File != "" {
		return k.Keys.File
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
// medbook.keys if there is one, else the file, by open.
func (k keyFile) ring(database string, open func(path string) (*keyring.Ring, error)) (*keyring.Ring, error) {
	text, err := k.text()
	if err != nil {
		return nil, err
	}
	if text != "" {
		return keyring.Parse([]byte(text))
	}
	return open(k.path(database))
}

// text returns the keys if they are not in a file of their own, else "".
func (k keyFile) text() (string, error) {
	if k.Keys.File != "" {
		return "", nil
	}
	return k.Keys.Read()
}

// masterKey is the flag of every command that works with patients' keys.
type masterKey struct {
	MasterKey string `env:"MEDBOOK_MASTER_KEY" placeholder:"URI" help:"Key of a vault that wraps patients' keys: hcvault://HOST:PORT/MOUNT/keys/NAME. Default: the installation's own keys."`

	VaultToken settings.Secret `name:"vault-token-file" env:"MEDBOOK_VAULT_TOKEN_FILE" placeholder:"FILE" help:"File with the token that the vault takes."`
}

// masters returns what wraps patients' keys, the one that wraps new ones first.
// The installation's own keys can always open what they once wrapped.
func (m masterKey) masters(k keyFile, ring *keyring.Ring, database string) ([]keyring.Master, error) {
	path := ""
	if text, err := k.text(); err == nil && text == "" {
		path = k.path(database)
	}
	all := []keyring.Master{keyring.NewLive(ring, path)}
	if m.MasterKey == "" {
		return all, nil
	}
	token, err := m.VaultToken.Read()
	if err != nil {
		return nil, err
	}
	key, err := vault.Open(m.MasterKey, token)
	return append([]keyring.Master{key}, all...), err
}

// rewrapKeys wraps patients' keys anew.
type rewrapKeys struct {
	storage
	keyFile
	masterKey
	All bool `help:"Also those that the present key wrapped: after a vault rotated it."`
}

// Help says what the summary has no room for.
func (rewrapKeys) Help() string {
	return `After medbook keys rotate, or with another --master-key: has the present key wrap every patient's key that an older one wrapped, so that the older one can be taken away. What is sealed with the patients' keys is not touched. It works while servers run; with a rotated file they find the new keys by themselves.`
}

// Run prints how many.
func (c rewrapKeys) Run(ctx context.Context, o output) error {
	database, err := c.url()
	if err != nil {
		return err
	}
	ring, err := c.ring(database, keyring.OpenOrCreate)
	if err != nil {
		return err
	}
	return with(ctx, c.storage, func(s *app.Services) error {
		if s.Encounters.Masters, err = c.masters(c.keyFile, ring, database); err != nil {
			return err
		}
		n, err := s.Encounters.Rewrap(ctx, auth.System, c.All)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(o.stdout, "%d keys of patients were wrapped anew\n", n)
		return err
	})
}

// rotateKeys adds new keys.
type rotateKeys struct {
	storage
	keyFile
}

// Help says what the summary has no room for.
func (rotateKeys) Help() string {
	return `Adds a new key for encryption and one for signing, which are used from the next start of each server on; the old ones stay, to read what they sealed. Then medbook keys rewrap has the new key wrap those of patients. Give every server the new file before you restart the first. Keep a copy of the file, apart from those of the database: without it what it sealed is lost.`
}

// Run replaces the file in one step.
func (c rotateKeys) Run(ctx context.Context, o output) error {
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
	if err := c.record(ctx, database); err != nil {
		return err
	}
	if err := ring.Save(path); err != nil {
		return err
	}
	return printKeys(o, ring)
}

// record puts the rotation on record, if there is a database yet.
func (c rotateKeys) record(ctx context.Context, database string) (err error) {
	if file, ok := sqliteFile(database); ok {
		if _, err := os.Stat(file); err != nil {
			return nil //nolint:nilerr // nothing was sealed yet
		}
	}
	db, err := openTrail(ctx, c.storage)
	if err != nil {
		return err
	}
	err = audit.RecordNow(ctx, db, auth.System.Event("keys.rotate", "installation_keys", ""))
	return errors.Join(err, db.Close())
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
