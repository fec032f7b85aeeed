package audit

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
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

// line returns the record's line, without an end of line: what package json makes
// of the type line, in a third of the time, which is most of what verifying takes.
func (p placed) line() ([]byte, error) {
	w := lineWriter{b: make([]byte, 0, 640)}
	w.b = append(w.b, `{"v":1,"seq":`...)
	w.b = strconv.AppendInt(w.b, p.seq, 10)
	w.id(`,"id":`, p.id)
	w.b = append(w.b, `,"at":"`...)
	w.b = p.At.UTC().AppendFormat(w.b, lineTime)
	w.b = append(w.b, '"')
	w.known(`,"actor_id":`, p.Actor)
	w.text(`,"actor_role":`, p.ActorRole)
	w.known(`,"credential_id":`, p.Credential)
	w.text(`,"action":`, p.Action)
	w.text(`,"resource_type":`, p.ResourceType)
	w.text(`,"resource_id":`, p.ResourceID)
	w.b = append(w.b, `,"patient_ids":[`...)
	for i, patient := range p.Patients {
		w.id([]string{"", ","}[min(i, 1)], patient)
	}
	w.text(`],"outcome":`, p.Outcome)
	w.b = append(w.b, `,"count":`...)
	w.b = strconv.AppendInt(w.b, int64(p.Count), 10)
	w.text(`,"purpose":`, p.Purpose)
	w.text(`,"request_id":`, p.RequestID)
	w.text(`,"client_address":`, p.ClientAddress)
	w.text(`,"user_agent":`, p.UserAgent)
	return append(w.b, '}'), w.err
}

// lineWriter writes values after their keys.
type lineWriter struct {
	b   []byte
	err error
}

func (w *lineWriter) id(key string, id uuid.UUID) {
	var text [36]byte
	hex.Encode(text[:], id[:4])
	hex.Encode(text[9:], id[4:6])
	hex.Encode(text[14:], id[6:8])
	hex.Encode(text[19:], id[8:10])
	hex.Encode(text[24:], id[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	w.b = append(append(append(append(w.b, key...), '"'), text[:]...), '"')
}

func (w *lineWriter) known(key string, id uuid.UUID) {
	if id == uuid.Nil {
		w.b = append(append(w.b, key...), "null"...)
		return
	}
	w.id(key, id)
}

func (w *lineWriter) text(key, s string) {
	w.b = append(w.b, key...)
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' { // what may need another form
			var b bytes.Buffer
			e := json.NewEncoder(&b)
			e.SetEscapeHTML(false)
			w.err = errors.Join(w.err, e.Encode(s))
			w.b = append(w.b, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
			return
		}
	}
	w.b = append(append(append(w.b, '"'), s...), '"')
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
