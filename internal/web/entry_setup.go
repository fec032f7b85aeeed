package web

import (
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/phi"
	"medbook/internal/web/ui"
)

// setupView is the form by which a clinic begins.
type setupView struct {
	form  ui.Form
	over  bool // there is an admin already
	zone  string
	zones []ui.Option
	fixed string // the clinic's name, where the configuration has it
}

// setupPage is where the link leads that the server prints while it has no users:
// GET /account/setup.
func (s *Server) setupPage(c *call) error { return s.showSetup(c, setupView{}) }

func (s *Server) showSetup(c *call, v setupView) error {
	needs, err := s.Directory.NeedsSetUp(c.context(), c.by)
	if err != nil {
		return err
	}
	clinic, err := s.Directory.Clinic(c.context(), c.by)
	if err != nil {
		return err
	}
	if clinic.Fixed {
		v.fixed = clinic.Name
	}
	v.over, v.zone = !needs, s.zoneFor(c)
	v.zones = c.zones(v.form.Value("clinic_zone", v.zone))
	return c.show(page{title: c.say("setup.title"), form: v.form}, setupContent(v))
}

// setUpClinic makes the first admin, and what else a clinic begins with: POST
// /account/setup.
func (s *Server) setUpClinic(c *call) error {
	password, err := c.newPassword("password")
	if err == nil {
		_, err = s.Directory.SetUp(c.context(), stranger(c.by), c.token(), c.firstRun(password))
	}
	if err != nil {
		var v setupView
		if v.form, err = c.refusedLink(err); err != nil {
			return err
		}
		renameFields(v.form, setupFields)
		return s.showSetup(c, v)
	}
	c.keepNext("/welcome")
	return c.done("/sign-in", "done.set-up")
}

// setupFields are the form's names of what the service calls otherwise.
var setupFields = map[string]string{
	"clinic.name": "clinic_name", "clinic.time_zone": "clinic_zone", "time_zone": "clinic_zone",
	"practitioner.name": "practitioner_name", "practitioner.email": "practitioner_email", "practitioner.specialty": "practitioner_specialty",
	"practitioner.time_zone": "clinic_zone",
}

// renameFields has a form show what is wrong at its own fields.
func renameFields(f ui.Form, names map[string]string) {
	for service, field := range names {
		if wrong, ok := f.Wrong[service]; ok {
			delete(f.Wrong, service)
			f.Wrong[field] = wrong
		}
	}
}

// firstRun is what the form says. The practitioner is left out unless something of
// them was filled in.
func (c *call) firstRun(password auth.Secret) directory.FirstRun {
	zone := c.field("clinic_zone")
	f := directory.FirstRun{
		Clinic:   directory.ClinicChange{TimeZone: &zone},
		Admin:    directory.NewUser{Name: phi.Of(c.field("name")), Email: phi.Of(c.field("email"))},
		Password: password,
	}
	if c.form.Has("clinic_name") {
		name := c.field("clinic_name")
		f.Clinic.Name = &name
	}
	name, email, specialty := c.field("practitioner_name"), c.field("practitioner_email"), c.field("practitioner_specialty")
	if name+email+specialty != "" {
		f.Practitioner = &directory.NewUser{Name: phi.Of(name), Email: phi.Of(email), Specialty: specialty}
	}
	return f
}
