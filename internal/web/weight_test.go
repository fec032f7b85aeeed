package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// TestTheBookingIsLight weighs what a browser that begins to book loads beside the
// pages themselves, compressed as it is sent.
func TestTheBookingIsLight(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		const most = 60 << 10
		c := newClinic(t, db)
		c.hours("grey")
		date := c.hours("brown")[0].Start.Format(time.DateOnly)
		seen, weight := map[string]bool{}, 0
		v := c.as("ann")
		for _, page := range []string{"/", "/book", "/book/who?length=15", "/book/date?length=15", "/book/time?length=15&date=" + date} {
			p := v.get(page)
			p.has(200)
			for _, file := range slices.Concat(p.attributes("link", "href"), p.attributes("script", "src"), p.attributes("img", "src")) {
				if seen[file] {
					continue
				}
				seen[file] = true
				weight += c.weigh(file)
			}
		}
		if len(seen) < 3 || weight > most {
			t.Errorf("the booking loads %d bytes in %d files, want at most %d", weight, len(seen), most)
		}
		t.Logf("%d bytes in %d files", weight, len(seen))
	})
}

// weigh is how many bytes of a file are sent to a browser that takes gzip.
func (c *clinic) weigh(file string) int {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.url+file, http.NoBody)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	sent, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Encoding") != "gzip" {
		c.t.Fatalf("%s: status %d, encoding %q, error %v", file, resp.StatusCode, resp.Header.Get("Content-Encoding"), err)
	}
	if _, err := gzip.NewReader(bytes.NewReader(sent)); err != nil {
		c.t.Errorf("%s is not what it says: %v", file, err)
	}
	return len(sent)
}
