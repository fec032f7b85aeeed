package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/errors"

	"medbook/internal/sqldb/sqltest"
)

// contract is the OpenAPI document that servers give out, with a validator of it.
type contract struct {
	once      sync.Once
	err       error
	validator validator.Validator
	mu        sync.Mutex
}

var shared contract

// load reads the document from a server. All tests run the same program, so one
// document does for all.
func (c *contract) load(url string) error {
	c.once.Do(func() { c.err = c.read(url) })
	return c.err
}

func (c *contract) read(url string) error {
	resp, err := http.Get(url + "/openapi.json")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	document, err := libopenapi.NewDocument(text)
	if err != nil {
		return err
	}
	v, errs := validator.NewValidator(document, config.WithFormatAssertions(), config.WithStrictMode(),
		config.WithStrictIgnorePaths("$.headers.**", "$.body.public_key.**", "$.body.credential.**", "$.body.**.clinical_data.**", "$.body.clinical_data.**", "$.body.channels.**")) // headers that every answer has are described once, in the document's text
	if len(errs) > 0 {
		return fmt.Errorf("read the OpenAPI document: %v", errs)
	}
	if ok, errs := v.ValidateDocument(); !ok {
		return fmt.Errorf("the OpenAPI document is not valid: %v", texts(errs))
	}
	c.validator = v
	return nil
}

// wrong marks a request that breaks the contract on purpose. Its answer is
// checked all the same.
func wrong(ctx context.Context) context.Context { return context.WithValue(ctx, wrongKey{}, true) }

type wrongKey struct{}

// checked returns a transport that sends requests to the clinic's server and
// fails the test when an exchange is not as the document says.
func (c *clinic) checked() http.RoundTripper {
	return &checking{c, func() *process { return c.server }, http.DefaultTransport}
}

type checking struct {
	clinic *clinic
	server func() *process
	next   http.RoundTripper
}

// RoundTrip sends the request and checks both sides of the exchange.
func (k *checking) RoundTrip(req *http.Request) (*http.Response, error) {
	t, url := k.clinic.t, k.server().url
	if err := shared.load(url); err != nil {
		return nil, err
	}
	body, err := drained(&req.Body)
	if err != nil {
		return nil, err
	}
	uttered.add(personalIn(body)...)
	uttered.add(req.Header.Get("X-API-Key"), strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer "))
	sent := req.Clone(req.Context())
	sent.URL.Host, sent.Host = strings.TrimPrefix(url, "http://"), ""
	sent.Body = io.NopCloser(bytes.NewReader(body))
	sent.ContentLength = int64(len(body))
	resp, err := k.next.RoundTrip(sent)
	if err != nil {
		return nil, err
	}
	answer, err := drained(&resp.Body)
	if err != nil {
		return nil, err
	}
	for _, e := range echoes(body, resp, answer) {
		t.Errorf("%s %s -> %d repeats %s", req.Method, req.URL.Path, resp.StatusCode, e)
	}
	for _, e := range shared.check(req, resp, body, answer) {
		t.Errorf("%s %s -> %d is not as the document says: %.500s\nrequest: %.500s\nanswer: %.500s", req.Method, req.URL.Path, resp.StatusCode, e, body, answer)
	}
	return resp, nil
}

// drained reads a body and puts it back.
func drained(body *io.ReadCloser) ([]byte, error) {
	if *body == nil || *body == http.NoBody {
		return nil, nil
	}
	text, err := io.ReadAll(*body)
	if err != nil {
		return nil, err
	}
	err = (*body).Close()
	*body = io.NopCloser(bytes.NewReader(text))
	return text, err
}

// check returns what is wrong with an exchange.
func (c *contract) check(req *http.Request, resp *http.Response, body, answer []byte) []string {
	c.mu.Lock() // the validator reads and replaces bodies
	defer c.mu.Unlock()
	var wrong []string
	if req.Context().Value(wrongKey{}) == nil {
		asked := req.Clone(req.Context())
		asked.Body = io.NopCloser(bytes.NewReader(body))
		if ok, errs := c.validator.ValidateHttpRequestSync(asked); !ok {
			wrong = append(wrong, texts(errs)...)
		}
	}
	if strings.HasPrefix(req.URL.Path, "/openapi") {
		answer = []byte("{}") // no schema describes OpenAPI itself; ValidateDocument has judged it
	}
	got := *resp
	got.Body = io.NopCloser(bytes.NewReader(answer))
	if ok, errs := c.validator.ValidateHttpResponse(req, &got); !ok {
		wrong = append(wrong, texts(errs)...)
	}
	if len(answer) > 0 && resp.StatusCode >= 400 && resp.Header.Get("Content-Type") != "application/problem+json" {
		wrong = append(wrong, "a refusal is not a problem document but "+resp.Header.Get("Content-Type"))
	}
	return wrong
}

// texts writes validation errors for people.
func texts(errs []*errors.ValidationError) []string {
	var all []string
	for _, e := range errs {
		all = append(all, e.Error())
	}
	return all
}

// TestTheCheckerChecks shows that an exchange against the contract is noticed.
func TestTheCheckerChecks(t *testing.T) {
	t.Parallel()
	c := open(t, sqltest.SQLite(t))
	if err := shared.load(c.server.url); err != nil {
		t.Fatal(err)
	}
	const good = `{"items":[],"next_cursor":null}`
	tests := []struct {
		name, target, body string
		status             int
		answer             string
		ok                 bool
	}{
		{"as documented", "/v1/slots?limit=1", "", 200, good, true},
		{"an unknown field", "/v1/slots?limit=1", "", 200, `{"items":[],"next_cursor":null,"more":1}`, false},
		{"a missing field", "/v1/slots?limit=1", "", 200, `{"items":[]}`, false},
		{"null for a list", "/v1/slots?limit=1", "", 200, `{"items":null,"next_cursor":null}`, false},
		{"another status", "/v1/slots?limit=1", "", 202, good, false},
		{"an unknown parameter", "/v1/slots?limit=1&colour=red", "", 200, good, false},
		{"no limit", "/v1/slots", "", 200, good, false},
		{"a limit too high", "/v1/slots?limit=201", "", 200, good, false},
		{"an unknown path", "/v1/slot?limit=1", "", 200, good, false},
	}
	for _, tt := range tests {
		req := httptest.NewRequest(http.MethodGet, tt.target, strings.NewReader(tt.body))
		resp := &http.Response{StatusCode: tt.status, Header: http.Header{"Content-Type": {"application/json"}}}
		wrong := shared.check(req, resp, []byte(tt.body), []byte(tt.answer))
		if ok := len(wrong) == 0; ok != tt.ok {
			t.Errorf("%s: the checker says %q", tt.name, wrong)
		}
	}
}
