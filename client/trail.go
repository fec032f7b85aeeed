package client

import (
	"context"
	"io"
	"strconv"
	"time"
)

// AuditEvent is a record of the audit trail.
type AuditEvent struct {
	Seq           *int64    `json:"seq"` // its place in the tree of hashes; nil until it has one
	ID            string    `json:"id"`
	At            time.Time `json:"at"`
	ActorID       string    `json:"actor_id,omitempty"` // a user; empty for the program, and for who did not sign in
	ActorRole     string    `json:"actor_role"`
	CredentialID  string    `json:"credential_id,omitempty"`
	Action        string    `json:"action"` // such as "encounter.read"
	ResourceType  string    `json:"resource_type"`
	ResourceID    string    `json:"resource_id"` // empty for a list
	PatientIDs    []string  `json:"patient_ids"` // whose data it was
	Outcome       string    `json:"outcome"`     // success, denied or failed
	Count         int       `json:"count"`       // how many at once
	Purpose       string    `json:"purpose"`     // "emergency" where somebody looked who has no care of the patient
	RequestID     string    `json:"request_id"`
	ClientAddress string    `json:"client_address"`
	UserAgent     string    `json:"user_agent"` // its family
}

// AuditQuery filters the audit trail; what is empty does not filter.
type AuditQuery struct {
	From, To     time.Time // From <= at < To
	ActorID      string
	PatientID    string
	ResourceType string
	ResourceID   string
	Action       string
	Outcome      string
}

func (q AuditQuery) query() query {
	return newQuery().instant("from", q.From).instant("to", q.To).text("actor_id", q.ActorID).text("patient_id", q.PatientID).
		text("resource_type", q.ResourceType).text("resource_id", q.ResourceID).text("action", q.Action).text("outcome", q.Outcome)
}

// EncounterAuditQuery filters who saw or changed encounters.
type EncounterAuditQuery struct {
	AuditQuery
	StartMS, EndMS *int64 // milliseconds since 1970 UTC, both included; nil does not filter
}

// AuditEvents lists records of the audit trail, the newest first, to auditors.
func (c *Client) AuditEvents(q AuditQuery) List[AuditEvent] {
	return List[AuditEvent]{c, "/v1/audit/events", q.query().Values}
}

// EncounterEvents lists the looks at encounters and their changes.
func (c *Client) EncounterEvents(q EncounterAuditQuery) List[AuditEvent] {
	values := q.query().Values
	for name, ms := range map[string]*int64{"start_ms": q.StartMS, "end_ms": q.EndMS} {
		if ms != nil {
			values.Set(name, strconv.FormatInt(*ms, 10))
		}
	}
	return List[AuditEvent]{c, "/v1/audit/encounters", values}
}

// The formats of ExportAuditEvents.
const (
	NDJSON = "ndjson" // a line of JSON for each record: an AuditEvent
	CSV    = "csv"    // with a header
)

// ExportAuditEvents returns all records that q chooses as they are found, the
// newest first. The caller closes it. When reading it fails, it was not whole.
func (c *Client) ExportAuditEvents(ctx context.Context, q AuditQuery, format string, options ...CallOption) (io.ReadCloser, error) {
	x := get("/v1/audit/events/export")
	x.accept, x.query = "application/x-ndjson, text/csv", q.query().text("format", format).Values
	return c.open(ctx, x, options)
}

// Checkpoint is a signed head of the tree of hashes over the audit trail.
type Checkpoint struct {
	Size     int64     `json:"size"`      // how many records it covers
	RootHash []byte    `json:"root_hash"` // RFC 6962
	SignedAt time.Time `json:"signed_at"`
	Note     string    `json:"note"` // as it was signed; with an empty line after it, what medbook audit verify takes
}

// Checkpoint reads the newest checkpoint.
func (c *Client) Checkpoint(ctx context.Context, options ...CallOption) (Checkpoint, error) {
	return call[Checkpoint](ctx, c, get("/v1/audit/checkpoint"), options)
}
