package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"medbook/internal/app"
	"medbook/internal/archive"
	"medbook/internal/keyring"
	"medbook/internal/settings"
	"medbook/internal/sqldb"
)

// makeBackup writes a backup.
type makeBackup struct {
	storage
	To             string   `required:"" placeholder:"FILE" help:"File to write, which must not be there yet; - for stdout."`
	Recipient      []string `placeholder:"age1…" help:"Public key of who may open it, as medbook backup key prints it. Can be given again."`
	RecipientsFile string   `type:"existingfile" placeholder:"FILE" help:"File of public keys, one a line."`
}

// Help says what the summary has no room for.
func (makeBackup) Help() string {
	return `Writes all that is in the database at one instant, while servers go on: whatever somebody was told before it that it is done, is in the backup. It is the same file whatever the engine, and is always encrypted, with age; only who has one of the secret keys opens it. The file appears when it is complete.

The installation's keys, which open what is clinical, are not in it. Keep a copy of medbook.keys apart from the backups.

  medbook backup key --to backup.key
  medbook backup --to clinic.backup --recipient age1…`
}

// Run prints what the backup has, to stderr when that goes to stdout.
func (c makeBackup) Run(ctx context.Context, o output) (err error) {
	recipients, err := c.recipients()
	if err != nil {
		return err
	}
	db, err := openTrail(ctx, c.storage)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	say := o.stderr
	var h archive.Header
	var sums []archive.Sum
	write := func(w io.Writer) (err error) {
		h, sums, err = archive.Backup(ctx, db, w, recipients, thisVersion(), progressOn(o.stderr, false))
		return err
	}
	if c.To == "-" {
		err = write(o.stdout)
	} else {
		say = o.stdout
		err = writeWhole(c.To, write)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(say, "backup %s of %s: %s in %d tables\n", h.ID, h.At.Format(time.RFC3339), rowsOf(sums), len(sums))
	return err
}

// recipients returns who may open the backup.
func (c makeBackup) recipients() (all []age.Recipient, err error) {
	given := strings.Join(c.Recipient, "\n")
	if c.RecipientsFile != "" {
		text, err := os.ReadFile(c.RecipientsFile)
		if err != nil {
			return nil, err
		}
		given += "\n" + string(text)
	}
	if strings.TrimSpace(given) == "" {
		return nil, errors.New("a backup is always encrypted: say for whom by --recipient or --recipients-file; medbook backup key makes a key")
	}
	if all, err = age.ParseRecipients(strings.NewReader(given)); err != nil {
		return nil, errors.New("a recipient is a public key such as age1…, as medbook backup key prints it")
	}
	return all, nil
}

// writeWhole has write write a file that is there only if all of it is, on disk.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("%s is there already; a backup is written over nothing", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is gone if all went well
	w := bufio.NewWriterSize(f, 1<<20)
	if err = write(w); err == nil {
		err = w.Flush()
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil { // unlike Rename, over nothing
		if errors.Is(err, os.ErrExist) {
			return fmt.Errorf("%s is there already; a backup is written over nothing", path)
		}
		if err := os.Rename(f.Name(), path); err != nil { // a file system without links
			return err
		}
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder puts the names in a folder on disk. Where folders can't be opened,
// they are.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer d.Close()
	_ = d.Sync()
	return nil
}

// rowsOf says how many rows there are.
func rowsOf(sums []archive.Sum) string {
	n := int64(0)
	for _, s := range sums {
		n += s.Rows
	}
	return fmt.Sprintf("%d rows", n)
}

// opening is the flag of whoever opens a backup.
type opening struct {
	Identity []string `required:"" placeholder:"FILE" help:"File of secret keys, as medbook backup key writes it. Can be given again."`
}

// identities reads the secret keys.
func (o opening) identities() (all []age.Identity, err error) {
	for _, path := range o.Identity {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		list, err := age.ParseIdentities(f)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("%s has no secret keys of age in it", path) // the error may quote one
		}
		all = append(all, list...)
	}
	return all, nil
}

// openBackup opens a backup, or stdin.
func openBackup(path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	return os.Open(path)
}

// inspectBackup tells what is in a backup.
type inspectBackup struct {
	opening
	File string `arg:"" help:"The backup; - for stdin."`
}

// Help says what the summary has no room for.
func (inspectBackup) Help() string {
	return `Reads the backup to its end and compares every table with the sum that was taken of it. It needs no database and writes nothing. Ends with 0 when the backup is whole.`
}

// Run prints a line for the backup, and one for each table.
func (c inspectBackup) Run(o output) error {
	identities, err := c.identities()
	if err != nil {
		return err
	}
	f, err := openBackup(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	h, sums, err := archive.Inspect(f, identities)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	fmt.Fprintf(o.stdout, "backup %s\n  taken    %s, from %s\n  by       medbook %s, schema version %d\n  has      %s in %d tables, whole\n",
		h.ID, h.At.Format(time.RFC3339), h.Engine, h.Program, h.Schema, rowsOf(sums), len(sums))
	for _, s := range sums {
		fmt.Fprintf(o.stdout, "  %-26s %10d  %s\n", s.Table, s.Rows, s)
	}
	return nil
}

// backupKey makes a pair of keys.
type backupKey struct {
	To string `required:"" placeholder:"FILE" help:"File for the secret key, which must not be there yet."`
}

// Help says what the summary has no room for.
func (backupKey) Help() string {
	return `Writes a new secret key, by which backups are opened, and prints the public one, for which they are made. Servers need the public one only: keep the secret one where no server is, and a copy of it elsewhere, for without it every backup is lost. Keys that age-keygen made are as good.`
}

// Run prints the public key alone, so that a script can take it.
func (c backupKey) Run(o output) error {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(c.To, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "# opens backups of medbook; public key: %s\n%s\n", key.Recipient(), key)
	if err = errors.Join(err, f.Sync(), f.Close(), syncFolder(filepath.Dir(c.To))); err != nil {
		return err
	}
	_, err = fmt.Fprintln(o.stdout, key.Recipient())
	return err
}

// restoreBackup makes a clinic of a backup.
type restoreBackup struct {
	storage
	keyFile
	opening
	From             string `required:"" placeholder:"FILE" help:"The backup; - for stdin."`
	AuditCheckpoints string `env:"MEDBOOK_AUDIT_CHECKPOINTS" placeholder:"FILE" help:"Signed checkpoints of the audit trail that were kept outside of the database. Default: medbook.checkpoints beside the keys, if it is there."`
	BeginAnew        bool   `help:"Throw away what a restore or copy into this database that was interrupted has left."`
	AcceptTrail      bool   `help:"Restore a clinic whose audit trail is not what was signed for."`
}

// Help says what the summary has no room for.
func (restoreBackup) Help() string {
	return `The database must have nothing in it: no file or an empty one, or a PostgreSQL database without rows of ours. Nothing is written over. The backup may come from the other engine, and from an older version.

All is compared with what the backup says, by count and SHA-256, and the audit trail with its signed checkpoints. Then what the clinic had to send by now is marked as failed, "restored", and not sent: it may have been sent after the backup. Staff can send it again. Reminders that are due later stay. Everybody is signed out, and links that were mailed are void.

Until all is done no server opens the database. A restore that fails takes away what it had loaded; after one that was killed, say --begin-anew.`
}

// Run prints what was restored, and what to look at.
func (c restoreBackup) Run(ctx context.Context, o output) (err error) {
	database, err := c.url()
	if err != nil {
		return err
	}
	how := archive.Restoring{Anew: c.BeginAnew, AcceptTrail: c.AcceptTrail, Progress: progressOn(o.stderr, true)}
	if how.Identities, err = c.identities(); err != nil {
		return err
	}
	checkpoints, err := c.trail(database, &how, o.stderr)
	if err != nil {
		return err
	}
	from, err := openBackup(c.From)
	if err != nil {
		return err
	}
	defer from.Close()
	restored, err := c.restore(ctx, database, from, how)
	if err != nil {
		return err
	}
	if err := c.tell(o, restored); err != nil || restored.Lost == 0 {
		return err
	}
	aside := fmt.Sprintf("%s.until-%s", checkpoints, restored.At.Format("20060102T150405Z"))
	if err := os.Rename(checkpoints, aside); err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.stdout, "The checkpoints of those records are set aside, as %s; servers begin a new file.\n", aside)
	return err
}

// trail finds the keys and checkpoints by which the audit trail is judged, and
// returns the file of the checkpoints.
func (c restoreBackup) trail(database string, how *archive.Restoring, stderr io.Writer) (path string, err error) {
	path = trail{AuditCheckpoints: c.AuditCheckpoints}.path(c.keyFile.path(database))
	ring, err := c.ring(database, keyring.Open)
	if errors.Is(err, os.ErrNotExist) && c.Keys.File == "" {
		fmt.Fprintln(stderr, "medbook: the installation's keys are not here, so signatures of the audit trail are not judged; a server needs the keys to open what is clinical")
		return path, nil
	}
	if err != nil {
		return path, err
	}
	lines, err := app.CheckpointKeys(ring)
	if err != nil {
		return path, err
	}
	how.Keys = []byte(strings.Join(lines, "\n"))
	how.Checkpoints, err = os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && c.AuditCheckpoints == "" {
		err = nil
	}
	return path, err
}

// restore opens the database, and takes away a file that was not there before if
// there is nothing in it after.
func (c restoreBackup) restore(ctx context.Context, database string, from io.Reader, how archive.Restoring) (r archive.Restored, err error) {
	file, isFile := sqliteFile(database)
	_, missing := os.Stat(file)
	db, err := app.Connect(ctx, database)
	if err != nil {
		return r, err
	}
	r, err = archive.Restore(ctx, db, from, how)
	version, unusable := db.Version(context.WithoutCancel(ctx))
	clean := errors.Join(unusable, db.Close()) == nil && version == 0
	if err != nil && clean && isFile && errors.Is(missing, os.ErrNotExist) {
		err = errors.Join(err, os.Remove(file))
	}
	return r, err
}

// tell says what was restored.
func (c restoreBackup) tell(o output, r archive.Restored) error {
	var b strings.Builder
	fmt.Fprintf(&b, "restored backup %s of %s: %s in %d tables, all as they were\n", r.ID, r.Header.At.Format(time.RFC3339), rowsOf(r.Sums), len(r.Sums))
	fmt.Fprintf(&b, "audit trail: %d records, %d of them covered by checkpoints; %s\n", r.Trail.Records, r.Trail.Covered, cmp.Or(r.Trail.Why, "intact"))
	if r.Lost > 0 {
		fmt.Fprintf(&b, "audit trail: at least %d records were signed for after the backup, and are lost with what they tell of\n", r.Lost)
	}
	s := r.Settled
	fmt.Fprintf(&b, "not sent, for it may have been sent since: %d messages, %d events to programs; %d holds ran out, %d offers are not made\n", s.Messages, s.Deliveries, s.Holds, s.Offers)
	fmt.Fprintf(&b, "ended: %d sessions, %d one-time links\n", s.Sessions, s.Links)
	if s.Keys > 0 {
		fmt.Fprintf(&b, "%d API keys are good, also those that were revoked since the backup: look through them\n", s.Keys)
	}
	_, err := io.WriteString(o.stdout, b.String())
	return err
}

// copyDatabase copies a clinic to another database.
type copyDatabase struct {
	storage
	From      string          `placeholder:"URL" help:"Where the data is, like --database."`
	To        string          `placeholder:"URL" help:"Where it is to be, likewise: a database without anything in it."`
	ToURL     settings.Secret `name:"copy-to-url-file" env:"MEDBOOK_COPY_TO_URL_FILE" placeholder:"FILE" help:"File that has the address where it is to be, which may then hold a password."`
	BeginAnew bool            `help:"Throw away what a copy into that database that was interrupted has left, instead of going on with it."`
	InUse     bool            `help:"Copy although a server seems to have the database open. What it writes meanwhile makes the copy fail."`
}

// Help says what the summary has no room for.
func (copyDatabase) Help() string {
	return `Moves a clinic, most of all from SQLite to PostgreSQL. Stop the servers first: what they wrote after the copy would be missing. When all rows are copied both databases are read to their end and compared, by count and SHA-256; rows that differ are named by their keys.

A copy that was interrupted goes on where it was when the same command is given again. Until it is complete no server opens the new database. The old one stays as it is: do not serve both.

The installation's keys and the checkpoints of the audit trail are files beside the database; take them along.`
}

// Run prints how many rows there are, which are in both.
func (c copyDatabase) Run(ctx context.Context, o output) (err error) {
	source, err := c.url()
	if err != nil {
		return err
	}
	source = cmp.Or(c.From, source)
	target, err := c.ToURL.Read()
	if err != nil {
		return err
	}
	if target = cmp.Or(c.To, target); target == "" {
		return errors.New("say where to: --to takes sqlite:PATH or postgres://HOST/NAME")
	}
	if source == target {
		return errors.New("a database can't be copied to itself")
	}
	if used, err := sqldb.InUse(ctx, source); err != nil || used && !c.InUse {
		return cmp.Or(err, errInUse)
	}
	from, err := openTrail(ctx, storage{Database: source})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := app.Connect(ctx, target)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	copied, err := archive.Copy(ctx, from, to, archive.Copying{Anew: c.BeginAnew, Progress: progressOn(o.stderr, true)})
	if err != nil {
		return err
	}
	how := "copied"
	if copied.Resumed {
		how = "copied the rest"
	}
	_, err = fmt.Fprintf(o.stdout, "%s: %s in %d tables, the same in both\n", how, rowsOf(copied.Sums), len(copied.Sums))
	return err
}

var errInUse = errors.New("a server, or another medbook, has the database open: stop it first")
