package api

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"medbook/internal/etag"
	"medbook/internal/idempotency"
)

// answer is what a presenter makes of a service's result.
type answer[B any] struct {
	Status   int    // 0: the route's
	ETag     string // the version of a single resource
	Location string // where what was made can be found
	Cookie   string // to be set; with it the answer is not kept for a repeat
	Public   bool   // anybody may see it: caches may keep it if they ask before each use
	Body     B
}

// none is the body of an answer that has none.
type none struct{}

// file is a body that is not JSON.
type file struct {
	Type    string // Content-Type
	Policy  string // Content-Security-Policy, if it needs more than nothing
	Name    string // to be kept under; empty: to be shown
	Content []byte
}

// encode writes v as JSON. Every byte of JSON that the server sends comes from here.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

// render makes an answer ready to be sent, or to be kept for a repeat.
func render[B any](o *operation, a answer[B]) (idempotency.Answer, error) {
	out := idempotency.Answer{Status: cmp.Or(a.Status, o.Status), Header: map[string]string{}}
	set := func(name, value string) {
		if value != "" {
			out.Header[name] = value
		}
	}
	set("ETag", a.ETag)
	set("Location", a.Location)
	set("Set-Cookie", a.Cookie)
	if a.Public && o.Method == http.MethodGet {
		set("Cache-Control", "no-cache")
		set("Vary", "X-API-Key, Authorization, Cookie")
	}
	var err error
	switch body := any(a.Body).(type) {
	case none:
	case file:
		set("Content-Type", body.Type)
		set("Content-Security-Policy", body.Policy)
		if body.Name != "" {
			set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": body.Name}))
		}
		out.Body = body.Content
	default:
		set("Content-Type", "application/json")
		out.Body, err = encode(body)
	}
	return out, err
}

// digest is the entity tag of bytes that have no version of their own.
func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return etag.Quote(hex.EncodeToString(sum[:12]))
}

// place sets a header. What an answer varies by is added: another origin's page
// has made it vary before.
func place(h http.Header, name, value string) {
	if name == "Vary" {
		h.Add(name, value)
		return
	}
	h.Set(name, value)
}

// send writes a, or 304 when the caller has that version already.
func send(w http.ResponseWriter, r *http.Request, o *operation, a idempotency.Answer) {
	known := etag.Match(strings.Join(r.Header.Values("If-None-Match"), ","))
	unchanged := o.mayBeUnchanged() && a.Header["ETag"] != "" && known.Holds(a.Header["ETag"])
	for name, value := range a.Header {
		if !unchanged || name == "ETag" || name == "Cache-Control" || name == "Vary" || name == "Content-Security-Policy" { // a 304 renews the headers of what is kept
			place(w.Header(), name, value)
		}
	}
	switch {
	case unchanged:
		w.WriteHeader(http.StatusNotModified)
		return
	case a.Status != http.StatusNoContent:
		w.Header().Set("Content-Length", strconv.Itoa(len(a.Body)))
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body) // a caller who is gone is told nothing; net/http leaves the body out for HEAD
}
