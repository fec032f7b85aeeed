package archive

import (
	"context"
	"errors"
	"io"
	"time"

	"filippo.io/age"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/id"
	"medbook/internal/sqldb"
)

// Backup writes what is in db now to w, encrypted for the recipients. Servers go
// on meanwhile; it needs memory for some rows only. That it is made is on record
// before, and so in the backup itself; so is that one failed, after.
//
// What was written when it fails is no backup.
func Backup(ctx context.Context, db *sqldb.DB, w io.Writer, recipients []age.Recipient, program string, p Progress) (h Header, sums []Sum, err error) {
	defer errs.Wrap(&err, "make a backup")
	h = Header{Form: form, ID: id.New(), Program: program, Engine: db.Engine().String()}
	if err := db.CheckVersion(ctx); err != nil {
		return h, nil, err
	}
	event := auth.System.Event("backup.make", "backup", h.ID.String())
	if err := audit.RecordNow(ctx, db, event); err != nil {
		return h, nil, err
	}
	if _, err := audit.Seal(ctx, db); err != nil { // so that few records have no place yet
		return h, nil, err
	}
	h, sums, err = h.write(ctx, db, w, recipients, orQuiet(p))
	if err != nil {
		event.Outcome = audit.Failed
		return h, nil, errors.Join(err, audit.RecordNow(context.WithoutCancel(ctx), db, event))
	}
	return h, sums, nil
}

// write writes the snapshot.
func (h Header) write(ctx context.Context, db *sqldb.DB, to io.Writer, recipients []age.Recipient, p Progress) (_ Header, sums []Sum, err error) {
	schema, err := schemaOf(ctx, db)
	if err != nil {
		return h, nil, err
	}
	h.Schema, h.Tables = schema.Version, schema.Tables
	err = db.Snapshot(ctx, func(ctx context.Context, tx *sqldb.Tx, at time.Time) error {
		h.At = at
		rows, err := countAll(ctx, tx, h.Tables)
		if err != nil {
			return err
		}
		w, err := newWriter(to, h, recipients)
		if err != nil {
			return err
		}
		defer w.abandon()
		p.Begin("backup", rows)
		defer p.End()
		for _, t := range h.Tables {
			s, err := w.table(t, func(do func([]any) error) error {
				return tx.Rows(ctx, t, nil, counting(p, do))
			})
			if err != nil {
				return err
			}
			sums = append(sums, s)
		}
		return w.end(len(h.Tables))
	})
	return h, sums, err
}

// schemaOf returns the schema that a database has.
func schemaOf(ctx context.Context, db *sqldb.DB) (sqldb.Layout, error) {
	version, err := db.Version(ctx)
	if err != nil {
		return sqldb.Layout{}, err
	}
	return sqldb.LayoutAt(ctx, version)
}

func countAll(ctx context.Context, tx *sqldb.Tx, tables []sqldb.Table) (rows int64, err error) {
	for _, t := range tables {
		n, err := tx.Count(ctx, t)
		if err != nil {
			return 0, err
		}
		rows += n
	}
	return rows, nil
}

// counting has p told of each row, some at a time, before do is.
func counting(p Progress, do func([]any) error) func([]any) error {
	const some = 1000
	n := 0
	return func(row []any) error {
		if n++; n == some {
			p.Add(n)
			n = 0
		}
		return do(row)
	}
}
