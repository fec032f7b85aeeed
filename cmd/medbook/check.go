package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"medbook/internal/app"
	"medbook/internal/audit"
	"medbook/internal/check"
	"medbook/internal/keyring"
)

// checkDatabase judges what is in a database.
type checkDatabase struct {
	storage
	keyFile
	Checkpoints string `type:"existingfile" placeholder:"FILE" help:"Signed checkpoints of the audit trail, which need the keys. Default: none."`
	masterKey
	JSON bool `name:"json" help:"Print one JSON document instead of lines."`
}

// Help says what the summary has no room for.
func (checkDatabase) Help() string {
	return `Reads all of a database and asks whether it can be so: whether the engine finds it whole and its schema is this version's, no two appointments overlap, calendars, cells and appointments agree, what refers to something finds it, the audit trail is what was recorded, and patients' keys open what they sealed. It changes nothing, needs no server, and may run while servers do: after a restore, a copy, a failover or a full disk, and now and then.

It prints a line for each question, then what is wrong, by table and key; of each kind the first 20, and how many there are. A key is an id: nothing that is printed says anything of a person.

Ends with 0 when all is sound, with 1 when something is not, and with 2 when nothing wrong was found, but not all could be judged: the database can't be reached, say, or is of another version.`
}

// Run prints what there is to say.
func (c checkDatabase) Run(ctx context.Context, o output) error {
	answers, err := c.ask(ctx, o)
	if err != nil {
		complain(o.stderr, err, failed)
	}
	all := check.Of(answers)
	if all == check.Sound && err != nil {
		all = check.Unknown
	}
	if c.JSON {
		encoder := json.NewEncoder(o.stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(struct {
			Verdict check.Verdict  `json:"verdict"`
			Answers []check.Answer `json:"answers"`
		}{all, answers})
	} else {
		err = tell(o.stdout, all, answers)
	}
	switch all {
	case check.Unsound:
		return errors.Join(err, verdictError(failed))
	case check.Unknown:
		return errors.Join(err, verdictError(audit.Incomplete))
	}
	return err
}

// ask returns the answers that there are, and why there are no more.
func (c checkDatabase) ask(ctx context.Context, o output) (answers []check.Answer, err error) {
	database, err := c.url()
	if err != nil {
		return nil, err
	}
	if file, ok := sqliteFile(database); ok {
		if _, err := os.Stat(file); err != nil { // else it would be made
			return nil, err
		}
	}
	by, err := c.by(database)
	if err != nil {
		return nil, err
	}
	// SQLite's readers leave one processor to the writer, of whom there is none here.
	runtime.GOMAXPROCS(runtime.NumCPU() + 1)
	err = app.Check(ctx, database, by, func(a check.Answer) {
		answers = append(answers, a)
		if !c.JSON {
			line(o.stdout, a)
		}
	})
	return answers, err
}

// by returns what the database is checked by. Without keys, where no file was named
// and there is none, what is sealed is not opened.
func (c checkDatabase) by(database string) (by app.CheckConfig, err error) {
	by.Keys, err = c.ring(database, keyring.Open)
	if errors.Is(err, fs.ErrNotExist) && c.Keys.File == "" {
		if c.Checkpoints != "" {
			return by, errors.New("--checkpoints needs the keys: give --keys")
		}
		return by, nil
	}
	if err != nil {
		return by, err
	}
	if by.Masters, err = c.masters(c.keyFile, by.Keys, database); err != nil {
		return by, err
	}
	if c.Checkpoints != "" {
		by.Checkpoints, err = os.ReadFile(c.Checkpoints)
	}
	return by, err
}

// line prints an answer.
func line(w io.Writer, a check.Answer) {
	text := a.Says
	if a.Total > 0 {
		text += fmt.Sprintf(": not so in %d cases", a.Total)
	}
	if a.Note != "" {
		text += " (" + a.Note + ")"
	}
	fmt.Fprintf(w, "%-8s %10d  %-12s  %s\n", a.Verdict, a.Judged, a.Name, text)
}

// tell prints what is wrong and what it all comes to.
func tell(w io.Writer, all check.Verdict, answers []check.Answer) error {
	var b strings.Builder
	rows := 0
	for _, a := range answers {
		rows += a.Judged
		for _, f := range a.Findings {
			fmt.Fprintf(&b, "%s: %s\n", a.Name, f)
		}
		if more := a.Total - len(a.Findings); more > 0 {
			fmt.Fprintf(&b, "%s: and %d more\n", a.Name, more)
		}
	}
	switch text := b.String(); {
	case text != "":
		b.Reset()
		fmt.Fprintf(&b, "\n%s\n%s\n", text, all)
	default:
		fmt.Fprintf(&b, "%s: %d questions, %d rows and things\n", all, len(answers), rows)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
