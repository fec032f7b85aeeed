package client

import (
	"context"
	"io"
	"time"
)

// Disclosure is that somebody else saw or changed what is kept of a patient.
type Disclosure struct {
	ID             string    `json:"id"`
	At             time.Time `json:"at"`
	Role           string    `json:"role"`                      // empty for the program itself
	PractitionerID string    `json:"practitioner_id,omitempty"` // who it was, if a practitioner
	Action         string    `json:"action"`
	ResourceType   string    `json:"resource_type"`
	ResourceID     string    `json:"resource_id"`
	Purpose        string    `json:"purpose"`
}

// Disclosures lists who saw or changed what is kept of a patient, the newest
// first: to the patient, and to auditors.
func (c *Client) Disclosures(patientID string) List[Disclosure] {
	return List[Disclosure]{c, at("patients", patientID, "/disclosures"), nil}
}

// PatientCopy is all that there is of a patient, as the caller may see it.
type PatientCopy struct {
	ExportedAt   time.Time         `json:"exported_at"`
	Patient      User              `json:"patient"`
	Appointments []Appointment     `json:"appointments"`
	Waitlist     []Wait            `json:"waitlist"`
	Encounters   []CopiedEncounter `json:"encounters"`            // to patients, those that are shared with them
	NotShared    int               `json:"encounters_not_shared"` // how many there are beside these
	Messages     []CopiedMessage   `json:"messages"`
	Disclosures  []Disclosure      `json:"disclosures"`
}

// CopiedEncounter is an encounter of a PatientCopy.
type CopiedEncounter struct {
	Encounter Encounter          `json:"encounter"`
	Versions  []EncounterVersion `json:"versions,omitempty"` // to practitioners
}

// CopiedMessage is what is known of a message to a patient.
type CopiedMessage struct {
	Kind    string    `json:"kind"`
	Channel string    `json:"channel"`
	Status  string    `json:"status"`
	At      time.Time `json:"at"`
}

// ExportPatient returns all that there is of a patient: to the patient, and to
// practitioners who have care of them.
func (c *Client) ExportPatient(ctx context.Context, id string, options ...CallOption) (PatientCopy, error) {
	return call[PatientCopy](ctx, c, get(at("patients", id, "/export")), options)
}

// ExportPatientPage returns the same as a page of HTML. The caller closes it.
func (c *Client) ExportPatientPage(ctx context.Context, id string, options ...CallOption) (io.ReadCloser, error) {
	x := get(at("patients", id, "/export/page"))
	x.accept = "text/html"
	return c.open(ctx, x, options)
}

// Erasure is that a patient's data is gone.
type Erasure struct {
	PatientID string    `json:"patient_id"`
	ErasedAt  time.Time `json:"erased_at"`
}

// ErasePatient destroys what is kept of a patient. There is no way back. It needs
// a session that has just signed in, or StepUp; or a key that was made for it by
// name.
func (c *Client) ErasePatient(ctx context.Context, id string, options ...CallOption) (Erasure, error) {
	return call[Erasure](ctx, c, post(at("patients", id, "/erase"), nil), options)
}

// LegalHold keeps a patient's data from being erased.
type LegalHold struct {
	PatientID string    `json:"patient_id"`
	Reason    string    `json:"reason"`
	Since     time.Time `json:"since"`
	PlacedBy  string    `json:"placed_by"` // a user
}

// PlaceLegalHold puts a hold on a patient's data, or gives the one that is there
// another reason.
func (c *Client) PlaceLegalHold(ctx context.Context, patientID, reason string, options ...CallOption) (LegalHold, error) {
	return call[LegalHold](ctx, c, put(at("patients", patientID, "/legal-hold"), giving(reason)), options)
}

// LegalHold reads the hold on a patient's data.
func (c *Client) LegalHold(ctx context.Context, patientID string, options ...CallOption) (LegalHold, error) {
	return call[LegalHold](ctx, c, get(at("patients", patientID, "/legal-hold")), options)
}

// LiftLegalHold ends it.
func (c *Client) LiftLegalHold(ctx context.Context, patientID string) error {
	_, _, err := c.do(ctx, remove(at("patients", patientID, "/legal-hold")), nil)
	return err
}
