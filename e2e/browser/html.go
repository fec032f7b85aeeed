package browser

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// result is what the checker says of a file.
type result struct {
	FilePath string
	Messages []struct {
		RuleID       string
		Message      string
		Line, Column int
	}
}

// Validate fails the test for each place where a page, as served, breaks a rule of
// the HTML standard. Keys of pages are what a failure calls them. The checker takes
// a second to start, so give it all pages at once.
func Validate(t testing.TB, pages map[string][]byte) {
	t.Helper()
	if len(pages) == 0 {
		t.Fatal("there are no pages to check")
	}
	folder := t.TempDir()
	files := map[string]string{} // to what a page is called
	for i, name := range slices.Sorted(maps.Keys(pages)) {
		file := filepath.Join(folder, fmt.Sprintf("%d.html", i))
		if err := os.WriteFile(file, pages[name], 0o600); err != nil {
			t.Fatal(err)
		}
		files[file] = name
	}
	found, err := check(slices.Sorted(maps.Keys(files)))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range found {
		name := files[r.FilePath]
		for _, m := range r.Messages {
			t.Errorf("%s, line %d, column %d: %s (%s)\n%s", name, m.Line, m.Column, m.Message, m.RuleID, line(pages[name], m.Line))
		}
	}
}

// line returns a line of a page, counted from 1.
func line(page []byte, n int) string {
	lines := bytes.Split(page, []byte("\n"))
	if n < 1 || n > len(lines) {
		return ""
	}
	text := string(bytes.TrimSpace(lines[n-1]))
	return strings.ToValidUTF8(text[:min(len(text), 1000)], "")
}

// check runs the checker over files, and returns what it says of those that it
// finds fault with.
func check(files []string) ([]result, error) {
	node, err := program("node")
	if err != nil {
		return nil, err
	}
	tools, err := tools()
	if err != nil {
		return nil, err
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(node, append([]string{
		filepath.Join(tools, "node_modules/html-validate/bin/html-validate.mjs"),
		"--config", filepath.Join(tools, "htmlvalidate.json"), "--formatter", "json",
	}, files...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	failed := cmd.Run()
	var found []result
	if err := json.Unmarshal(stdout.Bytes(), &found); err != nil || (failed != nil && len(found) == 0) {
		return nil, fmt.Errorf("check the HTML: %w (did scripts/need.sh run?)\n%s", errors.Join(failed, err), stderr.String())
	}
	return found, nil
}

// tools returns the repository's folder of the checker, above the working folder.
func tools() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; folder != filepath.Dir(folder); folder = filepath.Dir(folder) {
		html := filepath.Join(folder, "tools", "html")
		if _, err := os.Stat(html); err == nil {
			return html, nil
		}
	}
	return "", errors.New("tools/html is not above the working folder")
}
