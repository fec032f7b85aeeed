package ui

import (
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Chart is columns of numbers that are not negative. Values of several series stand
// on each other. The zero of the scale is always shown, so that heights compare.
//
// A series is told by its colour and by its pattern. A chart says nothing that the
// page's table beside it does not say.
type Chart struct {
	ID          string // on the page
	Title, Text string // Text says in a sentence or two what one sees
	Labels      []string
	Series      []Series // at most four; each has a value for each label
	Format      func(float64) string
	Share       bool // values are parts of 1; else they are whole numbers
	Mirrored    bool // the first column is on the right, as in languages that go this way
}

// Series is one of the numbers that a chart has for each label.
type Series struct {
	Name   string
	Values []float64
}

// The frame of a chart, in units of its picture. The plot is what is between the margins.
const (
	chartWidth, chartHeight = 640.0, 280.0
	marginTop, marginBottom = 24.0, 28.0
	marginScale, marginFar  = 52.0, 8.0 // beside the plot, where the scale is and where not
	letter                  = 6.6       // how wide one is, about
)

// seriesClasses are the colours; all but the first have a pattern too.
var seriesClasses = [...]string{"a", "b", "c", "d"}

// bar is a value as it is drawn.
type bar struct {
	x, y, width, height float64
	class               string
}

// mark is a text at a place: below a column, or at a line of the scale.
type mark struct {
	x, y float64
	text string
}

// drawing is where all of a chart stands.
type drawing struct {
	bars                []bar
	scale, below, above []mark
	left, right, bottom float64
}

// Empty reports whether there is nothing to see.
func (c Chart) Empty() bool { return c.most() == 0 }

// most is the height of the highest column, as a value.
func (c Chart) most() (most float64) {
	for i := range c.Labels {
		most = max(most, c.sum(i))
	}
	return most
}

func (c Chart) sum(i int) (sum float64) {
	for _, s := range c.Series {
		sum += s.Values[i]
	}
	return sum
}

// ticks are where the scale of values up to most has lines: from 0 on, at steps of 1,
// 2 or 5 times a power of ten, the last one not below most. There are three to seven
// of them, fewer where whole numbers leave no more.
func ticks(most float64, whole bool) []float64 {
	if most <= 0 {
		most = 1
	}
	rough := most / 5
	step := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, times := range []float64{1, 2, 5, 10} {
		if step*times >= rough*(1-1e-9) {
			step *= times
			break
		}
	}
	if whole {
		step = max(1, step)
	}
	n := int(math.Ceil(most/step - 1e-9))
	all := make([]float64, n+1)
	for i := range all {
		all[i] = float64(i) * step
	}
	return all
}

// draw says where everything stands.
func (c Chart) draw() drawing {
	d := drawing{left: marginScale, right: chartWidth - marginFar, bottom: chartHeight - marginBottom}
	if c.Mirrored {
		d.left, d.right = marginFar, chartWidth-marginScale
	}
	lines := ticks(c.most(), !c.Share)
	unit := (d.bottom - marginTop) / lines[len(lines)-1]
	for _, v := range lines {
		m := mark{d.left - 6, d.bottom - v*unit, c.Format(v)}
		if c.Mirrored {
			m.x = d.right + 6
		}
		d.scale = append(d.scale, m)
	}
	column := (d.right - d.left) / float64(max(1, len(c.Labels)))
	every := c.every(column)
	for i, label := range c.Labels {
		place := i
		if c.Mirrored {
			place = len(c.Labels) - 1 - i
		}
		middle := d.left + (float64(place)+.5)*column
		top := d.bottom
		for k, s := range c.Series {
			height := s.Values[i] * unit
			if height > 0 {
				d.bars = append(d.bars, bar{middle - column*.35, top - height, column * .7, height, seriesClasses[k]})
			}
			top -= height
		}
		if i%every == 0 {
			d.below = append(d.below, mark{middle, d.bottom + 18, label})
		}
		if text := c.Format(c.sum(i)); float64(utf8.RuneCountInString(text))*letter < column {
			d.above = append(d.above, mark{middle, top - 6, text})
		}
	}
	return d
}

// every tells of how many labels one is shown, so that none runs into the next.
func (c Chart) every(column float64) int {
	longest := 1
	for _, label := range c.Labels {
		longest = max(longest, utf8.RuneCountInString(label))
	}
	return max(1, int(math.Ceil((float64(longest)*letter+8)/column)))
}

// patterns are the classes in use that have a pattern.
func (c Chart) patterns() []string {
	return slices.Clone(seriesClasses[1:max(1, len(c.Series))])
}

// units writes a length in units of a picture.
func units(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

func (c Chart) pattern(class string) string { return c.ID + "-" + class }

func (c Chart) filled(class string) string { return "url(#" + c.pattern(class) + ")" }

// hatch is the path of a class's pattern, in a square of 8 units.
var hatch = map[string]string{"b": "M-2 2L2 -2M0 8L8 0M6 10L10 6", "c": "M0 4H8", "d": "M0 0L8 8M0 8L8 0"}

// frame is what a picture shows, as its viewBox.
var frame = "0 0 " + units(chartWidth) + " " + units(chartHeight)

// classOf is the class of a series.
func classOf(i int) string { return seriesClasses[i] }
