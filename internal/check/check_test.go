package check

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

// ask asks one question and returns the answer.
func ask(t *testing.T, db *sqldb.DB, q Question) (a Answer) {
	t.Helper()
	if err := Run(t.Context(), db, []Question{q}, func(got Answer) { a = got }); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestEachRowIsJudgedOnce goes through tables that end within a part, at its end, and
// right after it, by a key of two columns.
func TestEachRowIsJudgedOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		rows := 0
		for _, n := range []int{0, 1, partRows - 1, partRows, partRows + 1, 2 * partRows, 2*partRows + 1, 5*partRows + 7} {
			for rows < n {
				some := min(n-rows, 500)
				add(t, db, rows, some)
				rows += some
			}
			// A table of two practitioners, every third cell of whom is wrong.
			wrong := 0
			for i := range n {
				if i%3 == 0 {
					wrong++
				}
			}
			a := ask(t, db, Question{Name: "thirds", Rows: &Rows{
				Table: "claims", Key: []string{"practitioner_id", "cell"},
				Broken: []Broken{{When: `r.cell = 999999999`, Says: "is never so"}, {When: `r.cell - (r.cell / 3) * 3 = 0`, Says: "is a third"}},
			}})
			if a.Judged != n || a.Total != wrong || len(a.Findings) != min(wrong, MostFindings) {
				t.Errorf("of %d rows %d were judged, with %d findings of which %d are named; want all, %d and %d",
					n, a.Judged, a.Total, len(a.Findings), wrong, min(wrong, MostFindings))
			}
			half := ask(t, db, Question{Name: "some", Rows: &Rows{
				Table: "claims", Key: []string{"practitioner_id", "cell"}, Where: `r.cell < 3000`, Broken: []Broken{{When: `TRUE`, Says: "is"}},
			}})
			if half.Judged != min(n, 3000) || half.Total != min(n, 3000) {
				t.Errorf("of %d rows %d were judged and %d found, want those below 3000", n, half.Judged, half.Total)
			}
		}
	})
}

// add makes n claims from a cell on, of two practitioners by turns.
func add(t *testing.T, db *sqldb.DB, from, n int) {
	t.Helper()
	rows := make([][]any, n)
	for i := range rows {
		rows[i] = []any{uuid.UUID{byte((from + i) % 2)}, from + i, uuid.UUID{}}
	}
	groups, args := sqldb.Values(rows...)
	err := db.Update(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO claims (practitioner_id, cell, appointment_id) VALUES `+groups, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestWhatCantBeAskedIsUnknown shows that a question that fails is no all-clear, and
// does not keep others from being asked.
func TestWhatCantBeAskedIsUnknown(t *testing.T) {
	db := sqltest.Open(t, sqltest.SQLite(t))
	var answers []Answer
	questions := []Question{
		{Name: "nowhere", Rows: &Rows{Table: "nowhere", Key: []string{"id"}, Broken: []Broken{{When: "TRUE", Says: "is"}}}},
		{Name: "fails", Ask: func(context.Context, *sqldb.DB, *Answer) error { return errors.New("no") }},
		{Name: "found and failed", Ask: func(_ context.Context, _ *sqldb.DB, a *Answer) error {
			a.Find(Finding{Says: "is wrong"})
			return errors.New("no")
		}},
		{Name: "fine", Ask: func(context.Context, *sqldb.DB, *Answer) error { return nil }},
	}
	if err := Run(t.Context(), db, questions, func(a Answer) { answers = append(answers, a) }); err != nil {
		t.Fatal(err)
	}
	want := "unknown unknown unsound sound"
	var got []string
	for _, a := range answers {
		got = append(got, string(a.Verdict))
	}
	if strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for n, want := range map[int]Verdict{0: Sound, 1: Unknown, 2: Unknown, 3: Unsound, 4: Unsound} {
		if got := Of(answers[:n]); got != want {
			t.Errorf("the first %d come to %q, want %q", n, got, want)
		}
	}
	if Of(answers[3:]) != Sound {
		t.Errorf("what is sound comes to %q", Of(answers[3:]))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, db, questions, func(Answer) { t.Error("asked after the end") }); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

// TestAnEmptyDatabaseIsSound asks what is asked of any, of both engines: their
// schemas are the same.
func TestAnEmptyDatabaseIsSound(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		for _, q := range Database() {
			if a := ask(t, db, q); a.Verdict != Sound {
				t.Errorf("%s: %s, %v %s", q.Name, a.Verdict, fmt.Sprint(a.Findings), a.Note)
			}
		}
	})
}
