package web

import (
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/directory"
	"medbook/internal/etag"
	"medbook/internal/orders"
	"medbook/internal/phi"
	"medbook/internal/privacy"
	"medbook/internal/web/ui"
)

// roleOrder is the order in which roles are offered, and roleTags their colours.
var (
	roleOrder = []string{string(auth.Patient), string(auth.Practitioner), string(auth.Admin), string(auth.Auditor)}
	roleTags  = map[auth.Role]string{auth.Practitioner: "act", auth.Admin: "warn", auth.Auditor: "good"}
)

func (c *call) roleTag(r auth.Role) tag { return tag{roleTags[r], c.say("admin.role." + string(r))} }

// userLine is somebody in a list: staff by name, patients by their initials.
type userLine struct {
	href, name, since string
	role              tag
	erased            bool
}

// usersView is the list of people.
type usersView struct {
	filters  ui.Form
	roles    []ui.Option
	lines    []userLine
	pager    pager
	narrowed bool
}

// usersPage lists people: GET /admin/users.
func (s *Server) usersPage(c *call) error {
	p, err := s.Directory.Users(c.context(), c.by, directory.UserFilter{Role: c.query("role")}, c.part())
	if err != nil {
		return err
	}
	v := usersView{filters: c.filters(), roles: c.choices("admin.any-role", "admin.role.", roleOrder...), pager: c.pager(p.Next, p.Total), narrowed: c.query("role") != ""}
	if v.lines, err = s.userLines(c, p.Items); err != nil {
		return err
	}
	return c.show(page{title: c.say("admin.users")}, usersContent(v))
}

func (s *Server) userLines(c *call, users []directory.User) ([]userLine, error) {
	var patients []uuid.UUID
	for _, u := range users {
		if u.Role == auth.Patient {
			patients = append(patients, u.ID)
		}
	}
	initials, err := s.Directory.InitialsOf(c.context(), c.by, patients)
	if err != nil {
		return nil, err
	}
	zone, err := s.zone(c)
	if err != nil {
		return nil, err
	}
	lines := make([]userLine, len(users))
	for i, u := range users {
		lines[i] = c.userLine(u, initials[u.ID], zone)
	}
	return lines, nil
}

// userLine names staff to an admin; patients go by their initials in a list.
func (c *call) userLine(u directory.User, initials string, zone *time.Location) userLine {
	l := userLine{href: "/admin/users/" + u.ID.String(), name: initials, role: c.roleTag(u.Role), since: c.words.ShortDate(calendar.DateIn(u.CreatedAt, zone))}
	switch {
	case u.Role != auth.Patient:
		l.name = u.Name.Reveal()
	case initials == "":
		l.name, l.erased = c.say("admin.erased"), true
	}
	return l
}

// findUser asks whom to look for: GET /admin/users/find.
func (s *Server) findUser(c *call) error { return s.showPatientSearch(c, c.userSearch()) }

// foundUser searches: POST /admin/users/find.
func (s *Server) foundUser(c *call) error {
	return s.searchPatients(c, c.userSearch(), func(user string) string { return "/admin/users/" + user })
}

func (c *call) userSearch() personSearchView {
	return personSearchView{action: "/admin/users/find", back: "/admin/users", title: c.say("admin.find-patient"), hint: c.say("desk.search-hint")}
}

// userView is a person with what an admin may do to their account.
type userView struct {
	form                                        ui.Form
	id, name, email, phone, address, born, zone string
	role                                        tag
	practitioner                                string // their id as one
	made, changed                               string
	patient, erased, myself                     bool
	orders                                      []orderLine
	carers                                      []carerLine
	others                                      []ui.Option // who could be assigned
	hold                                        *holdView
}

// carerLine is a practitioner who has care of a patient.
type carerLine struct{ id, name, source, since string }

// holdView is a legal hold.
type holdView struct{ reason, since string }

// userPage shows a person: GET /admin/users/{id}.
func (s *Server) userPage(c *call) error { return s.showUser(c, ui.Form{}) }

func (s *Server) showUser(c *call, f ui.Form) error {
	u, err := s.Directory.User(c.context(), c.by, c.id("id"))
	if err != nil {
		return err
	}
	zone, err := s.zone(c)
	if err != nil {
		return err
	}
	v := c.userView(u, zone)
	v.form = f
	of, err := s.Orders.OfUsers(c.context(), c.by, []uuid.UUID{u.ID})
	if err != nil {
		return err
	}
	v.orders = c.ordersOf(of[u.ID], zone)
	if u.Role == auth.Patient {
		if err := s.addCare(c, &v, u.ID, zone); err != nil {
			return err
		}
	}
	return c.show(page{title: c.say("admin.user"), form: f}, userContent(v))
}

// userView shows an admin who somebody is.
func (c *call) userView(u directory.User, zone *time.Location) userView {
	v := userView{
		id: u.ID.String(), name: u.Name.Reveal(), email: u.Email.Reveal(), phone: u.Phone.Reveal(), address: u.Address.Reveal(), zone: u.TimeZone,
		role: c.roleTag(u.Role), made: c.stampIn(u.CreatedAt, zone), changed: c.stampIn(u.UpdatedAt, zone), patient: u.Role == auth.Patient, myself: u.ID == c.by.UserID,
		born: c.birthday(u.DateOfBirth.Reveal()),
	}
	if u.PractitionerID != uuid.Nil {
		v.practitioner = u.PractitionerID.String()
	}
	return v
}

func (c *call) ordersOf(all []orders.Order, zone *time.Location) []orderLine {
	lines := make([]orderLine, len(all))
	for i, o := range all {
		lines[i] = orderLine{href: "/admin/orders/" + o.ID.String(), kit: c.kitName(o.Kit), placed: c.stampIn(o.CreatedAt, zone), status: c.orderTag(o.Status)}
	}
	return lines
}

// addCare adds who has care of a patient, and whether there is a hold on their data.
func (s *Server) addCare(c *call, v *userView, patient uuid.UUID, zone *time.Location) error {
	initials, err := s.Directory.InitialsOf(c.context(), c.by, []uuid.UUID{patient})
	if err != nil {
		return err
	}
	v.erased = initials[patient] == ""
	carers, err := s.Directory.CarersOf(c.context(), c.by, v.id)
	if err != nil {
		return err
	}
	names, order, err := s.practitionerNames(c)
	if err != nil {
		return err
	}
	for _, one := range carers {
		v.carers = append(v.carers, carerLine{one.Practitioner.String(), one.Name, c.say("admin.source." + one.Source), c.stampIn(one.Since, zone)})
		order = slices.DeleteFunc(order, func(p uuid.UUID) bool { return p == one.Practitioner })
	}
	v.others = practitionerOptions("", names, order)
	hold, err := s.Privacy.Hold(c.context(), c.by, v.id)
	switch {
	case errors.Is(err, privacy.ErrHoldNotFound):
		return nil
	case err != nil:
		return err
	}
	v.hold = c.holdView(hold, zone)
	return nil
}

// holdView tells an admin why data is kept.
func (c *call) holdView(h privacy.LegalHold, zone *time.Location) *holdView {
	return &holdView{reason: h.Reason.Reveal(), since: c.stampIn(h.Since, zone)}
}

// assignCare puts a patient into a practitioner's care: POST /admin/users/{id}/care.
func (s *Server) assignCare(c *call) error {
	return s.userDeed(c, s.Directory.Assign(c.context(), c.by, c.id("id"), c.field("practitioner")), "done.admin-assigned")
}

// endCare ends it: POST /admin/users/{id}/care/end.
func (s *Server) endCare(c *call) error {
	return s.userDeed(c, s.Directory.EndCare(c.context(), c.by, c.id("id"), c.field("practitioner")), "done.admin-care-ended")
}

// userDeed leads back to a person, or shows them with what went wrong.
func (s *Server) userDeed(c *call, err error, key string) error {
	if err != nil {
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		return s.showUser(c, f)
	}
	return c.done("/admin/users/"+c.id("id"), key)
}

// newUserView is the form of a new person.
type newUserView struct {
	form  ui.Form
	roles []ui.Option
	role  string
	zone  string
}

// newUser asks for a new person: GET /admin/users/new.
func (s *Server) newUser(c *call) error { return s.showNewUser(c, freshForm()) }

func (s *Server) showNewUser(c *call, f ui.Form) error {
	clinic, err := s.Directory.Clinic(c.context(), c.by)
	if err != nil {
		return err
	}
	v := newUserView{form: f, roles: c.choices("", "admin.role.", roleOrder...), role: string(auth.Patient), zone: clinic.TimeZone}
	if slices.Contains(roleOrder, c.query("role")) {
		v.role = c.query("role")
	}
	return c.show(page{title: c.say("admin.new-user"), form: f}, newUserContent(v))
}

// createUser makes a person: POST /admin/users/new.
func (s *Server) createUser(c *call) error {
	n := directory.NewUser{
		Email: phi.Of(c.field("email")), Name: phi.Of(c.field("name")), Phone: phi.Of(c.field("phone")), Address: phi.Of(c.field("address")),
		DateOfBirth: c.given("date_of_birth"), Role: auth.Role(c.field("role")), TimeZone: c.field("time_zone"),
		Specialty: c.field("specialty"), Bio: c.field("bio"),
	}
	u, err := s.Directory.CreateUser(c.once(func(made any) string { return "/admin/users/" + made.(directory.User).ID.String() }), c.by, n)
	if c.again(err) {
		return nil
	}
	if err != nil {
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		return s.showNewUser(c, f)
	}
	return c.done("/admin/users/"+u.ID.String(), "done.admin-user-made")
}

// difference is a field that somebody else has changed meanwhile.
type difference struct{ label, now string }

// editUserView is the form of a person's profile.
type editUserView struct {
	form        ui.Form
	user        userView
	born        string // as dates are sent
	etag        string
	differences []difference
	roles       []ui.Option
	role        string
}

// editUser asks for a person's profile: GET /admin/users/{id}/edit.
func (s *Server) editUser(c *call) error { return s.showEditUser(c, ui.Form{}, false) }

func (s *Server) showEditUser(c *call, f ui.Form, stale bool) error {
	u, err := s.Directory.User(c.context(), c.by, c.id("id"))
	if err != nil {
		return err
	}
	zone, err := s.zone(c)
	if err != nil {
		return err
	}
	v := editUserView{form: f, user: c.userView(u, zone), born: bornOf(u), etag: u.ETag()}
	if stale {
		v.form.Values.Set("etag", v.etag)
		v.differences = c.differ([]difference{
			{"name", v.user.name}, {"phone", v.user.phone}, {"address", v.user.address}, {"date_of_birth", v.born}, {"time_zone", v.user.zone},
		})
	}
	return c.show(page{title: c.say("admin.edit-user"), form: f}, editUserContent(v))
}

// bornOf is a date of birth as the form sends it, to an admin.
func bornOf(u directory.User) string { return u.DateOfBirth.Reveal() }

// differ picks the fields in which the form is not what there is now.
func (c *call) differ(now []difference) (all []difference) {
	for _, d := range now {
		if c.field(d.label) != d.now {
			all = append(all, difference{c.say("admin.field." + d.label), d.now})
		}
	}
	return all
}

// changeUser changes a profile: POST /admin/users/{id}/edit.
func (s *Server) changeUser(c *call) error {
	name, phone, address, born, zone := phi.Of(c.field("name")), phi.Of(c.field("phone")), phi.Of(c.field("address")), c.given("date_of_birth"), c.field("time_zone")
	_, err := s.Directory.ChangeUser(c.context(), c.by, c.id("id"), etag.Match(c.form.Get("etag")), directory.UserChange{
		Name: &name, Phone: &phone, Address: &address, DateOfBirth: &born, TimeZone: &zone,
	})
	if err != nil {
		stale := errors.Is(err, etag.ErrStale)
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		return s.showEditUser(c, f, stale)
	}
	return c.done("/admin/users/"+c.id("id"), "done.admin-user-changed")
}

// userRole asks for another role: GET /admin/users/{id}/role.
func (s *Server) userRole(c *call) error { return s.showUserRole(c, ui.Form{}) }

func (s *Server) showUserRole(c *call, f ui.Form) error {
	u, err := s.Directory.User(c.context(), c.by, c.id("id"))
	if err != nil {
		return err
	}
	zone, err := s.zone(c)
	if err != nil {
		return err
	}
	v := editUserView{form: f, user: c.userView(u, zone), etag: u.ETag(), role: string(u.Role)}
	for _, o := range c.choices("", "admin.role.", roleOrder...) {
		o.Hint = c.say("admin.role-hint." + o.Value)
		v.roles = append(v.roles, o)
	}
	if f.Failed() {
		v.form.Values.Set("etag", v.etag)
	}
	return c.show(page{title: c.say("admin.change-role"), form: f}, userRoleContent(v))
}

// changeRole gives somebody another role: POST /admin/users/{id}/role.
func (s *Server) changeRole(c *call) error {
	role := auth.Role(c.field("role"))
	if _, err := s.Directory.ChangeUser(c.context(), c.by, c.id("id"), etag.Match(c.form.Get("etag")), directory.UserChange{Role: &role}); err != nil {
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		return s.showUserRole(c, f)
	}
	return c.done("/admin/users/"+c.id("id"), "done.admin-role-changed")
}
