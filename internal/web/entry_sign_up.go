package web

import (
	"cmp"

	"medbook/internal/directory"
	"medbook/internal/phi"
	"medbook/internal/web/ui"
)

// signUpView is the form by which a patient makes an account.
type signUpView struct {
	form  ui.Form
	next  string // where to go when all is done
	zone  string
	zones []ui.Option
}

// signUpPage asks who somebody is who is new: GET /sign-up.
func (s *Server) signUpPage(c *call) error {
	if !c.by.Anonymous() {
		return c.see(local(c.query("next"), arrival(c.by.Role)))
	}
	return s.showSignUp(c, signUpView{next: local(c.query("next"), "")})
}

func (s *Server) showSignUp(c *call, v signUpView) error {
	v.zone, v.zones = s.zoneFor(c), c.zones(v.form.Value("time_zone", s.zoneFor(c)))
	return c.show(page{title: c.say("sign-up.title"), form: v.form}, signUpContent(v))
}

// signUp makes an account: POST /sign-up. What is said then is the same whether or
// not the address was known.
func (s *Server) signUp(c *call) error {
	v := signUpView{next: local(c.field("next"), "")}
	err := s.registerPatient(c)
	if err != nil {
		if v.form, err = c.refused(err); err != nil {
			return err
		}
		return s.showSignUp(c, v)
	}
	c.keepNext(v.next)
	return c.see("/sign-up/sent")
}

func (s *Server) registerPatient(c *call) error {
	password, err := c.newPassword("password")
	if err != nil {
		return err
	}
	_, err = s.Directory.Register(c.context(), stranger(c.by), directory.NewUser{
		Email: phi.Of(c.field("email")), Name: phi.Of(c.field("name")), Phone: phi.Of(c.field("phone")),
		DateOfBirth: personal(c.field("date_of_birth")), TimeZone: c.field("time_zone"),
	}, password)
	return err
}

// personal is a personal value that may have been left out.
func personal(text string) (v phi.Value[string]) {
	if text != "" {
		v = phi.Of(text)
	}
	return v
}

// signUpSent says to look for the message: GET /sign-up/sent.
func signUpSent(c *call) error {
	return c.show(page{title: c.say("sign-up.sent")}, sentContent("sign-up"))
}

// zoneFor is the zone that is offered to who has told none: their browser's, or
// else the clinic's.
func (s *Server) zoneFor(c *call) string {
	if c.words.Zone != nil {
		return c.words.Zone.String()
	}
	clinic, err := s.Directory.Clinic(c.context(), c.by)
	if err != nil {
		return "UTC"
	}
	return cmp.Or(clinic.TimeZone, "UTC")
}
