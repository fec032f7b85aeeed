package origin

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestWhoAProxyIsBelievedAbout(t *testing.T) {
	proxies, ok := ParseProxies("10.0.0.0/8, 2001:db8::1,")
	if !ok || len(proxies) != 2 {
		t.Fatalf("ParseProxies = %v, %v", proxies, ok)
	}
	for _, tt := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"no proxy", "192.0.2.7:1", nil, "192.0.2.7"},
		{"a client that says it is another", "192.0.2.7:1", []string{"198.51.100.1"}, "192.0.2.7"},
		{"a trusted proxy", "10.1.2.3:1", []string{"192.0.2.7"}, "192.0.2.7"},
		{"a client that said something to the proxy", "10.1.2.3:1", []string{"198.51.100.1, 192.0.2.7"}, "192.0.2.7"},
		{"two proxies", "10.1.2.3:1", []string{"198.51.100.1, 192.0.2.7, 10.9.9.9"}, "192.0.2.7"},
		{"two headers", "10.1.2.3:1", []string{"198.51.100.1", "192.0.2.7", "10.9.9.9"}, "192.0.2.7"},
		{"nothing but proxies", "10.1.2.3:1", []string{"10.4.4.4"}, "10.4.4.4"},
		{"a proxy that says nothing", "10.1.2.3:1", nil, "10.1.2.3"},
		{"nonsense", "10.1.2.3:1", []string{"192.0.2.7, unknown"}, "10.1.2.3"},
		{"nonsense before", "10.1.2.3:1", []string{"unknown, 192.0.2.7"}, "192.0.2.7"},
		{"IPv4 in IPv6", "[::ffff:10.1.2.3]:1", []string{"::ffff:192.0.2.7"}, "192.0.2.7"},
		{"IPv6 with a zone", "[2001:db8::1%eth0]:1", []string{"fe80::1%eth0"}, "fe80::1"},
		{"very many", "10.1.2.3:1", []string{"192.0.2.7" + strings.Repeat(",10.0.0.1", 1000)}, "10.0.0.1"},
		{"no peer", "", []string{"192.0.2.7"}, "invalid IP"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = tt.peer, tt.forwarded
		if got := proxies.Client(r).String(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	for _, bad := range []string{"localhost", "10.0.0.0/33", "10.0.0.1-9"} {
		if _, ok := ParseProxies(bad); ok {
			t.Errorf("%q was read as proxies", bad)
		}
	}
}

func TestWhoSpeaksTLS(t *testing.T) {
	proxies, _ := ParseProxies("10.0.0.0/8")
	for _, tt := range []struct {
		peer  string
		tls   bool
		proto []string
		want  bool
	}{
		{"192.0.2.7:1", true, nil, true},
		{"192.0.2.7:1", false, []string{"https"}, false},
		{"10.0.0.1:1", false, []string{"https"}, true},
		{"10.0.0.1:1", false, []string{"http"}, false},
		{"10.0.0.1:1", false, []string{"https", "http"}, false},
		{"10.0.0.1:1", false, nil, false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-Proto"] = tt.peer, tt.proto
		if tt.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if got := proxies.Secure(r); got != tt.want {
			t.Errorf("%+v: %v, want %v", tt, got, tt.want)
		}
	}
}

// FuzzClient shows that no header of a stranger moves the address.
func FuzzClient(f *testing.F) {
	f.Add("198.51.100.1, 192.0.2.7", "https")
	proxies, _ := ParseProxies("10.0.0.0/8")
	f.Fuzz(func(t *testing.T, forwarded, proto string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = "192.0.2.7:1"
		r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Proto"] = []string{forwarded}, []string{proto}
		if got := proxies.Client(r).String(); got != "192.0.2.7" || proxies.Secure(r) {
			t.Errorf("the client is %s, secure %v", got, proxies.Secure(r))
		}
		r.RemoteAddr = "10.0.0.1:1"
		proxies.Client(r) // must not panic
	})
}
