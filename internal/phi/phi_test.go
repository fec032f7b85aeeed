package phi

import (
	"bytes"
	"database/sql"
	"database/sql/driver"
	"encoding"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

var _ sql.Scanner = (*Value[string])(nil)

func TestEveryWayOutIsRedacted(t *testing.T) {
	v := Of("Ann")
	text, textErr := encoding.TextMarshaler(v).MarshalText()
	quoted, jsonErr := json.Marshaler(v).MarshalJSON()
	for way, got := range map[string]string{
		"String":      fmt.Stringer(v).String(),
		"GoString":    fmt.GoStringer(v).GoString(),
		"Format":      fmt.Sprintf("%40.3d", fmt.Formatter(v)),
		"LogValue":    slog.LogValuer(v).LogValue().String(),
		"MarshalText": string(text),
		"MarshalJSON": strings.Trim(string(quoted), `"`),
	} {
		if got != Redacted {
			t.Errorf("%s: %q, want %q", way, got, Redacted)
		}
	}
	if textErr != nil || jsonErr != nil {
		t.Errorf("errors %v, %v", textErr, jsonErr)
	}
}

func TestRevealGivesBackWhatOfTook(t *testing.T) {
	v := Of("Ann")
	if got := v.Reveal(); got != "Ann" || !v.Present() || v.IsZero() {
		t.Errorf("Of(Ann): %q, present %v, zero %v", got, v.Present(), v.IsZero())
	}
	if empty := Of(""); empty.Reveal() != "" || !empty.Present() || empty.IsZero() {
		t.Errorf("Of(empty): present %v, zero %v, want present", empty.Present(), empty.IsZero())
	}
	if got := Of([]int{1, 2}).Reveal(); len(got) != 2 || got[1] != 2 {
		t.Errorf("Of(1, 2): %v", got)
	}
	var absent Value[string]
	if absent.Reveal() != "" || absent.Present() || !absent.IsZero() {
		t.Errorf("zero Value: %q, present %v, zero %v, want absent", absent.Reveal(), absent.Present(), absent.IsZero())
	}
}

func TestScanReadsTextAndNull(t *testing.T) {
	type code string
	var v Value[string]
	bytes := []byte("Ann")
	if err := v.Scan(bytes); err != nil || v.Reveal() != "Ann" {
		t.Errorf("Scan(bytes): %q, %v", v.Reveal(), err)
	}
	if bytes[0] = 'X'; v.Reveal() != "Ann" {
		t.Errorf("Scan kept the driver's bytes: %q", v.Reveal())
	}
	if err := v.Scan(""); err != nil || !v.Present() || v.Reveal() != "" {
		t.Errorf("Scan(empty): present %v, %q, %v", v.Present(), v.Reveal(), err)
	}
	if err := v.Scan(nil); err != nil || v.Present() {
		t.Errorf("Scan(nil): present %v, %v", v.Present(), err)
	}
	var c Value[code]
	if err := c.Scan("x"); err != nil || c.Reveal() != "x" {
		t.Errorf("Scan into a string type: %q, %v", c.Reveal(), err)
	}
}

func TestScanRefusesTheRestWithoutNamingIt(t *testing.T) {
	v := Of("Ann")
	for _, src := range []any{int64(4711), 47.11, true} {
		if err := v.Scan(src); err == nil || strings.Contains(err.Error(), "47") {
			t.Errorf("Scan(%T): error %v, want one without the data", src, err)
		}
	}
	if v.Reveal() != "Ann" {
		t.Errorf("a failed Scan left %q", v.Reveal())
	}
	var n Value[int]
	if err := n.Scan("4711"); err == nil || strings.Contains(err.Error(), "47") || n.Present() {
		t.Errorf("Scan into an int: error %v, present %v", err, n.Present())
	}
	var a Value[any]
	if err := a.Scan("4711"); err == nil || a.Present() {
		t.Errorf("Scan into any: error %v, present %v", err, a.Present())
	}
}

// Without this, PostgreSQL would be sent what String returns, and keep that.
func TestValueIsNoArgumentOfAStatement(t *testing.T) {
	if got, err := driver.Valuer(Of("Ann")).Value(); err == nil || got != nil {
		t.Errorf("bound as %v, want an error", got)
	}
}

// An update that was read back from redacted output must fail, not overwrite data.
func TestDecodingFails(t *testing.T) {
	type patient struct{ Name Value[string] }
	for _, text := range []string{`"` + Redacted + `"`, `"Ann"`, `""`, `null`, `{}`, `{"p":"Ann"}`, `[]`, `1`} {
		v := Of("before")
		if err := json.Unmarshal([]byte(text), &v); err == nil || v.Reveal() != "before" {
			t.Errorf("JSON %s: read, or error %v", text, err)
		}
		p := patient{Of("before")}
		if err := json.Unmarshal([]byte(`{"Name":`+text+`}`), &p); err == nil || p.Name.Reveal() != "before" {
			t.Errorf("JSON %s in a field: read, or error %v", text, err)
		}
		var list []Value[string]
		if err := json.Unmarshal([]byte(`[`+text+`]`), &list); err == nil {
			t.Errorf("JSON %s in a list: read", text)
		}
	}
	var byName map[Value[string]]int
	if err := json.Unmarshal([]byte(`{"Ann":1}`), &byName); err == nil {
		t.Errorf("JSON key: read")
	}
	var p patient
	for _, text := range []string{"<patient><Name>Ann</Name></patient>", "<patient><Name></Name></patient>", "<patient><Name/></patient>"} {
		if err := xml.Unmarshal([]byte(text), &p); err == nil {
			t.Errorf("XML %s: read", text)
		}
	}
	if err := yaml.Unmarshal([]byte("name: Ann"), &p); err == nil {
		t.Errorf("YAML: read")
	}
	if err := gob.NewDecoder(bytes.NewReader(nil)).Decode(&p); err == nil {
		t.Errorf("gob: read")
	}
	if p.Name.Present() {
		t.Errorf("a failed decoding left a value")
	}
}
