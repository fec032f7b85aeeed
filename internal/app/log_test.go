package app

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
)

func TestTheLogHoldsOnlyWhatIsListed(t *testing.T) {
	var out bytes.Buffer
	log := NewLog(&out)
	log.With("name", "canary-1").WithGroup("user").Info("request",
		"status", 200, "email", "canary-2", slog.Group("patient", "reason", "canary-3", "code", "slot-taken"), "error", "canary-free")
	if strings.Contains(out.String(), "canary-1") || strings.Contains(out.String(), "canary-2") || strings.Contains(out.String(), "canary-3") {
		t.Errorf("the log holds what is not listed: %s", out.String())
	}
	var line struct {
		Msg  string
		User struct {
			Status  int
			Error   string
			Patient struct{ Code string }
		}
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line.Msg != "request" || line.User.Status != 200 || line.User.Error != "canary-free" || line.User.Patient.Code != "slot-taken" {
		t.Errorf("the log lacks what is listed: %s", out.String())
	}
}
