package gate

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestTraceparent(t *testing.T) {
	const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	valid := regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)
	for _, tt := range []struct {
		sent string
		kept bool
	}{
		{good, true},
		{"", false},
		{strings.ToUpper(good), false},
		{good + "-x", false}, // version 00 ends there
		{"ff" + good[2:], false},
		{"00-00000000000000000000000000000000-00f067aa0ba902b7-01", false},
		{"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false},
	} {
		parent, trace := traceparent(tt.sent)
		if !valid.MatchString(parent) || (parent == tt.sent) != tt.kept || trace != parent[3:35] {
			t.Errorf("traceparent(%q) = %q, %q, kept should be %v", tt.sent, parent, trace, tt.kept)
		}
	}
	if parent, _ := traceparent("01" + good[2:] + "-later"); parent != "01"+good[2:] {
		t.Errorf("of a later version: %q", parent)
	}
	if w := ask(newHouse(t).Handler(), http.MethodGet, "/x", "", "Traceparent", good); w.Header().Get("Traceparent") != good {
		t.Errorf("answered %q, want %q", w.Header().Get("Traceparent"), good)
	}
}

func TestAgentFamily(t *testing.T) {
	for header, want := range map[string]string{
		"curl/8.5.0":             "curl",
		"Go-http-client/1.1":     "Go-http-client",
		"":                       "other",
		"ann@example.org's shoe": "other",
		"Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0":                                    "Firefox",
		"Mozilla/5.0 (Macintosh) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36":                 "Chrome",
		"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36 Edg/126.0": "Edge",
		"Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1":     "Safari",
	} {
		if got := agent(header); got != want {
			t.Errorf("agent(%q) = %q, want %q", header, got, want)
		}
	}
}
