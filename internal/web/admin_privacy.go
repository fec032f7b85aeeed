package web

import (
	"medbook/internal/auth"
	"medbook/internal/directory"
	"medbook/internal/errs"
	"medbook/internal/web/ui"
)

// errTooLong is what a form is refused with that says too much.
var errTooLong = errs.New(errs.Invalid, "form-too-long", "Something in this form is too long.")

// errUnsure is what a deed without a way back is refused with until it is meant.
var errUnsure = errs.New(errs.Invalid, "form-unconfirmed", "Say that you are sure.").Field("sure", "is required")

// short refuses fields of more than so many characters.
func (c *call) short(most int, names ...string) error {
	wrong := errTooLong
	for _, name := range names {
		if len([]rune(c.field(name))) > most {
			wrong = wrong.Field(name, c.say("desk.too-long", "N", c.words.Number(most)))
		}
	}
	if len(wrong.Fields) > 0 {
		return wrong
	}
	return nil
}

// erasureView is a deed that is done to a patient's data, before it is done.
type erasureView struct {
	form       ui.Form
	path, name string
	reason     string
	held       bool
}

// legalHold asks why a patient's data must be kept: GET /admin/users/{id}/hold.
func (s *Server) legalHold(c *call) error { return s.showLegalHold(c, ui.Form{}) }

func (s *Server) showLegalHold(c *call, f ui.Form) error {
	v, err := s.erasure(c)
	if err != nil {
		return err
	}
	v.form = f
	return c.show(page{title: c.say("admin.place-hold"), form: f}, legalHoldContent(v))
}

// erasure begins the view of a deed to a patient's data.
func (s *Server) erasure(c *call) (v erasureView, err error) {
	u, err := s.Directory.User(c.context(), c.by, c.id("id"))
	if err == nil && u.Role != auth.Patient {
		err = directory.ErrPatientNotFound
	}
	if err != nil {
		return v, err
	}
	zone, err := s.zone(c)
	if err != nil {
		return v, err
	}
	user := c.userView(u, zone)
	v = erasureView{path: "/admin/users/" + user.id, name: user.name}
	h, err := s.Privacy.Hold(c.context(), c.by, user.id)
	if errs.KindOf(err) == errs.NotFound {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	v.held, v.reason = true, c.holdView(h, zone).reason
	return v, nil
}

// placeHold puts a hold on it: POST /admin/users/{id}/hold.
func (s *Server) placeHold(c *call) error {
	err := c.short(longestReason, "reason")
	if err == nil {
		_, err = s.Privacy.PlaceHold(c.context(), c.by, c.id("id"), c.given("reason"))
	}
	if err != nil {
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		return s.showLegalHold(c, f)
	}
	return c.done("/admin/users/"+c.id("id"), "done.admin-hold-placed")
}

// liftHold ends it: POST /admin/users/{id}/hold/lift.
func (s *Server) liftHold(c *call) error {
	return s.userDeed(c, s.Privacy.LiftHold(c.context(), c.by, c.id("id")), "done.admin-hold-lifted")
}

// eraseUser says what erasing somebody means: GET /admin/users/{id}/erase.
func (s *Server) eraseUser(c *call) error { return s.showErase(c, ui.Form{}) }

func (s *Server) showErase(c *call, f ui.Form) error {
	v, err := s.erasure(c)
	if err != nil {
		return err
	}
	v.form = f
	return c.show(page{title: c.say("admin.erase"), form: f}, eraseContent(v))
}

// erasePatient erases: POST /admin/users/{id}/erase. Nobody does it by a slip: it has
// to be said that there is no way back.
func (s *Server) erasePatient(c *call) error {
	var err error
	if c.field("sure") != "yes" {
		err = errUnsure
	} else {
		_, err = s.Privacy.Erase(c.context(), c.by, c.id("id"))
	}
	if err != nil {
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		return s.showErase(c, f)
	}
	return c.done("/admin/users", "done.admin-erased")
}
