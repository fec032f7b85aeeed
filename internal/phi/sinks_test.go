package phi

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	htmltemplate "html/template"
	"io"
	"log"
	"log/slog"
	"text/template"

	"go.yaml.in/yaml/v4"
)

// sinks write something down in each way that the program or its libraries
// know. They return what was written and the error, which would be logged.
func sinks() map[string]func(v any) string {
	all := map[string]func(any) string{
		"Sprint":   func(v any) string { return fmt.Sprint(v, v) },
		"Sprintln": func(v any) string { return fmt.Sprintln(v) },
		"log":      func(v any) string { return write(func(w io.Writer) error { log.New(w, "", 0).Print(v); return nil }) },
		"slog text": func(v any) string {
			return record(v, func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) })
		},
		"slog JSON": func(v any) string {
			return record(v, func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) })
		},
		"JSON":            func(v any) string { return marshal(json.Marshal, v) },
		"JSON in a list":  func(v any) string { return marshal(json.Marshal, map[string]any{"all": []any{v}}) },
		"JSON stream":     func(v any) string { return write(func(w io.Writer) error { return json.NewEncoder(w).Encode(v) }) },
		"XML":             func(v any) string { return marshal(xml.Marshal, v) },
		"YAML":            func(v any) string { return marshal(yaml.Marshal, v) },
		"gob":             func(v any) string { return write(func(w io.Writer) error { return gob.NewEncoder(w).Encode(v) }) },
		"text template":   func(v any) string { return write(func(w io.Writer) error { return textPage.Execute(w, v) }) },
		"HTML template":   func(v any) string { return write(func(w io.Writer) error { return htmlPage.Execute(w, v) }) },
		"recovered panic": func(v any) string { return write(func(io.Writer) error { panic(v) }) },
	}
	for _, verb := range "vsqxXdtbcoOUeEfFgGpTz!" {
		for _, flags := range []string{"", "+", "#", " ", "-40", ".300"} {
			format := "%" + flags + string(verb)
			all[format] = func(v any) string { return fmt.Sprintf(format, v) }
		}
	}
	for name, format := range map[string]string{"Errorf %w": "%w", "no verb for it": "none", "as a width": "%*d %[1]v"} {
		all[name] = func(v any) string { return fmt.Errorf(format, v).Error() }
	}
	return all
}

var (
	textPage = template.Must(template.New("text").Parse(`{{.}} {{printf "%#v" .}}`))
	htmlPage = htmltemplate.Must(htmltemplate.New("page").Parse(`<p title="{{.}}"><a href="?q={{.}}">{{.}}</a><script>x = {{.}}</script>`))
)

// write returns what f wrote, its error and its panic.
func write(f func(io.Writer) error) (out string) {
	var b bytes.Buffer
	defer func() { out = fmt.Sprint(out, recover()) }()
	err := f(&b)
	return fmt.Sprint(b.String(), err)
}

func marshal(f func(any) ([]byte, error), v any) string {
	return write(func(w io.Writer) error {
		b, err := f(v)
		fmt.Fprintf(w, "%s", b)
		return err
	})
}

// record logs v in every way that slog has.
func record(v any, handler func(io.Writer) slog.Handler) string {
	return write(func(w io.Writer) error {
		l := slog.New(handler(w))
		l.Info("plain", "v", v)
		l.With("v", v).Info("with")
		l.WithGroup("outer").Info("groups", slog.Group("inner", "v", v, "list", []any{v}))
		l.Error("as error", slog.Any("err", fmt.Errorf("load: %v", v)))
		if attr, ok := v.(slog.Attr); ok {
			l.Info("attribute", attr)
		}
		return nil
	})
}
