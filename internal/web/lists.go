package web

import (
	"cmp"
	"slices"

	"medbook/internal/directory"
	pages "medbook/internal/page"
	"medbook/internal/scheduling"
)

// most is how many a service lists at once.
const most = 200

// every reads a list to its end, for pages that need all of it.
func every[T any](list func(pages.Request) (pages.Of[T], error)) (all []T, err error) {
	for req := (pages.Request{Limit: most}); ; {
		p, err := list(req)
		if err != nil {
			return nil, err
		}
		all = append(all, p.Items...)
		if req.After = p.Next; p.Next == "" {
			return all, nil
		}
	}
}

// practitioners are all who give care here, by name. Their names are public.
func (s *Server) practitioners(c *call) ([]scheduling.Practitioner, error) {
	all, err := every(func(req pages.Request) (pages.Of[scheduling.Practitioner], error) {
		return s.Scheduling.Practitioners(c.context(), c.by, directory.PractitionerFilter{}, req)
	})
	slices.SortStableFunc(all, func(a, b scheduling.Practitioner) int { return cmp.Compare(a.Name, b.Name) })
	return all, err
}
