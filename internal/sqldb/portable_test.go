package sqldb_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// What the rest of the program relies on being the same on both engines.
func TestPortability(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		update(t, db, `CREATE TABLE things (id UUID PRIMARY KEY, name TEXT NOT NULL, flag BOOLEAN NOT NULL, data BYTEA, number BIGINT)`)
		id := uuid.MustParse("01890A5D-AC96-774B-BCCE-B302099A8057")
		type thing struct {
			ID     uuid.UUID
			Name   string
			Flag   bool
			Data   []byte
			Number *int64
		}
		scan := func(r sqldb.Row) (x thing, err error) {
			err = r.Scan(&x.ID, &x.Name, &x.Flag, &x.Data, &x.Number)
			return x, err
		}
		const insert = `INSERT INTO things (id, name, flag, data, number) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			for i, want := range []int{1, 0} {
				n, err := tx.Exec(ctx, insert, id, "a", true, []byte{0, 255}, nil)
				if err != nil || n != want {
					t.Errorf("insert %d: %d rows, %v, want %d", i, n, err, want)
				}
			}
			x, err := sqldb.One(ctx, tx, scan, `UPDATE things SET name = $2 WHERE id = $1 AND flag = TRUE RETURNING id, name, flag, data, number`, id, "É")
			if err != nil {
				return err
			}
			if x.ID != id || x.Name != "É" || !x.Flag || !bytes.Equal(x.Data, []byte{0, 255}) || x.Number != nil {
				t.Errorf("got %+v", x)
			}
			if _, err := sqldb.One(ctx, tx, scan, `UPDATE things SET name = 'x' WHERE name = 'none' RETURNING id, name, flag, data, number`); !errors.Is(err, sqldb.ErrNoRows) {
				t.Errorf("RETURNING of no row: %v, want ErrNoRows", err)
			}
			text, err := sqldb.One(ctx, tx, value[string], `SELECT CAST(id AS TEXT) FROM things`)
			if err != nil || text != "01890a5d-ac96-774b-bcce-b302099a8057" {
				t.Errorf("id is %q, %v, want lower case", text, err)
			}
			there, err := sqldb.One(ctx, tx, value[bool], `SELECT EXISTS (SELECT 1 FROM things WHERE number IS NULL AND id IN (`+sqldb.In(1, 2)+`))`, id, uuid.Nil)
			if err != nil || !there {
				t.Errorf("EXISTS = %v, %v, want true", there, err)
			}
			sum, err := sqldb.One(ctx, tx, value[int64], `SELECT COALESCE(SUM(CAST($1 AS BIGINT)), 0) FROM things WHERE $2 < name`, int64(1)<<40, "A")
			if err != nil || sum != 1<<40 {
				t.Errorf("SUM = %d, %v, want 2^40", sum, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestForeignKeysAreKept(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO practitioner_search (practitioner_id, specialty, words, listed, version) VALUES ($1, '', '', FALSE, 1)", uuid.New())
			return err
		})
		if err == nil || sqldb.IsUnique(err) {
			t.Errorf("Update = %v, want a violation of a foreign key", err)
		}
	})
}

func TestManyArguments(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		rows := make([][]any, 1500)
		for i := range rows {
			rows[i] = []any{i + 2, i}
		}
		counter(t, db)
		groups, args := sqldb.Values(rows...)
		update(t, db, "INSERT INTO counters (id, n) VALUES "+groups, args...)
		if n := get[int](t, db, "SELECT COUNT(*) FROM counters"); n != len(rows)+1 {
			t.Errorf("%d rows, want %d", n, len(rows)+1)
		}
	})
}
