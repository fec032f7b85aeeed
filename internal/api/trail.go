package api

import (
	"context"
	"encoding/base64"
	"time"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/privacy"
)

// TrailFilter is the part of an input that chooses records. It is exported only
// so that huma sees it in the types that embed it.
type TrailFilter struct {
	From         Instant `query:"from" doc:"Only what happened then or later."`
	To           Instant `query:"to" doc:"Only what happened before."`
	ActorID      string  `query:"actor_id" maxLength:"64" doc:"Only what this user did."`
	PatientID    string  `query:"patient_id" maxLength:"64" doc:"Only what concerns this patient."`
	ResourceType string  `query:"resource_type" maxLength:"64" doc:"Only of this type." example:"appointment"`
	ResourceID   string  `query:"resource_id" maxLength:"64" doc:"Only about what has this id."`
	Action       string  `query:"action" maxLength:"64" doc:"Only this action." example:"appointment.hold"`
	Outcome      string  `query:"outcome" enum:"success,denied,failed" doc:"Only with this outcome."`
}

// filter returns what the filter says. An id that is none is nobody's.
func (f TrailFilter) filter() audit.Filter {
	which := func(text string) uuid.UUID {
		if text == "" {
			return uuid.Nil
		}
		if u, ok := id.Parse(text); ok {
			return u
		}
		return uuid.Max
	}
	return audit.Filter{
		From: f.From.time, To: f.To.time, Actor: which(f.ActorID), Patient: which(f.PatientID),
		ResourceType: f.ResourceType, ResourceID: f.ResourceID, Action: f.Action, Outcome: f.Outcome,
	}
}

type listEventsInput struct {
	Paging
	TrailFilter
}

// listEvents lists records of the audit trail: GET /v1/audit/events.
func (s *Server) listEvents(ctx context.Context, by auth.Actor, in *listEventsInput) (page.Of[audit.Entry], error) {
	return s.Privacy.Events(ctx, by, in.filter(), in.request)
}

type listEncounterEventsInput struct {
	Paging
	TrailFilter
	StartMS int64 `query:"start_ms" minimum:"0" maximum:"7258118399999" doc:"Only what happened in this millisecond since 1970 UTC or later."`
	EndMS   int64 `query:"end_ms" minimum:"0" maximum:"7258118399999" doc:"Only what happened in this millisecond since 1970 UTC or earlier; 0 is the first of them, and not left out."`
}

// listEncounterEvents lists the looks at encounters, and their changes: GET /v1/audit/encounters.
func (s *Server) listEncounterEvents(ctx context.Context, by auth.Actor, in *listEncounterEventsInput) (page.Of[audit.Entry], error) {
	f := in.filter()
	if f.ResourceType != "" && f.ResourceType != "encounter" {
		return page.Of[audit.Entry]{}, errInvalid.Field("resource_type", "is always encounter here")
	}
	f.ResourceType = "encounter"
	given := exchangeOf(ctx).query // which tells 0 from nothing
	if start := time.UnixMilli(in.StartMS).UTC(); given.Has("start_ms") && start.After(f.From) {
		f.From = start
	}
	if end := time.UnixMilli(in.EndMS + 1).UTC(); given.Has("end_ms") && (f.To.IsZero() || end.Before(f.To)) {
		f.To = end
	}
	return s.Privacy.Events(ctx, by, f, in.request)
}

type exportEventsInput struct {
	TrailFilter
	Format string `query:"format" enum:"ndjson,csv" default:"ndjson" doc:"A line of JSON for each record, or CSV with a header."`
}

// exportEvents streams records of the audit trail: GET /v1/audit/events/export.
func (s *Server) exportEvents(ctx context.Context, by auth.Actor, in *exportEventsInput, w *stream) error {
	if in.Format == "csv" {
		return s.Privacy.Export(ctx, by, in.filter(), privacy.Table(w.open("text/csv; charset=utf-8; header=present")))
	}
	return s.Privacy.Export(ctx, by, in.filter(), privacy.Lines(w.open("application/x-ndjson")))
}

type auditEventBody struct {
	Seq           *int64   `json:"seq" nullable:"true" minimum:"0" example:"4711" doc:"Its place in the tree of hashes; null for the moment until it has one."`
	ID            string   `json:"id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	At            Instant  `json:"at"`
	ActorID       string   `json:"actor_id,omitempty" doc:"The user who did it; left out for the program, and for who did not sign in."`
	ActorRole     string   `json:"actor_role" example:"practitioner"`
	CredentialID  string   `json:"credential_id,omitempty" doc:"The API key or session that was shown."`
	Action        string   `json:"action" example:"encounter.read"`
	ResourceType  string   `json:"resource_type" example:"encounter"`
	ResourceID    string   `json:"resource_id" example:"06am9n17rcy3n7w09hej8zw7wc.06am9n1b3gy3rczf0m5npyhfk4" doc:"Empty for a list."`
	PatientIDs    []string `json:"patient_ids" doc:"Whose data it was."`
	Outcome       string   `json:"outcome" enum:"success,denied,failed" example:"success"`
	Count         int      `json:"count" minimum:"0" example:"1" doc:"How many at once."`
	Purpose       string   `json:"purpose" example:"treatment"`
	RequestID     string   `json:"request_id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	ClientAddress string   `json:"client_address" example:"192.0.2.1"`
	UserAgent     string   `json:"user_agent" example:"Firefox" doc:"Its family."`
}

func auditEventOf(e audit.Entry) auditEventBody {
	l := privacy.LineOf(e)
	return auditEventBody{
		Seq: l.Seq, ID: l.ID, At: Instant{l.At}, ActorID: l.ActorID, ActorRole: l.ActorRole, CredentialID: l.CredentialID,
		Action: l.Action, ResourceType: l.ResourceType, ResourceID: l.ResourceID, PatientIDs: l.PatientIDs, Outcome: l.Outcome,
		Count: l.Count, Purpose: l.Purpose, RequestID: l.RequestID, ClientAddress: l.ClientAddress, UserAgent: l.UserAgent,
	}
}

// known writes an id, "" when there is none.
func known(u uuid.UUID) string {
	if u == uuid.Nil {
		return ""
	}
	return u.String()
}

// readCheckpoint answers with the newest signed head: GET /v1/audit/checkpoint.
func (s *Server) readCheckpoint(ctx context.Context, by auth.Actor, _ *empty) (privacy.Checkpoint, error) {
	return s.Privacy.Checkpoint(ctx, by)
}

type checkpointBody struct {
	Size     int64   `json:"size" minimum:"0" example:"4711" doc:"How many records it covers."`
	RootHash string  `json:"root_hash" example:"n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=" doc:"The head of the tree of hashes (RFC 6962), base64."`
	SignedAt Instant `json:"signed_at" example:"2027-08-13T08:20:00Z"`
	Note     string  `json:"note" example:"medbook audit trail\n4711\nn4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=\nat 2027-08-13T08:20:00Z\n\n— medbook qV3b…\n" doc:"The signed note, as medbook audit verify takes it."`
}

func presentCheckpoint(c privacy.Checkpoint) answer[checkpointBody] {
	return answer[checkpointBody]{Body: checkpointBody{
		Size: c.Size, RootHash: base64.StdEncoding.EncodeToString(c.Root[:]), SignedAt: Instant{c.At}, Note: c.Note,
	}}
}

type listDisclosuresInput struct {
	ByID
	Paging
}

// listDisclosures lists who saw a patient's data: GET /v1/patients/{id}/disclosures.
func (s *Server) listDisclosures(ctx context.Context, by auth.Actor, in *listDisclosuresInput) (page.Of[privacy.Disclosure], error) {
	return s.Privacy.Disclosures(ctx, by, in.ID, in.request)
}

type disclosureBody struct {
	ID             string  `json:"id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	At             Instant `json:"at"`
	Role           string  `json:"role" example:"practitioner" doc:"What who did it is to the clinic; empty for the program itself."`
	PractitionerID string  `json:"practitioner_id,omitempty" doc:"Who it was, if a practitioner: GET /v1/practitioners/{id} tells their name."`
	Action         string  `json:"action" example:"encounter.read"`
	ResourceType   string  `json:"resource_type" example:"encounter"`
	ResourceID     string  `json:"resource_id" example:"06am9n17rcy3n7w09hej8zw7wc.06am9n1b3gy3rczf0m5npyhfk4"`
	Purpose        string  `json:"purpose" example:"treatment" doc:"emergency where somebody looked who has no care of the patient."`
}

func disclosureOf(d privacy.Disclosure) disclosureBody {
	return disclosureBody{
		ID: d.ID.String(), At: Instant{d.At}, Role: d.ActorRole, PractitionerID: known(d.Practitioner),
		Action: d.Action, ResourceType: d.ResourceType, ResourceID: d.ResourceID, Purpose: d.Purpose,
	}
}
