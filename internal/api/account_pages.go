package api

import (
	"context"
	"path"

	"medbook/internal/auth"
)

// accountPolicy lets a page load its own script and style, and call the API.
const accountPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// accountPages are the files below /account, by the name that they are asked for
// with: a page for each link that people are sent, one to sign in, and what the pages load.
var accountPages = map[string]string{
	"verify":      "verify.html",
	"reset":       "reset.html",
	"email":       "email.html",
	"setup":       "setup.html",
	"forgotten":   "forgotten.html",
	"sign-in":     "sign-in.html",
	"account.css": "account.css",
	"account.js":  "account.js",
	"sign-in.js":  "sign-in.js",
}

// contentTypes are those of our own assets.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
}

type accountPageInput struct {
	Page string `path:"page" example:"verify" doc:"verify, reset, email, setup, forgotten or sign-in; or a file that the pages load."`
}

// accountPage answers with a page that a link leads to: GET /account/{page}. The
// link's token is in its fragment, so it comes neither here nor into a log.
func (s *Server) accountPage(_ context.Context, _ auth.Actor, in *accountPageInput) (file, error) {
	name, ok := accountPages[in.Page]
	if !ok {
		return file{}, errNoRoute
	}
	f := file{Type: contentTypes[path.Ext(name)]}
	if path.Ext(name) == ".html" {
		f.Policy = accountPolicy
	}
	var err error
	f.Content, err = assets.ReadFile("assets/account/" + name)
	return f, err
}
