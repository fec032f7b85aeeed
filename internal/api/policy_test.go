package api

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"testing"
)

const securityPage = "../../docs/security.md"

// TestThePolicyIsDocumented compares the table in docs/security.md with the policy.
// With -update it writes the table.
func TestThePolicyIsDocumented(t *testing.T) {
	text, err := os.ReadFile(securityPage)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- policy: made by `go test ./internal/api -run ThePolicy -update` -->\n", "<!-- end of policy -->"
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, found := strings.Cut(rest, end)
	if !ok || !found {
		t.Fatalf("%s has no place for the policy", securityPage)
	}
	want := before + begin + policyTable() + end + after
	switch {
	case want == string(text):
	case *update:
		if err := os.WriteFile(securityPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s has another policy than the code; run this test with -update", securityPage)
	}
}

// policyTable writes a line for each operation, below its tag.
func policyTable() string {
	b := &strings.Builder{}
	fmt.Fprintln(b, "| operation | patient | practitioner | admin | auditor | scope of a key | step-up |")
	fmt.Fprintln(b, "|---|---|---|---|---|---|---|")
	for _, o := range table() {
		p := o.May
		if p.public() {
			fmt.Fprintf(b, "| `%s` | public | public | public | public | | |\n", o.ID)
			continue
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", o.ID, orNo(p.patient), orNo(p.practitioner), orNo(p.admin), orNo(p.auditor), p.scope, p.stepUp)
	}
	return b.String()
}

func orNo(r relation) relation { return cmp.Or(r, "–") }
