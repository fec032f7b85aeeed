package web

import (
	"strings"

	"medbook/internal/scheduling"
)

// bookWhoView is the question with whom the visit is to be.
type bookWhoView struct {
	back  string
	soFar []bookFact
	any   string // the way on with anyone; empty where there is no choice
	all   []bookPerson
	other string // the way to everybody else, where a specialty was chosen
}

// bookPerson is a practitioner to choose.
type bookPerson struct {
	name, specialty, bio, zone, lasts, on string
	current                               bool
}

// bookWho asks with whom the visit is to be: GET /book/who.
func (s *Server) bookWho(c *call) error {
	b, err := s.bookingOf(c, c.r.URL.Query())
	if err != nil {
		return err
	}
	if first := b.unanswered(stepWho); first != "" {
		return c.see(first)
	}
	v := bookWhoView{back: b.at("/book"), soFar: b.soFar(c.words, stepWho)}
	found := b.matching()
	for _, p := range found {
		v.all = append(v.all, b.personOf(c, p))
	}
	if len(found) > 1 {
		v.any = b.choose(anyone).at("/book/date")
	}
	if len(found) < len(b.all) {
		everybody := b.answers
		everybody.about = ""
		v.other = everybody.at("/book/who")
	}
	return c.show(page{title: c.say("book.who-title")}, bookWhoContent(v))
}

// choose is what is answered once it is clear with whom: another's dates and times
// are others.
func (b booking) choose(with string) answers {
	a := b.answers
	if a.with != with {
		a.slot = ""
	}
	a.with = with
	return a
}

func (b booking) personOf(c *call, p scheduling.Practitioner) bookPerson {
	key := p.ID.String()
	n := bookPerson{name: p.Name, specialty: p.Specialty, bio: p.Bio, on: b.choose(key).at("/book/date"), current: b.with == key}
	n.zone = c.words.ZoneName(c.server.Now(), zoneNamed(p.TimeZone))
	if lasts := b.lasts(p, true); lasts.Minutes() != float64(b.length) {
		n.lasts = c.say("book.lasts", "Name", firstName(p.Name), "Time", c.words.Duration(lasts))
	}
	return n
}

// firstName is what a practitioner is called in a sentence about them.
func firstName(name string) string {
	first, _, _ := strings.Cut(name, " ")
	if strings.HasSuffix(first, ".") { // a title alone names nobody
		return name
	}
	return first
}
