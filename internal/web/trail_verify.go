package web

import (
	"encoding/base64"
	"errors"

	"medbook/internal/audit"
	"medbook/internal/web/ui"
)

// trailVerifyView is what vouches for the trail, and what came of verifying it.
type trailVerifyView struct {
	form         ui.Form
	signed       bool // there is a checkpoint
	size         string
	at           string
	head, note   string
	keys         []string
	report       *audit.Report // nil: not verified now
	verdict, tag string        // in words, and the kind of notice
}

// trailVerifyPage shows the newest checkpoint, and how to verify: GET /trail/verify.
func (s *Server) trailVerifyPage(c *call) error { return s.showTrailVerify(c, trailVerifyView{}) }

func (s *Server) showTrailVerify(c *call, v trailVerifyView) error {
	newest, err := s.Privacy.Checkpoint(c.context(), c.by)
	if v.signed = err == nil; err != nil && !errors.Is(err, audit.ErrNoCheckpoint) {
		return err
	}
	reader, err := s.trailReaderOf(c)
	if err != nil {
		return err
	}
	if v.signed {
		v.size, v.at = c.words.Number(int(newest.Size)), c.words.Moment(newest.At, reader.zone)
		v.head, v.note, v.keys = base64.StdEncoding.EncodeToString(newest.Root[:]), newest.Note, newest.Keys
	}
	return c.show(page{title: c.say("trail.verify"), form: v.form}, trailVerifyContent(v))
}

// verifyTrail verifies the trail as far as the server can by itself:
// POST /trail/verify. It changes nothing, so its answer is shown at once.
func (s *Server) verifyTrail(c *call) error {
	r, err := s.Privacy.Verify(c.context(), c.by)
	if err != nil {
		form, err := c.refused(err)
		if err != nil {
			return err
		}
		return s.showTrailVerify(c, trailVerifyView{form: form})
	}
	v := trailVerifyView{report: &r}
	switch r.Verdict {
	case audit.Intact:
		v.verdict, v.tag = c.say("trail.intact"), "good"
	case audit.Tampered:
		v.verdict, v.tag = c.say("trail.tampered"), "bad"
	case audit.Incomplete:
		v.verdict, v.tag = c.say("trail.incomplete"), "warn"
	}
	return s.showTrailVerify(c, v)
}
