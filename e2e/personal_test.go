package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// uttered is what is personal, or secret, of all that the tests of this package have
// said so far. No server may write any of it to its log.
var uttered words

// words are texts that must not be found. They are safe for concurrent use.
type words struct {
	mu    sync.Mutex
	texts map[string]bool
}

func (w *words) add(texts ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.texts == nil {
		w.texts = map[string]bool{}
	}
	for _, t := range texts {
		w.texts[t] = true
	}
}

// finder returns a finder of all words so far.
func (w *words) finder() *finder {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for t := range w.texts {
		if !ordinary[t] {
			all = append(all, t)
		}
	}
	return newFinder(all...)
}

// personal are the fields of requests that tell who somebody is, what somebody
// said, or what nobody else may know.
var personal = map[string]bool{
	"name": true, "email": true, "phone": true, "address": true, "date_of_birth": true, "reason": true, "q": true, "clinical_data": true,
	"password": true, "new_password": true, "current_password": true, "token": true, "refresh_token": true, "key": true,
}

// ordinary are words that tests search for and routes are called.
var ordinary = map[string]bool{"patient": true}

// personalIn returns what is personal in a JSON text.
func personalIn(text []byte) (all []string) {
	var v any
	if json.Unmarshal(text, &v) != nil {
		return nil
	}
	var walk func(v any, inside bool)
	walk = func(v any, inside bool) {
		switch v := v.(type) {
		case map[string]any:
			for name, field := range v {
				walk(field, inside || personal[name])
			}
		case []any:
			for _, item := range v {
				walk(item, inside)
			}
		case string:
			if inside {
				all = append(all, v)
			}
		}
	}
	walk(v, false)
	return all
}

// typed finds what is personal in what is typed into a shell: flags, fields of
// JSON, and addresses anywhere.
var typed = regexp.MustCompile(`--(?:name|email)[= ]"([^"]*)"|"(?:name|email|password|reason|complaint|q)":"([^"']*)"|([\w.]+@[\w.]+\w)`)

func personalTyped(line string) (all []string) {
	for _, m := range typed.FindAllStringSubmatch(line, -1) {
		all = append(all, m[1]+m[2]+m[3])
	}
	return all
}

// tellTale fails the test when the log of a server that has ended holds what was
// said. A word is known before it is sent, so it does not matter what is said later.
func tellTale(t testing.TB, log []string) {
	t.Helper()
	f := uttered.finder()
	for _, line := range log { // the first that is found will do
		if found := f.in(line); len(found) > 0 {
			t.Errorf("the log holds %s: %s", strings.Join(found, ", "), line)
			return
		}
	}
}

// echoes returns what is personal in a request and comes back where it must not:
// in the header of an answer, or in a refusal.
func echoes(sent []byte, resp *http.Response, answer []byte) []string {
	words := personalIn(sent)
	if len(words) == 0 {
		return nil
	}
	f := newFinder(words...)
	var header strings.Builder
	_ = resp.Header.Write(&header)
	found := f.in(header.String())
	if resp.StatusCode >= 400 {
		found = append(found, f.in(string(answer))...)
	}
	return found
}

// TestWhatIsPersonalIsSeen shows that words are taken from requests and commands.
func TestWhatIsPersonalIsSeen(t *testing.T) {
	t.Parallel()
	var w words
	w.add(personalIn([]byte(`{"role":"patient","name":"Zoe Quill","clinical_data":{"plan":["rest a while"]},"slot_id":"slot-1-2-3"}`))...)
	w.add(personalTyped(`./medbook user create --name "Ann Lee" --email ann@mail.example -d '{"reason":"A stiff neck"}'`)...)
	for word, want := range map[string]int{
		"Zoe Quill": 1, "rest a while": 1, "Ann Lee": 1, "ann@mail.example": 1, "A stiff neck": 1, "patient": 0, "slot-1-2-3": 0,
	} {
		if found := w.finder().in(`{"msg":"` + word + `"}`); len(found) != want {
			t.Errorf("%q: found %q, want %d", word, found, want)
		}
	}
	resp := &http.Response{StatusCode: http.StatusConflict, Header: http.Header{"Location": {"/v1/users?name=Zoe+Quill"}}}
	if found := echoes([]byte(`{"name":"Zoe Quill"}`), resp, []byte(`{"detail":"Zoe Quill is there"}`)); len(found) != 2 {
		t.Errorf("echoes: %q, want one in the header and one in the body", found)
	}
}

// logOf reads the log of a server that wrote to a file.
func logOf(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}
