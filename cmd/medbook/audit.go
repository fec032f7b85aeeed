package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"medbook/internal/app"
	"medbook/internal/audit"
	"medbook/internal/keyring"
	"medbook/internal/settings"
	"medbook/internal/sqldb"
)

// trail are the flags of how the audit trail is kept.
type trail struct {
	AuditCheckpoints string `env:"MEDBOOK_AUDIT_CHECKPOINTS" placeholder:"FILE" help:"File to which signed checkpoints of the audit trail are added. Copy it to where nobody who can change the database can change it. Default: medbook.checkpoints beside the keys."`
	AuditWebhook     string `env:"MEDBOOK_AUDIT_WEBHOOK" placeholder:"URL" help:"Where each signed checkpoint is sent too, by POST: https, or http on this machine. Default: nowhere."`
	RetainAudit      int    `env:"MEDBOOK_RETAIN_AUDIT" default:"0" placeholder:"DAYS" help:"For how long records of the audit trail are kept, 365 at the least; 0: for ever. Default: ${default}."`
}

// into adds the flags to a configuration. keys is the file of keys.
func (t trail) into(c *app.Config, keys string) error {
	c.Checkpoints, c.AuditWebhook = t.path(keys), t.AuditWebhook
	if t.AuditWebhook != "" {
		if _, err := audit.NewWebhook(t.AuditWebhook, c.Log); err != nil {
			return errors.New("--audit-webhook takes an address such as https://keep.example/checkpoints, or http on this machine")
		}
	}
	const day, most = 24 * time.Hour, 36_500 // of them
	c.RetainAudit = time.Duration(t.RetainAudit) * day
	if t.RetainAudit != 0 && (t.RetainAudit < int(audit.LeastKept/day) || t.RetainAudit > most) {
		return errors.New("--retain-audit takes days, 365 to 36500, or 0 for ever")
	}
	return nil
}

// path returns where the checkpoints are, beside the file of keys if that is not said.
func (t trail) path(keys string) string {
	return cmp.Or(t.AuditCheckpoints, strings.TrimSuffix(keys, filepath.Ext(keys))+".checkpoints")
}

// verdictError ends the program with the status of a verdict that was printed.
type verdictError audit.Verdict

// Error says what is printed already.
func (verdictError) Error() string { return "it is not what it should be" }

// verifyTrail judges a trail.
type verifyTrail struct {
	Database    string `xor:"what" env:"MEDBOOK_DATABASE_URL" placeholder:"URL" help:"Database to judge. Default: ${database}."`
	Export      string `xor:"what" type:"existingfile" placeholder:"FILE" help:"Judge a file that medbook audit export wrote, instead of a database."`
	Checkpoints string `required:"" type:"existingfile" placeholder:"FILE" help:"Signed checkpoints, from where they are kept safe."`
	Key         string `required:"" type:"existingfile" placeholder:"FILE" help:"File of the public keys that medbook audit key prints, one a line."`

	DatabaseURL settings.Secret `name:"database-url-file" env:"MEDBOOK_DATABASE_URL_FILE" placeholder:"FILE" help:"File that has the address of the database, which may then hold a password."`
}

// Help says what the summary has no room for.
func (verifyTrail) Help() string {
	return `Reads every record, computes the tree of hashes anew, and compares it with each checkpoint. It needs no server, changes nothing, and can be run on a copy.

Ends with 0 when every record is what it was when it was signed for, with 1 when something was changed, left out, put in or rolled back, naming the first record that is wrong, and with 2 when not all could be judged. Where several servers wrote checkpoints, give it the files of all of them, one after the other.`
}

// Run prints one line.
func (c verifyTrail) Run(ctx context.Context, o output) error {
	r, err := c.judge(ctx)
	if err != nil {
		complain(o.stderr, err, failed)
		return verdictError(audit.Incomplete)
	}
	covered := fmt.Sprintf("%d records, %d of them covered by checkpoints", r.Records, r.Covered)
	if r.Pruned > 0 {
		covered += fmt.Sprintf(", %d of them pruned", r.Pruned)
	}
	switch r.Verdict {
	case audit.Intact:
		_, err = fmt.Fprintf(o.stdout, "intact: %s\n", covered)
		return err
	case audit.Tampered:
		_, err = fmt.Fprintf(o.stdout, "tampered: %s\n", r.Why)
	case audit.Incomplete:
		_, err = fmt.Fprintf(o.stdout, "incomplete: %s (%s)\n", r.Why, covered)
	}
	return errors.Join(err, verdictError(r.Verdict))
}

func (c verifyTrail) judge(ctx context.Context) (r audit.Report, err error) {
	checkpoints, err := os.ReadFile(c.Checkpoints)
	if err != nil {
		return r, err
	}
	keys, err := os.ReadFile(c.Key)
	if err != nil {
		return r, err
	}
	if c.Export != "" {
		f, err := os.Open(c.Export)
		if err != nil {
			return r, err
		}
		defer f.Close()
		return audit.VerifyExport(f, checkpoints, keys)
	}
	// SQLite's readers leave one processor to the writer, of whom there is none here.
	runtime.GOMAXPROCS(runtime.NumCPU() + 1)
	db, err := openTrail(ctx, storage{c.Database, c.DatabaseURL})
	if err != nil {
		return r, err
	}
	r, err = audit.Verify(ctx, db, checkpoints, keys)
	return r, errors.Join(err, db.Close())
}

// openTrail opens a database that is there already, as it is.
func openTrail(ctx context.Context, s storage) (*sqldb.DB, error) {
	database, err := s.url()
	if err != nil {
		return nil, err
	}
	if file, ok := sqliteFile(database); ok {
		if _, err := os.Stat(file); err != nil {
			return nil, err
		}
	}
	return sqldb.Open(ctx, database)
}

// exportTrail writes the trail out.
type exportTrail struct {
	storage
}

// Help says what the summary has no room for.
func (exportTrail) Help() string {
	return `Writes every record to stdout in the order of the tree, as medbook audit verify --export reads it. Of a record that was pruned, only the hash is left. Whoever has the file sees who looked at whose data.`
}

// Run writes to stdout.
func (c exportTrail) Run(ctx context.Context, o output) error {
	db, err := openTrail(ctx, c.storage)
	if err != nil {
		return err
	}
	return errors.Join(audit.Export(ctx, db, o.stdout), db.Close())
}

// trailKey prints the public keys.
type trailKey struct {
	storage
	keyFile
}

// Help says what the summary has no room for.
func (trailKey) Help() string {
	return `Prints the public half of the key that signs checkpoints, and of those from before the installation's keys were rotated. Keep it beside the copies of the checkpoints.`
}

// Run prints no secret.
func (c trailKey) Run(o output) error {
	database, err := c.url()
	if err != nil {
		return err
	}
	ring, err := keyring.Open(c.path(database))
	if err != nil {
		return err
	}
	keys, err := app.CheckpointKeys(ring)
	if err != nil {
		return err
	}
	_, err = io.WriteString(o.stdout, strings.Join(keys, "\n")+"\n")
	return err
}
