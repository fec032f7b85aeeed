package audit

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"

	"medbook/internal/errs"
	"medbook/internal/sqldb"
)

// mostKept is how many of the checkpoints in the database VerifyRestored judges by,
// the newest. Each vouches for all records before it.
const mostKept = 1000

// VerifyRestored is Verify for a database that was just made from a backup. It also
// goes by the checkpoints in the database. Those that were signed for more records
// than there are, which came after the backup, prove nothing here; lost is how many
// records they tell of that are gone. Without keys no checkpoint is judged, and the
// verdict is Incomplete at best.
func VerifyRestored(ctx context.Context, db *sqldb.DB, checkpoints, keys []byte) (r Report, lost int64, err error) {
	defer errs.Wrap(&err, "verify restored audit trail")
	var size int64
	var notes []string
	err = db.View(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		head, err := readTree(ctx, tx)
		if err != nil && !errors.Is(err, errTree) { // which Verify says
			return err
		}
		size = head.size
		notes, err = newestNotes(ctx, tx, mostKept)
		return err
	})
	if err != nil {
		return r, 0, err
	}
	var all bytes.Buffer
	for _, n := range slices.Backward(notes) {
		all.WriteString(n + "\n")
	}
	all.Write(checkpoints)
	if len(bytes.TrimSpace(keys)) == 0 {
		all.Reset()
	}
	v, err := newVerifier(all.Bytes(), keys)
	if err != nil {
		r, err = v.finish(err)
		return r, 0, err
	}
	v.checkpoints = slices.DeleteFunc(v.checkpoints, func(c Checkpoint) bool {
		ahead := c.Size > size
		if ahead {
			lost = max(lost, c.Size-size)
		}
		return ahead
	})
	r, err = v.judge(ctx, db)
	return r, lost, err
}

// Origin returns what tells a database from others for as long as it lives: a text
// of what its audit trail begins with.
func Origin(ctx context.Context, tx *sqldb.Tx) (text string, err error) {
	defer errs.Wrap(&err, "read where the audit trail begins")
	first, err := leavesFrom(ctx, tx, 0, 1)
	if err != nil {
		return "", err
	}
	for _, l := range first {
		text = l.event.String()
	}
	return cmp.Or(text, "a database without records"), nil
}
