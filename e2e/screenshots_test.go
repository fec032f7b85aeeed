package e2e

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"medbook/e2e/browser"
)

// picture is a page of the demo clinic that is shown in the README, or could be: at
// a path, and from there on by links: the first one below an address, or that of a
// name.
type picture struct {
	name, role, path string
	then             []string
}

// pictures are the main pages, in the order in which people meet them.
var pictures = []picture{
	{"home", "", "/", nil},
	{"book-date", "", "/book/who?length=30", []string{"/book/date"}},
	{"book-time", "", "/book/who?length=30", []string{"/book/date", "/book/time"}},
	{"my-visits", "patient", "/my", nil},
	{"calendar", "practitioner", "/calendar", []string{"Next week"}},
	{"patient-record", "practitioner", "/patients", []string{"/patients/0"}},
	{"admin-today", "admin", "/admin", nil},
	{"outbox", "admin", "/admin/outbox", []string{"/admin/outbox/"}},
	{"figures", "admin", "/figures?period=12", nil},
	{"audit-trail", "auditor", "/trail/encounters", nil},
}

// mostPicture is how many bytes a picture may have.
const mostPicture = 200_000

// TestScreenshots takes pictures of the main pages, wide and narrow, into the folder
// that MEDBOOK_SCREENSHOTS names: make screenshots.
func TestScreenshots(t *testing.T) {
	folder := os.Getenv("MEDBOOK_SCREENSHOTS")
	if folder == "" {
		t.Skip("MEDBOOK_SCREENSHOTS names no folder")
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	p := start(t, t.TempDir(), nil, "demo", "--listen=127.0.0.1:0")
	for look, o := range map[string]browser.Options{
		"wide": {Width: 1280, Height: 900, ReducedMotion: true}, "narrow": {Width: 390, Height: 800, ReducedMotion: true},
	} {
		for _, shot := range pictures {
			tab := browser.Open(t, o)
			tab.Go(p.url + "/")
			if shot.role != "" {
				signIn(tab, someone(t, shot.role))
			}
			tab.Go(shot.path)
			for _, next := range shot.then {
				if strings.HasPrefix(next, "/") {
					tab.Go(pageWith(t, tab, next))
				} else {
					tab.Click(next)
				}
			}
			if tab.Status() != http.StatusOK {
				t.Errorf("%s of %s answers %d", shot.name, shot.path, tab.Status())
			}
			file := filepath.Join(folder, shot.name+"-"+look+".png")
			tab.Screenshot(file)
			shrink(t, file, o.Height*2)
		}
	}
}

// shrink keeps the upper part of a picture, with at most 256 colours: those that it
// has the most of.
func shrink(t *testing.T, file string, height int) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	area := whole.Bounds()
	area.Max.Y = min(area.Max.Y, height)
	count := map[color.RGBA]int{}
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			r, g, b, _ := whole.At(x, y).RGBA()
			count[color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}]++
		}
	}
	colours := make([]color.RGBA, 0, len(count))
	for c := range count {
		colours = append(colours, c)
	}
	slices.SortFunc(colours, func(a, b color.RGBA) int {
		if d := count[b] - count[a]; d != 0 {
			return d
		}
		return bytes.Compare([]byte{a.R, a.G, a.B}, []byte{b.R, b.G, b.B})
	})
	palette := make(color.Palette, 0, 256)
	for _, c := range colours[:min(256, len(colours))] {
		palette = append(palette, c)
	}
	small := image.NewPaletted(area, palette)
	draw.Draw(small, area, whole, area.Min, draw.Src)
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small); err != nil {
		t.Fatal(err)
	}
	if out.Len() > mostPicture {
		t.Errorf("%s has %d bytes", file, out.Len())
	}
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}
