package api

import "testing"

// TestClinicalDataIsLegible shows that a patient reads letters on the page,
// whatever the program that sent them made of them, and the same data.
func TestClinicalDataIsLegible(t *testing.T) {
	for sent, want := range map[string]string{
		`{}`: `{}`,
		`{"K\u00f6rper":"\u003cb\u003e \u0026 \ud83d\ude00"}`: "{\n  \"Körper\": \"<b> & 😀\"\n}",
		`{"a":"say \"\u0068i\" \\","b":[1.50,"\n"]}`:          "{\n  \"a\": \"say \\\"hi\\\" \\\\\",\n  \"b\": [\n    1.50,\n    \"\\n\"\n  ]\n}",
	} {
		if got, err := indented(Object{sent}); got != want || err != nil {
			t.Errorf("%s is shown as %s, %v, want %s", sent, got, err, want)
		}
	}
}
