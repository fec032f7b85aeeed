package web

import (
	"net/url"
	"time"

	"medbook/internal/web/ui"
)

// designView has what the components on the page show, most of it invented.
type designView struct {
	empty, filled, wrong ui.Form
	tabs                 []ui.Link
	lengths              []ui.Option
	ends                 time.Time // of a hold that is nobody's
}

// designPage shows every component in every state: GET /design.
func designPage(c *call) error {
	v := designView{
		filled: ui.Form{Values: url.Values{"name-2": {"Ann Lee"}, "length-2": {"30"}, "days-2": {"mon", "wed"}}},
		wrong: ui.Form{Values: url.Values{"name-3": {""}}, Problem: c.say("design.problem"), Wrong: map[string]string{
			"name-3": c.say("design.wrong"), "length-3": c.say("design.wrong"), "note-3": c.say("design.wrong"),
		}},
		tabs:    []ui.Link{{Href: "/design", Text: c.say("design.this"), Current: true}, {Href: "/design#forms", Text: c.say("design.forms")}},
		lengths: []ui.Option{{Value: "15", Text: c.words.Duration(15 * time.Minute), Hint: c.say("design.hint")}, {Value: "30", Text: c.words.Duration(30 * time.Minute)}},
		ends:    c.server.Now().Add(30 * time.Minute),
	}
	return c.show(page{title: c.say("design.title")}, designContent(v))
}
