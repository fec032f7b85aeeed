package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// Verdict is what Verify comes to.
type Verdict int

// The verdicts, as medbook audit verify ends with them.
const (
	Intact     Verdict = 0 // every record is what it was when it was signed for
	Tampered   Verdict = 1
	Incomplete Verdict = 2 // nothing wrong was found, but not all could be judged
)

// Report is what Verify found.
type Report struct {
	Verdict Verdict
	Records int64  // that were made, as far as was read
	Covered int64  // of them by checkpoints
	Pruned  int64  // of them, that were removed when they had been kept for long enough
	Why     string // in one sentence, naming the first bad record; empty when intact
}

// How many records after the last checkpoint, and over what time, are nothing
// to wonder about.
const (
	tailRecords = checkpointRecords
	tailFor     = 2 * checkpointEvery
)

// entry is one place of the tree as a source tells it. Line is nil when the
// record is not there.
type entry struct {
	seq  int64
	line []byte
	sum  tlog.Hash  // of the line
	hash *tlog.Hash // that was kept of it; nil where only the line is known
}

// text returns the entry's line in an export.
func (e entry) text() []byte {
	if e.line != nil {
		return e.line
	}
	return fmt.Appendf(nil, `{"v":0,"seq":%d,"hash":"%s"}`, e.seq, base64.StdEncoding.EncodeToString(e.hash[:]))
}

// readEntry reads the text that text made, and reports false for any other.
func readEntry(text []byte) (e entry, ok bool) {
	if seq, ok := seqOf(text); ok {
		return entry{seq: seq, line: text, sum: tlog.RecordHash(text)}, true
	}
	var bare struct {
		Seq  int64  `json:"seq"`
		Hash []byte `json:"hash"`
	}
	if err := json.Unmarshal(text, &bare); err != nil || len(bare.Hash) != tlog.HashSize || bare.Seq < 0 {
		return e, false
	}
	hash := tlog.Hash(bare.Hash)
	e = entry{seq: bare.Seq, hash: &hash}
	return e, bytes.Equal(e.text(), text)
}

const (
	batch = 1000 // how many records are read at a time
	ahead = 4    // how many batches are read while one is judged
)

// verifier goes through all records once, from the first on.
type verifier struct {
	checkpoints []Checkpoint // ascending by size
	grown       tree
	tail        []time.Time // of the first and the last record after the last checkpoint
	next        int         // the checkpoint to come
	gone        gone
}

// errTampered ends a verification; its text is the report's.
type errTampered string

func (e errTampered) Error() string { return string(e) }

// add judges one record.
func (v *verifier) add(e entry) error {
	seq := v.grown.size
	switch {
	case e.seq != seq:
		return errTampered(fmt.Sprintf("record %d is missing", seq))
	case e.line == nil:
		v.gone.add(seq)
		v.grown.add(*e.hash)
		return v.compare()
	}
	if e.hash != nil && e.sum != *e.hash {
		return errTampered(fmt.Sprintf("record %d is not what was recorded", seq))
	}
	v.grown.add(e.sum)
	v.admit(seq, e.line)
	if v.next == len(v.checkpoints) {
		if at, ok := atOf(e.line); ok {
			v.tail = append(v.tail[:min(len(v.tail), 1)], at)
		}
	}
	return v.compare()
}

func (v *verifier) addAll(entries []entry) error {
	for _, e := range entries {
		if err := v.add(e); err != nil {
			return err
		}
	}
	return nil
}

// compare compares the tree with every checkpoint of its size.
func (v *verifier) compare() error {
	for ; v.next < len(v.checkpoints) && v.checkpoints[v.next].Size == v.grown.size; v.next++ {
		c := v.checkpoints[v.next]
		if c.Root != v.grown.root() {
			first := int64(0)
			if v.next > 0 {
				first = v.checkpoints[v.next-1].Size
			}
			what := fmt.Sprintf("one of the records %d to %d", first, c.Size-1)
			if first >= c.Size-1 {
				what = fmt.Sprintf("record %d, or one before it,", c.Size-1)
			}
			return errTampered(what + " is not what was signed for at " + c.At.Format(time.RFC3339))
		}
	}
	return nil
}

// report says what it has come to after the last record.
func (v *verifier) report() Report {
	r := Report{Records: v.grown.size, Pruned: v.gone.total}
	if v.next > 0 {
		r.Covered = v.checkpoints[v.next-1].Size
	}
	after := r.Records - r.Covered
	lost, isLost := v.gone.from(max(v.gone.allowed, v.gone.doubted))
	doubt, isDoubted := v.gone.from(v.gone.allowed)
	switch {
	case v.next < len(v.checkpoints):
		r.Verdict = Tampered
		r.Why = fmt.Sprintf("record %d and those after it are missing: %d records were signed for", r.Records, v.checkpoints[len(v.checkpoints)-1].Size)
	case isLost:
		r.Verdict, r.Why = Tampered, fmt.Sprintf("record %d is gone; only its hash is there", lost)
	case isDoubted:
		r.Verdict, r.Why = Incomplete, fmt.Sprintf("record %d is gone, and no checkpoint covers yet what says that it was pruned", doubt)
	case len(v.checkpoints) == 0:
		r.Verdict, r.Why = Incomplete, "there is no checkpoint, so nothing vouches for the records"
	case after > tailRecords, len(v.tail) == 2 && v.tail[1].Sub(v.tail[0]) > tailFor:
		r.Verdict, r.Why = Incomplete, fmt.Sprintf("no checkpoint covers record %d and those after it", r.Covered)
	}
	return r
}

// newVerifier reads checkpoints and the keys that may have signed them.
func newVerifier(checkpoints, keys []byte) (*verifier, error) {
	known, err := readKeys(keys)
	if err != nil {
		return nil, err
	}
	all, err := readNotes(checkpoints, known)
	if err != nil {
		return nil, errTampered(err.Error())
	}
	slices.SortStableFunc(all, func(a, b Checkpoint) int { return int(a.Size - b.Size) })
	return &verifier{checkpoints: all}, nil
}

// finish turns what ended a verification into a report.
func (v *verifier) finish(err error) (Report, error) {
	var tampered errTampered
	switch {
	case errors.As(err, &tampered):
		r := Report{Verdict: Tampered, Why: string(tampered)}
		if v != nil {
			r.Records = v.grown.size
		}
		return r, nil
	case err != nil && v != nil:
		r := v.report()
		r.Verdict, r.Why = Incomplete, fmt.Sprintf("record %d and those after it were not read", r.Records)
		return r, err
	case err != nil:
		return Report{Verdict: Incomplete}, err
	}
	return v.report(), nil
}

// Verify compares all records of a database with the checkpoints that were
// written outside of it and the keys that signed those, one a line. An error
// says that it could not read something, or not before ctx was over; the report
// then tells of what came before.
func Verify(ctx context.Context, db *sqldb.DB, checkpoints, keys []byte) (r Report, err error) {
	defer errs.Wrap(&err, "verify audit trail")
	v, err := newVerifier(checkpoints, keys)
	if err != nil {
		return v.finish(err)
	}
	return v.judge(ctx, db)
}

// judge goes through all records of a database.
func (v *verifier) judge(ctx context.Context, db *sqldb.DB) (Report, error) {
	err := v.readAhead(ctx, db)
	for more := true; more && err == nil; { // what is left, such as what came meanwhile
		var entries []entry
		err = db.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			entries, err = entriesFrom(ctx, tx, v.grown.size)
			return err
		})
		if err == nil {
			err = v.addAll(entries)
		}
		more = len(entries) == batch
	}
	if err == nil {
		err = db.View(ctx, v.checkRest)
	}
	return v.finish(err)
}

// readAhead judges the records that the head of the tree tells of, reading some
// batches while it judges another. It stops at a batch that is not whole: what
// the head says is judged in the end, and no proof that there is no more.
func (v *verifier) readAhead(ctx context.Context, db *sqldb.DB) error {
	var size int64
	err := db.View(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		head, err := readTree(ctx, tx)
		size = head.size
		if errors.Is(err, errTree) {
			return nil // checkRest says so
		}
		return err
	})
	if err != nil {
		return err
	}
	type result struct {
		entries []entry
		err     error
	}
	var reading sync.WaitGroup
	defer reading.Wait()
	reads, stop := make(chan chan result, ahead-1), make(chan struct{})
	defer close(stop)
	reading.Go(func() {
		defer close(reads)
		for first := int64(0); first+batch <= size; first += batch {
			read := make(chan result, 1)
			select {
			case reads <- read:
			case <-stop:
				return
			}
			reading.Go(func() {
				var r result
				r.err = db.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
					r.entries, err = entriesFrom(ctx, tx, first)
					return err
				})
				read <- r
			})
		}
	})
	for read := range reads {
		r := <-read
		if r.err != nil {
			return r.err
		}
		if err := v.addAll(r.entries); err != nil || len(r.entries) < batch {
			return err
		}
	}
	return nil
}

// checkRest judges what is in the database beside the places.
func (v *verifier) checkRest(ctx context.Context, tx *sqldb.Tx) error {
	kept, err := readTree(ctx, tx)
	if errors.Is(err, errTree) || err == nil && kept.size < v.grown.size {
		return errTampered("the head of the tree is not that of the records")
	}
	if err != nil {
		return err
	}
	if kept.size == v.grown.size && kept.root() != v.grown.root() {
		return errTampered("the head of the tree is not that of the records")
	}
	if kept.size > v.grown.size {
		next, err := leavesFrom(ctx, tx, v.grown.size, 1)
		if err != nil || len(next) > 0 { // recorded since we read
			return err
		}
		return errTampered(fmt.Sprintf("record %d and those after it are missing", v.grown.size))
	}
	n, err := countOrphans(ctx, tx)
	if err == nil && n > 0 {
		return errTampered(fmt.Sprintf("%d records have no place among the others: they were put in, or their places were taken away", n))
	}
	return err
}

// entriesFrom reads places from seq on with the lines of what stands there.
func entriesFrom(ctx context.Context, tx *sqldb.Tx, seq int64) ([]entry, error) {
	leaves, err := leavesFrom(ctx, tx, seq, batch)
	if err != nil || len(leaves) == 0 {
		return nil, err
	}
	rows, err := placedFrom(ctx, tx, leaves[0].seq, leaves[len(leaves)-1].seq)
	if err != nil {
		return nil, err
	}
	entries := make([]entry, len(leaves))
	for i, l := range leaves {
		entries[i] = entry{seq: l.seq, hash: &leaves[i].hash}
		if p, ok := rows[l.seq]; ok {
			if entries[i].line, err = p.line(); err != nil {
				return nil, err
			}
			entries[i].sum = tlog.RecordHash(entries[i].line)
		}
	}
	return entries, nil
}

// VerifyExport is Verify for a file that Export wrote.
func VerifyExport(export io.Reader, checkpoints, keys []byte) (r Report, err error) {
	defer errs.Wrap(&err, "verify export of audit trail")
	v, err := newVerifier(checkpoints, keys)
	if err != nil {
		return v.finish(err)
	}
	lines := bufio.NewScanner(export)
	lines.Buffer(make([]byte, 64<<10), 64<<20)
	for lines.Scan() && err == nil {
		e, ok := readEntry(lines.Bytes())
		if !ok {
			err = errTampered(fmt.Sprintf("line %d is no record", v.grown.size+1))
			break
		}
		err = v.add(e)
	}
	if err == nil {
		err = lines.Err()
	}
	return v.finish(err)
}

// Export writes all records in the order of their places, a line of JSON each. Of
// a record that is not there, the line has the hash.
func Export(ctx context.Context, db *sqldb.DB, w io.Writer) (err error) {
	defer errs.Wrap(&err, "export audit trail")
	for next, more := int64(0), true; more; {
		var entries []entry
		err := db.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			entries, err = entriesFrom(ctx, tx, next)
			return err
		})
		if err != nil {
			return err
		}
		var b bytes.Buffer
		for _, e := range entries {
			b.Write(e.text())
			b.WriteByte('\n')
		}
		if _, err := w.Write(b.Bytes()); err != nil {
			return err
		}
		if more = len(entries) == batch; more {
			next = entries[len(entries)-1].seq + 1
		}
	}
	return nil
}
