package app_test

import (
	"go/ast"
	"go/token"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"medbook/internal/api"
)

// ofWeb are the pages that links lead to and internal/web answers, which this
// handler does not have: they are for people, and come with its forms.
var ofWeb = []string{"/visit"}

// TestLinksLeadToPages follows every link to an account page or a visit that the
// program puts into a message or prints.
func TestLinksLeadToPages(t *testing.T) {
	server := &api.Server{Log: slog.New(slog.DiscardHandler)}
	handler, found := server.Handler(), 0
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
				found++
				if slices.Contains(ofWeb, page) {
					continue
				}
				answer := httptest.NewRecorder()
				handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, page, nil))
				if answer.Code != http.StatusOK {
					t.Errorf("%s links to %s, which answers %d", s.path, page, answer.Code)
				}
			}
		}
	}
	if found < 5 {
		t.Errorf("found %d links, want those of three messages, of visits and of the first start", found)
	}
}
