package web

import (
	"medbook/internal/auth"
	"medbook/internal/scheduling"
)

// Guest is somebody invented, as whom anybody may sign in to a demo.
type Guest struct {
	Role                        auth.Role
	Name, Email, Password, Note string
}

// homeView is the first page.
type homeView struct {
	clinic      string
	needsSetUp  bool
	guests      []Guest
	specialties []string
	people      []homePerson
	more        bool // there are more people than are shown
}

// homePerson is a practitioner with their next free date.
type homePerson struct {
	name, first, specialty, bio string
	next                        string // empty: there is none
	book                        string
}

// mostAtHome is how many practitioners the first page shows.
const mostAtHome = 12

// home is the first page: what there is for strangers, and for others where their
// work is: GET /.
func (s *Server) home(c *call) error {
	if !c.by.Anonymous() {
		return c.see(arrival(c.by.Role))
	}
	v := homeView{clinic: s.clinic(c.context()), guests: s.Guests}
	var err error
	if v.needsSetUp, err = s.Directory.NeedsSetUp(c.context(), c.by); err != nil {
		return err
	}
	all, err := s.practitioners(c)
	if err != nil {
		return err
	}
	v.specialties = specialtiesOf(all)
	v.more = len(all) > mostAtHome
	for _, p := range all[:min(mostAtHome, len(all))] {
		n, err := s.atHome(c, p)
		if err != nil {
			return err
		}
		v.people = append(v.people, n)
	}
	return c.show(page{title: v.clinic}, homeContent(v))
}

// atHome is a practitioner on the first page.
func (s *Server) atHome(c *call, p scheduling.Practitioner) (n homePerson, err error) {
	key := p.ID.String()
	n = homePerson{name: p.Name, first: firstName(p.Name), specialty: p.Specialty, bio: p.Bio, book: answers{with: key}.at("/book")}
	found, err := s.Scheduling.Days(c.context(), c.by, scheduling.DaysQuery{Practitioner: key, N: 1})
	if err == nil && len(found.Days) > 0 {
		n.next = c.words.Date(found.Days[0].Date)
	}
	return n, err
}
