package phi

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// marker stands for a patient's data. Its first word survives every escaping;
// the rest is written differently by JSON, URLs, XML and Go.
const (
	word   = "Q7xMarkerZ9"
	marker = word + ` <Zoë> & "Co"/50%`
)

// forms are the ways in which the marker might come out.
var forms = func() map[string]string {
	quoted, err := json.Marshal(marker)
	if err != nil {
		panic(err)
	}
	forms := map[string]string{
		"plain":     word,
		"JSON":      string(quoted),
		"Go":        strconv.QuoteToASCII(marker),
		"URL query": url.QueryEscape(marker),
		"URL path":  url.PathEscape(marker),
		"hex":       hex.EncodeToString([]byte(word)),
		"HEX":       strings.ToUpper(hex.EncodeToString([]byte(word))),
		"hex dump":  fmt.Sprintf("% x", word),
		"HEX dump":  fmt.Sprintf("% X", word),
		"numbers":   strings.Trim(fmt.Sprintf("%d", []byte(word)), "[]"),
		"Go bytes":  strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", []byte(word)), "[]byte{"), "}"),
	}
	for before := range 3 { // base64 depends on how many bytes come before
		text := append(make([]byte, before), marker...)
		std, raw := base64.StdEncoding.EncodeToString(text), base64.RawURLEncoding.EncodeToString(text)
		forms[fmt.Sprintf("base64+%d", before)] = std[4 : len(std)-4]
		forms[fmt.Sprintf("base64url+%d", before)] = raw[4 : len(raw)-4]
	}
	return forms
}()

// leak says in which form out has the marker; it is empty when in none.
func leak(out string) string {
	for name, form := range forms {
		if strings.Contains(out, form) {
			return name
		}
	}
	return ""
}

// Types that hold a V where people put one.
type (
	exported[V any] struct{ Name V }
	hidden[V any]   struct{ name V }
	embedded[V any] struct{ exported[V] }
	tagged[V any]   struct {
		ID   int `json:"id"`
		Name V   `json:"name,omitempty" xml:"name,attr" yaml:"n"`
	}
	failure[V any]   struct{ Who V }
	secretive[V any] struct{ who V }
	logged[V any]    struct{ who V }
	letter[V any]    struct{ Text V }
)

func (f failure[V]) Error() string    { return fmt.Sprintf("no patient %v", f.Who) }
func (s *secretive[V]) Error() string { return fmt.Sprintf("no patient %+v", *s) }
func (l letter[V]) String() string    { return fmt.Sprint("letter ", l.Text) }
func (l logged[V]) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("who", l.who), slog.Any("all", exported[V]{l.who}))
}

// placements are the places where v may stand when something is written down.
func placements[V comparable](v V) map[string]any {
	pointer := &v
	var shared atomic.Pointer[V]
	shared.Store(&v)
	type key struct{}
	return map[string]any{
		"itself":                        v,
		"pointer":                       pointer,
		"pointer to pointer":            &pointer,
		"exported field":                exported[V]{v},
		"pointer to exported field":     &exported[V]{v},
		"unexported field":              hidden[V]{v},
		"pointer to unexported field":   &hidden[V]{v},
		"embedded":                      embedded[V]{exported[V]{v}},
		"tagged field":                  tagged[V]{1, v},
		"unexported in exported field":  exported[hidden[V]]{hidden[V]{v}},
		"exported in unexported field":  hidden[exported[V]]{exported[V]{v}},
		"pointer in exported field":     exported[*V]{&v},
		"pointer in unexported field":   hidden[*V]{&v},
		"interface in exported field":   exported[any]{v},
		"interface in unexported field": hidden[any]{v},
		"slice":                         []V{v},
		"slice of pointers":             []*V{&v},
		"slice of anything":             []any{1, v, &v, exported[V]{v}},
		"slice in unexported field":     hidden[[]V]{[]V{v}},
		"array":                         [2]V{v, v},
		"array in unexported field":     hidden[[1]V]{[1]V{v}},
		"map value":                     map[string]V{"name": v},
		"map key":                       map[V]string{v: "name"},
		"map in unexported field":       hidden[map[string]V]{map[string]V{"name": v}},
		"map key in unexported field":   hidden[map[V]int]{map[V]int{v: 1}},
		"map of slices of structs":      map[string][]exported[V]{"all": {{v}}},
		"error":                         failure[V]{v},
		"error with unexported field":   &secretive[V]{v},
		"wrapped error":                 fmt.Errorf("load: %w", failure[V]{v}),
		"joined errors":                 errors.Join(errors.New("first"), &secretive[V]{v}),
		"error in a field":              exported[error]{failure[V]{v}},
		"error in unexported field":     hidden[error]{&secretive[V]{v}},
		"LogValuer":                     logged[V]{v},
		"Stringer":                      letter[V]{v},
		"slog attribute":                slog.Any("name", v),
		"slog group":                    slog.Group("patient", "name", v, "all", hidden[V]{v}),
		"slog value in a field":         exported[slog.Value]{slog.AnyValue(v)},
		"context":                       context.WithValue(context.Background(), key{}, v),
		"atomic pointer":                &shared,
		"atomic pointer in a field":     hidden[*atomic.Pointer[V]]{&shared},
	}
}

// kinds are Values that hold the marker in something else than a string.
func kinds() map[string]any {
	return map[string]any{
		"bytes":             exported[any]{Of([]byte(marker))},
		"struct":            exported[any]{Of(exported[string]{marker})},
		"pointer to struct": hidden[Value[*exported[string]]]{Of(&exported[string]{marker})},
		"slice":             hidden[Value[[]string]]{Of([]string{marker})},
		"map":               exported[any]{Of(map[string]string{marker: marker})},
		"anything":          hidden[Value[any]]{Of[any](marker)},
		"error":             exported[any]{Of(errors.New(marker))},
		"Value":             hidden[any]{Of(Of(marker))},
	}
}

func TestValueNeverComesOut(t *testing.T) {
	all := placements(Of(marker))
	for name, v := range kinds() {
		all[name+" in a Value"] = v
	}
	for place, v := range all {
		for name, sink := range sinks() {
			out := sink(v)
			if form := leak(out); form != "" {
				t.Errorf("%s to %s leaks (%s): %s", place, name, form, out)
			}
		}
	}
}

// What the test above finds nothing with would find a string.
func TestPlainStringsComeOutOfEverySink(t *testing.T) {
	leaks := map[string]bool{}
	for place, v := range placements(marker) {
		for name, sink := range sinks() {
			if leak(sink(v)) != "" {
				leaks[name], leaks[place] = true, true
			}
		}
	}
	for name := range sinks() {
		if !leaks[name] && !strings.HasSuffix(name, "T") { // %T prints the type
			t.Errorf("%s: no string comes out, wherever it is placed", name)
		}
	}
	for place := range placements(marker) {
		if !leaks[place] && !slices.Contains([]string{"pointer in unexported field", "atomic pointer", "atomic pointer in a field"}, place) {
			t.Errorf("%s: no string comes out, whatever the sink", place)
		}
	}
}

func TestLeakSeesEveryForm(t *testing.T) {
	for _, out := range []string{
		marker, strconv.Quote(marker), url.QueryEscape(marker), fmt.Sprintf("%x", marker), fmt.Sprintf("% X", marker), fmt.Sprintf("%d", []byte(marker)),
		fmt.Sprintf("%#v", []byte(marker)), base64.StdEncoding.EncodeToString([]byte("name=" + marker)), base64.URLEncoding.EncodeToString([]byte("n:" + marker)),
	} {
		if leak(out) == "" {
			t.Errorf("not seen in %s", out)
		}
	}
	if form := leak(Redacted); form != "" {
		t.Errorf("seen in %s as %s", Redacted, form)
	}
}

func TestValueIsWrittenAsRedacted(t *testing.T) {
	for name, sink := range sinks() {
		switch {
		case strings.HasSuffix(name, "T"), strings.HasSuffix(name, "p"), name == "gob", name == "Errorf %w":
			continue // prints the type or addresses; refuses
		}
		for place, v := range map[string]any{"present": Of(marker), "absent": Value[string]{}, "field": exported[Value[string]]{Of(marker)}} {
			if out := sink(v); !strings.Contains(out, Redacted) {
				t.Errorf("%s to %s: %q, want %s", place, name, out, Redacted)
			}
		}
	}
}

// fmt cannot ask the methods of an unexported field. It prints its address, and
// nothing that the address leads to.
func TestUnexportedFieldsPrintAsAddresses(t *testing.T) {
	v := Of(marker)
	if got, want := fmt.Sprintf("%v", hidden[Value[string]]{v}), fmt.Sprintf("{{%p}}", v.p); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// crash names the placement that the test program panics with when it is run again.
const crash = "PHI_TEST_PANIC"

func TestMain(m *testing.M) {
	if place := os.Getenv(crash); place != "" {
		v, ok := placements(Of(marker))[place]
		if !ok {
			v = placements(marker)[strings.TrimPrefix(place, "plain ")]
		}
		panic(v)
	}
	os.Exit(m.Run())
}

func TestPanicsDoNotPrintIt(t *testing.T) {
	out := func(place string) string {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), crash+"="+place)
		b, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(b), "panic: ") {
			t.Fatalf("%s: no panic: %v, %s", place, err, b)
		}
		return string(b)
	}
	for place := range placements(Of(marker)) {
		if s := out(place); leak(s) != "" {
			t.Errorf("panic with %s leaks: %s", place, s)
		}
	}
	if s := out("plain itself"); leak(s) == "" {
		t.Errorf("a panic with a string does not show it: %s", s)
	}
}
