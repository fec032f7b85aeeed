package client

import (
	"context"
	"net/url"
	"time"
)

// Patient is who somebody in care is.
type Patient struct {
	ID          string     `json:"id"` // the user's
	Name        string     `json:"name"`
	DateOfBirth string     `json:"date_of_birth,omitempty"` // YYYY-MM-DD
	TimeZone    string     `json:"time_zone"`               // IANA name
	Since       *time.Time `json:"since,omitempty"`         // to a practitioner: the beginning of their care
}

// PatientSearch looks for patients by words of the name, a whole e-mail address
// or a date of birth.
type PatientSearch struct {
	Query string `json:"q"`
	Limit int    `json:"limit,omitempty"` // at most so many, 1 to 50; 0 means 50
}

// Patients lists patients: those in the caller's care, all of them for an admin.
func (c *Client) Patients() List[Patient] { return List[Patient]{c, "/v1/patients", nil} }

// AssignPatient puts a patient into a practitioner's care.
func (c *Client) AssignPatient(ctx context.Context, patientID, practitionerID string) error {
	_, _, err := c.do(ctx, put(at("patients", patientID, "/practitioners/", url.PathEscape(practitionerID)), nil), nil)
	return err
}

// EndCare takes a patient out of a practitioner's care.
func (c *Client) EndCare(ctx context.Context, patientID, practitionerID string) error {
	_, _, err := c.do(ctx, remove(at("patients", patientID, "/practitioners/", url.PathEscape(practitionerID))), nil)
	return err
}

// FindPatients searches the patients that the caller can list.
func (c *Client) FindPatients(ctx context.Context, s PatientSearch, options ...CallOption) ([]Patient, error) {
	found, err := call[Page[Patient]](ctx, c, post("/v1/patients/search", s), options)
	return found.Items, err
}
