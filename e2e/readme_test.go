package e2e

import (
	"strings"
	"testing"
)

// TestTheTourOfTheReadme types the tour into a shell, line by line, and compares
// what it prints with what the README shows. It works on any day.
func TestTheTourOfTheReadme(t *testing.T) {
	t.Parallel()
	readme := readDocument(t, "README.md")
	for _, f := range readme.fences {
		if f.language == "sh" && f.section != "A tour in five minutes" {
			t.Errorf("%s: these commands are not of the tour, so nobody runs them", readme.at(f.line))
		}
	}
	blocks := blocksOf(t, readme)
	if len(blocks) < 8 {
		t.Fatalf("found %d blocks of commands in the tour", len(blocks))
	}
	for i := range blocks {
		blocks[i].shows = true // that nothing is printed, too
	}
	for _, day := range []string{
		"",                     // today
		"2027-03-12T20:59:59Z", // a Friday evening in New York, before its clocks change
		"2027-11-07T05:30:00Z", // the hour that comes twice there
		"2027-12-31T23:59:59Z",
		"2028-02-29T13:00:00Z",
	} {
		t.Run("on "+day, func(t *testing.T) {
			t.Parallel()
			address := quietAddress(t)
			env := append(environment(), "MEDBOOK_LISTEN="+address)
			if day != "" {
				env = append(env, "MEDBOOK_TEST_CLOCK="+write(t, "clock", day))
			}
			sh := newShell(t, patience, env...)
			const documented = "127.0.0.1:8080"
			sh.follow(t, readme, blocks, strings.NewReplacer(documented, address), strings.NewReplacer(address, documented))
			for _, name := range sh.logFiles(t) {
				tellTale(t, logOf(t, name))
			}
		})
	}
}
