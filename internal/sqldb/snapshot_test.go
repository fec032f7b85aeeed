package sqldb_test

import (
	"context"
	"database/sql"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// table returns a table of the present schema.
func table(t *testing.T, name string) sqldb.Table {
	t.Helper()
	newest, err := sqldb.Newest()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := sqldb.LayoutAt(t.Context(), newest)
	if err != nil {
		t.Fatal(err)
	}
	return schema.Tables[slices.IndexFunc(schema.Tables, func(t sqldb.Table) bool { return t.Name == name })]
}

// addPatient commits a patient.
func addPatient(t *testing.T, db *sqldb.DB) {
	t.Helper()
	err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO patients (patient_id) VALUES ($1)`, uuid.New())
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestASnapshotHasWhatWasDoneBeforeItsInstant has a patient committed while the clock
// is read, and others once the snapshot is there. The first is in it, the others are
// not, however long it is read.
func TestASnapshotHasWhatWasDoneBeforeItsInstant(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		patients := table(t, "patients")
		read := 0
		db.Clock = func() time.Time {
			if read++; read == 1 {
				addPatient(t, db)
			}
			return sqltest.Start
		}
		err := db.Snapshot(t.Context(), func(ctx context.Context, tx *sqldb.Tx, at time.Time) error {
			if !at.Equal(sqltest.Start) || !tx.Now().Equal(at) {
				t.Errorf("the instant is %s, and by the transaction %s, want %s", at, tx.Now(), sqltest.Start)
			}
			for range 3 {
				n, err := tx.Count(ctx, patients)
				if err != nil || n != 1 {
					t.Errorf("the snapshot has %d patients, %v, want the one", n, err)
				}
				addPatient(t, db)
			}
			if _, err := tx.Exec(ctx, `DELETE FROM patients`); err == nil {
				t.Error("a snapshot can be written to")
			}
			return nil
		})
		if err == nil {
			t.Error("no error of a snapshot that was written to")
		}
	})
}

// TestRowsComeByTheirBytes reads texts in a database whose language sorts them in
// another order.
func TestRowsComeByTheirBytes(t *testing.T) {
	address, err := url.Parse(sqltest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	home := address.String()
	admin, err := sql.Open("pgx", home)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := admin.ExecContext(t.Context(), `CREATE DATABASE in_a_language TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'`); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // before the database that admin is connected to
		again, err := sql.Open("pgx", home)
		if err == nil {
			_, err = again.ExecContext(context.Background(), `DROP DATABASE in_a_language WITH (FORCE)`)
			again.Close()
		}
		if err != nil {
			t.Error(err)
		}
	})
	address.Path = "/in_a_language"
	for _, database := range []string{address.String(), sqltest.SQLite(t)} {
		db := sqltest.Open(t, database)
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		keys := table(t, "idempotency_keys")
		want := []string{"A", "B", "Z", "a", "a b", "a-b", "ab", "b", "z", "Ä", "é"}
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			for _, k := range want {
				if _, err := tx.Exec(ctx, `INSERT INTO idempotency_keys (caller, route, key, body_hash) VALUES ('c', 'r', $1, $2)`, k, []byte{1}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		err = db.Snapshot(t.Context(), func(ctx context.Context, tx *sqldb.Tx, _ time.Time) error {
			for i := range want {
				after := []any{"c", "r", want[i]}
				var got []string
				err := tx.Rows(ctx, keys, after, func(row []any) error {
					got = append(got, row[2].(string))
					return nil
				})
				if err != nil || !slices.Equal(got, want[i+1:]) {
					t.Errorf("%s: after %q come %q, %v, want %q", db.Engine(), want[i], got, err, want[i+1:])
				}
			}
			last, err := tx.LastKey(ctx, keys)
			if err != nil || strings.Join([]string{last[0].(string), last[1].(string), last[2].(string)}, " ") != "c r é" {
				t.Errorf("%s: the last key is %v, %v", db.Engine(), last, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// TestADatabaseThatIsOpenIsInUse asks while another process, or what looks like one,
// has the database open.
func TestADatabaseThatIsOpenIsInUse(t *testing.T) {
	for _, address := range []string{sqltest.SQLite(t), sqltest.Postgres(t)} {
		ask := func(want bool) {
			t.Helper()
			if used, err := sqldb.InUse(t.Context(), address); err != nil || used != want {
				t.Errorf("in use: %v, %v, want %v", used, err, want)
			}
		}
		ask(false)
		db, err := sqldb.Open(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		ask(true)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		ask(false)
	}
	if used, err := sqldb.InUse(t.Context(), "sqlite:"+t.TempDir()+"/nowhere.db"); used || err != nil {
		t.Errorf("a file that is not there is in use: %v, %v", used, err)
	}
}

// TestWhatIsNoValueOfItsColumnIsNotRead has SQLite keep what it would let somebody
// write, and no program of ours does.
func TestWhatIsNoValueOfItsColumnIsNotRead(t *testing.T) {
	for _, tt := range []struct{ table, column, statement string }{
		{"patients", "patient_id", `INSERT INTO patients (patient_id) VALUES ('01890A5D-AC96-774B-BCCE-B302099A8057')`},
		{"patients", "patient_id", `INSERT INTO patients (patient_id) VALUES ('urn:uuid:01890a5d-ac96-774b-bcce-b302099a8057')`},
		{"patients", "patient_id", `INSERT INTO patients (patient_id) VALUES (17)`},
		{"patients", "erased_at", `INSERT INTO patients (patient_id, erased_at) VALUES ('01890a5d-ac96-774b-bcce-b302099a8057', 'soon')`},
		{"patients", "erased_at", `INSERT INTO patients (patient_id, erased_at) VALUES ('01890a5d-ac96-774b-bcce-b302099a8057', 1.5)`},
		{"patient_search", "name", `INSERT INTO patient_search (patient_id, name) SELECT patient_id, X'00' FROM patients`},
		{"audit_tree", "peaks", `INSERT INTO audit_tree (id, size, peaks) VALUES (1, 0, 'text')`},
		{"webhooks", "enabled", `INSERT INTO webhooks (id, url, kinds, enabled, secret, created_at, created_by, version)
			VALUES ('01890a5d-ac96-774b-bcce-b302099a8057', '', '', 2, X'00', 0, '01890a5d-ac96-774b-bcce-b302099a8057', 1)`},
	} {
		db := sqltest.Open(t, sqltest.SQLite(t))
		err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			if tt.table == "patient_search" {
				if _, err := tx.Exec(ctx, `INSERT INTO patients (patient_id) VALUES ('01890a5d-ac96-774b-bcce-b302099a8057')`); err != nil {
					return err
				}
			}
			_, err := tx.Exec(ctx, tt.statement)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		err = db.Snapshot(t.Context(), func(ctx context.Context, tx *sqldb.Tx, _ time.Time) error {
			return tx.Rows(ctx, table(t, tt.table), nil, func([]any) error { return nil })
		})
		if err == nil || !strings.Contains(err.Error(), tt.column+" of row 1 of "+tt.table) {
			t.Errorf("%s: error %v, want which column of which row", tt.statement, err)
		}
	}
}
