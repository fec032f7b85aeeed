package sqltest

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// serverVariable names a PostgreSQL server, or one that speaks its protocol, that the
// tests use instead of starting their own: the address of a database on it.
const serverVariable = "MEDBOOK_TEST_DSN"

// places is how fresh databases are made on a server: as copies of a template where it
// can copy, else anew; in schemas of one database where it may make no databases.
type places struct {
	base      *url.URL // of the server, with the database that was named
	prefix    string   // of what is made
	templates bool
	schemas   bool
}

// elsewhere returns the places of a server that was not started by the tests.
func elsewhere(dsn string) (places, error) {
	base, err := url.Parse(dsn)
	if err != nil || base.Scheme != "postgres" && base.Scheme != "postgresql" {
		return places{}, errors.New(serverVariable + " takes an address such as postgres://user:password@host/database")
	}
	query := base.Query()
	if !query.Has("timezone") {
		query.Set("timezone", "America/St_Johns")
	}
	base.RawQuery = query.Encode()
	return places{base: base, prefix: "medbook_test_" + strings.ReplaceAll(uuid.NewString()[:13], "-", "") + "_"}, nil
}

// name returns the name of something that is made.
func (p places) name(which string) string { return p.prefix + which }

// url returns the address of a database, or a schema, of a name.
func (p places) url(name string) string {
	u := *p.base
	if p.schemas {
		query := u.Query()
		query.Set("search_path", name)
		query.Set("application_name", name) // by which sessions of a test are told from others'
		u.RawQuery = query.Encode()
	} else {
		u.Path = "/" + name
	}
	return u.String()
}

// prepare finds out what the server can do, and makes the template.
func (p *places) prepare(admin *sql.DB) error {
	template := p.name("template")
	if _, err := admin.Exec("CREATE DATABASE " + template); err != nil {
		p.schemas = true
		if _, other := admin.Exec("CREATE SCHEMA " + template); other != nil {
			return errors.Join(fmt.Errorf("%s: neither databases nor schemas can be made there", serverVariable), err, other)
		}
		_, err = admin.Exec("DROP SCHEMA " + template)
		return err
	}
	if err := migrate(p.url(template)); err != nil {
		return err
	}
	probe := p.name("probe")
	if _, err := admin.Exec("CREATE DATABASE " + probe + " TEMPLATE " + template); err != nil {
		return p.remove(admin, template) // it can't copy, so each is made anew
	}
	p.templates = true
	return p.remove(admin, probe)
}

// make makes a fresh place.
func (p places) make(admin *sql.DB, name string, migrated bool) error {
	statement := "CREATE DATABASE " + name
	if p.schemas {
		statement = "CREATE SCHEMA " + name
	}
	if p.templates && migrated {
		statement += " TEMPLATE " + p.name("template")
	}
	if _, err := admin.Exec(statement); err != nil {
		return err
	}
	if err := p.isolate(admin, name); err != nil || p.templates || !migrated {
		return err
	}
	return migrate(p.url(name))
}

// isolate gives a database on somebody else's server the isolation that the tests are
// to run at.
func (p places) isolate(admin *sql.DB, name string) error {
	isolation := os.Getenv("MEDBOOK_TEST_ISOLATION")
	if isolation == "" || os.Getenv(serverVariable) == "" {
		return nil
	}
	if p.schemas {
		return errors.New("MEDBOOK_TEST_ISOLATION needs a server on which databases can be made")
	}
	_, err := admin.Exec("ALTER DATABASE " + name + " SET default_transaction_isolation = '" + isolation + "'")
	return err
}

// remove takes a place away with all that is in it.
func (p places) remove(admin *sql.DB, name string) error {
	if p.schemas {
		_, err := admin.Exec("DROP SCHEMA " + name + " CASCADE")
		return err
	}
	_, err := admin.Exec("DROP DATABASE " + name + " WITH (FORCE)")
	if err == nil {
		return nil
	}
	// Only a superuser may force out the server's own workers, which go by themselves.
	if _, other := admin.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND usename = current_user`, name); other != nil {
		return errors.Join(err, other)
	}
	_, err = admin.Exec("DROP DATABASE " + name)
	return err
}

// ownServer are the tests that make no sense on a server that the tests did not
// start, and why.
var ownServer = map[string]string{
	"TestClusterSettings":        "it looks at how the tests set up their server",
	"TestServerDiesWithItsTests": "it looks how the tests' server ends",
}

// OwnServer leaves a test out, if it is on the list of those that need a server that
// the tests have started, and they use another one.
func OwnServer(t *testing.T) {
	t.Helper()
	why := ownServer[t.Name()]
	if why == "" {
		t.Fatal("this test is not on the list of those that need a server of their own")
	}
	if os.Getenv(serverVariable) != "" {
		t.Skip(why)
	}
}
