package audit_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"medbook/internal/audit"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// taker is a server that answers checkpoints as a test says.
type taker struct {
	*httptest.Server
	got    chan string // bodies, in the order in which they came
	status chan int    // the answer to each; 0: none until the caller leaves
}

func newTaker(t *testing.T) *taker {
	t.Helper()
	s := &taker{got: make(chan string, 10), status: make(chan int, 10)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.URL.Path != "/secret" || r.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s %s of %q, want a POST of plain text", r.Method, r.URL.Path, r.Header.Get("Content-Type"))
		}
		status := <-s.status
		s.got <- string(body)
		if status == 0 {
			<-r.Context().Done()
			return
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s
}

// hooked returns a keeper that sends to s, and its log.
func hooked(t *testing.T, db *sqldb.DB, s *taker) (*audit.Keeper, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	k, _ := keeper(t, db)
	k.Log = slog.New(slog.NewTextHandler(&log, nil))
	var err error
	if k.Webhook, err = audit.NewWebhook(s.URL+"/secret", k.Log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if strings.Contains(log.String(), "secret") || strings.Contains(log.String(), "127.0.0.1") {
			t.Errorf("the log tells where checkpoints go:\n%s", &log)
		}
	})
	return k, &log
}

func turn(t *testing.T, k *audit.Keeper) {
	t.Helper()
	if err := audit.Turn(t.Context(), k); err != nil {
		t.Fatal(err)
	}
}

func (s *taker) expect(t *testing.T, k *audit.Keeper, want string) {
	t.Helper()
	if got := <-s.got; got != want {
		t.Errorf("the webhook got %q, want %q", got, want)
	}
	audit.Answered(k)
}

// lastNote is the last that a keeper wrote to its file.
func lastNote(t *testing.T, k *audit.Keeper) string {
	t.Helper()
	text := string(read(t, k.File))
	return strings.TrimSuffix(text[strings.LastIndex(text, "medbook audit trail\n"):], "\n")
}

func TestACheckpointIsSentOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newTaker(t)
		k, log := hooked(t, db, s)
		turn(t, k) // there is nothing to send
		record(t, db, 1)
		s.status <- 204
		turn(t, k)
		s.expect(t, k, lastNote(t, k))
		turn(t, k)
		turn(t, k)
		if len(s.got) > 0 || log.Len() > 0 {
			t.Errorf("it was sent again, or logged: %s", log)
		}
		record(t, db, 1)
		s.status <- 200
		stop(t, k) // waits
		if got := <-s.got; got != lastNote(t, k) || !strings.Contains(got, "\n2\n") {
			t.Errorf("at the end the webhook got %q, want the last checkpoint", got)
		}
	})
}

func TestACheckpointIsSentUntilItIsTaken(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newTaker(t)
		k, log := hooked(t, db, s)
		record(t, db, 1)
		for _, status := range []int{500, 302, 404, 200} {
			s.status <- status
			turn(t, k)
			s.expect(t, k, lastNote(t, k))
		}
		turn(t, k)
		if len(s.got) > 0 {
			t.Error("it was sent again when it had been taken")
		}
		if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "it answered 500") {
			t.Errorf("the log has %d lines, want one for the checkpoint:\n%s", n, log)
		}
		first := lastNote(t, k)
		sqltest.ClockOf(db).Advance(time.Hour)
		record(t, db, 1)
		s.status <- 500
		turn(t, k)
		s.expect(t, k, lastNote(t, k))
		sqltest.ClockOf(db).Advance(time.Hour)
		record(t, db, 1)
		s.status <- 200
		turn(t, k)
		s.expect(t, k, lastNote(t, k))
		if lastNote(t, k) == first || len(s.got) > 0 {
			t.Error("one that a newer one had taken the place of was sent")
		}
		sqltest.ClockOf(db).Advance(time.Hour)
		record(t, db, 1)
		turn(t, k)
		under := lastNote(t, k)
		sqltest.ClockOf(db).Advance(time.Hour)
		record(t, db, 1)
		turn(t, k) // while the one before is under way
		for _, want := range []string{under, lastNote(t, k)} {
			s.status <- 200
			s.expect(t, k, want)
			turn(t, k)
		}
		if len(s.got) > 0 {
			t.Error("it was sent again when it had been taken")
		}
	})
}

// A webhook that hangs holds up neither places nor checkpoints.
func TestAWebhookThatHangsHoldsNothingUp(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newTaker(t)
		k, log := hooked(t, db, s)
		record(t, db, 1)
		s.status <- 0
		turn(t, k)
		first := <-s.got
		for range 3 {
			sqltest.ClockOf(db).Advance(time.Hour)
			record(t, db, 1)
			turn(t, k)
		}
		if n := strings.Count(string(read(t, k.File)), "medbook audit trail\n"); n != 4 {
			t.Errorf("%d checkpoints were written meanwhile, want 4", n)
		}
		if n := count(t, db, `SELECT COUNT(*) FROM audit_leaves`); n != 4 {
			t.Errorf("%d records were placed meanwhile, want 4", n)
		}
		s.CloseClientConnections()
		audit.Answered(k)
		s.status <- 200
		turn(t, k)
		s.expect(t, k, lastNote(t, k))
		if lastNote(t, k) == first || !strings.Contains(log.String(), "it can't be reached") {
			t.Errorf("not the newest was sent, or nothing logged: %s", log)
		}
	})
}

func TestAWebhookThatHangsIsLeft(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := newTaker(t)
		k, log := hooked(t, db, s)
		audit.AnswerWithin(k.Webhook, 10*time.Millisecond)
		record(t, db, 1)
		s.status <- 0
		stop(t, k) // waits for no longer
		<-s.got
		if !strings.Contains(log.String(), "it did not answer in time") {
			t.Errorf("the log says %q, want that there was no answer", log)
		}
	})
}

func TestAWebhookHasASafeAddress(t *testing.T) {
	for address, ok := range map[string]bool{
		"https://keep.example/a?b=c": true, "http://localhost:8090/x": true, "http://127.0.0.1/": true, "http://[::1]:1/": true,
		"http://keep.example/": false, "ftp://localhost/": false, "https://": false, "keep.example": false, "": false,
		"http://127.0.0.1.keep.example/": false, "https://keep\x7f.example": false,
	} {
		if _, err := audit.NewWebhook(address, nil); (err == nil) != ok {
			t.Errorf("NewWebhook(%q): error %v, want accepted %t", address, err, ok)
		}
	}
}
