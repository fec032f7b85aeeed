package app_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The packages below internal, from the ground up. A package imports only
// packages of layers below its own; those of one layer do not see each other.
var layers = [][]string{
	{"errs", "id", "phi", "calendar", "ics", "keyring", "origin", "settings", "measure", "scheduling/history", "tracing/tracingtest"},
	{"tracing"},
	{"etag", "page", "password", "federation", "vault"},
	{"federation/federationtest"},
	{"sqldb/migrations"},
	{"sqldb"},
	{"sqldb/sqltest", "check"},
	{"audit", "jobs", "idempotency"},
	{"auth"},
	{"directory"},
	{"notify", "webhooks"},
	{"scheduling"},
	{"encounters", "orders"},
	{"privacy"},
	{"gate"},
	{"web/assets", "web/words"},
	{"web/ui"},
	{"api", "web"},
	{"archive"},
	{"app"},
	{"demo"},
}

// helpers are packages that only tests import.
var helpers = []string{"sqldb/sqltest", "scheduling/history", "federation/federationtest", "tracing/tracingtest", "medbook/e2e/browser"}

// faces speak to callers, and the gate stands before them. They know services,
// not the database.
var faces = []string{"internal/gate", "internal/api", "internal/web", "internal/fhir"}

// revealers are the functions, beside those of sql files, that take a personal
// value out of its wrapping: to search for it, to judge it, or to send it to
// who may see it.
var revealers = []string{
	"internal/api/appointments.go appointmentOf",                 // to the patient, the practitioner and staff
	"internal/api/availability.go timeOffParts",                  // to the practitioner and staff
	"internal/api/emergencies.go emergencyOf",                    // to the practitioner and auditors
	"internal/api/encounters.go encounterOf",                     // to who has care of the patient, and the patient
	"internal/api/encounters.go versionOf",                       // to who has care of the patient
	"internal/api/holds.go legalHoldOf",                          // to admins and auditors
	"internal/api/notifications.go messageOf",                    // to admins, while there is no mail server
	"internal/api/orders.go shippingOf",                          // to the user and staff
	"internal/api/patients.go patientOf",                         // to who has care of the patient, and admins
	"internal/api/users.go profileOf",                            // to the user and staff
	"internal/encounters/emergency.go Service.OpenInEmergency",   // to be sealed
	"internal/encounters/encounters.go checkData",                // to be judged
	"internal/encounters/keys.go Encounter.seal",                 // to be sealed
	"internal/notify/email.go Email.client",                      // to the mail server
	"internal/notify/email.go Email.message",                     // to the mail server
	"internal/notify/http.go HTTP.Address",                       // to be judged
	"internal/notify/http.go HTTP.Send",                          // to the service that delivers it
	"internal/notify/http.go NewHTTP",                            // a token, to be judged
	"internal/notify/push.go NewPush",                            // a key, to sign with
	"internal/notify/texts.go letter.view",                       // to the user
	"internal/notify/webhook.go NewWebhook",                      // a key, to sign with
	"internal/privacy/hold.go Service.PlaceHold",                 // to be sealed
	"internal/web/portal_copy.go copiedPerson",                   // to the patient
	"internal/web/portal_orders.go portalOrderOf",                // to the user
	"internal/web/portal_records.go clinicalFacts",               // to the patient, of what is shared with them
	"internal/web/portal_visit.go reasonOf",                      // to the patient
	"internal/web/calendar_appointment.go call.opened",           // to the practitioner and staff, once it is opened
	"internal/web/calendar_tell.go letterOf",                     // to the practitioner and staff, who may preview the message
	"internal/web/book_check.go checkOf",                         // to the patient
	"internal/web/book_details.go detailsOf",                     // to the patient
	"internal/web/book_details.go heldOf",                        // to the patient
	"internal/web/account_profile.go newProfileView",             // to the user
	"internal/web/admin_keys.go staffName",                       // to admins, of who works here
	"internal/web/admin_users.go bornOf",                         // to admins
	"internal/web/admin_users.go call.holdView",                  // to admins
	"internal/web/admin_users.go call.userLine",                  // to admins, of who works here
	"internal/web/admin_users.go call.userView",                  // to admins
	"internal/web/desk_appointments.go call.deskAppointmentView", // to admins, who opened it
	"internal/web/desk_book.go call.deskBookCheckView",           // to admins
	"internal/web/desk_book.go call.personLine",                  // to admins, who searched for it
	"internal/web/desk_closures.go call.closureLine",             // to admins
	"internal/web/desk_messages.go call.outboxView",              // to admins, while there is no mail server
	"internal/web/desk_orders.go addressOf",                      // to admins
	"internal/web/desk_orders.go call.draftView",                 // to admins, before it is sent
	"internal/web/desk_orders.go call.orderView",                 // to admins
	"internal/web/hours_list.go call.timeOffLine",                // to the practitioner and staff
	"internal/web/record_edit.go amendView",                      // to who has care of the patient
	"internal/web/record_encounter.go call.showData",             // to who has care of the patient
	"internal/web/record_list.go call.patientLines",              // the year of birth, to who has care of the patient
	"internal/web/record_open.go call.openRecord",                // to who has care of the patient
	"internal/web/record_versions.go call.versionsDiffer",        // to who has care of the patient
	"internal/api/appointments.go appointmentOf",                 // to the patient, the practitioner and staff
	"internal/api/availability.go timeOffParts",                  // to the practitioner and staff
	"internal/api/emergencies.go emergencyOf",                    // to the practitioner and auditors
	"internal/api/encounters.go encounterOf",                     // to who has care of the patient, and the patient
	"internal/api/encounters.go versionOf",                       // to who has care of the patient
	"internal/api/holds.go legalHoldOf",                          // to admins and auditors
	"internal/api/notifications.go messageOf",                    // to admins, while there is no mail server
	"internal/api/orders.go shippingOf",                          // to the user and staff
	"internal/api/patients.go patientOf",                         // to who has care of the patient, and admins
	"internal/api/users.go profileOf",                            // to the user and staff
	"internal/encounters/emergency.go Service.OpenInEmergency",   // to be sealed
	"internal/encounters/encounters.go checkData",                // to be judged
	"internal/encounters/keys.go Encounter.seal",                 // to be sealed
	"internal/notify/email.go Email.client",                      // to the mail server
	"internal/notify/email.go Email.message",                     // to the mail server
	"internal/notify/http.go HTTP.Address",                       // to be judged
	"internal/notify/http.go HTTP.Send",                          // to the service that delivers it
	"internal/notify/http.go NewHTTP",                            // a token, to be judged
	"internal/notify/push.go NewPush",                            // a key, to sign with
	"internal/notify/texts.go letter.view",                       // to the user
	"internal/notify/webhook.go NewWebhook",                      // a key, to sign with
	"internal/privacy/hold.go Service.PlaceHold",                 // to be sealed
	"internal/web/calendar_appointment.go call.opened",           // to the practitioner and staff, once it is opened
	"internal/web/calendar_tell.go letterOf",                     // to the practitioner and staff, who may preview the message
	"internal/web/account_profile.go newProfileView",             // to the user
	"internal/web/trail_emergencies.go trailReader.opening",      // to auditors
}

// source is a Go file of the repository.
type source struct {
	path string // below the repository's root, with slashes
	dir  string
	test bool
	file *ast.File
}

const root = "../.."

// sources parses all Go files of the module.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	set := token.NewFileSet()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "tools" || d.Name() == "data"):
			return fs.SkipDir
		case d.IsDir() || path.Ext(d.Name()) != ".go":
			return nil
		}
		file, err := parser.ParseFile(set, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		all = append(all, source{path: rel, dir: path.Dir(rel), test: strings.HasSuffix(rel, "_test.go"), file: file})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 50 {
		t.Fatalf("found only %d Go files below %s", len(all), root)
	}
	return all
}

// imports returns the paths that a file imports.
func (s source) imports(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, spec := range s.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	return paths
}

// layer returns where a package below internal stands.
func layer(t *testing.T, pkg string) int {
	t.Helper()
	i := slices.IndexFunc(layers, func(l []string) bool { return slices.Contains(l, pkg) })
	if i < 0 {
		t.Errorf("package internal/%s has no layer: give it one", pkg)
	}
	return i
}

func TestPackagesImportOnlyLowerOnes(t *testing.T) {
	for _, s := range sources(t) {
		mine, internal := strings.CutPrefix(s.dir, "internal/")
		for _, imported := range s.imports(t) {
			theirs, ok := strings.CutPrefix(imported, "medbook/internal/")
			switch {
			case strings.HasPrefix(imported, "medbook/cmd/"):
				t.Errorf("%s imports a command", s.path)
			case s.test:
			case slices.Contains(helpers, theirs):
				t.Errorf("%s imports %s, which is for tests", s.path, imported)
			case ok && internal && layer(t, theirs) >= layer(t, mine):
				t.Errorf("%s imports %s, which is not below it", s.path, imported)
			case slices.Contains(faces, s.dir) && (theirs == "sqldb" || imported == "database/sql"):
				t.Errorf("%s imports %s: it is to speak to services", s.path, imported)
			case s.dir == "client" && (strings.Contains(imported, ".") || strings.HasPrefix(imported, "medbook/")):
				t.Errorf("%s imports %s: the client needs nothing but the standard library", s.path, imported)
			}
		}
	}
}

// TestFewKnowHowTheProgramIsWatched shows that traces are told by package tracing
// alone, which has no room for what is personal, and numbers by measure and app.
func TestFewKnowHowTheProgramIsWatched(t *testing.T) {
	for _, s := range sources(t) {
		for _, imported := range s.imports(t) {
			traces := strings.HasPrefix(imported, "go.opentelemetry.io/") && !strings.HasPrefix(s.dir, "internal/tracing")
			numbers := strings.HasPrefix(imported, "github.com/prometheus/") && s.dir != "internal/measure" && s.dir != "internal/app" && !s.test
			if traces || numbers {
				t.Errorf("%s imports %s: use internal/tracing or internal/measure", s.path, imported)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	comments := map[string]string{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		comments[s.dir] += s.file.Doc.Text()
	}
	for dir, text := range comments {
		if text == "" {
			t.Errorf("%s: no file has a package comment", dir)
		}
	}
}

// TestOneClock shows that only the database and the commands ask the machine
// for the time; everybody else asks the database.
func TestOneClock(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.dir == "internal/sqldb" || s.dir == "internal/sqldb/sqltest" || strings.HasPrefix(s.dir, "cmd/") {
			continue
		}
		for call := range selectors(s.file) {
			stopwatch := s.path == "internal/measure/stopwatch.go"                       // which tells durations, not the time
			deadline := s.path == "internal/gate/stream.go" && call.in == "Stream.Write" // of a connection, which goes by the machine's clock
			if slices.Contains([]string{"time.Now", "time.Since", "time.Until"}, call.text) && !deadline && !stopwatch {
				t.Errorf("%s: %s uses %s", s.path, call.in, call.text)
			}
		}
	}
}

// TestOnlyArchiveFillsDatabases shows that nobody else writes rows past the packages
// that own their tables.
func TestOnlyArchiveFillsDatabases(t *testing.T) {
	used := false
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.dir, "internal/sqldb") {
			continue
		}
		for call := range selectors(s.file) {
			if !strings.HasSuffix(call.text, ".StartLoad") {
				continue
			}
			if used = true; s.dir != "internal/archive" {
				t.Errorf("%s: %s fills a database", s.path, call.in)
			}
		}
	}
	if !used {
		t.Error("nobody fills databases; then this test is of no use")
	}
}

// TestPersonalValuesStayWrapped shows that Reveal is called where data is
// written to the database or to its owner, and in functions that were looked at.
func TestPersonalValuesStayWrapped(t *testing.T) {
	var used []string
	for _, s := range sources(t) {
		sql := strings.HasPrefix(path.Base(s.path), "sql") && !slices.Contains(faces, s.dir)
		if s.test || sql || s.dir == "internal/phi" {
			continue
		}
		for call := range selectors(s.file) {
			if !strings.HasSuffix(call.text, ".Reveal") {
				continue
			}
			where := s.path + " " + call.in
			if !slices.Contains(revealers, where) {
				t.Errorf("%q reveals a personal value and is not in the list", where)
			}
			used = append(used, where)
		}
	}
	for _, r := range revealers {
		if !slices.Contains(used, r) {
			t.Errorf("%q is in the list and reveals nothing", r)
		}
	}
}

// TestServicesKnowWhoAsks shows that every exported method of a service that
// takes a context takes the actor next.
func TestServicesKnowWhoAsks(t *testing.T) {
	n := 0
	for _, s := range sources(t) {
		if s.test || !slices.Contains(nouns, s.dir) {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() || receiver(f) != "Service" {
				continue
			}
			var params []string
			for _, p := range f.Type.Params.List {
				for range max(1, len(p.Names)) {
					params = append(params, text(p.Type))
				}
			}
			if len(params) == 0 || params[0] != "context.Context" {
				continue
			}
			if n++; len(params) < 2 || params[1] != "auth.Actor" {
				t.Errorf("%s: %s does not take an auth.Actor after the context", s.path, f.Name)
			}
		}
	}
	if n < 20 {
		t.Errorf("looked at %d methods of services; there are more", n)
	}
}

// nouns are the packages whose services hand out what is kept of people.
var nouns = []string{"internal/directory", "internal/notify", "internal/scheduling", "internal/encounters", "internal/orders", "internal/privacy", "internal/webhooks"}

// bare are the functions of nouns that read without an audit.Intent: what is
// public, what is nobody's, and what is not handed out.
var bare = []string{
	"internal/encounters/amend.go Service.amendable", // handed out by the amendment, which is on record
	"internal/encounters/check.go Service.CheckKeys", // whether it opens; it goes nowhere
	"internal/encounters/create.go Service.draft",    // a key, to write with
	"internal/encounters/keys.go Service.Rewrap",     // keys, wrapped
	"internal/scheduling/explain.go Service.Explain", // no patient's identity, ever
	"internal/scheduling/finder.go Service.Days",
	"internal/scheduling/finder.go Service.TimesAround",
	"internal/scheduling/finder.go Service.Times",
	"internal/scheduling/offer.go Service.offer", // to offer it; the offer is on record
	"internal/scheduling/offer.go Service.offerSlot",
	"internal/directory/clinic.go Service.Clinic",               // public
	"internal/directory/setup.go Service.NeedsSetUp",            // public
	"internal/notify/push.go Push.subscriptions",                // to be told
	"internal/scheduling/practitioners.go Service.Practitioner", // public
	"internal/scheduling/practitioners.go Service.Practitioners",
	"internal/scheduling/slots.go Service.Slot", // no patient's identity, ever
	"internal/scheduling/slots.go Service.Slots",
}

// TestReadsSayWhatTheyAreFor shows that nobody gets at what is kept of a person
// but by audit.Read, which wants an Intent, and that every deed of a service is
// on record.
func TestReadsSayWhatTheyAreFor(t *testing.T) {
	var used []string
	calls := map[string]map[string][]string{} // package, function, what it calls
	for _, s := range sources(t) {
		if s.test || !slices.Contains(nouns, s.dir) {
			continue
		}
		if calls[s.dir] == nil {
			calls[s.dir] = map[string][]string{}
		}
		for call := range selectors(s.file) {
			if !strings.HasSuffix(call.text, "DB.View") {
				continue
			}
			where := s.path + " " + call.in
			if !slices.Contains(bare, where) {
				t.Errorf("%q reads without an audit.Intent: use audit.Read", where)
			}
			used = append(used, where)
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				calls[s.dir][f.Name.Name] = append(calls[s.dir][f.Name.Name], called(f.Body)...)
			}
		}
	}
	for _, b := range bare {
		if !slices.Contains(used, b) {
			t.Errorf("%q is in the list and does not read", b)
		}
	}
	n := 0
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || s.test || !slices.Contains(nouns, s.dir) || !f.Name.IsExported() || receiver(f) != "Service" {
				continue
			}
			all := reached(calls[s.dir], f.Name.Name)
			if !slices.Contains(all, "s.DB.Update") && !slices.Contains(all, "idempotency.Do") {
				continue
			}
			if n++; !slices.Contains(all, "audit.Record") && !slices.Contains(unrecorded, s.path+" "+f.Name.Name) {
				t.Errorf("%s: %s writes and leaves no record", s.path, f.Name)
			}
		}
	}
	if n < 20 {
		t.Errorf("looked at %d methods that write; there are more", n)
	}
}

// unrecorded are methods that write and leave no record: what they write is
// nothing of a person's.
var unrecorded = []string{
	"internal/directory/register.go AskForEmail", // a link to oneself; using it is on record
	"internal/directory/setup.go SetUpLink",      // of a clinic without anybody
}

// called lists what a body calls: "audit.Record", "store".
func called(body ast.Node) (names []string) {
	ast.Inspect(body, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			f := c.Fun
			if i, ok := f.(*ast.IndexExpr); ok {
				f = i.X
			}
			names = append(names, text(f))
		}
		return true
	})
	return names
}

// reached lists all that a function of a package calls, itself or by others of
// the package.
func reached(calls map[string][]string, name string) (all []string) {
	seen := map[string]bool{name: true}
	for next := []string{name}; len(next) > 0; {
		name, next = next[0], next[1:]
		for _, c := range calls[name] {
			all = append(all, c)
			if short := c[strings.LastIndex(c, ".")+1:]; !seen[short] && calls[short] != nil {
				seen[short] = true
				next = append(next, short)
			}
		}
	}
	return all
}

func TestEveryDependencyHasItsReason(t *testing.T) {
	mod, err := os.ReadFile(root + "/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(root + "/docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	var direct []string
	for _, m := range regexp.MustCompile(`(?m)^(?:require)?\s+(\S+\.\S+/\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1) {
		direct = append(direct, m[1])
		if !strings.Contains(string(doc), "| `"+m[1]+"` |") {
			t.Errorf("docs/dependencies.md has no line for %s", m[1])
		}
	}
	if len(direct) < 5 {
		t.Errorf("go.mod requires %q; there is more", direct)
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(doc), -1) {
		if !slices.Contains(direct, m[1]) && !tool(t, m[1]) {
			t.Errorf("docs/dependencies.md has a line for %s, which is not required", m[1])
		}
	}
}

// tool reports whether module is one of tools/go.mod or tools/release/go.mod.
func tool(t *testing.T, module string) bool {
	t.Helper()
	for _, name := range []string{"/tools/go.mod", "/tools/release/go.mod"} {
		mod, err := os.ReadFile(root + name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(mod), "\t"+module+" v") {
			return true
		}
	}
	return false
}
