package web

import (
	"time"

	"medbook/internal/calendar"
	"medbook/internal/web/words"
)

// zoneNamed is the zone of that name. Zones are judged before they are kept; what is
// none is UTC.
func zoneNamed(name string) *time.Location {
	zone, err := calendar.Zone(name)
	if err != nil {
		return time.UTC
	}
	return zone
}

// zone is the clinic's, in which pages show what is of no practitioner.
func (s *Server) zone(c *call) (*time.Location, error) {
	clinic, err := s.Directory.Clinic(c.context(), c.by)
	if err != nil {
		return nil, err
	}
	return zoneNamed(clinic.TimeZone), nil
}

// elsewhere reports whether clocks where the reader is, if that is known, show
// another time at t than those of a place.
func elsewhere(w *words.Words, t time.Time, place *time.Location) bool {
	if w.Zone == nil {
		return false
	}
	_, here := t.In(w.Zone).Zone()
	_, there := t.In(place).Zone()
	return here != there
}
