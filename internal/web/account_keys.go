package web

import (
	"strings"
	"time"

	"medbook/internal/auth"
	listing "medbook/internal/page"
	"medbook/internal/web/ui"
)

// keysView is one's own API keys.
type keysView struct {
	tabs []ui.Link
	keys []keyView
	next string
}

type keyView struct {
	id, name, scopes, networks, made, ends, used string
	over                                         bool
}

// keysPage lists them: GET /account/keys.
func (s *Server) keysPage(c *call) error {
	p, err := s.Auth.APIKeys(c.context(), c.by, c.by.UserID.String(), listing.Request{Limit: 50, After: c.query("after")})
	if err != nil {
		return err
	}
	v := keysView{tabs: c.accountTabs()}
	for _, k := range p.Items {
		v.keys = append(v.keys, c.keyView(k))
	}
	if p.Next != "" {
		v.next = "/account/keys?after=" + queryText(p.Next)
	}
	return c.show(page{title: c.say("keys.title")}, keysContent(v))
}

func (c *call) keyView(k auth.Key) keyView {
	return keyView{
		id: k.ID.String(), name: k.Name, scopes: strings.ReplaceAll(string(k.Scopes), " ", ", "), networks: strings.ReplaceAll(k.Networks, " ", ", "),
		made: c.stamp(k.CreatedAt), ends: c.stamp(k.ExpiresAt), used: c.stamp(k.LastUsedAt), over: !c.server.Now().Before(k.ExpiresAt),
	}
}

// newKeyView is the form by which one is made.
type newKeyView struct {
	form   ui.Form
	scopes []ui.Option
	days   []ui.Option
}

// newKeyPage asks what a key is to be for: GET /account/keys/new.
func newKeyPage(c *call) error { return c.showNewKey(ui.Form{}) }

func (c *call) showNewKey(f ui.Form) error {
	v := newKeyView{form: f}
	for _, scope := range auth.Scopes() {
		v.scopes = append(v.scopes, ui.Option{Value: string(scope), Text: c.scope(scope), Hint: string(scope)})
	}
	for _, days := range []string{"30", "90", "180", "365"} {
		v.days = append(v.days, ui.Option{Value: days, Text: c.say("keys.days", "N", days)})
	}
	return c.show(page{title: c.say("keys.new"), form: f}, newKeyContent(v))
}

// scope says in words what a key may do with one.
func (c *call) scope(scope auth.Scope) string {
	area, deed, ok := strings.Cut(string(scope), ":")
	switch {
	case !ok:
		return c.say("keys.all")
	case area == "step-up":
		return c.say("keys.step-up." + deed)
	}
	return c.say("keys."+deed, "What", c.say("keys.area."+area))
}

// lives are for how long a key can be made.
var lives = map[string]time.Duration{"30": 30 * 24 * time.Hour, "90": 90 * 24 * time.Hour, "180": 180 * 24 * time.Hour, "365": 365 * 24 * time.Hour}

// makeKey makes one and shows it, this once: POST /account/keys/new.
func (s *Server) makeKey(c *call) error {
	n := auth.NewKey{Name: c.field("name"), Networks: strings.FieldsFunc(c.field("networks"), func(r rune) bool { return r == ',' || r <= ' ' })}
	for _, scope := range c.form["scopes"] {
		n.Scopes = append(n.Scopes, auth.Scope(scope))
	}
	life, ok := lives[c.field("days")]
	if !ok {
		return errForm
	}
	n.ExpiresAt = s.Now().Add(life)
	var err error
	var k auth.Key
	var text string
	if n.Name == "" {
		err = auth.ErrInvalidKey.Field("name", "is required")
	} else {
		k, text, err = s.Auth.CreateKey(c.context(), c.by, n)
	}
	if err != nil {
		f, err := c.refused(err)
		if err != nil {
			return err
		}
		return c.showNewKey(f)
	}
	return c.show(page{title: c.say("keys.made")}, madeKeyContent(c.keyView(k), text))
}

// revokeKeyPage asks whether a key is to be revoked: GET /account/keys/{id}/revoke.
func revokeKeyPage(c *call) error {
	return c.confirm(confirmView{
		title: c.say("keys.revoke"), text: c.say("keys.revoke-lead"), act: c.say("keys.revoke"), kind: "danger",
		action: c.r.URL.Path, back: "/account/keys",
	})
}

// revokeKey makes one worth nothing: POST /account/keys/{id}/revoke.
func (s *Server) revokeKey(c *call) error {
	if err := s.Auth.RevokeKey(c.context(), c.by, c.id("id")); err != nil {
		return err
	}
	return c.done("/account/keys", "done.key-revoked")
}
