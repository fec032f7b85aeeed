package sqldb_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// TestTheSchemaIsWhatPostgresHas compares what a backup goes by, which SQLite was
// asked for, with what PostgreSQL made of the same migrations.
func TestTheSchemaIsWhatPostgresHas(t *testing.T) {
	newest, err := sqldb.Newest()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := sqldb.LayoutAt(t.Context(), newest)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	place := map[string]int{}
	for i, table := range schema.Tables {
		place[table.Name] = i
		for _, c := range table.Columns {
			got = append(got, table.Name+" "+c.Name+" "+string(c.Type))
		}
		got = append(got, table.Name+" key "+strings.Join(table.Key, " "))
	}
	db := sqltest.Open(t, sqltest.Postgres(t))
	var want []string
	ask := func(query string, do func(line string)) {
		t.Helper()
		err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			lines, err := sqldb.All(ctx, tx, func(r sqldb.Row) (s string, err error) {
				err = r.Scan(&s)
				return s, err
			}, query)
			for _, line := range lines {
				do(line)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	add := func(line string) { want = append(want, line) }
	ask(`SELECT table_name || ' ' || column_name || ' ' || upper(data_type) FROM information_schema.columns
		WHERE table_schema = 'public' AND table_name <> 'goose_db_version'`, add)
	ask(`SELECT c.relname || ' key ' || string_agg(a.attname, ' ' ORDER BY k.place) FROM pg_index x
		JOIN pg_class c ON c.oid = x.indrelid
		CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY AS k(attnum, place)
		JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
		WHERE x.indisprimary AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'goose_db_version' GROUP BY c.relname`, add)
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the schema is not that of PostgreSQL (-PostgreSQL +schema):\n%s", diff)
	}
	n := 0
	ask(`SELECT conrelid::regclass || ' ' || confrelid::regclass FROM pg_constraint WHERE contype = 'f'`, func(line string) {
		n++
		from, to, _ := strings.Cut(line, " ")
		if place[from] <= place[to] {
			t.Errorf("%s refers to %s and comes before it", from, to)
		}
	})
	if n < 5 {
		t.Errorf("found %d foreign keys; there are more", n)
	}
}

// TestALoadEndsWithEveryIndex compares the indexes after a load with those that the
// migrations made.
func TestALoadEndsWithEveryIndex(t *testing.T) {
	newest, err := sqldb.Newest()
	if err != nil {
		t.Fatal(err)
	}
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		query := `SELECT name || ' ' || COALESCE(sql, '') FROM sqlite_schema WHERE type IN ('index', 'table') AND name NOT LIKE 'sqlite%' ORDER BY name`
		if db.Engine() == sqldb.Postgres {
			query = `SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname`
		}
		indexes := func() (all []string) {
			t.Helper()
			err := db.View(t.Context(), func(ctx context.Context, tx *sqldb.Tx) (err error) {
				all, err = sqldb.All(ctx, tx, func(r sqldb.Row) (s string, err error) {
					err = r.Scan(&s)
					return s, err
				}, query)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		before := indexes()
		load, _, err := db.StartLoad(t.Context(), sqldb.Filling{What: "test", Version: newest})
		if err != nil {
			t.Fatal(err)
		}
		defer load.Close()
		if during := indexes(); len(during) >= len(before)-20 {
			t.Errorf("%d indexes of %d are there during a load; it is to do without most", len(during), len(before))
		}
		if err := load.BuildIndexes(t.Context(), func(string) {}); err != nil {
			t.Fatal(err)
		}
		if err := load.Done(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, indexes()); diff != "" {
			t.Errorf("the indexes after a load (-before +after):\n%s", diff)
		}
	})
}

// TestWhoWasTakenOverWritesNoMore has a second load begin while the first is at work.
func TestWhoWasTakenOverWritesNoMore(t *testing.T) {
	newest, err := sqldb.Newest()
	if err != nil {
		t.Fatal(err)
	}
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		first, _, err := db.StartLoad(t.Context(), sqldb.Filling{What: "test", Version: newest})
		if err != nil {
			t.Fatal(err)
		}
		defer first.Close()
		second, _, err := db.StartLoad(t.Context(), sqldb.Filling{What: "test", Version: newest, Anew: true})
		if err != nil {
			t.Fatal(err)
		}
		defer second.Close()
		patients := first.Layout.Tables[slices.IndexFunc(first.Layout.Tables, func(t sqldb.Table) bool { return t.Name == "claims" })]
		for what, err := range map[string]error{"Insert": first.Insert(t.Context(), patients, nil), "Done": first.Done(t.Context()), "Undo": first.Undo(t.Context())} {
			if err == nil {
				t.Errorf("%s of the first load: no error, want that another has begun", what)
			}
		}
		if err := second.Done(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
