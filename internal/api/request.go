package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"medbook/internal/errs"
	"medbook/internal/gate"
)

const (
	maxBody   = 1 << 20
	maxDepth  = 32 // of nested JSON
	maxErrors = 20 // that a problem document lists
)

// readQuery checks the query, which huma reads too leniently: every parameter
// must be known, come once, and have a value.
func (x *exchange) readQuery(o *operation, r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return errMalformed.Field("query", "is not encoded as a query is")
	}
	wrong := errInvalid
	for name, values := range query {
		place := "query." + name
		_, known := o.places[place]
		switch {
		case !known:
			wrong = wrong.Field("query", "has an unknown parameter")
		case len(values) > 1:
			wrong = wrong.Field(place, "comes more than once")
		case values[0] == "":
			wrong = wrong.Field(place, "is empty")
		case !utf8.ValidString(values[0]) || strings.ContainsRune(values[0], 0):
			wrong = wrong.Field(place, "is not text")
		}
	}
	if len(wrong.Fields) > 0 {
		return wrong
	}
	x.query, x.keys = query, r.Header.Values("Idempotency-Key")
	return nil
}

// readBody reads the whole body and checks what huma would not: its type, its
// size, that it is JSON in UTF-8, and that no field comes twice. What huma then
// reads is in memory.
func (x *exchange) readBody(o *operation, r *http.Request) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil // a body means nothing here
	}
	takes := o.described.RequestBody
	if !isJSON(r.Header) && takes != nil {
		return errContentType
	}
	if r.ContentLength > maxBody {
		return errTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errTooSlow
	case err != nil:
		return errMalformed.Field("body", "did not arrive whole")
	case len(body) > maxBody:
		return errTooLarge
	}
	if takes == nil {
		if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && !bytes.Equal(trimmed, []byte("{}")) {
			return errInvalid.Field("body", "is not taken by this operation")
		}
	} else if len(body) > 0 || takes.Required {
		if err := checkJSON(body); err != nil {
			return err
		}
	}
	x.body, r.Body = body, io.NopCloser(bytes.NewReader(body))
	return nil
}

// isJSON reports whether a body of this type may be JSON. That a type is
// missing does not matter.
func isJSON(h http.Header) bool {
	if encoding := h.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return false
	}
	if h.Get("Content-Type") == "" {
		return true
	}
	t, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	charset, given := params["charset"]
	return err == nil && t == "application/json" && (!given || strings.EqualFold(charset, "utf-8"))
}

// checkJSON returns an error unless b is one JSON value in UTF-8 that means the
// same to everybody.
func checkJSON(b []byte) error {
	if !utf8.Valid(b) {
		return errMalformed.Field("body", "is not UTF-8")
	}
	if !json.Valid(b) {
		return errMalformed.Field("body", "is not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if wrong := walk(d, 0); wrong != "" {
		return errInvalid.Field("body", wrong)
	}
	return nil
}

// walk reads one value of valid JSON and says what is wrong with it.
func walk(d *json.Decoder, depth int) string {
	token, _ := d.Token()
	if text, ok := token.(string); ok && strings.ContainsRune(text, 0) {
		return "holds a NUL character"
	}
	open, ok := token.(json.Delim)
	if !ok {
		return ""
	}
	if depth == maxDepth {
		return "is nested too deeply"
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			token, _ := d.Token()
			name, _ := token.(string)
			if strings.ContainsRune(name, 0) {
				return "holds a NUL character"
			}
			if seen[name] {
				return "has a field twice"
			}
			seen[name] = true
		}
		if wrong := walk(d, depth+1); wrong != "" {
			return wrong
		}
	}
	_, _ = d.Token() // the closing one
	return ""
}

// refusal makes the answer to a request that huma refuses. It stands in for
// huma.NewErrorWithContext, which would repeat the values that were sent.
func refusal(hc huma.Context, status int, _ string, details ...error) huma.StatusError {
	x := exchangeOf(hc.Context())
	err := errInvalid
	switch {
	case status >= http.StatusInternalServerError:
		err = gate.ErrInternal
	case status == http.StatusBadRequest:
		err = errMalformed
	}
	x.Code = err.Code
	p := problemOf(x.op, x.Request, err)
	if err == errInvalid {
		p.Errors = wrongParts(x.op.places, details)
	}
	return p
}

// GetStatus, Error and ContentType make a problem what huma writes as one.
func (p *problem) GetStatus() int            { return p.Status }
func (p *problem) Error() string             { return p.Code }
func (p *problem) ContentType(string) string { return problemContent }

// wrongParts turns what huma found into what callers may see: places that the
// document names, and messages that were made from the schema alone.
func wrongParts(known places, details []error) []fieldError {
	var list []fieldError
	for _, detail := range details {
		d, ok := detail.(huma.ErrorDetailer)
		if !ok {
			continue
		}
		found := d.ErrorDetail()
		list = append(list, wrongPart(known, found.Location, found.Message))
	}
	slices.SortFunc(list, func(a, b fieldError) int {
		return strings.Compare(a.Location+"\x00"+a.Message, b.Location+"\x00"+b.Message)
	})
	list = slices.Compact(list)
	return list[:min(len(list), maxErrors)]
}

func wrongPart(known places, location, message string) fieldError {
	if name, ok := strings.CutPrefix(message, "expected required property "); ok {
		name, _ = strings.CutSuffix(name, " to be present")
		location, message = location+"."+name, "is required"
	}
	message, _, _ = strings.Cut(message, ": ") // what follows repeats the value
	switch {
	case message == "unexpected property":
		return fieldError{Location: known.around(location, true), Message: "has an unknown field"}
	case message == "is required", strings.HasPrefix(message, "expected "):
	case strings.HasPrefix(message, "required "):
		message = "is required"
	default:
		message = "is not valid"
	}
	return fieldError{Location: known.around(location, false), Message: message}
}

// places are the locations in a request that an operation's description names,
// such as "query.limit" and "body.weekdays[]", and whether an object is there.
type places map[string]bool

var isIndex = regexp.MustCompile(`\[\d+\]`)

// around returns the longest beginning of location that is a place, or one of
// an object. The rest is text of the caller's, such as an unknown field's name.
func (p places) around(location string, object bool) string {
	for {
		if isObject, ok := p[isIndex.ReplaceAllString(location, "[]")]; ok && (isObject || !object) {
			return location
		}
		cut := strings.LastIndexAny(location, ".[")
		if cut < 0 {
			return location
		}
		location = location[:cut]
	}
}

// placesOf lists the places of an operation.
func placesOf(schemas huma.Registry, op *huma.Operation) places {
	p := places{"body": true}
	for _, param := range op.Parameters {
		p[param.In] = true
		p[param.In+"."+param.Name] = false
	}
	var visit func(place string, s *huma.Schema)
	visit = func(place string, s *huma.Schema) {
		for s.Ref != "" {
			s = schemas.SchemaFromRef(s.Ref)
		}
		p[place] = s.Type == huma.TypeObject
		if s.Items != nil {
			visit(place+"[]", s.Items)
		}
		for name, property := range s.Properties {
			visit(place+"."+name, property)
		}
	}
	if op.RequestBody != nil {
		visit("body", op.RequestBody.Content[jsonContent].Schema)
	}
	return p
}

// fieldErrors lists the fields of a service's error by their place in the
// request, in a stable order.
func fieldErrors(o *operation, e *errs.Error) []fieldError {
	var list []fieldError
	for name, wrong := range e.Fields {
		list = append(list, fieldError{Location: o.locate(name), Message: wrong})
	}
	slices.SortFunc(list, func(a, b fieldError) int { return strings.Compare(a.Location, b.Location) })
	return list
}
