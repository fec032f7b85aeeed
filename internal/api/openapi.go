package api

import (
	_ "embed"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/federation"
	"medbook/internal/gate"
	"medbook/internal/idempotency"
)

//go:embed operations.md
var operationsText string

// prose splits operations.md into what comes before its first heading and the
// text under each heading.
func prose() (intro string, sections map[string]string) {
	parts := strings.Split(operationsText, "\n## ")
	sections = map[string]string{}
	for _, part := range parts[1:] {
		name, text, _ := strings.Cut(part, "\n")
		sections[name] = strings.TrimSpace(text)
	}
	return strings.TrimSpace(parts[0]), sections
}

const (
	jsonContent    = "application/json"
	problemContent = "application/problem+json"
	schemaPrefix   = "#/components/schemas/"
	exampleID      = "0195a9d4-2f7c-7a3e-9d4e-5b1f0c8a7e21"
)

// newDocument returns the document without its operations.
func newDocument() huma.Config {
	intro, _ := prose()
	format := huma.Format{
		Marshal: func(w io.Writer, v any) error {
			body, err := encode(v)
			if err == nil {
				_, err = w.Write(body)
			}
			return err
		},
		Unmarshal: json.Unmarshal,
	}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "medbook", Version: "1", Description: intro,
				License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Servers: []*huma.Server{{URL: "/", Description: "The server that this document came from."}},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry(schemaPrefix, schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer": {Type: "http", Scheme: "bearer", Description: "An access token of POST /v1/auth/login."},
					"cookie": {Type: "apiKey", In: "cookie", Name: gate.SessionCookie("", 0).Name, Description: "A browser's session, of POST /v1/auth/login with session=cookie."},
					"apiKey": {Type: "apiKey", In: "header", Name: "X-API-Key", Description: "A key of POST /v1/api-keys or `medbook key create`."},
				},
				Headers:   commonHeaders(),
				Responses: map[string]*huma.Response{},
			},
		},
		Formats:       map[string]huma.Format{jsonContent: format, "json": format},
		DefaultFormat: jsonContent,
	}
}

// schemaName names a schema after its Go type: holdBody is "Hold", a
// List[slotBody] is "SlotList".
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	if rest, ok := strings.CutPrefix(name, "List"); ok {
		name = strings.TrimSuffix(rest, "Body") + "List"
	}
	return strings.TrimSuffix(name, "Body")
}

func commonHeaders() map[string]*huma.Header {
	text := func(description, example string) *huma.Header {
		return &huma.Header{Description: description, Schema: &huma.Schema{Type: huma.TypeString, Examples: []any{example}}}
	}
	return map[string]*huma.Header{
		"X-Request-ID":         text("The id of the request: the caller's, if it was a UUID or 32 hexadecimal digits, else a new one.", exampleID),
		"Traceparent":          text("The W3C trace context of the request: the caller's, if it was valid, else a new one.", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
		"ETag":                 text("The version of what was answered, for If-None-Match and If-Match.", `"3"`),
		"Location":             text("Where what was made can be found.", "/v1/appointments/01f5mt.01g2qd"),
		"Content-Disposition":  text("That it is a file to be kept, and under which name.", "attachment; filename=appointment.ics"),
		"Link":                 text("The address of the next page, with rel=next.", `</v1/slots?cursor=bXk&limit=50>; rel="next"`),
		"Idempotency-Replayed": text("`true` when this is the answer to the first request with this Idempotency-Key.", "true"),
		"Retry-After":          {Description: "After how many seconds to try again.", Schema: &huma.Schema{Type: huma.TypeInteger, Examples: []any{1}}},
		"WWW-Authenticate":     text("The kind of credential that is needed.", `Bearer realm="medbook", ApiKey realm="medbook"`),
	}
}

// describe starts an operation's part of the document: all but its input, which
// huma reads from the type.
func (a *surface) describe(o *operation, in, body reflect.Type) {
	_, sections := prose()
	text, ok := sections[o.ID]
	if !ok {
		panic("api: operations.md does not describe " + o.ID)
	}
	_, o.takesBody = in.FieldByName("Body")
	op := &huma.Operation{
		OperationID: o.ID, Method: o.Method, Path: o.Path, Summary: o.Summary, Tags: []string{a.tag},
		Description:   text + "\n\nFor: " + o.May.String() + ".",
		DefaultStatus: o.Status,
		Security:      []map[string][]string{{"bearer": {}}, {"apiKey": {}}, {"cookie": {}}},
		Middlewares:   huma.Middlewares{a.admit(o)},
		MaxBodyBytes:  maxBody + 2, // readBody has judged the size; huma refuses a body of exactly its limit
		Responses:     map[string]*huma.Response{},
	}
	if o.May.public() {
		op.Security = append([]map[string][]string{{}}, op.Security...)
	}
	for _, s := range append([]int{o.Status}, o.also...) {
		op.Responses[strconv.Itoa(s)] = a.success(o, s, body)
	}
	if o.mayBeUnchanged() {
		op.Responses["304"] = &huma.Response{Description: "What If-None-Match names is still so.", Headers: headers("ETag", "X-Request-ID", "Traceparent")}
		op.Parameters = append(op.Parameters, headerParam("If-None-Match", "ETags that the caller has; if one of them is current, the answer is 304.", 0))
	}
	if o.repeatable() {
		op.Parameters = append(op.Parameters, headerParam("Idempotency-Key",
			"Names this request, so that it can be repeated safely for 24 hours: the same key and body get the first answer again.", 255))
	}
	a.describeRefusals(o, op)
	o.described = op
}

// success describes an answer with a status of the row.
func (a *surface) success(o *operation, status int, body reflect.Type) *huma.Response {
	r := &huma.Response{Description: http.StatusText(status), Headers: headers("X-Request-ID", "Traceparent")}
	add := func(names ...string) {
		for name, h := range headers(names...) {
			r.Headers[name] = h
		}
	}
	if o.tagged {
		add("ETag")
	}
	if status == http.StatusCreated && !o.secret() {
		add("Location")
	}
	if o.repeatable() {
		add("Idempotency-Replayed")
	}
	if o.named {
		add("Content-Disposition")
	}
	switch {
	case body == reflect.TypeFor[none]():
	case body == reflect.TypeFor[file]():
		r.Content = map[string]*huma.MediaType{}
		for _, t := range o.produces {
			r.Content[t] = &huma.MediaType{}
		}
	default:
		schema := a.api.OpenAPI().Components.Schemas.Schema(body, true, "")
		r.Content = map[string]*huma.MediaType{jsonContent: {Schema: schema, Example: a.exampleOf(schema)}}
		if strings.HasSuffix(schema.Ref, "List") {
			add("Link")
		}
	}
	return r
}

func headers(names ...string) map[string]*huma.Header {
	m := map[string]*huma.Header{}
	for _, name := range names {
		m[name] = &huma.Header{Ref: "#/components/headers/" + name}
	}
	return m
}

func headerParam(name, description string, most int) *huma.Param {
	s := &huma.Schema{Type: huma.TypeString}
	if most > 0 {
		least := 1
		s.MinLength, s.MaxLength, s.Pattern = &least, &most, `^[!-~]+$`
	}
	return &huma.Param{Name: name, In: "header", Description: description, Schema: s}
}

// general are the errors that any operation can answer, whatever it does.
var general = []*errs.Error{
	errMalformed, auth.ErrUnauthenticated, errInvalid, gate.ErrInternal, gate.ErrCancelled, gate.ErrTooMany, gate.ErrCrossOrigin, federation.ErrUnavailable, audit.ErrUnrecorded,
	{Kind: errs.Unavailable, Code: "database-unavailable", Detail: "The database can't be reached."},
	{Kind: errs.Unavailable, Code: "outcome-unknown", Detail: "The database did not confirm the change; it may have been made. Repeat the request with its Idempotency-Key."},
	{Kind: errs.Unavailable, Code: "too-busy", Detail: "Too much is waiting for the database."},
	{Kind: errs.Unavailable, Code: "changed-meanwhile", Detail: "This changed while you asked; try again."},
}

// ofBodies are the errors of operations that can be sent a body.
var ofBodies = []*errs.Error{errTooLarge, errTooSlow}

// refusals lists every error that the operation can answer.
func (o *operation) refusals() []*errs.Error {
	list := slices.Clone(general)
	if o.Method != http.MethodGet {
		list = append(list, ofBodies...)
	}
	if o.takesBody {
		list = append(list, errContentType)
	}
	list = append(list, o.forbids()...)
	if o.repeatable() && !o.May.public() {
		list = append(list, idempotency.ErrMismatch, idempotency.ErrInProgress, idempotency.ErrUnreadable)
	}
	return append(list, o.refuses...)
}

// forbids lists the errors of callers whose credential is good, but not for this.
func (o *operation) forbids() (list []*errs.Error) {
	if o.May.public() {
		return nil
	}
	if len(o.May.roles()) < 4 {
		list = append(list, auth.ErrForbidden)
	}
	if o.May.scope != "" {
		list = append(list, auth.ErrScope)
	}
	if !slices.Contains(beforeFactor, o.ID) {
		list = append(list, auth.ErrFactorMissing)
	}
	if o.May.stepUp != "" {
		list = append(list, auth.ErrStepUp)
	}
	return list
}

// describeRefusals describes a problem document for each status that the
// operation's errors have. Those that say no more than general ones share a
// component.
func (a *surface) describeRefusals(o *operation, op *huma.Operation) {
	byStatus := map[int][]*errs.Error{}
	special := map[int]bool{}
	usual := slices.Concat(general, ofBodies, []*errs.Error{errContentType, auth.ErrForbidden, auth.ErrScope, auth.ErrFactorMissing})
	for _, e := range o.refusals() {
		s := statusOf(e)
		if !slices.ContainsFunc(byStatus[s], sameCode(e)) {
			byStatus[s] = append(byStatus[s], e)
			special[s] = special[s] || !slices.ContainsFunc(usual, sameCode(e))
		}
	}
	shared := a.api.OpenAPI().Components.Responses
	for s, list := range byStatus {
		key, name := strconv.Itoa(s), "Problem"+strconv.Itoa(s)
		if special[s] {
			r := a.problemResponse(s, list)
			if o.repeatable() {
				r.Headers["Idempotency-Replayed"] = headers("Idempotency-Replayed")["Idempotency-Replayed"]
			}
			op.Responses[key] = r
			continue
		}
		if shared[name] == nil {
			shared[name] = a.problemResponse(s, list)
		}
		op.Responses[key] = &huma.Response{Ref: "#/components/responses/" + name}
	}
}

// problemResponse describes the refusals with one status.
func (a *surface) problemResponse(status int, list []*errs.Error) *huma.Response {
	sort.Slice(list, func(i, j int) bool { return list[i].Code < list[j].Code })
	var text strings.Builder
	for _, e := range list {
		text.WriteString("- `" + e.Code + "`: " + e.Detail + "\n")
	}
	schema := a.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[problem](), true, "")
	r := &huma.Response{
		Description: strings.TrimSpace(text.String()), Headers: headers("X-Request-ID", "Traceparent"),
		Content: map[string]*huma.MediaType{problemContent: {Schema: schema, Example: problemOf(nil, exampleID, list[0])}},
	}
	switch status {
	case http.StatusUnauthorized:
		r.Headers["WWW-Authenticate"] = headers("WWW-Authenticate")["WWW-Authenticate"]
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		r.Headers["Retry-After"] = headers("Retry-After")["Retry-After"]
	}
	return r
}

func sameCode(e *errs.Error) func(*errs.Error) bool {
	return func(other *errs.Error) bool { return other.Code == e.Code }
}

// finishDocument adds what is known only when all routes are, and writes the
// document.
func (a *surface) finishDocument() {
	doc := a.api.OpenAPI()
	var err error
	if a.json, err = json.Marshal(doc); err == nil {
		a.yaml, err = doc.YAML()
	}
	if err != nil {
		panic(err)
	}
}
