package archive_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"medbook/internal/archive"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// odd draws values that somebody could mistake for others.
func odd(t *rapid.T, kind sqldb.Type) any {
	switch kind {
	case sqldb.UUID:
		return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
	case sqldb.Text:
		return rapid.OneOf(rapid.SampledFrom([]string{"", " ", "0", "1", "true", "NULL", "12.0", "1e3", "é", "e\u0301", "ß", "\U0001F9EC", "\u202e", "'", `"`, "\\", "\n", "\x01", "0x41", "2027-03-13"}),
			rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return r != 0 }))).Draw(t, "text")
	case sqldb.BigInt:
		return rapid.OneOf(rapid.SampledFrom([]int64{0, 1, -1, math.MaxInt64, math.MinInt64, 1 << 53, 1<<53 + 1}), rapid.Int64()).Draw(t, "number")
	case sqldb.Boolean:
		return rapid.Bool().Draw(t, "flag")
	}
	return rapid.OneOf(rapid.SampledFrom([][]byte{{}, {0}, {0xff, 0xfe}, []byte("text")}), rapid.SliceOf(rapid.Byte())).Draw(t, "bytes")
}

// plain are tables whose columns may hold any value, with those that may be NULL.
var plain = map[string][]string{
	"idempotency_keys":  {"status", "header", "body", "created_at"},
	"webhooks":          {"old_secret", "old_until"},
	"patient_calendar":  {"hold_expires_at", "made_at"},
	"claims":            {"expires_at"},
	"patient_keys":      {"wrapped", "destroyed_at"},
	"audit_checkpoints": nil,
}

// oddRows draws rows of a table, in the order of its key.
func oddRows(t *rapid.T, table sqldb.Table) (rows [][]any) {
	for range rapid.IntRange(0, 30).Draw(t, "rows") {
		row := make([]any, len(table.Columns))
		for i, c := range table.Columns {
			if slices.Contains(plain[table.Name], c.Name) && rapid.Bool().Draw(t, "null") {
				continue
			}
			row[i] = odd(t, c.Type)
		}
		rows = append(rows, row)
	}
	order := func(a, b []any) int { return sqldb.CompareKeys(table.KeyOf(a), table.KeyOf(b)) }
	slices.SortFunc(rows, order)
	return slices.CompactFunc(rows, func(a, b []any) bool { return order(a, b) == 0 })
}

// TestOddRowsComeBackAsTheyWere loads values that an engine could take for others,
// and looks at them after a backup and a restore on each.
func TestOddRowsComeBackAsTheyWere(t *testing.T) {
	newest, err := sqldb.Newest()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		if n++; n > 4 { // rapid's own number is for what takes no database
			return
		}
		rows := map[string][][]any{}
		var files [][]byte
		for _, e := range engines {
			db := sqltest.Open(t, e.url(t))
			load, _, err := db.StartLoad(t.Context(), sqldb.Filling{What: "test", Version: newest})
			if err != nil {
				rt.Fatal(err)
			}
			for _, table := range load.Layout.Tables {
				if _, ok := plain[table.Name]; !ok {
					continue
				}
				if _, drawn := rows[table.Name]; !drawn {
					rows[table.Name] = oddRows(rt, table)
				}
				if err := load.Insert(t.Context(), table, rows[table.Name]); err != nil {
					rt.Fatal(err)
				}
			}
			if err := load.BuildIndexes(t.Context(), func(string) {}); err != nil {
				rt.Fatal(err)
			}
			if err := load.Done(t.Context()); err != nil {
				rt.Fatal(err)
			}
			load.Close()
			file, _ := backup(t, db)
			files = append(files, file)
		}
		for i, file := range files {
			for _, e := range engines {
				db := sqltest.Open(t, e.url(t))
				if _, err := restore(t, db, file, archive.Restoring{}); err != nil {
					rt.Fatal(err)
				}
				for name, want := range rows {
					if diff := cmp.Diff(want, rowsIn(t, db, name)); diff != "" {
						rt.Fatalf("%s from %s to %s (-want +got):\n%s", name, engines[i].name, e.name, diff)
					}
				}
			}
		}
	})
}

// rowsIn reads a table.
func rowsIn(t *testing.T, db *sqldb.DB, name string) (rows [][]any) {
	t.Helper()
	newest, err := sqldb.Newest()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := sqldb.LayoutAt(t.Context(), newest)
	if err != nil {
		t.Fatal(err)
	}
	table := schema.Tables[slices.IndexFunc(schema.Tables, func(t sqldb.Table) bool { return t.Name == name })]
	err = db.Snapshot(t.Context(), func(ctx context.Context, tx *sqldb.Tx, _ time.Time) error {
		return tx.Rows(ctx, table, nil, func(row []any) error {
			rows = append(rows, slices.Clone(row))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestABackupOfAnOlderVersionIsBroughtUpToDate backs up a clinic as each version of
// the schema from the first webhooks on made it, and restores it.
func TestABackupOfAnOlderVersionIsBroughtUpToDate(t *testing.T) {
	newest, err := sqldb.Newest()
	if err != nil {
		t.Fatal(err)
	}
	const patient = "01890a5d-ac96-774b-bcce-b302099a8057"
	for version := int64(9); version < newest; version += 2 {
		for i, e := range engines {
			old := sqltest.Open(t, e.url(t))
			load, _, err := old.StartLoad(t.Context(), sqldb.Filling{What: "test", Version: version})
			if err != nil {
				t.Fatal(err)
			}
			patients := load.Layout.Tables[slices.IndexFunc(load.Layout.Tables, func(t sqldb.Table) bool { return t.Name == "patients" })]
			if err := load.Insert(t.Context(), patients, [][]any{{uuid.MustParse(patient), nil}}); err != nil {
				t.Fatal(err)
			}
			if err := load.BuildIndexes(t.Context(), func(string) {}); err != nil {
				t.Fatal(err)
			}
			if err := load.Done(t.Context()); err != nil {
				t.Fatal(err)
			}
			load.Close()
			file, _ := backup(t, old)
			h, _, err := archive.Inspect(bytes.NewReader(file), []age.Identity{identity()})
			if err != nil || h.Schema != version {
				t.Fatalf("the backup is of version %d, %v, want %d", h.Schema, err, version)
			}
			db := sqltest.Open(t, engines[1-i].url(t))
			if _, err := restore(t, db, file, archive.Restoring{}); err != nil {
				t.Fatalf("version %d of %s: %v", version, e.name, err)
			}
			if err := db.Ready(t.Context()); err != nil {
				t.Error(err)
			}
			if got := fmt.Sprint(rowsIn(t, db, "patients")); got != "[["+patient+" <nil>]]" {
				t.Errorf("version %d of %s: the patients are %s", version, e.name, got)
			}
		}
	}
}
