package audit

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"
)

// The tree is that of RFC 6962, as another implementation has it, at every size
// and after each time that it was put away.
func TestTheTreeIsAMerkleTree(t *testing.T) {
	var hashes []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			found[i] = hashes[x]
		}
		return found, nil
	})
	var mine tree
	for n := range int64(300) {
		want, err := tlog.TreeHash(n, reader)
		if err != nil || mine.root() != want || mine.size != n {
			t.Fatalf("of %d leaves: root %v, size %d, want %v, %v", n, mine.root(), mine.size, want, err)
		}
		record := []byte(strings.Repeat("x", int(n)))
		stored, err := tlog.StoredHashes(n, record, reader)
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, stored...)
		mine.add(tlog.RecordHash(record))
		if mine, err = unpack(mine.size, mine.pack()); err != nil {
			t.Fatal(err)
		}
	}
	for name, try := range map[string]struct {
		size int64
		b    []byte
	}{"a peak too few": {3, make([]byte, 32)}, "half a peak": {1, make([]byte, 16)}, "less than nothing": {-1, nil}} {
		if _, err := unpack(try.size, try.b); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

// What is hashed of a record may never change: records of years ago are judged by it.
func TestALineStaysAsItIs(t *testing.T) {
	ids := make([]uuid.UUID, 4)
	for i := range ids {
		ids[i][15] = byte(i + 1)
	}
	full := placed{seq: 7, id: ids[0], Event: Event{
		At: time.Date(2027, 3, 13, 14, 0, 0, 1500, time.UTC), Actor: ids[1], ActorRole: "admin", Credential: ids[2],
		Action: "user.read", ResourceType: "user", ResourceID: "<&>\u2028", Outcome: Success, Count: 2, Purpose: "operations",
		RequestID: "q", ClientAddress: "::1", UserAgent: "curl", Patients: []uuid.UUID{ids[3]},
	}}
	for _, tt := range []struct {
		p    placed
		want string
	}{
		{full, `{"v":1,"seq":7,"id":"00000000-0000-0000-0000-000000000001","at":"2027-03-13T14:00:00.000001Z","actor_id":"00000000-0000-0000-0000-000000000002","actor_role":"admin","credential_id":"00000000-0000-0000-0000-000000000003","action":"user.read","resource_type":"user","resource_id":"<&>\u2028","patient_ids":["00000000-0000-0000-0000-000000000004"],"outcome":"success","count":2,"purpose":"operations","request_id":"q","client_address":"::1","user_agent":"curl"}`},
		{placed{id: ids[0]}, `{"v":1,"seq":0,"id":"00000000-0000-0000-0000-000000000001","at":"0001-01-01T00:00:00.000000Z","actor_id":null,"actor_role":"","credential_id":null,"action":"","resource_type":"","resource_id":"","patient_ids":[],"outcome":"","count":0,"purpose":"","request_id":"","client_address":"","user_agent":""}`},
	} {
		got, err := tt.p.line()
		if err != nil || string(got) != tt.want {
			t.Errorf("line = %s, %v\nwant   %s", got, err, tt.want)
		}
		if seq, ok := seqOf(got); !ok || seq != tt.p.seq {
			t.Errorf("seqOf = %d, %v, want %d", seq, ok, tt.p.seq)
		}
		if at, ok := atOf(got); !ok || !at.Equal(tt.p.At.Truncate(time.Microsecond)) {
			t.Errorf("atOf = %v, %v, want %v", at, ok, tt.p.At)
		}
	}
}
