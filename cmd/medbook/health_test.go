package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestWhomHealthAsks(t *testing.T) {
	for _, tt := range []struct {
		name string
		ask  health
		want string // empty: nobody can be asked
	}{
		{"by default", health{}, "http://127.0.0.1:8080/readyz"},
		{"on another port", health{listening: listening{"127.0.0.1:9000"}}, "http://127.0.0.1:9000/readyz"},
		{"that listens on every address", health{listening: listening{":8080"}}, "http://127.0.0.1:8080/readyz"},
		{"that listens on every address of IPv4", health{listening: listening{"0.0.0.0:8080"}}, "http://127.0.0.1:8080/readyz"},
		{"that listens on every address of IPv6", health{listening: listening{"[::]:8080"}}, "http://[::1]:8080/readyz"},
		{"that listens on one address", health{listening: listening{"10.0.0.5:443"}, TLSCert: "cert.pem"}, "https://10.0.0.5:443/readyz"},
		{"on a port that is not known", health{listening: listening{"127.0.0.1:0"}}, ""},
		{"on no port", health{listening: listening{"127.0.0.1"}}, ""},
		{"elsewhere", health{URL: "https://clinic.example"}, "https://clinic.example/readyz"},
		{"elsewhere, with a slash", health{URL: "https://clinic.example/"}, "https://clinic.example/readyz"},
		{"at no address", health{URL: "clinic.example"}, ""},
		{"by another protocol", health{URL: "ftp://clinic.example"}, ""},
	} {
		got, err := tt.ask.question()
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: got %q and error %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

// answering returns a handler that answers /readyz with each status in turn, and
// goes on with the last one.
func answering(asked *atomic.Int32, statuses ...int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n := int(asked.Add(1)) - 1
		if r.URL.Path != "/readyz" {
			http.NotFound(w, r)
			return
		}
		w.WriteHeader(statuses[min(n, len(statuses)-1)])
	}
}

// TestHealthSaysWhetherAServerIsReady shows the answers by which a container is
// judged: 0 or 1, and why.
func TestHealthSaysWhetherAServerIsReady(t *testing.T) {
	for _, tt := range []struct {
		name     string
		statuses []int
		wait     time.Duration
		asked    int32
		stderr   string // what it says; empty: it is ready
	}{
		{"ready", []int{200}, 0, 1, ""},
		{"not yet, and not waited for", []int{503, 200}, 0, 1, "/readyz answers 503 Service Unavailable"},
		{"not yet, and waited for", []int{503, 500, 200}, time.Minute, 3, ""},
		{"ready, and waited for", []int{200}, time.Minute, 1, ""},
		{"never", []int{503}, time.Millisecond, 1, "/readyz answers 503 Service Unavailable"},
	} {
		var asked atomic.Int32
		server := httptest.NewServer(answering(&asked, tt.statuses...))
		var stdout, stderr strings.Builder
		status := run([]string{"health", "--url", server.URL, "--wait", tt.wait.String()}, &stdout, &stderr)
		server.Close()
		ready := tt.stderr == ""
		if (status == succeeded) != ready || (stdout.String() == "ready\n") != ready || !strings.Contains(stderr.String(), tt.stderr) || asked.Load() != tt.asked {
			t.Errorf("%s: status %d, stdout %q, stderr %q after %d questions, want %q after %d", tt.name, status, stdout.String(), stderr.String(), asked.Load(), tt.stderr, tt.asked)
		}
	}
}

func TestHealthKnowsThatNobodyAnswers(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	var stdout, stderr strings.Builder
	if status := run([]string{"health", "--url", server.URL}, &stdout, &stderr); status != failed || !strings.Contains(stderr.String(), "not ready: ") {
		t.Errorf("status %d, stderr %q, want %d", status, stderr.String(), failed)
	}
}

// TestHealthLooksAtCertificatesOfOthers shows that the server of this machine is
// asked whatever its certificate says, and one that is named is not.
func TestHealthLooksAtCertificatesOfOthers(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewTLSServer(answering(&asked, 200))
	defer server.Close()
	var out strings.Builder
	if status := run([]string{"health", "--listen", server.Listener.Addr().String(), "--tls-cert", "cert.pem"}, &out, &out); status != succeeded {
		t.Errorf("this machine's: status %d, %s", status, out.String())
	}
	out.Reset()
	if status := run([]string{"health", "--url", server.URL}, &out, &out); status != failed || !strings.Contains(out.String(), "certificate") || asked.Load() != 1 {
		t.Errorf("one that is named: status %d, %s, asked %d times", status, out.String(), asked.Load())
	}
}
