package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"medbook/internal/app"
	"medbook/internal/gate"
	"medbook/internal/keyring"
)

// BenchmarkPages opens every page that the people of the demo clinic find by following
// links, again and again, and prints within what time 95 of 100 came, for each kind of
// address. What we want is 20 ms.
func BenchmarkPages(b *testing.B) {
	keys, err := keyring.New()
	if err != nil {
		b.Fatal(err)
	}
	database := "sqlite:" + filepath.Join(b.TempDir(), "medbook.db")
	if err := seed(b.Context(), database, keys, time.Now()); err != nil {
		b.Fatal(err)
	}
	a, err := app.New(b.Context(), app.Config{
		Listen: "127.0.0.1:0", Database: database, Keys: keys, Log: slog.New(slog.DiscardHandler), Limits: gate.Limits{},
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	times := map[string][]time.Duration{}
	people := append(People(), app.DemoPerson{})
	b.ResetTimer()
	for _, who := range people {
		r := &reader{b: b, base: a.URL(), times: times}
		r.enter(who)
		paths := r.follow()
		for range 20 * b.N {
			for _, path := range paths {
				r.open(path)
			}
		}
	}
	b.StopTimer()
	stop()
	if err := <-ended; err != nil {
		b.Error(err)
	}
	var kinds []string
	for kind := range times {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	worst := time.Duration(0)
	for _, kind := range kinds {
		all := times[kind]
		slices.Sort(all)
		p95 := all[len(all)*95/100]
		worst = max(worst, p95)
		fmt.Printf("%8.2f ms  %5d times  %s\n", p95.Seconds()*1000, len(all), kind)
	}
	b.ReportMetric(worst.Seconds()*1000, "worst-p95-ms")
}

// reader is somebody who reads pages, and how long each took.
type reader struct {
	b      *testing.B
	base   string
	client http.Client
	times  map[string][]time.Duration
}

// enter signs in, unless it is nobody. The session's cookie is for secure connections
// only, and for this machine, which a jar does not know to be one.
func (r *reader) enter(who app.DemoPerson) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.b.Fatal(err)
	}
	r.client = http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if who.Email == "" {
		return
	}
	form := url.Values{"email": {who.Email}, "password": {who.Password}}
	req, _ := http.NewRequestWithContext(r.b.Context(), http.MethodPost, r.base+"/sign-in", strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", r.base)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := r.client.Do(req)
	if err != nil || resp.StatusCode != http.StatusSeeOther {
		r.b.Fatalf("%s can't sign in: %v, %v", who.Email, resp, err)
	}
	_ = resp.Body.Close()
	there, _ := url.Parse(r.base)
	cookies := resp.Cookies()
	for _, c := range cookies {
		c.Secure = false
	}
	jar.SetCookies(there, cookies)
	r.client.Jar = jar
}

// anID is a part of a path that is of one thing.
var anID = regexp.MustCompile(`/[^/]*[0-9][^/]{8,}`)

// open opens a page and returns it; nil if it is none.
func (r *reader) open(path string) []byte {
	req, err := http.NewRequestWithContext(r.b.Context(), http.MethodGet, r.base+path, http.NoBody)
	if err != nil {
		return nil
	}
	begun := time.Now()
	resp, err := r.client.Do(req)
	if err != nil {
		r.b.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	took := time.Since(begun)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		return nil
	}
	kind := anID.ReplaceAllString(req.URL.Path, "/{id}")
	r.times[kind] = append(r.times[kind], took)
	return body
}

// follow returns one path of each kind of page that links lead to.
func (r *reader) follow() (paths []string) {
	todo, seen := []string{"/", "/my", "/calendar", "/admin", "/trail", "/figures"}, map[string]bool{}
	for len(todo) > 0 {
		path := todo[0]
		todo = todo[1:]
		kind := anID.ReplaceAllString(strings.SplitN(path, "?", 2)[0], "/{id}")
		if seen[kind] || !strings.HasPrefix(path, "/") || regexp.MustCompile(`^/(docs|openapi|assets|v1|fhir)|/export|\.|/live`).MatchString(path) {
			continue
		}
		seen[kind] = true
		body := r.open(path)
		if body == nil {
			continue
		}
		paths = append(paths, path)
		tree, err := html.Parse(bytes.NewReader(body))
		if err != nil {
			r.b.Fatal(err)
		}
		for n := range tree.Descendants() {
			for _, at := range n.Attr {
				if n.Data == "a" && at.Key == "href" {
					todo = append(todo, strings.SplitN(at.Val, "#", 2)[0])
				}
			}
		}
	}
	return paths
}
