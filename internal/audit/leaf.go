package audit

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"
)

// placed is an event with its id and its place in the tree.
type placed struct {
	seq int64
	id  uuid.UUID
	Event
}

// line is the form of a record that is hashed, and exported: one line of JSON.
// Neither its fields nor their order may ever change; what is new needs another
// version.
type line struct {
	Version       int         `json:"v"`
	Seq           int64       `json:"seq"`
	ID            uuid.UUID   `json:"id"`
	At            string      `json:"at"` // RFC 3339 in UTC, to the microsecond
	Actor         *uuid.UUID  `json:"actor_id"`
	ActorRole     string      `json:"actor_role"`
	Credential    *uuid.UUID  `json:"credential_id"`
	Action        string      `json:"action"`
	ResourceType  string      `json:"resource_type"`
	ResourceID    string      `json:"resource_id"`
	Patients      []uuid.UUID `json:"patient_ids"`
	Outcome       string      `json:"outcome"`
	Count         int         `json:"count"`
	Purpose       string      `json:"purpose"`
	RequestID     string      `json:"request_id"`
	ClientAddress string      `json:"client_address"`
	UserAgent     string      `json:"user_agent"`
}

const lineTime = "2006-01-02T15:04:05.000000Z"

// line returns the record's line, without an end of line.
func (p placed) line() ([]byte, error) {
	l := line{
		Version: 1, Seq: p.seq, ID: p.id, At: p.At.UTC().Format(lineTime), ActorRole: p.ActorRole, Action: p.Action,
		ResourceType: p.ResourceType, ResourceID: p.ResourceID, Patients: p.Patients, Outcome: p.Outcome, Count: p.Count,
		Purpose: p.Purpose, RequestID: p.RequestID, ClientAddress: p.ClientAddress, UserAgent: p.UserAgent,
	}
	if p.Actor != uuid.Nil {
		l.Actor = &p.Actor
	}
	if p.Credential != uuid.Nil {
		l.Credential = &p.Credential
	}
	if l.Patients == nil {
		l.Patients = []uuid.UUID{}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(l)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// hash returns what the tree keeps of the record.
func (p placed) hash() (tlog.Hash, error) {
	text, err := p.line()
	return tlog.RecordHash(text), err
}

// seqOf reads the place out of a line, which begins with it.
func seqOf(text []byte) (int64, bool) {
	rest, ok := bytes.CutPrefix(text, []byte(`{"v":1,"seq":`))
	number, _, more := bytes.Cut(rest, []byte(","))
	seq, err := strconv.ParseInt(string(number), 10, 64)
	return seq, ok && more && err == nil && seq >= 0
}

// atOf reads when a line's event was, to tell how long a stretch of lines is.
func atOf(text []byte) (time.Time, bool) {
	_, rest, ok := bytes.Cut(text, []byte(`"at":"`))
	if !ok || len(rest) < len(lineTime) {
		return time.Time{}, false
	}
	at, err := time.Parse(lineTime, string(rest[:len(lineTime)]))
	return at, err == nil
}
