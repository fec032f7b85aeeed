package api

import (
	"context"
	"embed"
	"html/template"
	"slices"
	"strings"
	"sync"

	"medbook/internal/auth"
	"medbook/internal/errs"
)

// The documentation works offline: assets holds Swagger UI 5.35.0 as its makers
// publish it (swagger-ui-dist on npm), and our own pages around it.
//
//go:embed assets
var assets embed.FS

// docsPolicy lets the page load its own files and nothing else.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// served are the files below /docs, by name.
var served = map[string]string{
	"docs.css":             "text/css; charset=utf-8",
	"docs.js":              "text/javascript; charset=utf-8",
	"swagger-ui.css":       "text/css; charset=utf-8",
	"swagger-ui-bundle.js": "text/javascript; charset=utf-8",
}

func presentFile(f file) answer[file] {
	return answer[file]{ETag: digest(f.Content), Public: true, Body: f}
}

// documentJSON answers with the document: GET /openapi.json.
func (a *surface) documentJSON(context.Context, auth.Actor, *empty) (file, error) {
	return file{Type: "application/json", Content: a.json}, nil
}

// documentYAML answers with the document: GET /openapi.yaml.
func (a *surface) documentYAML(context.Context, auth.Actor, *empty) (file, error) {
	return file{Type: "application/yaml", Content: a.yaml}, nil
}

// docsPage answers with the page: GET /docs.
func (s *Server) docsPage(context.Context, auth.Actor, *empty) (file, error) {
	content, err := assets.ReadFile("assets/docs.html")
	return file{Type: "text/html; charset=utf-8", Policy: docsPolicy, Content: content}, err
}

type docsFileInput struct {
	File string `path:"file" example:"problems" doc:"problems, the page that lists every code; or a file that the pages load."`
}

// docsFile answers with a file of the page: GET /docs/{file}.
func (a *surface) docsFile(_ context.Context, _ auth.Actor, in *docsFileInput) (file, error) {
	if in.File == "problems" {
		return file{Type: "text/html; charset=utf-8", Policy: docsPolicy, Content: a.problems()}, nil
	}
	contentType, ok := served[in.File]
	if !ok {
		return file{}, errNoRoute
	}
	content, err := assets.ReadFile("assets/" + in.File)
	return file{Type: contentType, Content: content}, err
}

var problemsPage = sync.OnceValue(func() *template.Template {
	return template.Must(template.ParseFS(assets, "assets/problems.html"))
})

// problems makes the page to which the types of problem documents point.
func (a *surface) problems() []byte {
	list := []*errs.Error{errNoRoute, errMethod}
	for _, o := range a.operations {
		list = append(list, o.refusals()...)
	}
	slices.SortFunc(list, func(a, b *errs.Error) int { return strings.Compare(a.Code, b.Code) })
	list = slices.CompactFunc(list, func(a, b *errs.Error) bool { return a.Code == b.Code })
	var rows []*problem
	for _, e := range list {
		rows = append(rows, problemOf(nil, "", e))
	}
	var b strings.Builder
	if err := problemsPage().Execute(&b, rows); err != nil {
		panic(err)
	}
	return []byte(b.String())
}
