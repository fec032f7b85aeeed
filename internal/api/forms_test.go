package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"medbook/internal/errs"
)

// TestFormsOfHours publishes hours in each form, and in mixtures of them.
func TestFormsOfHours(t *testing.T) {
	c := onSQLite(t)
	path := "/v1/practitioners/" + c.practitioner("grey") + "/availability"
	tests := []struct {
		body   string
		status int
		want   map[string]any // what is in the answer; nil: not there
	}{
		{`{"starts_at":"2027-03-16T08:07:00-04:00","ends_at":"2027-03-16T10:20:00-04:00"}`, 201, map[string]any{
			"kind": "span", "starts_at": "2027-03-16T12:15:00Z", "ends_at": "2027-03-16T14:15:00Z", "slots_created": 8.0, "slots_existing": 0.0,
			"date": nil, "weekdays": nil, "blocked": nil, "time_zone": "America/New_York", "created_at": "2027-03-13T14:00:00Z",
		}},
		{`{"date":"2027-03-16","from":"08:00","to":"12:00"}`, 201, map[string]any{
			"kind": "day", "date": "2027-03-16", "from": "08:00", "to": "12:00",
			"starts_at": "2027-03-16T12:00:00Z", "ends_at": "2027-03-16T16:00:00Z", "slots_created": 8.0, "slots_existing": 8.0,
		}},
		{`{"date":"2027-03-16","from":"08:00","to":"12:00"}`, 200, map[string]any{"slots_created": 0.0, "slots_existing": 16.0}},
		{`{"weekdays":["wed","mon"],"from":"22:00","to":"24:00","valid_from":"2027-04-05"}`, 201, map[string]any{
			"kind": "weekly", "weekdays": []any{"mon", "wed"}, "from": "22:00", "to": "24:00", "valid_from": "2027-04-05", "valid_until": nil, "starts_at": nil,
		}},
		{`{"weekdays":["mon"],"from":"08:00","to":"10:00","valid_from":"2027-04-05","valid_until":"2027-04-30"}`, 201, map[string]any{"valid_until": "2027-04-30"}},
		{`{}`, 422, nil},
		{`{"starts_at":"2027-03-16T08:00:00Z"}`, 422, nil},
		{`{"date":"2027-03-16","from":"08:00"}`, 422, nil},
		{`{"weekdays":["mon"],"from":"08:00","to":"10:00"}`, 422, nil},
		{`{"weekdays":[],"from":"08:00","to":"10:00","valid_from":"2027-04-05"}`, 422, nil},
		{`{"date":"2027-03-16","from":"08:00","to":"10:00","valid_until":"2027-04-05"}`, 422, nil},
		{`{"date":"2027-03-16","from":"08:00","to":"10:00","starts_at":"2027-03-16T08:00:00Z","ends_at":"2027-03-16T09:00:00Z"}`, 422, nil},
		{`{"date":"2027-03-16","from":"10:00","to":"08:00"}`, 422, nil},
		{`{"starts_at":"2027-03-16T08:01:00Z","ends_at":"2027-03-16T08:29:00Z"}`, 422, nil},
	}
	for _, tt := range tests {
		r := c.call("grey", post, path, tt.body)
		if r.StatusCode != tt.status {
			t.Errorf("%s = %d %s, want %d", tt.body, r.StatusCode, r.body, tt.status)
			continue
		}
		got := r.json(t)
		for field, want := range tt.want {
			if diff := cmp.Diff(want, got[field]); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", tt.body, field, diff)
			}
		}
		if location := r.Header.Get("Location"); (location != "") != (tt.status == http.StatusCreated) {
			t.Errorf("%s: %d with Location %q", tt.body, r.StatusCode, location)
		}
	}
}

// TestFormsOfTimeOff takes time off in each form.
func TestFormsOfTimeOff(t *testing.T) {
	c := onSQLite(t)
	slots := c.open("grey", "2027-03-16T13:00:00Z", "2027-03-16T14:00:00Z")
	held := c.must(201, "ann", post, "/v1/appointments", map[string]any{"slot_id": slots[1]}).text(t, "id")
	path := "/v1/practitioners/" + c.practitioner("grey") + "/time-off"
	for _, tt := range []struct {
		body       string
		start, end string // empty: refused
		conflicts  int
	}{
		{`{"starts_at":"2027-03-16T13:00:00Z","ends_at":"2027-03-16T13:15:00Z"}`, "2027-03-16T13:00:00Z", "2027-03-16T13:15:00Z", 0},
		{`{"date":"2027-03-16"}`, "2027-03-16T04:00:00Z", "2027-03-17T04:00:00Z", 1},
		{`{"date":"2027-03-16","to":"09:30","reason":"Conference"}`, "2027-03-16T04:00:00Z", "2027-03-16T13:30:00Z", 1},
		{`{"date":"2027-03-16","from":"09:30"}`, "2027-03-16T13:30:00Z", "2027-03-17T04:00:00Z", 0},
		{`{"from":"09:30"}`, "", "", 0},
		{`{"starts_at":"2027-03-16T13:00:00Z"}`, "", "", 0},
		{`{"date":"2027-03-16","starts_at":"2027-03-16T13:00:00Z","ends_at":"2027-03-16T13:15:00Z"}`, "", "", 0},
	} {
		r := c.call("grey", post, path, tt.body)
		if tt.start == "" {
			c.refused(r, 422, "invalid-request")
			continue
		}
		got := r.json(t)
		conflicts, _ := got["conflicts"].([]any)
		if r.StatusCode != 201 || got["starts_at"] != tt.start || got["ends_at"] != tt.end || len(conflicts) != tt.conflicts || conflicts == nil {
			t.Errorf("%s = %d %s", tt.body, r.StatusCode, r.body)
		}
		if tt.conflicts > 0 && conflicts[0].(map[string]any)["id"] != held {
			t.Errorf("%s hits %v, want %s", tt.body, conflicts[0], held)
		}
	}
	list := c.must(200, "grey", get, path+"?limit=10", nil)
	if strings.Contains(string(list.body), "conflicts") || !strings.Contains(string(list.body), `"reason":"Conference"`) {
		t.Errorf("list = %s", list.body)
	}
}

// TestUsers shows how a user looks to an admin and to themself.
func TestUsers(t *testing.T) {
	c := onSQLite(t)
	made := c.must(201, "admin", post, "/v1/users", `{"email":" New@Example.org","name":"Dr. New","role":"practitioner","time_zone":"Asia/Kathmandu","specialty":"nutrition"}`)
	got := made.json(t)
	want := map[string]any{
		"id": got["id"], "practitioner_id": got["practitioner_id"], "email": "new@example.org", "name": "Dr. New", "role": "practitioner",
		"time_zone": "Asia/Kathmandu", "created_at": "2027-03-13T14:00:00Z", "updated_at": "2027-03-13T14:00:00Z", "orders": []any{},
	}
	if diff := cmp.Diff(want, got); diff != "" || got["practitioner_id"] == "" || got["practitioner_id"] == got["id"] {
		t.Errorf("new user (-want +got):\n%s", diff)
	}
	me := c.must(200, "grey", get, "/v1/me", nil).json(t)
	if _, there := me["orders"]; there || me["practitioner_id"] != c.practitioner("grey") {
		t.Errorf("me = %v", me)
	}
	practitioner := c.must(200, "", get, fmt.Sprint("/v1/practitioners/", got["practitioner_id"]), nil).json(t)
	delete(practitioner, "created_at")
	if diff := cmp.Diff(map[string]any{
		"id": got["practitioner_id"], "name": "Dr. New", "specialty": "nutrition", "bio": "", "time_zone": "Asia/Kathmandu",
		"policy": map[string]any{
			"slot_minutes": 15.0, "notice_seconds": 86400.0, "hold_seconds": 1800.0,
			"cancellation_window_seconds": 86400.0, "horizon_days": 180.0, "max_open_holds": 3.0,
		},
	}, practitioner); diff != "" {
		t.Errorf("practitioner (-want +got):\n%s", diff)
	}
}

// TestErrorsForNobody shows that only errors that are made for callers are shown.
func TestErrorsForNobody(t *testing.T) {
	for err, want := range map[error]string{
		errors.New("marker"): "internal",
		errs.New(errs.Internal, "broken", "marker").Field("marker", "marker"): "internal",
		fmt.Errorf("marker: %w", context.Canceled):                            "cancelled",
		fmt.Errorf("marker: %w", errNotReady):                                 "not-ready",
	} {
		a, broken := problemAnswer(nil, exampleID, err)
		if broken != nil || !strings.Contains(string(a.Body), `"code":"`+want+`"`) || strings.Contains(string(a.Body), "marker") {
			t.Errorf("%v = %d %s, error %v, want %s", err, a.Status, a.Body, broken, want)
		}
	}
}
