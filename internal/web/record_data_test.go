package web

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// What the form doesn't show, or shows as it is, stays byte for byte.
func TestTheFormLosesNothingOfClinicalData(t *testing.T) {
	const stored = `{ "complaint" : "back pain\u0020" ,"vitals":{"rr": [120,80], "t":36.60},"Pain":"7/10","plan":null,"é":"a\r\nb","bell":"\u0007","":"x"}`
	type rows []clinicalRow
	kept := rows{{"Pain", "Pain", "7/10"}, {"é", "é", "a\r\nb"}}
	with := func(i int, r clinicalRow) rows {
		changed := append(rows{}, kept...)
		changed[i] = r
		return changed
	}
	for _, tt := range []struct {
		name      string
		complaint string
		plan      string
		rows      rows
		want      string // as compact JSON; empty: what is stored
		wrong     string
	}{
		{"untouched", "back pain ", "", kept, "", ""},
		{"a row is untouched by how lines end", "back pain ", "", with(1, clinicalRow{"é", "é", "a\nb"}), "", ""},
		{"rows that are not sent", "back pain ", "", nil, "", ""},
		{"changed", "knee & <hip>", "", kept, `{"complaint":"knee & <hip>","vitals":{"rr":[120,80],"t":36.60},"Pain":"7/10","plan":null,"é":"a\r\nb","bell":"\u0007","":"x"}`, ""},
		{"emptied", " ", "", kept, `{"vitals":{"rr":[120,80],"t":36.60},"Pain":"7/10","plan":null,"é":"a\r\nb","bell":"\u0007","":"x"}`, ""},
		{"renamed in its place", "back pain ", "", with(0, clinicalRow{"Pain", " Pain now ", "7/10"}), `{"complaint":"back pain\u0020","vitals":{"rr":[120,80],"t":36.60},"Pain now":"7/10","plan":null,"é":"a\r\nb","bell":"\u0007","":"x"}`, ""},
		{"removed", "back pain ", "", with(0, clinicalRow{"Pain", "", ""}), `{"complaint":"back pain\u0020","vitals":{"rr":[120,80],"t":36.60},"plan":null,"é":"a\r\nb","bell":"\u0007","":"x"}`, ""},
		{"names swapped", "back pain ", "", rows{{"Pain", "é", "7/10"}, {"é", "Pain", "a\nb"}}, `{"complaint":"back pain\u0020","vitals":{"rr":[120,80],"t":36.60},"é":"7/10","plan":null,"Pain":"a\r\nb","bell":"\u0007","":"x"}`, ""},
		{"added", "back pain ", "", append(append(rows{}, kept...), clinicalRow{"", "note", "n"}), `{"complaint":"back pain\u0020","vitals":{"rr":[120,80],"t":36.60},"Pain":"7/10","plan":null,"é":"a\r\nb","bell":"\u0007","":"x","note":"n"}`, ""},
		{"a name that is there, with a value of another kind", "back pain ", "rest", kept, "", "data-plan record.wrong-kept"},
		{"a row of a name that is there", "back pain ", "", append(append(rows{}, kept...), clinicalRow{"", "vitals", "n"}), "-", "row-2-name record.wrong-twice"},
		{"a row without a name", "back pain ", "", append(append(rows{}, kept...), clinicalRow{"", "", "n"}), "", "row-2-name record.wrong-unnamed"},
		{"removed, and added anew", "back pain ", "", append(with(0, clinicalRow{"Pain", "", ""}), clinicalRow{"", "Pain", "8"}), `{"complaint":"back pain\u0020","vitals":{"rr":[120,80],"t":36.60},"plan":null,"é":"a\r\nb","bell":"\u0007","":"x","Pain":"8"}`, ""},
	} {
		base, ok := formable(stored)
		if !ok {
			t.Fatal("the form can't show it")
		}
		all, wrong := clinical{Named: map[string]string{"complaint": tt.complaint, "plan": tt.plan}, Rows: tt.rows}.into(base)
		var told []string
		for _, w := range wrong {
			told = append(told, w.field+" "+w.key)
		}
		if got := strings.Join(told, ", "); got != tt.wrong {
			t.Errorf("%s: wrong is %q, want %q", tt.name, got, tt.wrong)
		}
		switch tt.want {
		case "-":
		case "":
			if !sameMembers(all, base) {
				t.Errorf("%s: %s, want what is stored", tt.name, objectOf(all))
			}
		default:
			if got := compacted(t, objectOf(all)); got != tt.want {
				t.Errorf("%s:\n\t%s, want\n\t%s", tt.name, got, tt.want)
			}
		}
	}
}

func compacted(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	for i, m := range mustMembers(t, text) {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(string(jsonText(m.name)) + ":" + strings.ReplaceAll(string(m.value), ", ", ","))
	}
	return "{" + strings.ReplaceAll(b.String(), ": ", ":") + "}"
}

func mustMembers(t *testing.T, text string) []member {
	t.Helper()
	all, ok := membersOf(text)
	if !ok || !json.Valid([]byte(text)) {
		t.Fatalf("%s is no object", text)
	}
	return all
}

// What one person left alone shows what another has written meanwhile; what both
// wrote shows what was typed.
func TestAStaleFormGoesOntoWhatIsThereNow(t *testing.T) {
	old := mustMembers(t, `{"complaint":"a","findings":"b","Pain":"7","Left":"l","Both":"1","Mine":"m","Gone":"g","n":1}`)
	now := mustMembers(t, `{"complaint":"a2","findings":"b","assessment":"new","Pain":"8","Both":"2","Mine":"m","New":"w","n":2}`)
	typed := clinical{
		Named: map[string]string{"complaint": "a", "findings": "mine"},
		Rows:  []clinicalRow{{"Pain", "Pain", "7"}, {"Left", "Left", "l"}, {"Both", "Both", "3"}, {"Mine", "", ""}, {"Gone", "Gone", "changed"}, {"", "Added", "x"}},
	}
	all, wrong := typed.onto(old, now).into(now)
	const want = `{"complaint":"a2","findings":"mine","assessment":"new","Pain":"8","Both":"3","New":"w","n":2,"Gone":"changed","Added":"x"}`
	if got := compacted(t, objectOf(all)); got != want || len(wrong) > 0 {
		t.Errorf("merged to\n\t%s, %v, want\n\t%s", got, wrong, want)
	}
}

func TestWhatAFormCanNotShow(t *testing.T) {
	for text, want := range map[string]bool{
		`{}`: true, ` {"a":1} `: true, `{"a":1,"a":2}`: false, `[]`: false, `"a"`: false, `{"a":}`: false, `{"a":1} x`: false, ``: false, `{`: false,
		fmt.Sprintf(`{"a":"%s"}`, strings.Repeat("x", mostFormed)): false,
	} {
		if _, ok := formable(text); ok != want {
			t.Errorf("%.30q can be shown: %v, want %v", text, ok, want)
		}
	}
	f := clinicalOf(mustMembers(t, `{"plan":["x"],"a\nb":"name of two lines","nul":"\u0000","ok":"yes","complaint":"c"}`))
	if len(f.Kept) != 3 || len(f.Rows) != 1 || f.Named["complaint"] != "c" {
		t.Errorf("shown as %+v", f)
	}
}
