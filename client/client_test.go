package client_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"medbook/client"
)

// serve answers every request with handle and returns a client of it.
func serve(t *testing.T, handle http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return client.New(server.URL+"/", client.APIKey("mb_key"))
}

func TestAllReadsEveryPage(t *testing.T) {
	var asked []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.String())
		next := map[string]string{"": `"one"`, "one": `"two"`, "two": `null`}[r.URL.Query().Get("cursor")]
		_, _ = w.Write([]byte(`{"items": [{"id": "a"}, {"id": "b"}], "next_cursor": ` + next + `}`))
	})
	n := 0
	for slot, err := range c.Slots(client.SlotQuery{PractitionerID: "p", Status: "any"}).All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; slot.ID == "" {
			t.Error("a slot without an id")
		}
	}
	want := []string{
		"/v1/slots?limit=100&practitioner_id=p&status=any",
		"/v1/slots?cursor=one&limit=100&practitioner_id=p&status=any",
		"/v1/slots?cursor=two&limit=100&practitioner_id=p&status=any",
	}
	if diff := cmp.Diff(want, asked); diff != "" || n != 6 {
		t.Errorf("got %d slots, want 6; requests (-want +got):\n%s", n, diff)
	}
}

func TestAllEndsWithTheFirstError(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("cursor") != "" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(`{"items": [{"id": "a"}], "next_cursor": "more"}`))
	})
	var got []string
	for u, err := range c.Users(client.UserQuery{}).All(t.Context()) {
		if err != nil {
			u.ID = err.Error()
		}
		got = append(got, u.ID)
	}
	if diff := cmp.Diff([]string{"a", "503 Service Unavailable"}, got); diff != "" {
		t.Errorf("users and errors (-want +got):\n%s", diff)
	}
}

func TestAProblemTellsWhatIsWrong(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusConflict)
		_, _ = w.Write([]byte(`{"type": "/p", "title": "Slot taken", "status": 409, "detail": "Too late.", "code": "slot-taken",
			"request_id": "r", "errors": [{"location": "body.slot_id", "message": "is gone"}]}`))
	})
	var a client.Answer
	_, err := c.Hold(t.Context(), client.NewAppointment{SlotID: "s"}, client.Header(&a))
	want := &client.Problem{
		Type: "/p", Title: "Slot taken", Status: 409, Detail: "Too late.", Code: "slot-taken", RequestID: "r",
		Errors: []client.FieldError{{Location: "body.slot_id", Message: "is gone"}}, RetryAfter: 7 * time.Second,
	}
	if diff := cmp.Diff(want, err); diff != "" {
		t.Errorf("problem (-want +got):\n%s", diff)
	}
	if got := client.Code(err); got != "slot-taken" || a.Status != 409 {
		t.Errorf("code %q, status %d, want slot-taken and 409", got, a.Status)
	}
	if got, want := err.Error(), "409 slot-taken: Too late."; got != want {
		t.Errorf("text %q, want %q", got, want)
	}
	if got := client.Code(errors.New("another")); got != "" {
		t.Errorf("code of another error is %q, want none", got)
	}
}

func TestAChangeNamesItsVersion(t *testing.T) {
	var match, key, body string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			var sent json.RawMessage
			_ = json.NewDecoder(r.Body).Decode(&sent)
			match, body = r.Header.Get("If-Match"), string(sent)
		}
		key = r.Header.Get("X-API-Key")
		w.Header().Set("ETag", `"3"`)
		_, _ = w.Write([]byte(`{"id": "u/1", "name": "Ada"}`))
	})
	u, err := c.User(t.Context(), "u/1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ChangeUser(t.Context(), u.ID, u.ETag, client.UserChange{Phone: new("")}); err != nil {
		t.Fatal(err)
	}
	got := []string{match, key, body}
	if diff := cmp.Diff([]string{`"3"`, "mb_key", `{"phone":null}`}, got); diff != "" {
		t.Errorf("If-Match, key, body (-want +got):\n%s", diff)
	}
}

func TestNothingNewIsNoProblem(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != `"3"` {
			t.Error("If-None-Match was not sent")
		}
		w.WriteHeader(http.StatusNotModified)
	})
	if _, err := c.Me(t.Context(), client.IfNoneMatch(`"3"`)); !errors.Is(err, client.ErrNotModified) {
		t.Errorf("got %v, want ErrNotModified", err)
	}
}

func TestAPostCanBeRepeated(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Idempotency-Key") != "once" || r.Method != http.MethodPost {
			t.Errorf("%s with key %q, want POST with key once", r.Method, r.Header.Get("Idempotency-Key"))
		}
		w.Header().Set("Idempotency-Replayed", "true")
		_, _ = w.Write([]byte(`{}`))
	})
	var a client.Answer
	if _, err := c.Confirm(t.Context(), "a", client.IdempotencyKey("once"), client.Header(&a)); err != nil || !a.Replayed() {
		t.Errorf("error %v, replayed %v, want none and true", err, a.Replayed())
	}
}

// TestAnExportIsReadAsItComes breaks an export off half way, and refuses one.
func TestAnExportIsReadAsItComes(t *testing.T) {
	asked, more := "", make(chan struct{})
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("format") == "" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"code": "forbidden"}`))
			return
		}
		asked = r.URL.String() + " " + r.Header.Get("Accept")
		_, _ = w.Write([]byte("one\n"))
		_ = http.NewResponseController(w).Flush()
		<-more
		panic(http.ErrAbortHandler)
	})
	export, err := c.ExportAuditEvents(t.Context(), client.AuditQuery{Action: "encounter.read"}, client.NDJSON)
	if err != nil {
		t.Fatal(err)
	}
	defer export.Close()
	first := make([]byte, 4)
	if _, err := io.ReadFull(export, first); err != nil || string(first) != "one\n" {
		t.Fatalf("the first line is %q, %v", first, err)
	}
	close(more)
	if rest, err := io.ReadAll(export); err == nil {
		t.Errorf("an export that broke off ends with %q and no error", rest)
	}
	const want = "/v1/audit/events/export?action=encounter.read&format=ndjson application/x-ndjson, text/csv, application/problem+json"
	if asked != want {
		t.Errorf("asked for %s, want %s", asked, want)
	}
	if _, err := c.ExportAuditEvents(t.Context(), client.AuditQuery{}, ""); client.Code(err) != "forbidden" {
		t.Errorf("got %v, want the refusal", err)
	}
}

func TestTheFirstMillisecondIsNotLeftOut(t *testing.T) {
	asked := ""
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		_, _ = w.Write([]byte(`{"items": [], "next_cursor": null}`))
	})
	q := client.EncounterAuditQuery{EndMS: new(int64(0))}
	if _, err := c.EncounterEvents(q).Page(t.Context(), client.PageRequest{}); err != nil || asked != "/v1/audit/encounters?end_ms=0&limit=100" {
		t.Errorf("asked for %s, %v", asked, err)
	}
}

func TestThePatientIsToldUnlessStaffSayNo(t *testing.T) {
	var bodies []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, r.URL.Path+" "+string(body))
		_, _ = w.Write([]byte(`{"id": "a"}`))
	})
	_, err := c.Cancel(t.Context(), "a", "Ill.")
	if err == nil {
		_, err = c.CancelWith(t.Context(), "a", client.Cancellation{NotifyPatient: new(false)})
	}
	if err == nil {
		_, err = c.Reschedule(t.Context(), "a", "s", nil)
	}
	if err == nil {
		_, err = c.RescheduleWith(t.Context(), "a", client.Move{SlotID: "s", NotifyPatient: new(false)})
	}
	want := []string{
		`/v1/appointments/a/cancel {"reason":"Ill."}`, `/v1/appointments/a/cancel {"notify_patient":false}`,
		`/v1/appointments/a/reschedule {"slot_id":"s"}`, `/v1/appointments/a/reschedule {"slot_id":"s","notify_patient":false}`,
	}
	if diff := cmp.Diff(want, bodies); diff != "" || err != nil {
		t.Errorf("%v; requests (-want +got):\n%s", err, diff)
	}
}
