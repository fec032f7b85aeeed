package web

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"medbook/internal/auth"
	"medbook/internal/calendar"
	"medbook/internal/web/ui"
)

// zones lists the zones to choose from, with the chosen one even if it is none of
// those that are usually offered.
func (c *call) zones(chosen string) []ui.Option {
	names := calendar.Zones()
	if chosen != "" && !slices.Contains(names, chosen) {
		names = append([]string{chosen}, names...)
	}
	options := make([]ui.Option, len(names))
	for i, name := range names {
		options[i] = ui.Option{Value: name, Text: strings.ReplaceAll(name, "_", " ")}
	}
	return options
}

// queryText is a text as part of an address.
func queryText(text string) string { return url.QueryEscape(text) }

// learnZone has times shown in the zone of who signed in, where no script told that
// of the browser.
func (s *Server) learnZone(c *call, by auth.Actor) error {
	if c.words.Zone != nil {
		return nil
	}
	u, err := s.Directory.User(c.context(), by, by.UserID.String())
	if err == nil {
		c.keepZone(u.TimeZone)
	}
	return err
}

// keepZone remembers in the browser in which zone its reader wants to see times.
func (c *call) keepZone(zone string) {
	c.remember(zoneCookie, url.QueryEscape(zone), 365*24*time.Hour)
}
