// Package client speaks the HTTP API of a Medbook server.
//
//	c := client.New("http://127.0.0.1:8080", client.APIKey(key))
//	for slot, err := range c.Slots(client.SlotQuery{PractitionerID: id}).All(ctx) {
//		if err != nil {
//			return err
//		}
//		appointment, err := c.Hold(ctx, client.NewAppointment{SlotID: slot.ID})
//		…
//	}
//
// A refusal of the server is a *Problem. Nothing is retried: a caller that
// wants to repeat a POST whose answer was lost sends it again with the same
// IdempotencyKey and gets the first answer.
//
// It imports nothing but the standard library.
package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// ErrNotModified is the answer to a read with IfNoneMatch whose tag is still current.
var ErrNotModified = errors.New("not modified")

// Client is one caller of one server. Its methods are safe for concurrent use.
type Client struct {
	base   string
	key    string
	token  string
	client *http.Client
}

// Option configures a Client.
type Option func(*Client)

// APIKey makes the client send key with every request. Without one only what
// is public can be read.
func APIKey(key string) Option { return func(c *Client) { c.key = key } }

// Token makes the client send an access token of LogIn with every request, as an
// alternative to APIKey: a server refuses who shows both.
func Token(access string) Option { return func(c *Client) { c.token = access } }

// HTTPClient makes the client send its requests through h instead of http.DefaultClient.
func HTTPClient(h *http.Client) Option { return func(c *Client) { c.client = h } }

// New returns a client of the server at baseURL, such as "https://clinic.example".
func New(baseURL string, options ...Option) *Client {
	c := &Client{base: strings.TrimRight(baseURL, "/"), client: http.DefaultClient}
	for _, o := range options {
		o(c)
	}
	return c
}

// CallOption changes one request, or looks at its answer.
type CallOption func(*exchange)

// IdempotencyKey names a POST, so that it can be repeated when its answer was
// lost: the server does the work once and keeps the answer for 24 hours. key
// has 1 to 255 characters; a random UUID will do.
func IdempotencyKey(key string) CallOption {
	return func(x *exchange) { x.header.Set("Idempotency-Key", key) }
}

// IfNoneMatch makes a read return ErrNotModified while etag is current.
func IfNoneMatch(etag string) CallOption {
	return func(x *exchange) { x.header.Set("If-None-Match", etag) }
}

// Header stores the answer's status and header in a, also when the call fails
// with a *Problem.
func Header(a *Answer) CallOption { return func(x *exchange) { x.seen = a } }

// Answer is what came beside the body of an answer.
type Answer struct {
	Status int
	Header http.Header
}

// Replayed reports whether the answer is the kept one of an earlier request
// with the same IdempotencyKey.
func (a Answer) Replayed() bool { return a.Header.Get("Idempotency-Replayed") == "true" }

// ifMatch names the version that a change was made from.
func ifMatch(etag string) CallOption {
	return func(x *exchange) {
		if etag != "" {
			x.header.Set("If-Match", etag)
		}
	}
}

// Versioned is embedded in what has an entity tag. A change of a resource
// takes the tag that was read with it, and fails when somebody else was faster.
type Versioned struct {
	ETag string `json:"-"` // empty in the items of a list
}

func (v *Versioned) setETag(tag string) { v.ETag = tag }

// exchange is one request and its answer.
type exchange struct {
	method string
	path   string // below the base, escaped
	query  url.Values
	body   any    // marshalled to JSON unless nil
	accept string // the types of a good answer; empty: JSON
	header http.Header
	seen   *Answer
}

// call does a request whose answer is a T.
func call[T any](ctx context.Context, c *Client, x exchange, options []CallOption) (result T, err error) {
	header, body, err := c.do(ctx, x, options)
	if err != nil {
		return result, err
	}
	if err := json.Unmarshal(body, &result); err != nil {
		return result, fmt.Errorf("%s %s: read answer: %w", x.method, x.path, err)
	}
	if v, ok := any(&result).(interface{ setETag(string) }); ok {
		v.setETag(header.Get("ETag"))
	}
	return result, nil
}

// do sends a request and returns the answer of one that succeeded.
func (c *Client) do(ctx context.Context, x exchange, options []CallOption) (http.Header, []byte, error) {
	resp, err := c.send(ctx, x, options)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("%s %s: read answer: %w", x.method, x.path, err)
	}
	return resp.Header, body, nil
}

// open sends a request and returns the answer of one that succeeded to be read
// as it comes. The caller closes it.
func (c *Client) open(ctx context.Context, x exchange, options []CallOption) (io.ReadCloser, error) {
	resp, err := c.send(ctx, x, options)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// send sends a request and returns the answer of one that succeeded, whose body
// the caller closes.
func (c *Client) send(ctx context.Context, x exchange, options []CallOption) (*http.Response, error) {
	x.header = http.Header{}
	for _, o := range options {
		o(&x)
	}
	req, err := c.request(ctx, x)
	if err != nil {
		return nil, err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, err
	}
	if x.seen != nil {
		*x.seen = Answer{Status: resp.StatusCode, Header: resp.Header}
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s %s: read answer: %w", x.method, x.path, err)
	case resp.StatusCode == http.StatusNotModified:
		return nil, ErrNotModified
	}
	return nil, problem(resp, body)
}

func (c *Client) request(ctx context.Context, x exchange) (*http.Request, error) {
	target := c.base + x.path
	if len(x.query) > 0 {
		target += "?" + x.query.Encode()
	}
	var body io.Reader
	if x.body != nil {
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false) // clinical data is kept as it is sent
		if err := encoder.Encode(x.body); err != nil {
			return nil, fmt.Errorf("%s %s: write request: %w", x.method, x.path, err)
		}
		body = bytes.NewReader(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
		x.header.Set("Content-Type", "application/json")
	}
	req, err := http.NewRequestWithContext(ctx, x.method, target, body)
	if err != nil {
		return nil, err
	}
	x.header.Set("Accept", cmp.Or(x.accept, "application/json")+", application/problem+json")
	if c.key != "" {
		x.header.Set("X-API-Key", c.key)
	}
	if c.token != "" {
		x.header.Set("Authorization", "Bearer "+c.token)
	}
	req.Header = x.header
	return req, nil
}

// The verbs, each with what it needs.

func get(path string) exchange { return exchange{method: http.MethodGet, path: path} }

func post(path string, body any) exchange {
	return exchange{method: http.MethodPost, path: path, body: body}
}

func put(path string, body any) exchange {
	return exchange{method: http.MethodPut, path: path, body: body}
}

func patch(path string, body any) exchange {
	return exchange{method: http.MethodPatch, path: path, body: body}
}

func remove(path string) exchange { return exchange{method: http.MethodDelete, path: path} }

func at(collection, id string, rest ...string) string {
	return "/v1/" + collection + "/" + url.PathEscape(id) + strings.Join(rest, "")
}
