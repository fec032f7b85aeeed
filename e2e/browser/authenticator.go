package browser

import (
	"github.com/chromedp/cdproto/webauthn"
)

// HasAuthenticator gives the tab's device a place for passkeys, and somebody at it
// whose finger it knows and who never hesitates.
func (tab *Tab) HasAuthenticator() {
	tab.t.Helper()
	must(tab, webauthn.Enable, webauthn.EnableParams{})
	must(tab, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: "ctap2", Transport: "internal", HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
}
