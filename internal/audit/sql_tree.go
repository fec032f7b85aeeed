package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"medbook/internal/sqldb"
)

// lockTree reads the tree's row, which is made if it is missing, so that nobody
// else places records before the transaction is over.
func lockTree(ctx context.Context, tx *sqldb.Tx) (tree, error) {
	suffix := ""
	if tx.Engine() == sqldb.Postgres {
		suffix = tx.ForUpdate()
	}
	t, err := treeRow(ctx, tx, suffix)
	if errors.Is(err, sqldb.ErrNoRows) {
		_, err = tx.Exec(ctx, `INSERT INTO audit_tree (id, size, peaks) VALUES (1, 0, $1) ON CONFLICT DO NOTHING`, []byte{})
		if err != nil {
			return t, err
		}
		if tx.Engine() == sqldb.Postgres {
			suffix = tx.ForUpdate()
		}
		return treeRow(ctx, tx, suffix)
	}
	return t, err
}

// readTree reads the tree's row, the empty tree if there is none.
func readTree(ctx context.Context, tx *sqldb.Tx) (tree, error) {
	t, err := treeRow(ctx, tx, "")
	if errors.Is(err, sqldb.ErrNoRows) {
		return tree{}, nil
	}
	return t, err
}

func treeRow(ctx context.Context, tx *sqldb.Tx, suffix string) (tree, error) {
	return sqldb.One(ctx, tx, func(r sqldb.Row) (t tree, err error) {
		var size int64
		var peaks []byte
		if err := r.Scan(&size, &peaks); err != nil {
			return t, err
		}
		return unpack(size, peaks)
	}, `SELECT size, peaks FROM audit_tree WHERE id = 1`+suffix)
}

func updateTree(ctx context.Context, tx *sqldb.Tx, t tree) error {
	_, err := tx.Exec(ctx, `UPDATE audit_tree SET size = $1, peaks = $2 WHERE id = 1`, t.size, t.pack())
	return err
}

// insertLeaves writes rows of place, record and hash.
func insertLeaves(ctx context.Context, tx *sqldb.Tx, rows [][]any) error {
	groups, args := sqldb.Values(rows...)
	_, err := tx.Exec(ctx, `INSERT INTO audit_leaves (seq, event_id, hash) VALUES `+groups, args...)
	return err
}

func insertPending(ctx context.Context, tx *sqldb.Tx, list []placed) error {
	rows := make([][]any, len(list))
	for i, e := range list {
		rows[i] = []any{e.id}
	}
	groups, args := sqldb.Values(rows...)
	_, err := tx.Exec(ctx, `INSERT INTO audit_pending (event_id) VALUES `+groups, args...)
	return err
}

// pending lists records without a place, in the order of their ids, which is
// about that in which they were made.
func pending(ctx context.Context, tx *sqldb.Tx, most int) ([]uuid.UUID, error) {
	return sqldb.All(ctx, tx, scanID, `SELECT event_id FROM audit_pending ORDER BY event_id LIMIT $1`, most)
}

func removePending(ctx context.Context, tx *sqldb.Tx, events []uuid.UUID) error {
	_, err := tx.Exec(ctx, `DELETE FROM audit_pending WHERE event_id IN (`+sqldb.In(1, len(events))+`)`, anys(events)...)
	return err
}

// insertOrphans has records since that instant that have no place wait for one.
func insertOrphans(ctx context.Context, tx *sqldb.Tx, since time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO audit_pending (event_id)
		SELECT e.id FROM audit_events e LEFT JOIN audit_leaves l ON l.event_id = e.id
		WHERE e.at >= $1 AND l.event_id IS NULL ON CONFLICT DO NOTHING`, sqldb.Instant(since))
	return err
}

const eventColumns = `e.id, e.at, e.actor_id, e.actor_role, e.credential_id, e.action, e.resource_type, e.resource_id,
	e.outcome, e.count, e.purpose, e.request_id, e.client_address, e.user_agent`

// eventsByID reads records with their patients, in the order of their ids.
func eventsByID(ctx context.Context, tx *sqldb.Tx, ids []uuid.UUID) ([]placed, error) {
	in, args := sqldb.In(1, len(ids)), anys(ids)
	events, err := sqldb.All(ctx, tx, scanEvent, `SELECT `+eventColumns+` FROM audit_events e WHERE e.id IN (`+in+`) ORDER BY e.id`, args...)
	if err != nil {
		return nil, err
	}
	at := make(map[uuid.UUID]int, len(events))
	for i, e := range events {
		at[e.id] = i
	}
	type about struct{ event, patient uuid.UUID }
	rows, err := sqldb.All(ctx, tx, func(r sqldb.Row) (a about, err error) {
		err = r.Scan(&a.event, &a.patient)
		return a, err
	}, `SELECT event_id, patient_id FROM audit_patients WHERE event_id IN (`+in+`) ORDER BY event_id, patient_id`, args...)
	for _, a := range rows {
		if i, ok := at[a.event]; ok {
			events[i].Patients = append(events[i].Patients, a.patient)
		}
	}
	return events, err
}

func scanEvent(r sqldb.Row) (p placed, err error) {
	var actor, credential uuid.NullUUID
	err = r.Scan(&p.id, (*sqldb.Instant)(&p.At), &actor, &p.ActorRole, &credential, &p.Action, &p.ResourceType, &p.ResourceID,
		&p.Outcome, &p.Count, &p.Purpose, &p.RequestID, &p.ClientAddress, &p.UserAgent)
	p.Actor, p.Credential = actor.UUID, credential.UUID
	return p, err
}

// leaf is a place in the tree, with what stands there.
type leaf struct {
	seq   int64
	event uuid.UUID
	hash  tlog.Hash
}

// leavesFrom lists places from seq on.
func leavesFrom(ctx context.Context, tx *sqldb.Tx, seq int64, most int) ([]leaf, error) {
	return sqldb.All(ctx, tx, func(r sqldb.Row) (l leaf, err error) {
		var hash []byte
		if err = r.Scan(&l.seq, &l.event, &hash); err == nil && len(hash) == tlog.HashSize {
			l.hash = tlog.Hash(hash)
		}
		return l, err
	}, `SELECT seq, event_id, hash FROM audit_leaves WHERE seq >= $1 ORDER BY seq LIMIT $2`, seq, most)
}

// countOrphans counts the records that neither have a place nor wait for one.
func countOrphans(ctx context.Context, tx *sqldb.Tx) (int, error) {
	return sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
		err = r.Scan(&n)
		return n, err
	}, `SELECT COUNT(*) FROM audit_events e
		WHERE NOT EXISTS (SELECT 1 FROM audit_leaves l WHERE l.event_id = e.id)
		AND NOT EXISTS (SELECT 1 FROM audit_pending w WHERE w.event_id = e.id)`)
}

func insertCheckpoint(ctx context.Context, tx *sqldb.Tx, c Checkpoint, signed string) error {
	_, err := tx.Exec(ctx, `INSERT INTO audit_checkpoints (size, note, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		c.Size, signed, sqldb.Instant(c.At))
	return err
}

func scanID(r sqldb.Row) (u uuid.UUID, err error) {
	err = r.Scan(&u)
	return u, err
}

func anys(ids []uuid.UUID) []any {
	all := make([]any, len(ids))
	for i, u := range ids {
		all[i] = u
	}
	return all
}

// placedFrom reads the records at the places first to last, at most a batch, by
// place. The limit says nothing but how few they are: PostgreSQL would rather read
// all records than look up a share of them that it does not know.
func placedFrom(ctx context.Context, tx *sqldb.Tx, first, last int64) (map[int64]*placed, error) {
	all := make(map[int64]*placed, last-first+1)
	_, err := sqldb.All(ctx, tx, func(r sqldb.Row) (_ struct{}, err error) {
		var p placed
		var actor, credential, patient uuid.NullUUID
		var at sqldb.Instant // of the patient's row, which must be the record's
		err = r.Scan(&p.seq, &patient, &at, &p.id, (*sqldb.Instant)(&p.At), &actor, &p.ActorRole, &credential, &p.Action, &p.ResourceType,
			&p.ResourceID, &p.Outcome, &p.Count, &p.Purpose, &p.RequestID, &p.ClientAddress, &p.UserAgent)
		if err != nil { // SQLite keeps a text in a column of numbers, if somebody puts it there
			return struct{}{}, errTampered(fmt.Sprintf("of the records %d to %d at least one can't be read", first, last))
		}
		p.Actor, p.Credential = actor.UUID, credential.UUID
		one, known := all[p.seq]
		if !known {
			one = &p
			all[p.seq] = one
		}
		switch {
		case !patient.Valid:
		case !time.Time(at).Equal(p.At):
			one.Patients = append(one.Patients, uuid.Nil) // no record's hash is that of nobody's
		default:
			one.Patients = append(one.Patients, patient.UUID)
		}
		return struct{}{}, nil
	}, fmt.Sprintf(`SELECT l.seq, p.patient_id, p.at, `+eventColumns+`
		FROM (SELECT seq, event_id FROM audit_leaves WHERE seq BETWEEN $1 AND $2 ORDER BY seq LIMIT %d) l
		JOIN audit_events e ON e.id = l.event_id LEFT JOIN audit_patients p ON p.event_id = e.id
		ORDER BY l.seq, p.patient_id`, batch), first, last)
	return all, err
}

// mostCounted is how far records without a place are counted.
const mostCounted = 10_000

// Keeping is how far the trail has come.
type Keeping struct {
	Unsealed int       // records without a place in the tree; at most 10,000 are counted
	Since    time.Time // when the oldest of those was made; zero: there is none
	Unsigned int64     // records in the tree that no checkpoint covers
	SignedAt time.Time // of the last checkpoint; zero: there is none
}

// Keep tells, as part of tx, how far the trail has come.
func Keep(ctx context.Context, tx *sqldb.Tx) (k Keeping, err error) {
	k.Unsealed, err = sqldb.One(ctx, tx, func(r sqldb.Row) (n int, err error) {
		err = r.Scan(&n)
		return n, err
	}, `SELECT COUNT(*) FROM (SELECT event_id FROM audit_pending LIMIT $1) waiting`, mostCounted)
	if err != nil {
		return k, err
	}
	if k.Since, err = instant(ctx, tx, `SELECT e.at FROM audit_pending p JOIN audit_events e ON e.id = p.event_id ORDER BY p.event_id LIMIT 1`); err != nil {
		return k, err
	}
	head, err := readTree(ctx, tx)
	if err != nil {
		return k, err
	}
	signed, err := sqldb.One(ctx, tx, func(r sqldb.Row) (c Checkpoint, err error) {
		err = r.Scan(&c.Size, (*sqldb.Instant)(&c.At))
		return c, err
	}, `SELECT size, at FROM audit_checkpoints ORDER BY size DESC LIMIT 1`)
	if errors.Is(err, sqldb.ErrNoRows) {
		err = nil
	}
	k.Unsigned, k.SignedAt = head.size-signed.Size, signed.At
	return k, err
}

// instant returns the one that a query answers, zero if it answers none.
func instant(ctx context.Context, tx *sqldb.Tx, query string) (time.Time, error) {
	at, err := sqldb.One(ctx, tx, func(r sqldb.Row) (at sqldb.Instant, err error) {
		err = r.Scan(&at)
		return at, err
	}, query)
	if errors.Is(err, sqldb.ErrNoRows) {
		return time.Time{}, nil
	}
	return time.Time(at), err
}
