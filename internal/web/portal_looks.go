package web

import (
	"net/url"
	"strings"

	"github.com/google/uuid"

	"medbook/internal/auth"
	pages "medbook/internal/page"
	"medbook/internal/privacy"
	"medbook/internal/web/ui"
)

// portalLooksView is a page of who looked at a patient's data.
type portalLooksView struct {
	looks       []portalLook
	first, next string
}

// portalLook is one look, or one deed.
type portalLook struct {
	when, who, did string
	why            ui.Link // its kind as Href, its words as Text
}

// looksOnPage is how many looks are on a page.
const looksOnPage = 25

// portalLooks shows a patient who looked at their data, and changed it: GET /my/looks.
func (s *Server) portalLooks(c *call) error {
	p, err := s.Privacy.Disclosures(c.context(), c.by, c.by.UserID.String(), pages.Request{Limit: looksOnPage, After: c.query("after")})
	if err != nil {
		return err
	}
	v := portalLooksView{}
	if c.query("after") != "" {
		v.first = "/my/looks"
	}
	if p.Next != "" {
		v.next = "/my/looks?" + url.Values{"after": {p.Next}}.Encode()
	}
	if v.looks, err = s.looksOf(c, p.Items); err != nil {
		return err
	}
	return c.show(page{title: c.say("portal.looks")}, portalLooksContent(v))
}

// looksOf tells a patient of looks in words. Practitioners have a public name; of all
// others they learn what they are.
func (s *Server) looksOf(c *call, found []privacy.Disclosure) (looks []portalLook, err error) {
	known, zone := names{}, s.readersZone(c)
	for _, d := range found {
		who := c.words.Or("portal.who."+d.ActorRole, c.say("portal.who.system"))
		if d.Practitioner != uuid.Nil {
			p, err := s.nameIn(c, known, d.Practitioner)
			if err != nil {
				return nil, err
			}
			who = p.Name
		}
		looks = append(looks, portalLook{
			when: c.words.Moment(d.At, zone), who: who, did: c.didWords(d.Action),
			why: ui.Link{Href: map[bool]string{true: "bad"}[d.Purpose == auth.PurposeEmergency], Text: c.words.Or("portal.why."+d.Purpose, d.Purpose)},
		})
	}
	return looks, nil
}

// didWords says what an action of the audit trail is. One that has no words of its own
// is told by its kind.
func (c *call) didWords(action string) string {
	key := strings.NewReplacer("_", "-", ".", "-").Replace(action)
	otherwise := c.say("portal.did.changed")
	for _, look := range []string{".read", ".list", ".search", ".export", ".versions", ".preview", ".watch"} {
		if strings.HasSuffix(action, look) {
			otherwise = c.say("portal.did.looked")
		}
	}
	return c.words.Or("portal.did."+key, otherwise)
}
