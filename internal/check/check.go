// Package check asks whether what is in a database can be so: whether each row
// agrees with the others as the rules of the packages that own them say.
//
// It changes nothing and may run while servers do. A question about the rows of a
// table is asked of some rows at a time, in the order of their key, each time in a
// snapshot of its own, so that no row is judged by half of somebody's transaction,
// and no snapshot is held for long. No rule depends on what time it is.
//
// Each package that owns tables has its questions. A finding names a table and the
// key of a row, and never what the row says.
package check

import (
	"context"
	"fmt"
	"strings"

	"medbook/internal/sqldb"
)

// Question is one that has an answer for each database. Of Rows and Ask it has one.
type Question struct {
	Name string // short and stable: "claims"
	Says string // what is so where all is well, as a sentence without its full stop

	Rows *Rows

	// Ask answers by itself. An error means that it could not be judged.
	Ask func(ctx context.Context, db *sqldb.DB, a *Answer) error
}

// Rows is a question about each row of a table, whose name in all SQL is r.
type Rows struct {
	Table  string
	Key    []string // the columns of its primary key
	Where  string   // which rows it is about; empty: all
	Join   string   // what each is looked at together with: at most one row
	Broken []Broken // in the order in which they are looked for; a row has one finding at most
}

// Broken is something that may be wrong with a row.
type Broken struct {
	When string // a condition in SQL, true where it is so
	Says string // of the row: "belongs to no appointment"
}

// Verdict is what an answer comes to.
type Verdict string

// The verdicts.
const (
	Sound   Verdict = "sound"
	Unsound Verdict = "unsound"
	Unknown Verdict = "unknown" // it could not be judged, or not all of it
	Skipped Verdict = "skipped" // it was not to be judged
)

// MostFindings is how many findings of a kind are named; more are only counted.
const MostFindings = 20

// Answer is what was found.
type Answer struct {
	Name     string    `json:"name"`
	Says     string    `json:"says"`
	Verdict  Verdict   `json:"verdict"`
	Judged   int       `json:"judged"` // rows, or whatever it is about
	Note     string    `json:"note,omitempty"`
	Total    int       `json:"total"`    // findings
	Findings []Finding `json:"findings"` // of each kind the first ones

	kinds map[string]int
}

// Finding is something that is wrong.
type Finding struct {
	Table string `json:"table,omitempty"`
	Key   []Part `json:"key,omitempty"` // of the row
	Says  string `json:"says"`
}

// String returns "claims practitioner_id=… cell=…: belongs to no appointment".
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(f.Table)
	for _, p := range f.Key {
		fmt.Fprintf(&b, " %s=%s", p.Column, p.Value)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	return b.String() + f.Says
}

// Part is a column of a key, with its value: an id or a number.
type Part struct {
	Column string `json:"column"`
	Value  string `json:"value"`
}

// Find adds a finding.
func (a *Answer) Find(f Finding) {
	if a.kinds == nil {
		a.kinds = map[string]int{}
	}
	a.Total++
	if a.kinds[f.Table+" "+f.Says]++; a.kinds[f.Table+" "+f.Says] <= MostFindings {
		a.Findings = append(a.Findings, f)
	}
}

// Run asks the questions one after the other, and gives told each answer. Its error
// is the context's; a question that fails is Unknown.
func Run(ctx context.Context, db *sqldb.DB, questions []Question, told func(Answer)) error {
	for _, q := range questions {
		a := Answer{Name: q.Name, Says: q.Says, Findings: []Finding{}}
		ask := q.Ask
		if q.Rows != nil {
			ask = q.Rows.ask
		}
		err := ask(ctx, db, &a)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch {
		case a.Total > 0:
			a.Verdict = Unsound
		case err != nil:
			a.Verdict = Unknown
		case a.Verdict == "":
			a.Verdict = Sound
		}
		if err != nil {
			a.Note = fmt.Sprintf("not all could be judged: %v", err)
		}
		told(a)
	}
	return nil
}

// Of returns what answers come to together: unsound if one is, else unknown if one is,
// else sound.
func Of(answers []Answer) Verdict {
	all := Sound
	for _, a := range answers {
		switch {
		case a.Verdict == Unsound:
			return Unsound
		case a.Verdict == Unknown:
			all = Unknown
		}
	}
	return all
}

// ask goes through the table.
func (r Rows) ask(ctx context.Context, db *sqldb.DB, a *Answer) error {
	var after []any // the last key that was looked at
	for {
		var p part
		err := db.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			p, err = r.part(ctx, tx, after)
			return err
		})
		if err != nil {
			return err
		}
		a.Judged += p.rows
		for _, b := range p.broken {
			a.Find(Finding{Table: r.Table, Key: b.key, Says: r.Broken[b.what].Says})
		}
		if p.last == nil {
			return nil
		}
		after = p.last
	}
}
