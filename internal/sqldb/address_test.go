package sqldb_test

import (
	"os"
	"strings"
	"testing"

	"medbook/internal/sqldb"
)

// TestAddressesAreCheckedWithoutOpening has CheckAddress say of an address what Open
// says of it, and neither make a file nor repeat a password.
func TestAddressesAreCheckedWithoutOpening(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, good := range []string{"sqlite:data/medbook.db", "sqlite:///data/medbook.db", "postgres://u:hunter2@127.0.0.1:1/x", "postgresql://127.0.0.1:1/x?sslmode=require&pool_max_conns=3"} {
		if err := sqldb.CheckAddress(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "medbook.db", "mysql://u:hunter2@h/x", "sqlite:", "sqlite://", "postgres://u:hunter2@h:port/x", "postgres://u:hunter2@h/x?sslmode=sometimes", "postgres://u:hunter2@h/x?pool_max_conns=many"} {
		checked := sqldb.CheckAddress(bad)
		db, opened := sqldb.Open(t.Context(), bad)
		if opened == nil {
			t.Errorf("%s was opened", bad)
			db.Close()
			continue
		}
		if checked == nil || checked.Error() != opened.Error() || strings.Contains(checked.Error(), "hunter2") {
			t.Errorf("%s: %v, want %v and no password", bad, checked, opened)
		}
	}
	if made, err := os.ReadDir("."); err != nil || len(made) > 0 {
		t.Errorf("there is %v, %v, want nothing", made, err)
	}
}
