package main

import (
	"testing"
	"time"

	"medbook/internal/app"
)

func TestTheFlagsOfTheTrail(t *testing.T) {
	for _, tt := range []struct {
		name   string
		flags  trail
		ok     bool
		retain time.Duration
	}{
		{"none", trail{}, true, 0},
		{"kept for a day too few", trail{RetainAudit: 364}, false, 0},
		{"kept for less than nothing", trail{RetainAudit: -1}, false, 0},
		{"kept for a year", trail{RetainAudit: 365}, true, 365 * 24 * time.Hour},
		{"kept for longer than can be counted", trail{RetainAudit: 36501}, false, 0},
		{"sent away", trail{AuditWebhook: "https://keep.example/x"}, true, 0},
		{"sent to this machine", trail{AuditWebhook: "http://127.0.0.1:8090/"}, true, 0},
		{"sent away in clear", trail{AuditWebhook: "http://keep.example/x"}, false, 0},
	} {
		var c app.Config
		err := tt.flags.into(&c, "data/medbook.keys")
		if (err == nil) != tt.ok {
			t.Errorf("%s: error %v, want accepted %t", tt.name, err, tt.ok)
		}
		if tt.ok && (c.RetainAudit != tt.retain || c.AuditWebhook != tt.flags.AuditWebhook || c.Checkpoints != "data/medbook.checkpoints") {
			t.Errorf("%s: got %v, %q and %q", tt.name, c.RetainAudit, c.AuditWebhook, c.Checkpoints)
		}
	}
}
