package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"

	"filippo.io/age"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// Restoring says how a backup is restored.
type Restoring struct {
	Identities []age.Identity
	Anew       bool // throw away what a restore that was interrupted has left

	// Checkpoints of the audit trail that were kept outside of the database, and the
	// keys that signed them, one a line; without keys no signature is judged.
	Checkpoints, Keys []byte
	// AcceptTrail has a clinic restored whose trail was tampered with.
	AcceptTrail bool

	Progress Progress // nil: nobody wants to know
}

// Restored says what came of a restore.
type Restored struct {
	Header
	Sums    []Sum        // of the tables, as they were in the backup
	At      time.Time    // when it was restored, by the clock of the database
	Trail   audit.Report // of the audit trail
	Lost    int64        // records that were signed for after the backup, and are gone
	Settled Settled
}

// Restore fills db, which must be empty, with a backup, judges it, and sees to it
// that nothing is sent again. Migrations that the backup has not seen are run. If it
// fails it takes away what it has loaded; if it is interrupted, no server opens the
// database, and another restore begins anew.
//
// It returns the errors of a backup that can't be read, sqldb.ErrNotEmpty,
// sqldb.ErrUnfinished, ErrDiffers or ErrTampered.
func Restore(ctx context.Context, db *sqldb.DB, from io.Reader, how Restoring) (r Restored, err error) {
	defer errs.Wrap(&err, "restore a backup")
	how.Progress = orQuiet(how.Progress)
	in, err := open(from, how.Identities)
	if err != nil {
		return r, err
	}
	defer in.close()
	r.Header = in.Header
	if err := in.fits(ctx); err != nil {
		return r, err
	}
	load, _, err := db.StartLoad(ctx, sqldb.Filling{What: "restore", Source: in.ID.String(), Version: in.Schema, Anew: how.Anew})
	if err != nil {
		return r, err
	}
	defer load.Close()
	if err = r.fill(ctx, db, load, in, how); err == nil {
		err = r.finish(ctx, db, load, how)
	}
	if err != nil {
		err = errors.Join(err, load.Undo(context.WithoutCancel(ctx)))
	}
	return r, err
}

// fits judges whether this program's migrations make the tables of the backup.
func (r *reader) fits(ctx context.Context) error {
	newest, err := sqldb.Newest()
	if err != nil {
		return err
	}
	if r.Schema > newest {
		return ErrNewerForm
	}
	schema, err := sqldb.LayoutAt(ctx, r.Schema)
	if err != nil {
		return err
	}
	if len(schema.Tables) != len(r.Tables) {
		return ErrDamaged
	}
	for i, t := range schema.Tables {
		b := r.Tables[i]
		if t.Name != b.Name || !reflect.DeepEqual(t.Columns, b.Columns) || !reflect.DeepEqual(t.Key, b.Key) {
			return fmt.Errorf("%w: table %s is not what version %d has", ErrDamaged, b.Name, r.Schema)
		}
	}
	r.Tables = schema.Tables
	return nil
}

// rowsAtOnce is how many rows one transaction loads.
const rowsAtOnce = 5000

// fill loads all rows, and compares them with the backup.
func (r *Restored) fill(ctx context.Context, db *sqldb.DB, load *sqldb.Load, in *reader, how Restoring) error {
	how.Progress.Begin("load", 0)
	for _, t := range in.Tables {
		b := batch{load: load, table: t, progress: how.Progress}
		sum, err := in.table(t, func(rows [][]any) error {
			for _, row := range rows {
				if err := b.add(ctx, row); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			err = b.flush(ctx)
		}
		if err != nil {
			return err
		}
		r.Sums = append(r.Sums, sum)
	}
	how.Progress.End()
	if err := in.end(); err != nil {
		return err
	}
	return compare(ctx, db, in.Tables, r.Sums, how.Progress)
}

// batch collects rows of a table.
type batch struct {
	load     *sqldb.Load
	table    sqldb.Table
	progress Progress
	rows     [][]any
}

func (b *batch) add(ctx context.Context, row []any) error {
	if b.rows = append(b.rows, row); len(b.rows) < rowsAtOnce {
		return nil
	}
	return b.flush(ctx)
}

func (b *batch) flush(ctx context.Context) error {
	if len(b.rows) == 0 {
		return nil
	}
	err := b.load.Insert(ctx, b.table, b.rows)
	b.progress.Add(len(b.rows))
	b.rows = b.rows[:0]
	return err
}

// compare reads all tables and returns ErrDiffers, with the name of the first table
// that is not what sums say.
func compare(ctx context.Context, db *sqldb.DB, tables []sqldb.Table, sums []Sum, p Progress) error {
	p.Begin("compare", total(sums))
	defer p.End()
	return db.Snapshot(ctx, func(ctx context.Context, tx *sqldb.Tx, _ time.Time) error {
		for i, t := range tables {
			s, err := sumOf(ctx, tx, t, p)
			if err != nil {
				return err
			}
			if s != sums[i] {
				return fmt.Errorf("%w: table %s has %d rows that come to %s, and not %d that come to %s", ErrDiffers, t.Name, s.Rows, s, sums[i].Rows, sums[i])
			}
		}
		return nil
	})
}

// sumOf sums up a table.
func sumOf(ctx context.Context, tx *sqldb.Tx, t sqldb.Table, p Progress) (Sum, error) {
	s := newSummer(t)
	var b []byte
	err := tx.Rows(ctx, t, nil, counting(p, func(row []any) (err error) {
		if b, err = appendRow(b[:0], t, row); err == nil {
			s.add(b, 1)
		}
		return err
	}))
	return s.sum(), err
}

// finish makes what was loaded a clinic that can be served.
func (r *Restored) finish(ctx context.Context, db *sqldb.DB, load *sqldb.Load, how Restoring) (err error) {
	if err := build(ctx, load, how.Progress); err != nil {
		return err
	}
	if r.Trail, r.Lost, err = audit.VerifyRestored(ctx, db, how.Checkpoints, how.Keys); err != nil {
		return err
	}
	if r.Trail.Verdict == audit.Tampered && !how.AcceptTrail {
		return fmt.Errorf("%w: %s", ErrTampered, r.Trail.Why)
	}
	if r.At, r.Settled, err = settle(ctx, db, r.Header.At); err != nil {
		return err
	}
	event := auth.System.Event("backup.restore", "backup", r.ID.String())
	if err := audit.RecordNow(ctx, db, event); err != nil {
		return err
	}
	return load.Done(ctx)
}

// build builds the indexes, and brings the schema up to date.
func build(ctx context.Context, load *sqldb.Load, p Progress) error {
	p.Begin("build indexes", 0)
	if err := load.BuildIndexes(ctx, func(string) { p.Add(0) }); err != nil {
		return err
	}
	p.End()
	return load.Migrate(ctx)
}
