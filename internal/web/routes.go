package web

import (
	"net/http"
	"slices"

	"medbook/internal/auth"
	"medbook/internal/web/assets"
)

const (
	get  = http.MethodGet
	post = http.MethodPost
)

// route is a line of the table of pages.
type route struct {
	method, path string
	may          roles // who; empty: anybody
	act          func(*call) error
	stepUp       auth.Scope // what one shows again for who one is; empty: nothing
	secret       bool       // tries at a secret, which are counted
	early        bool       // also before a second factor was shown
}

type roles []auth.Role

// Who a page is for.
var (
	anybody       roles
	signedIn      = roles{auth.Patient, auth.Practitioner, auth.Admin, auth.Auditor}
	patients      = roles{auth.Patient}
	practitioners = roles{auth.Practitioner}
	admins        = roles{auth.Admin}
	auditors      = roles{auth.Auditor}
	carers        = roles{auth.Practitioner, auth.Admin}
)

// routes is the table of all pages: method, path, who may, and what it does.
func (s *Server) routes() []route {
	return slices.Concat(
		s.openRoutes(), s.entryRoutes(), s.accountRoutes(), s.bookingRoutes(), s.visitRoutes(), s.portalRoutes(),
		s.calendarRoutes(), s.hoursRoutes(), s.recordRoutes(), s.adminRoutes(), s.deskRoutes(), s.trailRoutes(), s.chartRoutes(),
	)
}

// What anybody can read.
func (s *Server) openRoutes() []route {
	return []route{
		{get, "/{$}", anybody, s.home, "", false, true},
		{get, "/assets/{hash}/{name}", anybody, asset, "", false, true},
		{post, "/language", anybody, chooseLanguage, "", false, true},
		{get, "/design", anybody, designPage, "", false, true},
	}
}

// Signing in and out, signing up, and where links in messages lead.
func (s *Server) entryRoutes() []route {
	return []route{
		{get, "/sign-in", anybody, s.signInPage, "", false, true},
		{post, "/sign-in", anybody, s.signIn, "", true, true},
		{post, "/sign-out", anybody, s.signOut, "", false, true},
	}
}

// One's own account.
func (s *Server) accountRoutes() []route {
	return nil
}

// Booking, from the question what for to the confirmation.
func (s *Server) bookingRoutes() []route {
	return nil
}

// A single booking, found without signing in.
func (s *Server) visitRoutes() []route {
	return nil
}

// What a patient has here.
func (s *Server) portalRoutes() []route {
	return nil
}

// A practitioner's week and days, and the appointments in them.
func (s *Server) calendarRoutes() []route {
	return nil
}

// When a practitioner works.
func (s *Server) hoursRoutes() []route {
	return nil
}

// Patients and their records.
func (s *Server) recordRoutes() []route {
	return nil
}

// Running the clinic: people, keys, settings.
func (s *Server) adminRoutes() []route {
	return nil
}

// The front desk: appointments, orders, messages.
func (s *Server) deskRoutes() []route {
	return nil
}

// The audit trail.
func (s *Server) trailRoutes() []route {
	return []route{
		{get, "/trail", auditors, s.trailPage, "", false, false},
		{get, "/trail/encounters", auditors, s.encounterTrailPage, "", false, false},
		{get, "/trail/export", auditors, s.exportTrail, "", false, false},
		{get, "/trail/patients/{id}", auditors, s.disclosuresPage, "", false, false},
		{get, "/trail/emergencies", auditors, s.emergenciesPage, "", false, false},
		{get, "/trail/verify", auditors, s.verifyPage, "", false, false},
		{post, "/trail/verify", auditors, s.verifyTrail, "", false, false},
	}
}

// Figures.
func (s *Server) chartRoutes() []route {
	return []route{
		{get, "/figures", carers, s.figuresPage, "", false, false},
	}
}

// asset answers with a file that pages load.
func asset(c *call) error {
	c.answered = true
	if !assets.Serve(c.w, c.r) {
		return errNoPage
	}
	return nil
}
