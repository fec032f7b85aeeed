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
	return []route{
		{get, "/visit", anybody, s.findVisit, "", false, true},
		{post, "/visit", anybody, s.openVisit, "", true, true},
		{get, "/visit/booking", anybody, s.through(s.byPass, s.ownVisitPage), "", false, true},
		{post, "/visit/confirm", anybody, s.through(s.byPass, s.confirmVisit), "", false, true},
		{get, "/visit/move", anybody, s.through(s.byPass, s.movePage), "", false, true},
		{post, "/visit/move", anybody, s.through(s.byPass, s.moveVisit), "", false, true},
		{get, "/visit/cancel", anybody, s.through(s.byPass, s.cancelPage), "", false, true},
		{post, "/visit/cancel", anybody, s.through(s.byPass, s.cancelVisit), "", false, true},
		{get, "/visit/calendar.ics", anybody, s.through(s.byPass, s.visitCalendar), "", false, true},
		{post, "/visit/forget", anybody, forgetVisit, "", false, true},
	}
}

// What a patient has here.
func (s *Server) portalRoutes() []route {
	return []route{
		{get, "/my", patients, s.portal, "", false, false},
		{get, "/my/visits/{id}", patients, s.through(bySignIn, s.ownVisitPage), "", false, false},
		{get, "/my/visits/{id}/move", patients, s.through(bySignIn, s.movePage), "", false, false},
		{post, "/my/visits/{id}/move", patients, s.through(bySignIn, s.moveVisit), "", false, false},
		{get, "/my/visits/{id}/cancel", patients, s.through(bySignIn, s.cancelPage), "", false, false},
		{post, "/my/visits/{id}/cancel", patients, s.through(bySignIn, s.cancelVisit), "", false, false},
		{get, "/my/visits/{id}/calendar.ics", patients, s.through(bySignIn, s.visitCalendar), "", false, false},
		{get, "/my/visits/{id}/reason", patients, s.through(bySignIn, s.reasonPage), "", false, false},
		{post, "/my/visits/{id}/reason", patients, s.through(bySignIn, s.changeReason), "", false, false},
		{post, "/my/visits/{id}/earlier", patients, s.through(bySignIn, s.waitEarlier), "", false, false},
		{post, "/my/waiting/{id}/leave", patients, s.leaveWaiting, "", false, false},
		{get, "/my/orders", patients, s.portalOrders, "", false, false},
		{get, "/my/records", patients, s.portalRecords, "", false, false},
		{get, "/my/records/{id}", patients, s.portalRecord, "", false, false},
		{get, "/my/looks", patients, s.portalLooks, "", false, false},
		{get, "/my/copy", patients, s.portalCopy, "", false, false},
		{get, "/my/copy/data.html", patients, s.portalCopyPage, "", false, false},
	}
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
