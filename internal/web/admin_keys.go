package web

import (
	"net/url"

	"github.com/google/uuid"

	"medbook/internal/directory"
	"medbook/internal/web/ui"
)

// keyLine is an API key without its secret.
type keyLine struct {
	id, name, owner, ownerPath, networks string
	scopes                               []string
	made, used, ends                     string
	over                                 bool
}

// allKeysView is the list of everybody's keys.
type allKeysView struct {
	form  ui.Form
	lines []keyLine
	pager pager
	whose string
	here  string
}

// allKeysPage lists API keys: GET /admin/keys.
func (s *Server) allKeysPage(c *call) error { return s.showKeys(c, ui.Form{}) }

func (s *Server) showKeys(c *call, f ui.Form) error {
	p, err := s.Auth.APIKeys(c.context(), c.by, c.query("user"), c.part())
	if err != nil {
		return err
	}
	zone, err := s.zone(c)
	if err != nil {
		return err
	}
	owners := map[uuid.UUID]bool{}
	for _, k := range p.Items {
		owners[k.User] = true
	}
	names, err := s.ownerNames(c, owners)
	if err != nil {
		return err
	}
	v := allKeysView{form: f, pager: c.pager(p.Next, p.Total), whose: c.query("user"), here: c.r.URL.RawQuery}
	for _, k := range p.Items {
		l := keyLine{
			id: k.ID.String(), name: k.Name, owner: names[k.User], ownerPath: "/admin/users/" + k.User.String(), networks: k.Networks,
			made: c.stampIn(k.CreatedAt, zone), ends: c.stampIn(k.ExpiresAt, zone), used: c.say("admin.never-used"), over: !k.ExpiresAt.After(s.Now()),
		}
		for _, scope := range k.Scopes.List() {
			l.scopes = append(l.scopes, string(scope))
		}
		if !k.LastUsedAt.IsZero() {
			l.used = c.stampIn(k.LastUsedAt, zone)
		}
		v.lines = append(v.lines, l)
	}
	return c.show(page{title: c.say("admin.keys"), form: f}, allKeysContent(v))
}

// ownerNames are what an admin calls people: patients by their initials, staff by name.
func (s *Server) ownerNames(c *call, owners map[uuid.UUID]bool) (map[uuid.UUID]string, error) {
	all := make([]uuid.UUID, 0, len(owners))
	for one := range owners {
		all = append(all, one)
	}
	names, err := s.Directory.InitialsOf(c.context(), c.by, all)
	if err != nil {
		return nil, err
	}
	for _, one := range all {
		if names[one] != "" {
			continue
		}
		u, err := s.Directory.User(c.context(), c.by, one.String())
		if err != nil {
			return nil, err
		}
		names[one] = staffName(u)
	}
	return names, nil
}

// staffName is the name of somebody who works here, to an admin.
func staffName(u directory.User) string { return u.Name.Reveal() }

// revokeAnyKey makes a key worth nothing: POST /admin/keys/{id}/revoke.
func (s *Server) revokeAnyKey(c *call) error {
	if err := s.Auth.RevokeKey(c.context(), c.by, c.id("id")); err != nil {
		return err
	}
	query, err := url.ParseQuery(c.field("back"))
	if err != nil {
		return errForm
	}
	return c.done(address("/admin/keys", query), "done.admin-key-revoked")
}
