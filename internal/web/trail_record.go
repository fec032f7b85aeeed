package web

import (
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/web/ui"
	"medbook/internal/web/words"
)

// trailRecord is a record of the trail in words.
type trailRecord struct {
	at             string
	who, name      string // their role; their name, if it is public
	actor          trailRef
	did, code      string
	outcome        ui.Notice // its kind, and its words as Text
	count          int
	thing          string
	resource       trailRef
	patients       []trailRef
	others         int // patients that are not among these
	address, agent string
	more           []trailFact
}

// trailFact is what is told of a record only to who wants to know all.
type trailFact struct{ name, value string }

// trailRef is an id with a way to what there is about it.
type trailRef struct{ id, href string }

// end is the part of an id by which people tell it from others.
func (r trailRef) end() string {
	if len(r.id) <= 12 {
		return r.id
	}
	return "…" + r.id[len(r.id)-8:]
}

// trailReader tells records to one reader.
type trailReader struct {
	words *words.Words
	zone  *time.Location
	names map[uuid.UUID]string // of practitioners, which are public: by their ids and those of their users
}

// trailReaderOf is the reader who asks. Times are those of their zone, or of the
// clinic's while theirs is not known.
func (s *Server) trailReaderOf(c *call) (r trailReader, err error) {
	r = trailReader{words: c.words, zone: c.words.Zone, names: map[uuid.UUID]string{}}
	if r.zone == nil {
		if r.zone, err = s.zone(c); err != nil {
			return r, err
		}
	}
	all, err := s.practitioners(c)
	for _, one := range all {
		r.names[one.ID], r.names[one.UserID] = one.Name, one.Name
	}
	return r, err
}

// trailTags are the colours beside the words for outcomes.
var trailTags = map[string]string{audit.Success: "good", audit.Denied: "warn", audit.Failed: "bad"}

// recordOf tells of a record. Its links lead to searches on a page.
func (r trailReader) recordOf(e audit.Entry, path string) trailRecord {
	about := func(name, value string) trailRef {
		if value == "" || value == uuid.Nil.String() {
			return trailRef{}
		}
		return trailRef{value, path + "?" + url.Values{name: {value}}.Encode()}
	}
	out := trailRecord{
		at: r.words.Stamp(e.At, r.zone), who: r.role(e.ActorRole), name: r.names[e.Actor], actor: about("actor", e.Actor.String()),
		did: r.words.Or("trail.did."+e.Action, e.Action), code: e.Action, count: e.Count,
		outcome: ui.Notice{Kind: trailTags[e.Outcome], Text: r.words.Or("trail.outcome."+e.Outcome, e.Outcome)},
		thing:   r.words.Or("trail.thing."+e.ResourceType, e.ResourceType), resource: about("resource", e.ResourceID),
		address: e.ClientAddress, agent: e.UserAgent,
	}
	for i, p := range e.Patients {
		if i == trailPatients {
			out.others = len(e.Patients) - i
			break
		}
		out.patients = append(out.patients, trailRef{p.String(), "/trail/patients/" + p.String()})
	}
	out.more = r.more(e)
	return out
}

// more lists what else a record has.
func (r trailReader) more(e audit.Entry) (facts []trailFact) {
	place := r.words.Say("trail.no-place")
	if e.Seq >= 0 {
		place = r.words.Number(int(e.Seq))
	}
	for _, f := range []trailFact{
		{"trail.place", place},
		{"trail.purpose", r.purpose(e.Purpose)},
		{"trail.code", e.Action},
		{"trail.times-at-once", strconv.Itoa(e.Count)},
		{"trail.who-id", trailID(e.Actor)},
		{"trail.resource", e.ResourceID},
		{"trail.credential", trailID(e.Credential)},
		{"trail.request", e.RequestID},
		{"trail.record", e.ID.String()},
	} {
		if f.value != "" {
			facts = append(facts, trailFact{r.words.Say(f.name), f.value})
		}
	}
	return facts
}

// role says what who did something is to the clinic.
func (r trailReader) role(role string) string {
	if role == "" {
		role = "nobody"
	}
	return r.words.Or("trail.role."+role, role)
}

// purpose says what somebody acted for; "" stays.
func (r trailReader) purpose(purpose string) string {
	return r.words.Or("trail.purpose."+purpose, purpose)
}

// trailID writes an id, "" when there is none.
func trailID(u uuid.UUID) string {
	if u == uuid.Nil {
		return ""
	}
	return u.String()
}

// trailOutcomes are what comes of a deed.
var trailOutcomes = []string{audit.Success, audit.Denied, audit.Failed}
