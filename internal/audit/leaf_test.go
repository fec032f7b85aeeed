package audit

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"medbook/internal/id"
)

// TestALineIsWhatJSONMakesOfIt compares lines with those that package json makes.
func TestALineIsWhatJSONMakesOfIt(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	text := func() string {
		const most = 12
		b := make([]rune, random.IntN(most))
		for i := range b {
			b[i] = []rune{'a', '~', ' ', '"', '\\', '<', '&', '\n', '\t', 0x7f, 0x1f, 'ä', '\u2028', '\ufffd', '😀'}[random.IntN(15)]
			if random.IntN(8) > 0 {
				b[i] = 'x'
			}
		}
		return string(b)
	}
	someone := func() uuid.UUID { return []uuid.UUID{uuid.Nil, id.New()}[random.IntN(2)] }
	for range 5000 {
		p := placed{seq: random.Int64N(1e12), id: id.New(), Event: Event{
			At: time.UnixMicro(random.Int64N(4e15)), Actor: someone(), ActorRole: text(), Credential: someone(), Action: text(),
			ResourceType: text(), ResourceID: text(), Outcome: text(), Count: random.IntN(300), Purpose: text(),
			RequestID: text(), ClientAddress: text(), UserAgent: text(),
		}}
		for range random.IntN(3) {
			p.Patients = append(p.Patients, id.New())
		}
		l := line{
			Version: 1, Seq: p.seq, ID: p.id, At: p.At.UTC().Format(lineTime), ActorRole: p.ActorRole, Action: p.Action,
			ResourceType: p.ResourceType, ResourceID: p.ResourceID, Patients: append([]uuid.UUID{}, p.Patients...), Outcome: p.Outcome, Count: p.Count,
			Purpose: p.Purpose, RequestID: p.RequestID, ClientAddress: p.ClientAddress, UserAgent: p.UserAgent,
		}
		if p.Actor != uuid.Nil {
			l.Actor = &p.Actor
		}
		if p.Credential != uuid.Nil {
			l.Credential = &p.Credential
		}
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode(l); err != nil {
			t.Fatal(err)
		}
		if got, err := p.line(); err != nil || string(got)+"\n" != want.String() {
			t.Fatalf("line = %s, %v, want %s", got, err, want.Bytes())
		}
	}
}
