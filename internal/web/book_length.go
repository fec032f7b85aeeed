package web

import (
	"slices"
	"strconv"
	"time"

	"medbook/internal/scheduling"
	"medbook/internal/web/ui"
)

// bookLengthView is the question how long the visit is to last, and what it is about.
type bookLengthView struct {
	answers
	lengths, specialties []ui.Option
	soFar                []bookFact
	on                   string // the page of the next question
}

// bookLength asks how long the visit is to last: GET /book.
func (s *Server) bookLength(c *call) error {
	b, err := s.bookingOf(c, c.r.URL.Query())
	if err != nil {
		return err
	}
	v := bookLengthView{answers: b.answers, on: "/book/who"}
	from := b.matching()
	if p, one := b.practitioner(); one {
		from, v.on = []scheduling.Practitioner{p}, "/book/date"
		v.soFar = b.soFar(c.words, stepDate)[min(b.length, 1):] // but not the length
	}
	if b.about != "" && v.on == "/book/who" {
		from = b.all
	}
	for _, n := range lengthsOf(from) {
		v.lengths = append(v.lengths, ui.Option{Value: strconv.Itoa(n), Text: c.words.Duration(time.Duration(n) * time.Minute)})
	}
	if len(v.lengths) > 0 && !slices.ContainsFunc(v.lengths, func(o ui.Option) bool { return o.Value == strconv.Itoa(b.length) }) {
		v.length, _ = strconv.Atoi(v.lengths[0].Value)
	}
	if names := specialtiesOf(b.all); len(names) > 1 && v.on == "/book/who" {
		v.specialties = []ui.Option{{Value: "", Text: c.say("book.any-specialty")}}
		for _, name := range names {
			v.specialties = append(v.specialties, ui.Option{Value: aboutOf(name), Text: name})
		}
	}
	return c.show(page{title: c.say("book.length-title")}, bookLengthContent(v))
}

// longestOffered is the longest visit that is longestOffered, in minutes, but that one slot of
// everybody's is.
const longestOffered = 120

// lengthsOf are the lengths in minutes to choose from: what one slot or several of
// somebody's last.
func lengthsOf(all []scheduling.Practitioner) (lengths []int) {
	for _, p := range all {
		lengths = append(lengths, p.Policy.SlotMinutes)
		for n := 2 * p.Policy.SlotMinutes; n <= min(longestOffered, 4*p.Policy.SlotMinutes); n += p.Policy.SlotMinutes {
			lengths = append(lengths, n)
		}
	}
	slices.Sort(lengths)
	return slices.Compact(lengths)
}
