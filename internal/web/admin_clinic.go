package web

import (
	"errors"

	"medbook/internal/directory"
	"medbook/internal/etag"
	"medbook/internal/web/ui"
)

// clinicView is what the clinic is called.
type clinicView struct {
	form        ui.Form
	name, zone  string
	fixed       bool
	etag        string
	differences []difference
	changed     string
	mails       bool
}

// clinicPage asks what the clinic is called: GET /admin/clinic.
func (s *Server) clinicPage(c *call) error { return s.showClinic(c, ui.Form{}, false) }

func (s *Server) showClinic(c *call, f ui.Form, stale bool) error {
	clinic, err := s.Directory.Clinic(c.context(), c.by)
	if err != nil {
		return err
	}
	v := clinicView{form: f, name: clinic.Name, zone: clinic.TimeZone, fixed: clinic.Fixed, etag: clinic.ETag(), mails: s.mails()}
	if !clinic.UpdatedAt.IsZero() {
		v.changed = c.stampIn(clinic.UpdatedAt, zoneNamed(clinic.TimeZone))
	}
	if stale {
		f.Values.Set("etag", v.etag)
		v.differences = c.differ([]difference{{"name", v.name}, {"time_zone", v.zone}})
	}
	return c.show(page{title: c.say("admin.clinic"), form: f}, clinicContent(v))
}

// changeClinic changes it: POST /admin/clinic.
func (s *Server) changeClinic(c *call) error {
	zone := c.field("time_zone")
	change := directory.ClinicChange{TimeZone: &zone}
	if c.form.Has("name") { // not where the configuration names the clinic
		name := c.field("name")
		change.Name = &name
	}
	if _, err := s.Directory.ChangeClinic(c.context(), c.by, etag.Match(c.form.Get("etag")), change); err != nil {
		stale := errors.Is(err, etag.ErrStale)
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		return s.showClinic(c, f, stale)
	}
	return c.done("/admin/clinic", "done.admin-clinic-changed")
}
