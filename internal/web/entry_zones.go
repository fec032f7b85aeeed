package web

import (
	"net/url"
	"slices"
	"strings"

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
