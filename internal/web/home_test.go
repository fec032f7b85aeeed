package web

import (
	"testing"

	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestTheFirstPageSaysWhoHasTime(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.works("grey", "2027-03-16 09:00", "2027-03-16 11:00")
		p := c.visitor().get("/").has(200, "Book a visit at", "physiotherapy", "Grey Example", "Next free date: Tuesday 16 March 2027", "Brown Example", "No free date at the moment").
			lacks("This is a demo", "not set up yet")
		with := p.links("Book with Grey")
		if len(with) != 1 {
			t.Fatalf("Dr. Grey is booked at %v", with)
		}
		c.visitor().get(with[0]).has(200, "Step 1 of 6", "With Grey Example")
		if p := c.as("ann").get("/"); p.path != arrival(auth.Patient) {
			t.Errorf("ann is led to %s", p.path)
		}
	})
}

func TestAClinicWithoutAnAdminSaysWhereTheLinkIs(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		change := directory.UserChange{Role: new(auth.Patient)}
		if _, err := c.server.Directory.ChangeUser(t.Context(), auth.System, c.users["admin"].ID.String(), "*", change); err != nil {
			t.Fatal(err)
		}
		c.visitor().get("/").has(200, "This clinic is not set up yet", "printed a link")
	})
}

func TestADemoLetsOneSignInAsItsPeople(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		c := newClinic(t, db)
		c.server.Guests = []Guest{
			{auth.Patient, "Ann Example", "ann@example.org", passphrase, "has nothing yet"},
			{auth.Practitioner, "Grey Example", "grey@example.org", passphrase, "sees patients"},
		}
		v := c.visitor()
		p := v.get("/").has(200, "This is a demo", "Ann Example", "Patient", "has nothing yet", "ann@example.org", "Password: "+passphrase, "Sign in as Grey Example")
		v.post("/sign-in", "email", p.hidden("email"), "password", p.hidden("password"))
		if v.cookies["__Host-medbook"] == "" {
			t.Error("what the form sends signs nobody in")
		}
	})
}
