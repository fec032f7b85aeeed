package web

import (
	"errors"

	"medbook/internal/directory"
	"medbook/internal/etag"
	"medbook/internal/phi"
	"medbook/internal/web/ui"
	"medbook/internal/web/words"
)

// profileView is what is kept of who is signed in.
type profileView struct {
	tabs                              []ui.Link
	form                              ui.Form
	email, name, phone, address, born string
	zone, language, version           string
	zones, languages                  []ui.Option
	changed                           bool // by somebody else, since the form was shown
}

// profilePage shows what is kept of who is signed in: GET /account.
func (s *Server) profilePage(c *call) error { return s.showProfile(c, ui.Form{}, false) }

func (s *Server) showProfile(c *call, f ui.Form, changed bool) error {
	u, err := s.Directory.User(c.context(), c.by, c.by.UserID.String())
	if err != nil {
		return err
	}
	v := newProfileView(u)
	v.tabs, v.form, v.changed = c.accountTabs(), f, changed
	v.zones = c.zones(f.Value("time_zone", v.zone))
	v.language, v.languages = c.words.Language, languages()
	return c.show(page{title: c.say("profile.title"), form: f}, profileContent(v))
}

func newProfileView(u directory.User) profileView {
	return profileView{
		email: u.Email.Reveal(), name: u.Name.Reveal(), phone: u.Phone.Reveal(), address: u.Address.Reveal(), born: u.DateOfBirth.Reveal(),
		zone: u.TimeZone, version: u.ETag(),
	}
}

// languages to choose from, each by its own name.
func languages() (options []ui.Option) {
	for _, l := range words.Languages() {
		options = append(options, ui.Option{Value: l.Language, Text: l.Name})
	}
	return options
}

// changeProfile changes it: POST /account.
func (s *Server) changeProfile(c *call) error {
	text := func(name string) *phi.Value[string] {
		v := phi.Of(c.field(name))
		return &v
	}
	zone := c.field("time_zone")
	_, err := s.Directory.ChangeUser(c.context(), c.by, c.by.UserID.String(), etag.Match(c.field("version")), directory.UserChange{
		Name: text("name"), Phone: text("phone"), Address: text("address"), DateOfBirth: text("date_of_birth"), TimeZone: &zone,
	})
	if err != nil {
		stale := errors.Is(err, etag.ErrStale)
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		if stale {
			f.Values.Del("version") // of what is shown beside the answers now
		}
		return s.showProfile(c, f, stale)
	}
	c.keepZone(zone)
	return c.done("/account", "done.profile")
}
