package calendar

import "time"

// Grid returns the slots of a stretch, ascending, each exactly minutes of
// elapsed time long and wholly inside it. minutes is a positive multiple of 5.
// Merge stretches first: each has a grid of its own.
//
// If minutes divides 60, slots begin on multiples of minutes of the hour that
// clocks in loc show, and a step of this grid that a change of offset makes
// longer or shorter is no slot. Otherwise they follow each other from the
// stretch's start, rounded up to a cell.
func Grid(stretch Span, minutes int, loc *time.Location) []Span {
	return GridIn(stretch, minutes, loc, stretch)
}

// GridIn returns those slots of Grid that start inside the window. Its work
// grows with the slots that it returns, not with the length of the stretch.
func GridIn(stretch Span, minutes int, loc *time.Location, window Span) []Span {
	step := int64(minutes) * 60
	from := max(ceilSecond(stretch.Start), ceilSecond(window.Start))
	until := min(ceilSecond(window.End), stretch.End.Unix()-step+1) // a slot that starts later would not end in time
	if from >= until {
		return nil
	}
	g := grid{step, from, until, make([]Span, 0, (until-from-1)/step+1)}
	if 60%minutes == 0 {
		g.byHour(loc)
	} else {
		start := ceil(ceilSecond(stretch.Start), cellSeconds)
		g.fill(start+ceil(from-start, step), until)
	}
	return g.slots
}

// grid collects slots of step seconds that start at from or later and before until.
type grid struct {
	step, from, until int64
	slots             []Span
}

// byHour adds the slots that start on the grid of local hours.
func (g *grid) byHour(loc *time.Location) {
	c := clock{loc: loc}
	for at := g.from; at < g.until; {
		c.seek(at)
		onGrid := ceil(at+c.offset, g.step) - c.offset
		next := g.fill(onGrid, min(g.until, c.end-g.step+1))
		at = c.end
		if next >= min(g.until, c.end) {
			continue
		}
		// This slot begins before the offset changes and ends after: it counts if
		// the new grid has a line where it ends.
		c.seek(at)
		if (next+g.step+c.offset)%g.step == 0 {
			g.fill(next, next+1)
		}
	}
}

// fill adds the slots that start at start, start+step, … before until, and
// returns where the one after them would start.
func (g *grid) fill(start, until int64) int64 {
	at, length := time.Unix(start, 0).UTC(), time.Duration(g.step)*time.Second
	for ; start < until; start += g.step {
		end := at.Add(length)
		g.slots = append(g.slots, Span{at, end})
		at = end
	}
	return start
}
