package web

import (
	"io"
	"mime"
	"net/http"

	"medbook/internal/calendar"
	"medbook/internal/gate"
	"medbook/internal/privacy"
)

// exportTrail downloads what a search of the trail finds, all of it:
// GET /trail/export.
func (s *Server) exportTrail(c *call) error {
	reader, err := s.trailReaderOf(c)
	if err != nil {
		return err
	}
	f, wrong := c.trailFilter(reader.zone)
	if len(wrong) > 0 {
		return privacy.ErrInvalidRange
	}
	name := "audit-trail-" + calendar.DateIn(s.Now(), reader.zone).String()
	if c.query("format") == "csv" {
		return c.stream(name+".csv", "text/csv; charset=utf-8; header=present", func(w io.Writer) error {
			return s.Privacy.Export(c.context(), c.by, f, privacy.Table(w))
		})
	}
	return c.stream(name+".ndjson", "application/x-ndjson", func(w io.Writer) error {
		return s.Privacy.Export(c.context(), c.by, f, privacy.Lines(w))
	})
}

// stream answers with a file that is written while it is made, for one that may be
// too large to be made whole. If that fails before the first byte there is a page
// that says so; after it, the file breaks off.
func (c *call) stream(name, kind string, write func(io.Writer) error) error {
	out := &gate.Stream{To: c.w, Header: http.Header{
		"Content-Type": {kind}, "Content-Disposition": {mime.FormatMediaType("attachment", map[string]string{"filename": name})}, "Content-Security-Policy": {policy},
		"Cache-Control": {"no-store"},
	}}
	err := write(out)
	switch {
	case err == nil:
		c.answered = true
		out.Begin()
	case out.Begun():
		gate.Note(c.context(), err)
		panic(http.ErrAbortHandler)
	}
	return err
}
