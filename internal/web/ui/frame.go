package ui

import (
	"context"

	"github.com/a-h/templ"
)

// title is what a page is called where there is no room for the page: what is
// wrong, the page, the clinic.
func title(ctx context.Context, f Frame) string {
	t := f.Title
	if f.Failed {
		t = Say(ctx, "frame.failed", "Title", t)
	}
	if f.Clinic != "" && f.Title != f.Clinic {
		t += " – " + f.Clinic
	}
	return t
}

// role tells machines that read aloud what a notice is.
func role(kind string) string {
	if kind == "bad" {
		return "alert"
	}
	return "status"
}

// InPlace has htmx put the content of the page that a link leads to in the place of
// the one that is shown, whose frame, style and scripts stay.
func InPlace(href string) templ.Attributes {
	return templ.Attributes{"hx-get": href, "hx-target": "#main", "hx-select": "#main", "hx-swap": "outerHTML", "hx-push-url": "true"}
}
