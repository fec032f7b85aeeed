package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"medbook/e2e/browser"
)

// BenchmarkFirstPaint opens pages of the booking in a real browser over loopback,
// and prints how long it takes until something of each is seen.
func BenchmarkFirstPaint(b *testing.B) {
	p := start(b, b.TempDir(), nil, "demo", "--listen=127.0.0.1:0")
	tab := browser.Open(b, browser.Options{})
	tab.Go(p.url + "/") // the browser has the style from here on
	for _, path := range []string{"/", "/book", "/book/who?length=30", "/sign-in"} {
		var all []time.Duration
		for range 15 * b.N {
			tab.Go(path)
			all = append(all, tab.FirstPaint())
		}
		slices.Sort(all)
		fmt.Printf("%-24s median %s, slowest %s\n", path, all[len(all)/2].Round(time.Millisecond), all[len(all)-1].Round(time.Millisecond))
	}
}
