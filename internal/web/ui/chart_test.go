package ui

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"medbook/internal/web/words"
)

func plainNumber(v float64) string { return fmt.Sprintf("%g", math.Round(v*100)/100) }

func chart(labels int, series ...[]float64) Chart {
	c := Chart{ID: "x", Title: "T", Text: "What one sees", Format: plainNumber}
	for i := range labels {
		c.Labels = append(c.Labels, fmt.Sprint("label ", i))
	}
	for i, values := range series {
		c.Series = append(c.Series, Series{Name: fmt.Sprint("series ", i), Values: values})
	}
	return c
}

func TestTheScaleHasRoundSteps(t *testing.T) {
	for _, tt := range []struct {
		most  float64
		whole bool
		want  string
	}{
		{0, true, "0 1"},
		{1, true, "0 1"},
		{3, true, "0 1 2 3"},
		{5, true, "0 1 2 3 4 5"},
		{7, true, "0 2 4 6 8"},
		{23, true, "0 5 10 15 20 25"},
		{100, true, "0 20 40 60 80 100"},
		{101, true, "0 50 100 150"},
		{1234, true, "0 500 1000 1500"},
		{1, false, "0 0.2 0.4 0.6 0.8 1"},
		{.37, false, "0 0.1 0.2 0.3 0.4"},
		{.05, false, "0 0.01 0.02 0.03 0.04 0.05"},
	} {
		var got []string
		for _, v := range ticks(tt.most, tt.whole) {
			got = append(got, plainNumber(v))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("ticks(%v, %v) = %v, want %s", tt.most, tt.whole, got, tt.want)
		}
	}
}

// Bars stay within the frame, are as high as their values, stand on each other and
// do not touch those beside them, whatever there is to draw.
func TestBarsAreAsHighAsTheirValues(t *testing.T) {
	for name, c := range map[string]Chart{
		"one":      chart(1, []float64{3}),
		"several":  chart(4, []float64{1, 2, 0, 4}, []float64{3, 0, 0, 1}),
		"a year":   chart(53, make([]float64, 53), append(make([]float64, 52), 7)),
		"nothing":  chart(3, []float64{0, 0, 0}),
		"huge":     chart(2, []float64{1e9, 5e8}),
		"no label": chart(0, nil),
	} {
		for _, mirrored := range []bool{false, true} {
			c.Mirrored = mirrored
			d := c.draw()
			lines := ticks(c.most(), true)
			unit := (d.bottom - marginTop) / lines[len(lines)-1]
			var total, want float64
			for i, b := range d.bars {
				total += b.height
				if b.x < d.left || b.x+b.width > d.right || b.y < marginTop-1e-9 || b.y+b.height > d.bottom+1e-9 || b.height <= 0 {
					t.Errorf("%s: bar %+v is outside of the frame %v to %v, %v", name, b, d.left, d.right, d.bottom)
				}
				for _, other := range d.bars[:i] {
					if b.x < other.x+other.width && other.x < b.x+b.width && b.y+1e-9 < other.y+other.height && other.y+1e-9 < b.y+b.height {
						t.Errorf("%s: bars %+v and %+v overlap", name, b, other)
					}
				}
			}
			for i := range c.Labels {
				want += c.sum(i) * unit
			}
			if math.Abs(total-want) > 1e-6*max(1, want) {
				t.Errorf("%s: all bars are %v high, want %v", name, total, want)
			}
			for _, m := range append(d.scale, d.above...) {
				if m.x < 0 || m.x > chartWidth || m.y < 0 || m.y > chartHeight {
					t.Errorf("%s: %+v is outside of the picture", name, m)
				}
			}
		}
	}
	d := chart(2, []float64{2, 4}).draw()
	if math.Abs(d.bars[1].height-2*d.bars[0].height) > 1e-9 || d.bars[0].x > d.bars[1].x {
		t.Errorf("%+v: the second is not twice the first, or not after it", d.bars)
	}
	c := chart(2, []float64{2, 4})
	c.Mirrored = true
	if d := c.draw(); d.bars[0].x < d.bars[1].x || d.scale[0].x < d.right {
		t.Errorf("%+v: the first is not on the right, beside the scale", d.bars)
	}
}

// Labels that would run into each other are left out, the first one never.
func TestLabelsHaveRoom(t *testing.T) {
	for _, n := range []int{1, 4, 12, 53, 366} {
		c := chart(n, make([]float64, n))
		d := c.draw()
		if len(d.below) == 0 || d.below[0].text != "label 0" {
			t.Fatalf("%d: the first label is not there: %+v", n, d.below)
		}
		for i := 1; i < len(d.below); i++ {
			if room := d.below[i].x - d.below[i-1].x; room < float64(len("label 10"))*letter {
				t.Errorf("%d: labels %d and %d are %v apart", n, i-1, i, room)
			}
		}
	}
}

func TestAChartIsTextToo(t *testing.T) {
	c := chart(1, []float64{1}, []float64{2})
	c.Title, c.Text, c.Labels[0], c.Series[1].Name = `<b>"T"`, "</desc>&", "<script>", "a&b"
	var b strings.Builder
	if err := Columns(c).Render(With(t.Context(), words.For("en", "", nil)), &b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`role="img"`, `aria-labelledby="x-title x-text"`, `<title id="x-title">&lt;b&gt;&#34;T&#34;</title>`, `&lt;/desc&gt;&amp;`,
		`&lt;script&gt;`, `a&amp;b`, `fill="url(#x-b)"`, `id="x-b"`,
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("lacks %s: %s", want, b.String())
		}
	}
	for _, not := range []string{"<script>", "style=", "NaN", "<b>"} {
		if strings.Contains(b.String(), not) {
			t.Errorf("has %s: %s", not, b.String())
		}
	}
}
