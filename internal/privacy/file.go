package privacy

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
)

// Line is a record of the audit trail in a file.
type Line struct {
	Seq           *int64    `json:"seq"` // nil until it has a place
	ID            string    `json:"id"`
	At            time.Time `json:"at"`
	ActorID       string    `json:"actor_id,omitempty"`
	ActorRole     string    `json:"actor_role"`
	CredentialID  string    `json:"credential_id,omitempty"`
	Action        string    `json:"action"`
	ResourceType  string    `json:"resource_type"`
	ResourceID    string    `json:"resource_id"`
	PatientIDs    []string  `json:"patient_ids"`
	Outcome       string    `json:"outcome"`
	Count         int       `json:"count"`
	Purpose       string    `json:"purpose"`
	RequestID     string    `json:"request_id"`
	ClientAddress string    `json:"client_address"`
	UserAgent     string    `json:"user_agent"`
}

// LineOf makes the line of a record.
func LineOf(e audit.Entry) Line {
	l := Line{
		ID: e.ID.String(), At: e.At.UTC(), ActorRole: e.ActorRole, Action: e.Action, ResourceType: e.ResourceType, ResourceID: e.ResourceID,
		PatientIDs: make([]string, len(e.Patients)), Outcome: e.Outcome, Count: e.Count, Purpose: e.Purpose, RequestID: e.RequestID,
		ClientAddress: e.ClientAddress, UserAgent: e.UserAgent, ActorID: known(e.Actor), CredentialID: known(e.Credential),
	}
	if e.Seq >= 0 {
		l.Seq = &e.Seq
	}
	for i, p := range e.Patients {
		l.PatientIDs[i] = p.String()
	}
	return l
}

// known writes an id, "" when there is none.
func known(u uuid.UUID) string {
	if u == uuid.Nil {
		return ""
	}
	return u.String()
}

// Lines returns what writes records to w as JSON, a line each, for Export.
func Lines(w io.Writer) func([]audit.Entry) error {
	lines := json.NewEncoder(w)
	return func(entries []audit.Entry) error {
		for _, e := range entries {
			if err := lines.Encode(LineOf(e)); err != nil {
				return err
			}
		}
		return nil
	}
}

// TableHeader is the first line of a Table.
var TableHeader = []string{
	"seq", "id", "at", "actor_id", "actor_role", "credential_id", "action", "resource_type", "resource_id", "patient_ids",
	"outcome", "count", "purpose", "request_id", "client_address", "user_agent",
}

// Table returns what writes records to w as CSV, for Export: first the header, even
// if there are no records, and no cell that a spreadsheet takes for a formula.
func Table(w io.Writer) func([]audit.Entry) error {
	table, begun := csv.NewWriter(w), false
	return func(entries []audit.Entry) error {
		if !begun {
			begun = true
			if err := table.Write(TableHeader); err != nil {
				return err
			}
		}
		for _, e := range entries {
			if err := table.Write(LineOf(e).cells()); err != nil {
				return err
			}
		}
		table.Flush()
		return table.Error()
	}
}

// cells are a line's, in the order of TableHeader.
func (l Line) cells() []string {
	seq := ""
	if l.Seq != nil {
		seq = strconv.FormatInt(*l.Seq, 10)
	}
	cells := []string{
		seq, l.ID, l.At.Format(time.RFC3339Nano), l.ActorID, l.ActorRole, l.CredentialID, l.Action, l.ResourceType, l.ResourceID,
		strings.Join(l.PatientIDs, " "), l.Outcome, strconv.Itoa(l.Count), l.Purpose, l.RequestID, l.ClientAddress, l.UserAgent,
	}
	for i := range cells {
		cells[i] = harmless(cells[i])
	}
	return cells
}

// harmless returns a cell that no spreadsheet takes for a formula.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
