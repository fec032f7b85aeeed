package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"medbook/internal/archive"
)

// progressOn returns what shows how a long work goes on: a bar where w is a
// terminal, and elsewhere, if that is wanted, a line as each part of it begins.
func progressOn(w io.Writer, lines bool) archive.Progress {
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return &bar{w: w}
		}
	}
	if lines {
		return plainLines{w}
	}
	return nil
}

// plainLines says what is begun.
type plainLines struct{ w io.Writer }

// Begin says what is begun, and how much there is to do.
func (p plainLines) Begin(what string, rows int64) {
	if rows > 0 {
		what = fmt.Sprintf("%s: %d rows", what, rows)
	}
	fmt.Fprintln(p.w, what)
}

// Add says nothing.
func (plainLines) Add(int) {}

// End says nothing.
func (plainLines) End() {}

// bar is a progress bar.
type bar struct {
	w   io.Writer
	now *progressbar.ProgressBar
}

// Begin shows an empty bar, or something that turns if nobody knows how much there
// is to do.
func (b *bar) Begin(what string, rows int64) {
	if rows == 0 {
		rows = -1
	}
	b.now = progressbar.NewOptions64(rows,
		progressbar.OptionSetWriter(b.w), progressbar.OptionSetDescription(what), progressbar.OptionSetWidth(30),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("rows"),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionOnCompletion(func() { fmt.Fprintln(b.w) }))
}

// Add moves it on.
func (b *bar) Add(rows int) { _ = b.now.Add(rows) }

// End fills it.
func (b *bar) End() { _ = b.now.Finish() }
