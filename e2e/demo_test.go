package e2e

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"medbook/client"
)

// TestTheDemoSurvives starts the demo, kills it while it makes up its clinic
// and again while it serves, and starts it once more.
func TestTheDemoSurvives(t *testing.T) {
	t.Parallel()
	args := []string{"demo", "--listen=127.0.0.1:0"}
	folder := killedHalfWay(t, args)
	first := start(t, folder, nil, args...)
	keys := keysOf(t, first)
	before := all(t, client.New(first.url, client.APIKey(keys["admin"])).Appointments(client.AppointmentQuery{}).All(t.Context()))
	statuses := map[string]int{}
	for _, a := range before {
		statuses[a.Status]++
	}
	for _, s := range []string{"completed", "no_show", "cancelled", "confirmed", "held"} {
		if statuses[s] == 0 {
			t.Errorf("no appointment is %s", s)
		}
	}
	first.kill(t)

	second := start(t, folder, nil, args...)
	again := keysOf(t, second)
	admin := client.New(second.url, client.APIKey(again["admin"]))
	if after := all(t, admin.Appointments(client.AppointmentQuery{}).All(t.Context())); len(after) != len(before) {
		t.Errorf("%d appointments after the restart, %d before", len(after), len(before))
	}
	zones := map[string]bool{}
	practitioners := all(t, admin.Practitioners(client.PractitionerQuery{}).All(t.Context()))
	for _, p := range practitioners {
		zones[p.TimeZone] = true
		if len(all(t, admin.Slots(client.SlotQuery{PractitionerID: p.ID}).All(t.Context()))) < 20 {
			t.Errorf("%s has hardly a free slot", p.Specialty)
		}
	}
	if len(practitioners) != 5 || len(zones) != 3 {
		t.Errorf("%d practitioners in %d zones, want 5 in 3", len(practitioners), len(zones))
	}
	for role, key := range again {
		for _, k := range []string{key, keys[role]} { // those of the first start still work
			if me := must(client.New(second.url, client.APIKey(k)).Me(t.Context()))(t); me.Role != role {
				t.Errorf("the key of the %s is one of a %s", role, me.Role)
			}
		}
	}
}

// killedHalfWay kills the demo while it makes up its clinic, and returns the
// folder where it was. A demo that was faster than the signal is tried again.
func killedHalfWay(t *testing.T, args []string) string {
	t.Helper()
	for range 20 {
		folder := t.TempDir()
		half := launch(t, folder, nil, args...)
		eventually(t, "the making begins", func() bool {
			begun, err := filepath.Glob(filepath.Join(folder, "data", "demo", "unfinished-*", "medbook.db"))
			return err == nil && len(begun) > 0
		})
		half.kill(t)
		whole, err := filepath.Glob(filepath.Join(folder, "data", "demo", "clinic"))
		if err != nil {
			t.Fatal(err)
		}
		if len(whole) == 0 {
			return folder
		}
	}
	t.Fatal("the clinic is made faster than it can be stopped")
	return ""
}

// keysOf reads what a demo prints: its address and a key of each role.
func keysOf(t *testing.T, p *process) map[string]string {
	t.Helper()
	keys := map[string]string{}
	line := regexp.MustCompile(`^  (\w+) +(mb_\S+) `)
	address := false
	p.stdout.await(t, p.ended, "the address and four keys", func(text string) bool {
		address = address || strings.Contains(text, p.url)
		if m := line.FindStringSubmatch(text); m != nil {
			keys[m[1]] = m[2]
		}
		return address && len(keys) == 4
	})
	return keys
}
