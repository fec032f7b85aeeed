package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"medbook/internal/check"
)

// medbook runs the command line and returns how it ended and what it printed.
func medbook(args ...string) (status int, stdout, stderr string) {
	var out, problems bytes.Buffer
	status = run(args, &out, &problems)
	return status, out.String(), problems.String()
}

// TestCheckEndsWithItsVerdict checks a clinic that is sound, one that is not, and
// what can't be judged.
func TestCheckEndsWithItsVerdict(t *testing.T) {
	for _, name := range []string{"MEDBOOK_DATABASE_URL", "MEDBOOK_KEYS_FILE", "MEDBOOK_KEYS", "CREDENTIALS_DIRECTORY", "MEDBOOK_AUDIT_CHECKPOINTS"} {
		t.Setenv(name, "")
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	url := "sqlite:" + at("clinic.db")
	if status, _, problems := medbook("demo", "fill", "--appointments", "60", "--database", url); status != succeeded {
		t.Fatalf("fill ended with %d: %s", status, problems)
	}

	status, printed, problems := medbook("check", "--database", url, "--checkpoints", at("clinic.checkpoints"))
	if status != 0 || problems != "" || !strings.HasSuffix(printed, "things\n") || strings.Contains(printed, "no checkpoints") || strings.Contains(printed, "skipped") {
		t.Errorf("a sound clinic: status %d, printed %q and %q", status, printed, problems)
	}
	damage(t, at("clinic.db"), `DELETE FROM claims`)
	if status, printed, _ = medbook("check", "--database", url); status != 1 || !strings.Contains(printed, "cells: appointments practitioner_id=") || !strings.HasSuffix(printed, "\nunsound\n") {
		t.Errorf("an unsound clinic: status %d, printed %q", status, printed)
	}
	status, printed, _ = medbook("check", "--database", url, "--json")
	var told struct {
		Verdict check.Verdict
		Answers []check.Answer
	}
	if err := json.Unmarshal([]byte(printed), &told); err != nil || status != 1 || told.Verdict != check.Unsound || len(told.Answers) < 20 {
		t.Errorf("as JSON: status %d, %v, %s with %d answers", status, err, told.Verdict, len(told.Answers))
	}

	if err := os.Rename(at("clinic.keys"), at("elsewhere.keys")); err != nil {
		t.Fatal(err)
	}
	if _, printed, _ = medbook("check", "--database", url); !strings.Contains(printed, "skipped") {
		t.Errorf("without the keys it printed %q", printed)
	}
	if _, err := os.Stat(at("clinic.keys")); err == nil {
		t.Error("keys were made by looking for them")
	}
	if status, _, problems = medbook("check", "--database", url, "--checkpoints", at("clinic.checkpoints")); status != 2 || !strings.Contains(problems, "needs the keys") {
		t.Errorf("checkpoints without the keys: status %d, %q", status, problems)
	}

	damage(t, at("clinic.db"), `DELETE FROM goose_db_version WHERE version_id = (SELECT MAX(version_id) FROM goose_db_version)`)
	if status, _, problems = medbook("check", "--database", url); status != 2 || strings.Count(problems, "\n") != 1 {
		t.Errorf("an older schema: status %d, %q, want 2 and one line", status, problems)
	}
	if status, _, _ = medbook("check", "--database", "sqlite:"+at("nowhere.db")); status != 2 {
		t.Errorf("no database: status %d, want 2", status)
	}
	if _, err := os.Stat(at("nowhere.db")); err == nil {
		t.Error("a database was made by looking for it")
	}
}

func damage(t *testing.T, file, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err == nil {
		_, err = db.ExecContext(t.Context(), statement)
		db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}
