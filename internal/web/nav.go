package web

import (
	"strings"

	"medbook/internal/auth"
	"medbook/internal/web/ui"
)

// place is an item of the navigation. It is the current one on its own page, and on
// those below it.
type place struct{ href, key string }

// places are what each role finds at the top of every page. The first is where they
// arrive.
var places = map[auth.Role][]place{
	"": {{"/book", "nav.book"}, {"/visit", "nav.visit"}, {"/sign-in", "nav.sign-in"}},
	auth.Patient: {
		{"/my", "nav.my"},
		{"/book", "nav.book"},
		{"/my/orders", "nav.my-orders"},
		{"/my/records", "nav.my-records"},
		{"/my/looks", "nav.my-looks"},
		{"/account", "nav.account"},
	},
	auth.Practitioner: {
		{"/calendar", "nav.calendar"},
		{"/patients", "nav.patients"},
		{"/hours", "nav.hours"},
		{"/waiting", "nav.waiting"},
		{"/figures", "nav.figures"},
		{"/account", "nav.account"},
	},
	auth.Admin: {
		{"/admin", "nav.admin"},
		{"/admin/appointments", "nav.appointments"},
		{"/admin/users", "nav.users"},
		{"/admin/orders", "nav.orders"},
		{"/admin/messages", "nav.messages"},
		{"/admin/clinic", "nav.clinic"},
		{"/figures", "nav.figures"},
		{"/account", "nav.account"},
	},
	auth.Auditor: {{"/trail", "nav.trail"}, {"/trail/emergencies", "nav.emergencies"}, {"/trail/verify", "nav.verify"}, {"/account", "nav.account"}},
}

// beside are pages that belong to the place of another one.
var beside = map[string]string{
	"/admin/practitioners": "/admin/users",
	"/admin/closures":      "/admin/appointments",
	"/admin/outbox":        "/admin/messages",
	"/admin/keys":          "/admin/clinic",
	"/admin/webhooks":      "/admin/clinic",
}

// within is the path of the place that a page belongs to.
func within(path string) string {
	for page, place := range beside {
		if path == page || strings.HasPrefix(path, page+"/") {
			return place
		}
	}
	return path
}

// nav is the navigation of who asks.
func (c *call) nav() []ui.Link {
	var links []ui.Link
	best, path := -1, within(c.r.URL.Path)
	for i, p := range places[c.by.Role] {
		links = append(links, ui.Link{Href: p.href, Text: c.say(p.key)})
		if (path == p.href || strings.HasPrefix(path, p.href+"/")) && (best < 0 || len(p.href) > len(links[best].Href)) {
			best = i
		}
	}
	if best >= 0 {
		links[best].Current = true
	}
	return links
}

// arrival is where somebody goes who has signed in.
func arrival(r auth.Role) string { return places[r][0].href }
