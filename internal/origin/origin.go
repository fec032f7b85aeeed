// Package origin tells where a request came from when proxies stand between.
//
// A header that a proxy adds is believed only if the proxy is one that the
// operator named: anybody can send the same header.
package origin

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// most is how many addresses of a chain of proxies are looked at.
const most = 32

// Proxies are the networks of the proxies that are trusted. None is trusted by
// the zero value.
type Proxies []netip.Prefix

// ParseProxies reads addresses and prefixes with commas between. It reports
// false when one is neither.
func ParseProxies(list string) (Proxies, bool) {
	var all Proxies
	for part := range strings.SplitSeq(list, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		if a, err := netip.ParseAddr(part); err == nil {
			a = a.Unmap().WithZone("")
			all = append(all, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(part)
		if err != nil {
			return nil, false
		}
		all = append(all, p.Masked())
	}
	return all, true
}

func (p Proxies) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(a) })
}

// Client returns the address of the client: the peer, or if that is a trusted
// proxy the last address in X-Forwarded-For that is not one. What stands before
// that was said by the client itself and is not looked at. It is the zero Addr
// when the peer has none.
func (p Proxies) Client(r *http.Request) netip.Addr {
	peer, ok := peerOf(r)
	if !ok || !p.trusts(peer) {
		return peer
	}
	client, seen := peer, 0
	headers := r.Header.Values("X-Forwarded-For")
	for _, header := range slices.Backward(headers) {
		for _, part := range slices.Backward(strings.Split(header, ",")) {
			a, err := netip.ParseAddr(strings.TrimSpace(part))
			if seen++; err != nil || seen > most {
				return client
			}
			if client = a.Unmap().WithZone(""); !p.trusts(client) {
				return client
			}
		}
	}
	return client
}

// Secure reports whether the client speaks TLS: to us, or to a trusted proxy
// that says so.
func (p Proxies) Secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	peer, ok := peerOf(r)
	said := r.Header.Values("X-Forwarded-Proto")
	return ok && p.trusts(peer) && len(said) == 1 && strings.EqualFold(said[0], "https")
}

func peerOf(r *http.Request) (netip.Addr, bool) {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	return a.Addr().Unmap().WithZone(""), err == nil
}
