package measure

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// TestNothingIsCountedByNobody calls all that can be called of no instruments, as
// every package does where nothing is measured.
func TestNothingIsCountedByNobody(t *testing.T) {
	var none *Instruments
	if w := none.Start(); w.Started() {
		t.Error("a stopwatch runs for nobody")
	}
	none.RequestEnds(Request{}, none.RequestBegins())
	none.RateLimited("address")
	none.Transaction(View, Done, Stopwatch{})
	none.Retried(Deadlock)
	none.Committed(Stopwatch{})
	none.Group(1)
	none.JobRan("x", JobDone, Stopwatch{})
	none.MessageTried("email", Sent)
	none.MessageSettled("email", "sent")
	none.EventTried(Sent)
	none.EventSettled("sent")
	none.KeeperFailed()
	none.SpansExported(1, true)
	none.Appointment("held")
	none.SchedulingRefused("appointment.hold", "slot-taken")
	none.CredentialRefused()
	none.SignInThrottled()
}

func TestRequestsAreCountedByPattern(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := New("v0")
		w := i.RequestBegins()
		if n := testutil.ToFloat64(i.inFlight); n != 1 {
			t.Errorf("%v requests are in flight, want 1", n)
		}
		<-time.After(30 * time.Millisecond)
		i.RequestEnds(Request{Method: "GET", Route: "/v1/slots", Status: 200}, w)
		i.RequestEnds(Request{Method: "GET", Status: 404}, i.RequestBegins())
		i.RequestEnds(Request{Method: "GET", Route: "/practice/live", Status: 200, Stream: true}, i.RequestBegins())
		want := `
# HELP medbook_http_requests_total Requests that were answered, by the pattern of their route.
# TYPE medbook_http_requests_total counter
medbook_http_requests_total{method="GET",route="/practice/live",status="200"} 1
medbook_http_requests_total{method="GET",route="/v1/slots",status="200"} 1
medbook_http_requests_total{method="GET",route="unmatched",status="404"} 1
# HELP medbook_http_requests_in_flight Requests that are being answered.
# TYPE medbook_http_requests_in_flight gauge
medbook_http_requests_in_flight 0
# HELP medbook_http_request_duration_seconds How long answers took, but for streams, which last as long as somebody reads.
# TYPE medbook_http_request_duration_seconds histogram
`
		for _, line := range []struct {
			labels, sum string
			buckets     string // of the bounds below, in turn
		}{
			{`method="GET",route="/v1/slots"`, "0.03", "000001111111"},
			{`method="GET",route="unmatched"`, "0", "111111111111"},
		} {
			for j, le := range []string{"0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5"} {
				want += "medbook_http_request_duration_seconds_bucket{" + line.labels + `,le="` + le + `"} ` + line.buckets[j:j+1] + "\n"
			}
			want += "medbook_http_request_duration_seconds_bucket{" + line.labels + `,le="10"} 1` + "\n"
			want += "medbook_http_request_duration_seconds_bucket{" + line.labels + `,le="+Inf"} 1` + "\n"
			want += "medbook_http_request_duration_seconds_sum{" + line.labels + "} " + line.sum + "\n"
			want += "medbook_http_request_duration_seconds_count{" + line.labels + "} 1\n"
		}
		if err := testutil.GatherAndCompare(i.Registry(), strings.NewReader(want),
			"medbook_http_requests_total", "medbook_http_requests_in_flight", "medbook_http_request_duration_seconds"); err != nil {
			t.Error(err)
		}
	})
}
