package archive

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// Copying says how a database is copied.
type Copying struct {
	Anew     bool // throw away what a copy that was interrupted has left
	Progress Progress
}

// Copied says what came of a copy.
type Copied struct {
	Sums    []Sum
	Resumed bool // it went on with what one before had begun
}

// Copy fills the database to, which must be empty, with what is in from, and
// compares the two. No server may be at work on from. That it is copied is on record
// in both. When it fails or is interrupted, Copy of the same two goes on where it
// was.
//
// from must be of the program's version. It returns sqldb.ErrNotEmpty, sqldb.ErrUnfinished, sqldb.ErrOther,
// or ErrDiffers: then from was changed meanwhile, or to was, and the error tells by
// their keys which rows differ.
func Copy(ctx context.Context, from, to *sqldb.DB, how Copying) (c Copied, err error) {
	defer errs.Wrap(&err, "copy the database")
	how.Progress = orQuiet(how.Progress)
	if err := from.Ready(ctx); err != nil {
		return c, err
	}
	schema, err := schemaOf(ctx, from)
	if err != nil {
		return c, err
	}
	source, err := identityOf(ctx, from)
	if err != nil {
		return c, err
	}
	load, resumed, err := to.StartLoad(ctx, sqldb.Filling{What: "copy", Source: source, Version: schema.Version, Resume: true, Anew: how.Anew})
	if err != nil {
		return c, err
	}
	defer load.Close()
	if c.Resumed = resumed; !resumed { // one record for all that it takes
		err = audit.RecordNow(ctx, from, auth.System.Event("database.copy", "database", ""))
	}
	if err == nil {
		_, err = audit.Seal(ctx, from)
	}
	if err == nil {
		err = transfer(ctx, from, load, how.Progress)
	}
	if err == nil {
		c.Sums, err = compareBoth(ctx, from, to, schema.Tables, how.Progress)
	}
	if err == nil {
		err = build(ctx, load, how.Progress)
	}
	if err == nil {
		err = load.Done(ctx)
	}
	return c, err
}

// transfer copies the rows of all tables, each from where it left off.
func transfer(ctx context.Context, from *sqldb.DB, load *sqldb.Load, p Progress) error {
	return from.Snapshot(ctx, func(ctx context.Context, tx *sqldb.Tx, _ time.Time) error {
		rows, err := countAll(ctx, tx, load.Layout.Tables)
		if err != nil {
			return err
		}
		p.Begin("copy", rows)
		defer p.End()
		for _, t := range load.Layout.Tables {
			last, err := load.LastKey(ctx, t)
			if err != nil {
				return err
			}
			if last != nil {
				n, err := load.Count(ctx, t)
				if err != nil {
					return err
				}
				p.Add(int(n))
			}
			b := batch{load: load, table: t, progress: p}
			err = tx.Rows(ctx, t, last, func(row []any) error { return b.add(ctx, slices.Clone(row)) })
			if err == nil {
				err = b.flush(ctx)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// compareBoth compares all tables of two databases, and returns what they come to.
func compareBoth(ctx context.Context, from, to *sqldb.DB, tables []sqldb.Table, p Progress) (sums []Sum, err error) {
	err = from.Snapshot(ctx, func(ctx context.Context, theirs *sqldb.Tx, _ time.Time) error {
		return to.Snapshot(ctx, func(ctx context.Context, ours *sqldb.Tx, _ time.Time) error {
			rows, err := countAll(ctx, theirs, tables)
			if err != nil {
				return err
			}
			p.Begin("compare", rows)
			defer p.End()
			for _, t := range tables {
				s, err := compareTable(ctx, theirs, ours, t, p)
				if err != nil {
					return err
				}
				sums = append(sums, s)
			}
			return nil
		})
	})
	return sums, err
}

// compareTable sums up a table of both databases at once. If the sums differ it
// says by which rows.
func compareTable(ctx context.Context, theirs, ours *sqldb.Tx, t sqldb.Table, p Progress) (Sum, error) {
	type result struct {
		sum Sum
		err error
	}
	second := make(chan result, 1)
	go func() {
		s, err := sumOf(ctx, ours, t, quiet{})
		second <- result{s, err}
	}()
	first, err := sumOf(ctx, theirs, t, p)
	other := <-second
	if err = errors.Join(err, other.err); err != nil {
		return first, err
	}
	if first == other.sum {
		return first, nil
	}
	which, err := differences(ctx, theirs, ours, t)
	if err != nil {
		return first, err
	}
	return first, fmt.Errorf("%w: table %s has %d rows here and %d there: %s", ErrDiffers, t.Name, first.Rows, other.sum.Rows, which)
}

// mostDifferences is how many rows differences names.
const mostDifferences = 5

// differences names the first rows by which a table of two databases differs.
func differences(ctx context.Context, theirs, ours *sqldb.Tx, t sqldb.Table) (string, error) {
	var failed error
	next, stop := iter.Pull(rowsOf(ctx, theirs, t, &failed))
	defer stop()
	nextOurs, stopOurs := iter.Pull(rowsOf(ctx, ours, t, &failed))
	defer stopOurs()
	a, more := next()
	b, moreOurs := nextOurs()
	var list []string
	for (more || moreOurs) && len(list) < mostDifferences {
		order := 0
		switch {
		case !moreOurs:
			order = -1
		case !more:
			order = 1
		default:
			order = sqldb.CompareKeys(a.key, b.key)
		}
		switch {
		case order < 0:
			list = append(list, a.name(t)+" is missing")
		case order > 0:
			list = append(list, b.name(t)+" is too much")
		case a.form != b.form:
			list = append(list, a.name(t)+" is another")
		}
		if order <= 0 {
			a, more = next()
		}
		if order >= 0 {
			b, moreOurs = nextOurs()
		}
	}
	return strings.Join(list, ", "), failed
}

// formed is a row in its form.
type formed struct {
	place int // in the order of the keys, from 1 on
	key   []any
	form  string
}

// name says which row it is: by ids and numbers, and else by its place. What
// somebody wrote is not in it.
func (f formed) name(t sqldb.Table) string {
	parts := []string{fmt.Sprintf("row %d", f.place)}
	for i, v := range f.key {
		switch v := v.(type) {
		case uuid.UUID, int64:
			parts = append(parts, fmt.Sprintf("%s %v", t.Key[i], v))
		}
	}
	return strings.Join(parts, " ")
}

func rowsOf(ctx context.Context, tx *sqldb.Tx, t sqldb.Table, failed *error) iter.Seq[formed] {
	errEnough := errors.New("no more rows are wanted")
	return func(yield func(formed) bool) {
		n := 0
		err := tx.Rows(ctx, t, nil, func(row []any) error {
			n++
			form, err := appendRow(nil, t, row)
			if err == nil && !yield(formed{n, t.KeyOf(row), string(form)}) {
				err = errEnough
			}
			return err
		})
		if err != nil && !errors.Is(err, errEnough) {
			*failed = errors.Join(*failed, err)
		}
	}
}

// identityOf returns what tells a database from others: what its audit trail
// begins with.
func identityOf(ctx context.Context, db *sqldb.DB) (text string, err error) {
	err = db.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
		text, err = audit.Origin(ctx, tx)
		return err
	})
	return text, err
}
