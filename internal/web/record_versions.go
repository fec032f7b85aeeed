package web

import (
	"strconv"
	"time"

	"github.com/google/uuid"

	"medbook/internal/encounters"
	pages "medbook/internal/page"
	"medbook/internal/web/ui"
)

// versionsView is what an encounter said each time it was written.
type versionsView struct {
	recordHead
	Path        string
	Versions    []versionLine
	Choices     []ui.Option
	Before      string // the number of the older version that is compared, like After
	After       string
	Differences []versionDifference
}

type versionLine struct{ Number, Written, By, Date, Type, Shared string }

// versionDifference is a field that two versions do not say alike.
type versionDifference struct {
	Name, Before, After string
	Kind, What          string // "added", "changed" or "removed", and in words
}

// versionsPage shows the versions of an encounter, and what two of them do not say
// alike: GET /encounters/{id}/versions.
func (s *Server) versionsPage(c *call) error {
	all, err := every(func(req pages.Request) (pages.Of[encounters.Version], error) {
		return s.Encounters.Versions(c.context(), c.by, c.id("id"), req)
	})
	if err != nil {
		return err
	}
	head, err := c.openRecord(all[0].Encounter.Lead.String())
	if err != nil {
		return err
	}
	zone, err := c.ownZone()
	if err != nil {
		return err
	}
	v := versionsView{recordHead: head, Path: "/encounters/" + c.id("id")}
	if v.Versions, err = c.versionLines(all, zone); err != nil {
		return err
	}
	for _, l := range v.Versions {
		v.Choices = append(v.Choices, ui.Option{Value: l.Number, Text: c.say("record.version-of", "N", l.Number, "Time", l.Written)})
	}
	before, after := c.compared(len(all))
	v.Before, v.After = strconv.Itoa(before+1), strconv.Itoa(after+1)
	v.Differences = c.versionsDiffer(all[before], all[after])
	return c.show(page{title: c.say("record.versions")}, versionsContent(v))
}

// compared are the places of the versions that the address names: the last two
// unless it does. The older one comes first.
func (c *call) compared(n int) (before, after int) {
	read := func(name string, otherwise int) int {
		if i, err := strconv.Atoi(c.query(name)); err == nil && i >= 1 && i <= n {
			return i - 1
		}
		return otherwise
	}
	before, after = read("before", max(0, n-2)), read("after", n-1)
	return min(before, after), max(before, after)
}

func (c *call) versionLines(all []encounters.Version, zone *time.Location) (lines []versionLine, err error) {
	var writers []uuid.UUID
	for _, v := range all {
		writers = append(writers, v.WrittenBy)
	}
	name, err := c.colleagues(writers...)
	for _, v := range all {
		lines = append(lines, versionLine{
			Number: strconv.FormatInt(v.Number, 10), Written: c.words.Moment(v.WrittenAt, zone), By: name(v.WrittenBy),
			Date: c.words.ShortDate(v.Date), Type: c.say("record.type." + string(v.Type)), Shared: c.yesNo(v.Shared),
		})
	}
	return lines, err
}

// versionsDiffer lists what two versions do not say alike, for the practitioner who
// has care of their patient.
func (c *call) versionsDiffer(a, b encounters.Version) (found []versionDifference) {
	for _, f := range []struct{ key, before, after string }{
		{"record.date", c.words.Date(a.Date), c.words.Date(b.Date)},
		{"record.type", c.say("record.type." + string(a.Type)), c.say("record.type." + string(b.Type))},
		{"record.share", c.yesNo(a.Shared), c.yesNo(b.Shared)},
	} {
		if f.before != f.after {
			found = append(found, versionDifference{c.say(f.key), f.before, f.after, "changed", c.say("record.diff.changed")})
		}
	}
	before, after := a.ClinicalData.Reveal(), b.ClinicalData.Reveal()
	old, ok := formable(before)
	now, also := formable(after)
	if ok && also {
		return append(found, c.differences(old, now)...)
	}
	if before != after {
		found = append(found, versionDifference{c.say("record.data"), spread(before), spread(after), "changed", c.say("record.diff.changed")})
	}
	return found
}

// differences lists the members of two objects that are not alike, in the order in
// which they were written.
func (c *call) differences(old, now []member) (found []versionDifference) {
	for _, m := range old {
		i := memberAt(now, m.name)
		switch {
		case i < 0:
			found = append(found, versionDifference{c.memberName(m.name), shownValue(m), "", "removed", c.say("record.diff.removed")})
		case string(m.value) != string(now[i].value):
			found = append(found, versionDifference{c.memberName(m.name), shownValue(m), shownValue(now[i]), "changed", c.say("record.diff.changed")})
		}
	}
	for _, m := range now {
		if memberAt(old, m.name) < 0 {
			found = append(found, versionDifference{c.memberName(m.name), "", shownValue(m), "added", c.say("record.diff.added")})
		}
	}
	return found
}

// memberName is what a member is called: the field that the form has for it.
func (c *call) memberName(name string) string { return c.words.Or("record.field."+name, name) }

// shownValue is a member's value for people: a text as it reads, anything else as JSON.
func shownValue(m member) string {
	if text, ok := m.text(); ok {
		return text
	}
	return spread(string(m.value))
}
