package audit

import (
	"context"
	"strings"
	"time"

	"medbook/internal/sqldb"
)

// Turn has a keeper do what it does on each tick.
func Turn(ctx context.Context, k *Keeper) error { return k.turn(ctx, false) }

// VerifyIn is Verify inside of a transaction, of a trail that one read takes.
func VerifyIn(ctx context.Context, tx *sqldb.Tx, checkpoints, keys []byte) (Report, error) {
	v, err := newVerifier(checkpoints, keys)
	if err != nil {
		return v.finish(err)
	}
	entries, err := entriesFrom(ctx, tx, 0)
	if err == nil {
		err = v.addAll(entries)
	}
	if err == nil {
		err = v.checkRest(ctx, tx)
	}
	return v.finish(err)
}

// RollBack puts the trail back to what it was after its first n records, the
// head included.
func RollBack(ctx context.Context, tx *sqldb.Tx, n int64) error {
	leaves, err := leavesFrom(ctx, tx, 0, int(n))
	if err != nil {
		return err
	}
	var t tree
	for _, l := range leaves {
		t.add(l.hash)
	}
	for _, statement := range []string{
		`DELETE FROM audit_patients WHERE event_id IN (SELECT event_id FROM audit_leaves WHERE seq >= $1)`,
		`DELETE FROM audit_events WHERE id IN (SELECT event_id FROM audit_leaves WHERE seq >= $1)`,
		`DELETE FROM audit_leaves WHERE seq >= $1`,
	} {
		if _, err := tx.Exec(ctx, statement, n); err != nil {
			return err
		}
	}
	return updateTree(ctx, tx, t)
}

// Plan returns how an engine would read a list of the trail.
func Plan(ctx context.Context, tx *sqldb.Tx, f Filter) (string, error) {
	query, args := searchFor(f).list(moment{}, 50)
	explain, columns := "EXPLAIN ", []any{new(string)}
	if tx.Engine() == sqldb.SQLite {
		explain, columns = "EXPLAIN QUERY PLAN ", []any{new(any), new(any), new(any), new(string)}
	}
	lines, err := sqldb.All(ctx, tx, func(r sqldb.Row) (string, error) {
		err := r.Scan(columns...)
		line, _ := columns[len(columns)-1].(*string)
		return *line, err
	}, explain+query, args...)
	return strings.Join(lines, "\n"), err
}

// Answered waits until what is under way to the webhook was answered, which the
// keeper's next turn will see, if its last one did not see it.
func Answered(k *Keeper) {
	if k.Webhook.answer == nil {
		return
	}
	err := <-k.Webhook.answer
	answer := make(chan error, 1)
	answer <- err
	k.Webhook.answer = answer
}

// AnswerWithin makes a webhook wait for so long only.
func AnswerWithin(w *Webhook, limit time.Duration) { w.client.Timeout = limit }
