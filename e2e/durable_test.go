package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"medbook/client"
)

// opened publishes monday and returns its slots.
func (c *clinic) opened() []client.Slot {
	c.t.Helper()
	practitioner, id := c.practitioner(newYork)
	must(practitioner.Publish(c.t.Context(), id, monday))(c.t)
	return all(c.t, practitioner.Slots(client.SlotQuery{PractitionerID: id, Date: monday.Date}).All(c.t.Context()))
}

// TestAHoldEndsAtItsInstant kills the server while a hold runs out and shows
// that the hold lives until its last microsecond, and no longer.
func TestAHoldEndsAtItsInstant(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx, slots := t.Context(), c.opened()
		ann, bob := c.user("patient", newYork), c.user("patient", newYork)
		lost := must(ann.Hold(ctx, client.NewAppointment{SlotID: slots[0].ID}))(t)
		kept := must(ann.Hold(ctx, client.NewAppointment{SlotID: slots[1].ID}))(t)

		c.restart()
		c.setTime(lost.HoldExpiresAt.Add(-time.Microsecond))
		_, err := bob.Hold(ctx, client.NewAppointment{SlotID: slots[0].ID})
		code(t, err, 409, "slot-taken")
		must(ann.Confirm(ctx, kept.ID))(t)

		c.setTime(*lost.HoldExpiresAt)
		c.restart()
		_, err = ann.Confirm(ctx, lost.ID)
		code(t, err, 410, "hold-expired")
		if got := must(ann.Appointment(ctx, lost.ID))(t); got.Status != "expired" {
			t.Errorf("the hold is %s, want expired", got.Status)
		}
		must(bob.Hold(ctx, client.NewAppointment{SlotID: slots[0].ID}))(t)
		_, err = bob.Hold(ctx, client.NewAppointment{SlotID: slots[1].ID})
		code(t, err, 409, "slot-taken")
	})
}

// TestAnAnswerIsKeptOverARestart repeats requests whose answers were lost.
func TestAnAnswerIsKeptOverARestart(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		ctx, slots := t.Context(), c.opened()
		ann, bob := c.user("patient", newYork), c.user("patient", newYork)
		var first, second client.Answer
		held := must(ann.Hold(ctx, client.NewAppointment{SlotID: slots[0].ID}, client.IdempotencyKey("one"), client.Header(&first)))(t)
		_, refusal := bob.Hold(ctx, client.NewAppointment{SlotID: slots[0].ID}, client.IdempotencyKey("one"))
		code(t, refusal, 409, "slot-taken")
		must(ann.Cancel(ctx, held.ID, ""))(t)

		c.restart()
		again := must(ann.Hold(ctx, client.NewAppointment{SlotID: slots[0].ID}, client.IdempotencyKey("one"), client.Header(&second)))(t)
		if diff := cmp.Diff(held, again); diff != "" || !second.Replayed() || first.Replayed() || second.Status != first.Status {
			t.Errorf("the second answer (replayed %v, status %d) differs from the first (-first +second):\n%s", second.Replayed(), second.Status, diff)
		}
		_, err := bob.Hold(ctx, client.NewAppointment{SlotID: slots[0].ID}, client.IdempotencyKey("one"), client.Header(&second))
		if code(t, err, 409, "slot-taken"); !second.Replayed() {
			t.Error("a refusal was not kept")
		}
		_, err = ann.Hold(ctx, client.NewAppointment{SlotID: slots[1].ID}, client.IdempotencyKey("one"))
		code(t, err, 422, "idempotency-mismatch")
		c.setTime(held.CreatedAt.Add(24 * time.Hour))
		fresh := must(ann.Hold(ctx, client.NewAppointment{SlotID: slots[27].ID}, client.IdempotencyKey("one"), client.Header(&second)))(t)
		if fresh.ID == held.ID || second.Replayed() {
			t.Error("a key was kept for longer than a day")
		}
	})
}

// TestTheServerFinishesWhatItBegan asks the server to stop while a request is
// on its way in.
func TestTheServerFinishesWhatItBegan(t *testing.T) {
	each(t, func(t *testing.T, c *clinic) {
		slots, ann := c.opened(), c.user("patient", newYork)
		address := strings.TrimPrefix(c.server.url, "http://")
		conn, err := net.DialTimeout("tcp", address, patience)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		body := fmt.Sprintf(`{"slot_id": %q}`, slots[0].ID)
		fmt.Fprintf(conn, "POST /v1/appointments HTTP/1.1\r\nHost: clinic\r\nX-API-Key: %s\r\nContent-Type: application/json\r\n"+
			"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", ann.Key, len(body))
		answers := bufio.NewReader(conn)
		if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
			t.Fatalf("got %q, %v, want 100 Continue", line, err) // the handler is at work
		}
		if _, err := answers.ReadString('\n'); err != nil {
			t.Fatal(err)
		}

		c.server.signal(t, syscall.SIGTERM)
		c.server.stderr.await(t, c.server.ended, "that it is stopping", func(line string) bool { return strings.Contains(line, `"stopping"`) })
		awaitRefusal(t, address)
		if _, err := io.WriteString(conn, body); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if text, err := io.ReadAll(resp.Body); resp.StatusCode != http.StatusCreated || err != nil {
			t.Errorf("got %d %s, %v, want 201", resp.StatusCode, text, err)
		}
		if status := c.server.wait(t); status != 0 {
			t.Errorf("the server ended with %d, want 0", status)
		}
		c.server = c.serve()
		if mine := all(t, ann.Appointments(client.AppointmentQuery{}).All(t.Context())); len(mine) != 1 || mine[0].Status != "held" {
			t.Errorf("after the restart: %+v, want the hold", mine)
		}
	})
}

// awaitRefusal returns once nobody listens at address any more.
func awaitRefusal(t *testing.T, address string) {
	t.Helper()
	eventually(t, "the server takes no new connections", func() bool {
		conn, err := net.DialTimeout("tcp", address, patience)
		if err != nil {
			return true
		}
		conn.Close()
		return false
	})
}

// eventually looks again and again until what is hoped for is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("in vain: %s", what)
		}
	}
}
