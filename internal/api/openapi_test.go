package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

var update = flag.Bool("update", false, "write openapi.yaml anew")

// TestDocumentIsCommitted compares the code with the file at the root of the
// repository. To bring the file up to date:
//
//	go test ./internal/api -run TestDocumentIsCommitted -update
func TestDocumentIsCommitted(t *testing.T) {
	const file = "../../openapi.yaml"
	_, want := OpenAPI()
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), string(want)); diff != "" {
		t.Errorf("openapi.yaml is not what the code says; run this test with -update (-file +code):\n%s", diff)
	}
}

func TestDocumentIsTheSameEachTime(t *testing.T) {
	j1, y1 := OpenAPI()
	j2, y2 := OpenAPI()
	if !bytes.Equal(j1, j2) || !bytes.Equal(y1, y2) {
		t.Error("two documents differ")
	}
}

func TestDocumentIsValid(t *testing.T) {
	if valid, wrong := document().ValidateDocument(); !valid {
		for _, e := range wrong {
			t.Errorf("%v", e)
		}
	}
}

// TestOperationsAreDescribed wants words and an example wherever a reader of
// the document looks for them.
func TestOperationsAreDescribed(t *testing.T) {
	_, sections := prose()
	for _, o := range table() {
		op := o.described
		if op.Summary == "" || len(op.Description) < 20 || len(op.Tags) != 1 || op.Security == nil {
			t.Errorf("%s: summary %q, description %q, tags %q, security %v", o.ID, op.Summary, op.Description, op.Tags, op.Security)
		}
		delete(sections, o.ID)
		for _, p := range op.Parameters {
			if p.Description == "" {
				t.Errorf("%s: parameter %s has no description", o.ID, p.Name)
			}
		}
		for _, status := range []string{"400", "401", "422", "500", "503"} {
			if op.Responses[status] == nil {
				t.Errorf("%s does not say %s", o.ID, status)
			}
		}
		if o.takesBody {
			exchangeExamples(t, o)
		}
		for status, r := range op.Responses {
			for kind, m := range r.Content {
				if m.Example == nil && len(o.produces) == 0 {
					t.Errorf("%s: no example of %s %s", o.ID, status, kind)
				} else if status < "300" && len(o.produces) == 0 {
					answerExample(t, o, status, m.Example)
				}
			}
		}
	}
	for name := range sections {
		t.Errorf("operations.md describes %s, which is no operation", name)
	}
}

// exchangeExamples checks each example of a request body against the document.
func exchangeExamples(t *testing.T, o *operation) {
	t.Helper()
	m := o.described.RequestBody.Content[jsonContent]
	examples := map[string]any{}
	if m.Example != nil {
		examples["example"] = m.Example
	}
	for name, e := range m.Examples {
		examples[name] = e.Value
	}
	if len(examples) == 0 {
		t.Errorf("%s: no example of a request", o.ID)
	}
	for name, value := range examples {
		req := exampleRequest(t, o, value)
		if valid, wrong := document().GetRequestBodyValidator().ValidateRequestBody(req); !valid {
			t.Errorf("%s: example %q: %v", o.ID, name, wrong[0])
		}
	}
}

func exampleRequest(t *testing.T, o *operation, body any) *http.Request {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(o.Method, strings.NewReplacer("{id}", "x", "{file}", "x", "{page}", "x").Replace(o.Path), bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", jsonContent)
	return req
}

// answerExample checks an example of an answer against the document.
func answerExample(t *testing.T, o *operation, status string, body any) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(status)
	resp := &http.Response{StatusCode: n, Header: http.Header{"Content-Type": {jsonContent}}, Body: io.NopCloser(bytes.NewReader(b))}
	if valid, wrong := document().GetResponseBodyValidator().ValidateResponseBody(exampleRequest(t, o, nil), resp); !valid {
		t.Errorf("%s: example of %s: %v", o.ID, status, wrong[0])
	}
}

// TestDatabaseErrorsAreListed shows that what the database package says to
// callers, which this package does not import, is in the document.
func TestDatabaseErrorsAreListed(t *testing.T) {
	for _, e := range []error{sqldb.ErrUnavailable, sqldb.ErrOutcomeUnknown, sqldb.ErrBusy} {
		listed := false
		for _, g := range general {
			listed = listed || g.Is(errs.As(e)) && g.Kind == errs.KindOf(e)
		}
		if !listed {
			t.Errorf("%v is not listed", e)
		}
	}
}

// TestSchemasHaveGoodNames shows that no schema goes by the name of a Go type
// that only we know.
func TestSchemasHaveGoodNames(t *testing.T) {
	a := new(Server).surface()
	for name, s := range a.api.OpenAPI().Components.Schemas.Map() {
		if strings.ContainsAny(name, "[]._") || strings.HasSuffix(name, "Body") || strings.HasSuffix(name, "Input") {
			t.Errorf("schema %s", name)
		}
		if s.Type == huma.TypeObject && s.AdditionalProperties != false {
			t.Errorf("schema %s takes any field", name)
		}
	}
}
