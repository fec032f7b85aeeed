package sqldb

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Snapshot runs fn once over all that was committed before an instant, and nothing
// that was after its first statement. Unlike View's, fn may take hours, and may do
// whatever it likes meanwhile; it has a connection of its own, and is not run again
// if that is lost.
//
// at is read before the snapshot is taken: what somebody was told before at that it
// is on disk, is in it. It is also what tx.Now returns. On SQLite, the write-ahead
// log can't be cut off while fn runs, and so grows by what is written meanwhile.
func (db *DB) Snapshot(ctx context.Context, fn func(ctx context.Context, tx *Tx, at time.Time) error) error {
	return db.within(ctx, nil, func(ctx context.Context, _ work) error {
		at := db.Now()
		if db.Clock == nil && db.engine == Postgres {
			err := db.be.view(ctx, func(_ context.Context, tx *Tx) error {
				at = tx.Now()
				return nil
			})
			if err != nil {
				return err
			}
		}
		return db.be.snapshot(ctx, func(ctx context.Context, tx *Tx) error {
			tx.now = at
			if _, err := One(ctx, tx, scanTo[int], "SELECT 1 FROM goose_db_version LIMIT 1"); err != nil { // takes it
				return err
			}
			return fn(ctx, tx, at)
		})
	})
}

// snapshot is view on a connection that no other reader waits for.
func (s *sqliteDB) snapshot(ctx context.Context, fn work) error {
	conn, err := s.reads.Conn(ctx)
	if err != nil {
		return classify(ctx, err)
	}
	on := &session{conn: conn}
	defer on.discard()
	if err := s.db.observe(ctx, "BEGIN"); err != nil {
		return err
	}
	if _, err := on.exec(ctx, "BEGIN", nil); err != nil {
		return classify(ctx, err)
	}
	tx := &Tx{db: s.db, ctx: ctx, on: on}
	return tx.call(fn)
}

func (p *postgresDB) snapshot(ctx context.Context, fn work) error {
	conn, err := p.pool.Conn(ctx)
	if err != nil {
		return classify(ctx, err)
	}
	defer conn.Close()
	defer p.rollback(ctx, conn)
	for _, statement := range []string{
		"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
		"SET LOCAL idle_in_transaction_session_timeout = 0", // who reads may take their time
	} {
		if err := p.do(ctx, conn, statement); err != nil {
			return err
		}
	}
	tx := &Tx{db: p.db, ctx: ctx, on: &session{conn: conn}}
	return tx.call(fn)
}

// Rows calls do for each row of a table whose key is after another's, or of all
// when that is nil, in the order of the key, which is the same on both engines. The
// row is do's only until it returns. An error of do ends it.
func (tx *Tx) Rows(ctx context.Context, t Table, after []any, do func(row []any) error) error {
	query := "SELECT " + t.names() + " FROM " + t.Name
	if after != nil {
		query += " WHERE (" + tx.ordered(t, "") + ") > (" + params(1, len(t.Key)) + ")"
	}
	query += " ORDER BY " + tx.ordered(t, "")
	return tx.stream(ctx, t, t.Columns, query, after, do)
}

// LastKey returns the greatest key of a table, nil if it has no rows.
func (tx *Tx) LastKey(ctx context.Context, t Table) (key []any, err error) {
	columns := make([]Column, len(t.Key))
	for i, kind := range t.keyTypes() {
		columns[i] = Column{Name: t.Key[i], Type: kind}
	}
	query := "SELECT " + strings.Join(t.Key, ", ") + " FROM " + t.Name + " ORDER BY " + tx.ordered(t, " DESC") + " LIMIT 1"
	err = tx.stream(ctx, t, columns, query, nil, func(row []any) error {
		key = append(key, row...)
		return nil
	})
	return key, err
}

// Count returns the number of a table's rows.
func (tx *Tx) Count(ctx context.Context, t Table) (int64, error) {
	return One(ctx, tx, scanTo[int64], "SELECT count(*) FROM "+t.Name)
}

// ordered lists the key's columns by which rows are ordered. Texts are compared by
// their bytes, which is what SQLite does; PostgreSQL's databases may do otherwise.
func (tx *Tx) ordered(t Table, suffix string) string {
	names := make([]string, len(t.Key))
	for i, kind := range t.keyTypes() {
		names[i] = t.Key[i]
		if kind == Text && tx.db.engine == Postgres {
			names[i] += ` COLLATE "C"`
		}
		names[i] += suffix
	}
	return strings.Join(names, ", ")
}

// stream calls do for each row of a query, and reads no further than an error.
func (tx *Tx) stream(ctx context.Context, t Table, columns []Column, query string, args []any, do func(row []any) error) error {
	var doing error
	n := 0
	err := tx.run(ctx, query, args, func(ctx context.Context, args []any) error {
		rows, err := tx.on.query(ctx, query, args)
		if err != nil {
			return err
		}
		defer rows.Close()
		tx.reading = true
		defer func() { tx.reading = false }()
		row, targets := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			targets[i] = &row[i]
		}
		for rows.Next() {
			n++
			if err := rows.Scan(targets...); err != nil {
				return &maskedError{fmt.Sprintf("sqldb: row %d of %s can't be read", n, t.Name), err}
			}
			for i, c := range columns {
				var ok bool
				if row[i], ok = c.Type.value(row[i]); !ok {
					doing = fmt.Errorf("sqldb: %s of row %d of %s is a %T and no %s", c.Name, n, t.Name, row[i], c.Type)
					return nil
				}
			}
			if doing = do(row); doing != nil {
				return nil
			}
		}
		return rows.Err()
	})
	if doing != nil {
		return doing
	}
	return err
}

// value returns what a driver gave in the form of the type, and false for what is
// of another, which SQLite would let somebody write.
func (t Type) value(v any) (any, bool) {
	if v == nil {
		return nil, true
	}
	ok := false
	switch t {
	case UUID:
		text, _ := v.(string)
		id, err := uuid.Parse(text)
		return id, err == nil && id.String() == text // in capitals it would have another place in the order
	case Text:
		_, ok = v.(string)
	case BigInt:
		_, ok = v.(int64)
	case Boolean:
		if n, isNumber := v.(int64); isNumber { // which it is in SQLite
			return n == 1, n == 0 || n == 1
		}
		_, ok = v.(bool)
	case Bytea:
		b, isBytes := v.([]byte)
		if ok = isBytes; b == nil { // which no bytes are in SQLite
			v = []byte{}
		}
	}
	return v, ok
}

// CompareKeys compares two keys of a table as their order is: by columns, ids and
// bytes and texts bytewise.
func CompareKeys(a, b []any) int {
	for i := range a {
		if c := compareValues(a[i], b[i]); c != 0 {
			return c
		}
	}
	return 0
}

func compareValues(a, b any) int {
	switch a := a.(type) {
	case uuid.UUID:
		b := b.(uuid.UUID)
		return strings.Compare(string(a[:]), string(b[:]))
	case string:
		return strings.Compare(a, b.(string))
	case []byte:
		return strings.Compare(string(a), string(b.([]byte)))
	case int64:
		switch b := b.(int64); {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	case bool:
		return compareValues(strconv.FormatBool(a), strconv.FormatBool(b.(bool)))
	}
	return 0
}
