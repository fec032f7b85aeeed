package web

import "medbook/internal/web/ui"

// designPage shows every component in every state: GET /design.
func designPage(c *call) error {
	return c.show(page{title: c.say("design.title")}, designContent(ui.Form{}))
}
