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
	return []route{
		{get, "/hours", carers, s.hoursPage, "", false, false},
		{get, "/hours/weekly", carers, s.weeklyPage, "", false, false},
		{post, "/hours/weekly", carers, s.publishWeekly, "", false, false},
		{get, "/hours/day", carers, s.dayHoursPage, "", false, false},
		{post, "/hours/day", carers, s.publishDay, "", false, false},
		{get, "/hours/off", carers, s.timeOffPage, "", false, false},
		{post, "/hours/off", carers, s.takeTimeOff, "", false, false},
		{get, "/hours/off/{id}/end", carers, s.endTimeOffPage, "", false, false},
		{post, "/hours/off/{id}/end", carers, s.endTimeOff, "", false, false},
		{get, "/hours/policy", carers, s.policyPage, "", false, false},
		{post, "/hours/policy", carers, s.changePolicy, "", false, false},
		{get, "/hours/{id}", carers, s.hoursRowPage, "", false, false},
		{post, "/hours/{id}", carers, s.changeHours, "", false, false},
		{get, "/hours/{id}/remove", carers, s.hoursRemovalPage, "", false, false},
		{post, "/hours/{id}/remove", carers, s.removeHours, "", false, false},
		{get, "/waiting", carers, s.waitingPage, "", false, false},
		{get, "/waiting/{id}/remove", admins, s.unwaitPage, "", false, false},
		{post, "/waiting/{id}/remove", admins, s.unwait, "", false, false},
	}
}

// Patients and their records.
func (s *Server) recordRoutes() []route {
	return []route{
		{get, "/patients", practitioners, s.patientsPage, "", false, false},
		{get, "/patients/search", practitioners, s.searchedPage, "", false, false},
		{post, "/patients/search", practitioners, s.findPatients, "", false, false},
		{get, "/patients/{id}", practitioners, s.recordPage, "", false, false},
		{get, "/patients/{id}/emergency", practitioners, s.emergencyPage, "", false, false},
		{post, "/patients/{id}/emergency", practitioners, s.openEmergency, "", false, false},
		{get, "/patients/{id}/encounters/new", practitioners, s.newEncounterPage, "", false, false},
		{post, "/patients/{id}/encounters/new", practitioners, s.writeEncounter, "", false, false},
		{get, "/encounters/{id}", practitioners, s.encounterPage, "", false, false},
		{get, "/encounters/{id}/amend", practitioners, s.amendPage, "", false, false},
		{post, "/encounters/{id}/amend", practitioners, s.amendEncounter, "", false, false},
		{get, "/encounters/{id}/versions", practitioners, s.versionsPage, "", false, false},
	}
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
	return nil
}

// Figures.
func (s *Server) chartRoutes() []route {
	return nil
}

// asset answers with a file that pages load.
func asset(c *call) error {
	c.answered = true
	if !assets.Serve(c.w, c.r) {
		return errNoPage
	}
	return nil
}
