package app_test

import (
	"go/ast"
	"go/token"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"medbook/internal/app"
	"medbook/internal/gate"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
	"medbook/internal/web"
)

// TestLinksLeadToPages follows every link to an account page or a visit that the
// program puts into a message, gives to an identity provider, or prints.
func TestLinksLeadToPages(t *testing.T) {
	links := map[string]string{} // and where each stands
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.path, "internal/api/") || strings.HasPrefix(s.path, "internal/web/") {
			continue
		}
		for n := range ast.Preorder(s.file) {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				continue
			}
			for _, page := range regexp.MustCompile(`/account/[\w-]+|/visit\b`).FindAllString(literal.Value, -1) {
				links[page] = s.path
			}
		}
	}
	if len(links) < 5 {
		t.Errorf("found %d links, want those of three messages, of the first start, and of identity providers", len(links))
	}
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		services, log := app.NewServices(db), slog.New(slog.DiscardHandler)
		pages := &web.Server{Auth: services.Auth, Directory: services.Directory, Notify: services.Notify, Log: log, Now: db.Now}
		face := pages.Face()
		handler := (&gate.Gate{Auth: services.Auth, Log: log, Pick: func(*http.Request) gate.Face { return face }}).Handler()
		for page, path := range links {
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, page, nil))
			if kind := answer.Header().Get("Content-Type"); answer.Code != http.StatusOK || !strings.HasPrefix(kind, "text/html") {
				t.Errorf("%s links to %s, which answers %d %s", path, page, answer.Code, kind)
			}
		}
	})
}
