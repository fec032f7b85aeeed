package ui

import "context"

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
