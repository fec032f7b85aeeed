package web

import "medbook/internal/web/ui"

// accountTabs are the parts of one's own account.
func (c *call) accountTabs() []ui.Link {
	var tabs []ui.Link
	for _, t := range []place{
		{"/account", "account.profile"},
		{"/account/messages", "account.messages"},
		{"/account/password", "account.password"},
		{"/account/second-factor", "account.factors"},
		{"/account/address", "account.address"},
		{"/account/sessions", "account.sessions"},
		{"/account/connections", "account.connections"},
		{"/account/keys", "account.keys"},
	} {
		if t.href == "/account/connections" && len(c.server.Auth.Providers()) == 0 && c.r.URL.Path != t.href {
			continue // there is nothing to connect with
		}
		within := c.r.URL.Path == t.href || t.href != "/account" && below(c.r.URL.Path, t.href)
		tabs = append(tabs, ui.Link{Href: t.href, Text: c.say(t.key), Current: within})
	}
	return tabs
}

func below(path, top string) bool { return len(path) > len(top) && path[:len(top)+1] == top+"/" }
