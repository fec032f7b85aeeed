package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"regexp"
	"strings"
	"sync"

	"medbook/internal/auth"
	"medbook/internal/encounters"
	"medbook/internal/notify"
	"medbook/internal/privacy"
)

// exportPatient answers with all that there is of a patient: GET /v1/patients/{id}/export.
func (s *Server) exportPatient(ctx context.Context, by auth.Actor, in *ByID) (privacy.Copy, error) {
	return s.Privacy.CopyOf(ctx, by, in.ID)
}

// exportPatientPage answers with the same as a page: GET /v1/patients/{id}/export/page.
func (s *Server) exportPatientPage(ctx context.Context, by auth.Actor, in *ByID) (file, error) {
	c, err := s.Privacy.CopyOf(ctx, by, in.ID)
	if err != nil {
		return file{}, err
	}
	return copyPage(copyOf(c))
}

// erasePatient ends what is kept of a patient: POST /v1/patients/{id}/erase.
func (s *Server) erasePatient(ctx context.Context, by auth.Actor, in *ByID) (privacy.Erased, error) {
	return s.Privacy.Erase(ctx, by, in.ID)
}

type erasedBody struct {
	PatientID string  `json:"patient_id" example:"0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"`
	ErasedAt  Instant `json:"erased_at" example:"2037-09-01T09:30:00Z"`
}

func presentErased(e privacy.Erased) answer[erasedBody] {
	return answer[erasedBody]{Body: erasedBody{PatientID: e.Patient.String(), ErasedAt: Instant{e.At}}}
}

type patientCopyBody struct {
	ExportedAt   Instant               `json:"exported_at" example:"2027-08-13T08:20:00Z"`
	Patient      Profile               `json:"patient"`
	Appointments []appointmentBody     `json:"appointments" doc:"All, by their start."`
	Waitlist     []waitBody            `json:"waitlist"`
	Encounters   []copiedEncounterBody `json:"encounters" doc:"By their date. A patient gets those that are shared with them."`
	NotShared    int                   `json:"encounters_not_shared" minimum:"0" example:"0" doc:"How many encounters there are beside these."`
	Orders       []orderBody           `json:"orders" doc:"The newest first."`
	Messages     []copiedMessageBody   `json:"messages" doc:"What was sent to the patient, without what it said."`
	Disclosures  []disclosureBody      `json:"disclosures" doc:"Who else saw or changed what is kept, the newest first."`
}

type copiedEncounterBody struct {
	Encounter encounterBody          `json:"encounter"`
	Versions  []encounterVersionBody `json:"versions,omitempty" doc:"Each time it was written; for practitioners."`
}

type copiedMessageBody struct {
	Kind    string  `json:"kind" example:"password-changed"`
	Channel string  `json:"channel" example:"email"`
	Status  string  `json:"status" enum:"pending,sent,failed" example:"sent"`
	At      Instant `json:"at" example:"2027-08-13T08:20:00Z"`
}

func presentCopy(c privacy.Copy) answer[patientCopyBody] {
	return answer[patientCopyBody]{Body: copyOf(c)}
}

func copyOf(c privacy.Copy) patientCopyBody {
	return patientCopyBody{
		ExportedAt: Instant{c.At}, Patient: profileOf(c.Patient), NotShared: c.NotShared,
		Appointments: each(c.Appointments, appointmentOf), Waitlist: each(c.Waits, waitOf), Disclosures: each(c.Disclosures, disclosureOf),
		Encounters: each(c.Encounters, func(e encounters.Chart) copiedEncounterBody {
			return copiedEncounterBody{encounterOf(e.Encounter), each(e.Versions, versionOf)}
		}),
		Orders: each(c.Orders, orderOf),
		Messages: each(c.Messages, func(n notify.Notification) copiedMessageBody {
			return copiedMessageBody{string(n.Event.Kind), n.Channel, string(n.Status), Instant{n.CreatedAt}}
		}),
	}
}

// each presents all of a list.
func each[T, B any](list []T, present func(T) B) []B {
	out := make([]B, len(list))
	for i, item := range list {
		out[i] = present(item)
	}
	return out
}

//go:embed assets/copy.html
var copyTemplate string

// copyStyle is all that the page has of style; its policy allows just that.
const copyStyle = `body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}` +
	`table{border-collapse:collapse;width:100%}th,td{border:1px solid #999;padding:.3rem .5rem;text-align:left;vertical-align:top}` +
	`pre{white-space:pre-wrap;background:#f4f4f4;padding:.5rem}`

var copyForm = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("copy").Funcs(template.FuncMap{
		"style": func() template.CSS { return copyStyle },
		"time":  func(i Instant) string { return i.time.UTC().Format("2 January 2006, 15:04") + " UTC" },
		"json":  indented,
	}).Parse(copyTemplate))
})

// jsonString is a string as JSON writes it.
var jsonString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// indented writes clinical data for people: letters as letters, and not as the
// escapes that some programs send.
func indented(o Object) (string, error) {
	plain := jsonString.ReplaceAllStringFunc(o.text, func(quoted string) string {
		var s string
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false) // the template does
		if json.Unmarshal([]byte(quoted), &s) != nil || e.Encode(s) != nil {
			return quoted
		}
		return strings.TrimSuffix(b.String(), "\n")
	})
	var b bytes.Buffer
	err := json.Indent(&b, []byte(plain), "", "  ")
	return b.String(), err
}

func copyPage(c patientCopyBody) (file, error) {
	var b bytes.Buffer
	err := copyForm().Execute(&b, c)
	sum := sha256.Sum256([]byte(copyStyle))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return file{Type: "text/html; charset=utf-8", Policy: policy, Content: b.Bytes()}, err
}

func presentPrivateFile(f file) answer[file] { return answer[file]{Body: f} }
