package web

import (
	"errors"
	"strings"

	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/web/ui"
)

// errTwice is what a form shows in which a new password is not the same twice.
var errTwice = errs.New(errs.Invalid, "passwords-differ", "The two passwords are not the same.").Field("again", "is not the same as above")

// token returns what a link in a message carries. Where no script took it out of the
// address, its reader pastes it, or all of the link.
func (c *call) token() auth.Secret {
	token := c.field("token")
	if _, fragment, ok := strings.Cut(token, "#"); ok {
		token = fragment
	}
	return auth.Secret(token)
}

// newPassword returns the password that a form gives twice, or errTwice. It is
// judged by the service that keeps it.
func (c *call) newPassword(field string) (auth.Secret, error) {
	if c.form.Get(field) != c.form.Get("again") {
		return "", errTwice
	}
	return auth.Secret(c.form.Get(field)), nil
}

// linkView is a page that a link in a message leads to.
type linkView struct{ form ui.Form }

// refusedLink is refused for forms with a link's token, which says so at its field.
func (c *call) refusedLink(err error) (ui.Form, error) {
	link := errors.Is(err, auth.ErrLink)
	f, err := c.refused(err)
	if link && err == nil {
		f.Wrong["token"] = c.say("link.wrong")
	}
	return f, err
}
