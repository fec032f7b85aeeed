package audit_test

import (
	"context"
	"crypto/md5"
	"database/sql"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"medbook/internal/audit"
	"medbook/internal/id"
	"medbook/internal/page"
	"medbook/internal/sqldb"
	"medbook/internal/sqldb/sqltest"
)

// benchRecords is how many records a benchmark fills a trail with.
func benchRecords(b *testing.B, otherwise int) int {
	b.Helper()
	text := os.Getenv("MEDBOOK_BENCH_RECORDS")
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// The trail of a large clinic: three years of records, evenly, by 300 users, of
// whom the busiest does six in a hundred, about 50,000 patients, of whom the one
// who is there most is in 0.07 in a hundred. One record in a hundred is a refusal
// or a failure. The user with number 0 never looks at an encounter.
const (
	benchActors   = 300
	benchPatients = 50_000
	benchYears    = 3 * 365 * 24 * time.Hour
)

// numbered is the id of the person with a number, as the SQL below makes it.
func numbered(kind, n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("%08x-0000-7000-8000-%012x", kind, n))
}

const fillEvents = `INSERT INTO audit_events
	SELECT CAST(lpad(to_hex(at / 1000), 12, '0') || '7000' || '8000' || lpad(to_hex(i), 12, '0') AS UUID), at,
		CASE WHEN chance < 0.98 THEN CAST('0000000a-0000-7000-8000-' || lpad(to_hex(actor), 12, '0') AS UUID) END,
		'practitioner', NULL, action, split_part(action, '.', 1),
		CASE WHEN action LIKE '%.list' THEN '' ELSE md5(CAST(i % 400000 AS TEXT)) END,
		CASE WHEN i % 150 = 0 THEN 'denied' WHEN i % 331 = 0 THEN 'failed' ELSE 'success' END,
		1, 'care', md5(CAST(i AS TEXT)), '192.0.2.' || i % 200, 'Firefox'
	FROM (SELECT i, actor, chance, CAST($2 AS BIGINT) + i * (CAST($3 AS BIGINT) / CAST($1 AS BIGINT)) AS at, CASE
			WHEN kind < 0.0001 THEN 'user.create'
			WHEN kind < 0.30 THEN 'appointment.read'
			WHEN kind < 0.45 THEN 'appointment.list'
			WHEN kind < 0.60 AND actor > 0 THEN 'encounter.read'
			WHEN kind < 0.65 AND actor > 0 THEN 'encounter.change'
			WHEN kind < 0.80 THEN 'user.read'
			WHEN kind < 0.90 THEN 'appointment.hold'
			WHEN kind < 0.97 THEN 'session.begin'
			ELSE 'key.use' END AS action
		FROM (SELECT i, random() AS kind, random() AS chance, CAST(floor(300 * power(random(), 2)) AS BIGINT) AS actor
			FROM generate_series(0, CAST($1 AS BIGINT) - 1) AS i) AS drawn) AS made`

const fillPatients = `INSERT INTO audit_patients
	SELECT DISTINCT CAST('0000000b-0000-7000-8000-' || lpad(to_hex(CAST(floor(50000 * power(random(), 1.5)) AS BIGINT)), 12, '0') AS UUID), id, at
	FROM audit_events CROSS JOIN generate_series(1, 3) AS n
	WHERE resource_type <> 'session' AND (n = 1 OR action = 'appointment.list')`

// fillTrail makes a trail of n records without hashes. Keys and indexes are made
// anew after it, which takes a fraction of the time.
func fillTrail(b *testing.B, url string, n int) {
	b.Helper()
	pool, err := sql.Open("pgx", url)
	if err != nil {
		b.Fatal(err)
	}
	defer pool.Close()
	conn, err := pool.Conn(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	exec := func(query string, args ...any) {
		b.Helper()
		if _, err := conn.ExecContext(b.Context(), query, args...); err != nil {
			b.Fatal(err)
		}
	}
	exec(`SET maintenance_work_mem = '1GB'`)
	exec(`SET max_parallel_maintenance_workers = 0`)
	drop, again := indexes(b, conn)
	for _, query := range drop {
		exec(query)
	}
	exec(fillEvents, n, sqltest.Start.Add(-benchYears).UnixMicro(), benchYears.Microseconds())
	exec(fillPatients)
	exec(`INSERT INTO audit_leaves SELECT row_number() OVER (ORDER BY id) - 1, id, '\x00' FROM audit_events`)
	for _, query := range again {
		exec(query)
	}
	exec(`VACUUM ANALYZE audit_events`)
	exec(`VACUUM ANALYZE audit_patients`)
	exec(`VACUUM ANALYZE audit_leaves`)
}

// indexes returns statements that drop the trail's keys and indexes, and that
// make them again as indexes.
func indexes(b *testing.B, conn *sql.Conn) (drop, again []string) {
	b.Helper()
	rows, err := conn.QueryContext(b.Context(), `SELECT tablename, indexname, indexdef FROM pg_indexes
		WHERE tablename IN ('audit_events', 'audit_patients', 'audit_leaves')`)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var table, name, define string
		if err := rows.Scan(&table, &name, &define); err != nil {
			b.Fatal(err)
		}
		statement := `DROP INDEX ` + name
		if name == table+"_pkey" {
			statement = `ALTER TABLE ` + table + ` DROP CONSTRAINT ` + name
		}
		drop, again = append(drop, statement), append(again, define)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return drop, again
}

// drawActor draws as fillEvents does.
func drawActor(r *rand.Rand) uuid.UUID {
	return numbered(10, int(benchActors*math.Pow(r.Float64(), 2)))
}

func drawPatient(r *rand.Rand) uuid.UUID {
	return numbered(11, int(benchPatients*math.Pow(r.Float64(), 1.5)))
}

// drawSpan draws a month of the three years.
func drawSpan(r *rand.Rand, f audit.Filter) audit.Filter {
	f.From = sqltest.Start.Add(-time.Duration(r.Int64N(int64(benchYears))))
	f.To = f.From.Add(30 * 24 * time.Hour)
	return f
}

// BenchmarkTrailPages measures pages of 50 of a large trail on PostgreSQL, of
// 100,000 records or as many as MEDBOOK_BENCH_RECORDS says, and reports the
// median and the 99th percentile. Run it with -benchtime 500x.
func BenchmarkTrailPages(b *testing.B) {
	url := sqltest.Postgres(b)
	fillTrail(b, url, benchRecords(b, 100_000))
	measureLists(b, sqltest.Open(b, url))
}

func measureLists(b *testing.B, db *sqldb.DB) {
	b.Helper()
	busiest, most := numbered(10, 0), numbered(11, 0)
	for _, list := range []struct {
		name string
		draw func(*rand.Rand) audit.Filter
	}{
		{"none", func(*rand.Rand) audit.Filter { return audit.Filter{} }},
		{"time", func(r *rand.Rand) audit.Filter { return drawSpan(r, audit.Filter{}) }},
		{"patient", func(r *rand.Rand) audit.Filter { return audit.Filter{Patient: drawPatient(r)} }},
		{"patient+time", func(r *rand.Rand) audit.Filter { return drawSpan(r, audit.Filter{Patient: drawPatient(r)}) }},
		{"patient+others", func(r *rand.Rand) audit.Filter { p := drawPatient(r); return audit.Filter{Patient: p, NotActor: p} }},
		{"patient+actor", func(r *rand.Rand) audit.Filter {
			return audit.Filter{Patient: drawPatient(r), Actor: drawActor(r)}
		}},
		{"most-patient+never", func(*rand.Rand) audit.Filter { return audit.Filter{Patient: most, Action: "no.such"} }},
		{"actor", func(r *rand.Rand) audit.Filter { return audit.Filter{Actor: drawActor(r)} }},
		{"actor+time", func(r *rand.Rand) audit.Filter { return drawSpan(r, audit.Filter{Actor: drawActor(r)}) }},
		{"actor+action", func(r *rand.Rand) audit.Filter {
			return audit.Filter{Actor: drawActor(r), Action: "appointment.read"}
		}},
		{"actor+rare", func(r *rand.Rand) audit.Filter {
			return audit.Filter{Actor: drawActor(r), Action: "user.create"}
		}},
		{"actor+type", func(r *rand.Rand) audit.Filter {
			return audit.Filter{Actor: drawActor(r), ResourceType: "encounter"}
		}},
		{"actor+denied", func(r *rand.Rand) audit.Filter {
			return audit.Filter{Actor: drawActor(r), Outcome: audit.Denied}
		}},
		{"busiest+never", func(*rand.Rand) audit.Filter {
			return audit.Filter{Actor: busiest, Action: "encounter.read"}
		}},
		{"busiest+never-type", func(*rand.Rand) audit.Filter {
			return audit.Filter{Actor: busiest, ResourceType: "encounter"}
		}},
		{"busiest+resource", func(r *rand.Rand) audit.Filter {
			return audit.Filter{Actor: busiest, ResourceID: drawResource(r)}
		}},
		{"not-busiest", func(*rand.Rand) audit.Filter { return audit.Filter{NotActor: busiest} }},
		{"action", func(*rand.Rand) audit.Filter { return audit.Filter{Action: "user.read"} }},
		{"action+time", func(r *rand.Rand) audit.Filter {
			return drawSpan(r, audit.Filter{Action: "encounter.change"})
		}},
		{"rare-action", func(*rand.Rand) audit.Filter { return audit.Filter{Action: "user.create"} }},
		{"rare-action+denied", func(*rand.Rand) audit.Filter {
			return audit.Filter{Action: "user.create", Outcome: audit.Denied}
		}},
		{"resource", func(r *rand.Rand) audit.Filter { return audit.Filter{ResourceID: drawResource(r)} }},
		{"resource+type", func(r *rand.Rand) audit.Filter {
			return audit.Filter{ResourceID: drawResource(r), ResourceType: "user"}
		}},
		{"denied", func(*rand.Rand) audit.Filter { return audit.Filter{Outcome: audit.Denied} }},
		{"denied+time", func(r *rand.Rand) audit.Filter { return drawSpan(r, audit.Filter{Outcome: audit.Denied}) }},
		{"denied+never", func(*rand.Rand) audit.Filter {
			return audit.Filter{Outcome: audit.Denied, ResourceType: "clinic"}
		}},
		{"encounters+time", func(r *rand.Rand) audit.Filter {
			return drawSpan(r, audit.Filter{ResourceType: "encounter"})
		}},
		{"type+action", func(*rand.Rand) audit.Filter {
			return audit.Filter{ResourceType: "encounter", Action: "encounter.change"}
		}},
		{"type+never", func(*rand.Rand) audit.Filter {
			return audit.Filter{ResourceType: "encounter", Action: "appointment.read"}
		}},
	} {
		b.Run(list.name, func(b *testing.B) { measurePages(b, db, list.draw, false) })
		if list.name == "none" || list.name == "patient" || list.name == "actor" {
			b.Run(list.name+"-deep", func(b *testing.B) { measurePages(b, db, list.draw, true) })
		}
	}
}

func drawResource(r *rand.Rand) string {
	return fmt.Sprintf("%x", md5.Sum([]byte(strconv.Itoa(r.IntN(400_000)))))
}

// measurePages reads pages of lists, the first ones, or deep ones, which begin
// anywhere.
func measurePages(b *testing.B, db *sqldb.DB, draw func(*rand.Rand) audit.Filter, deep bool) {
	r := rand.New(rand.NewPCG(5, 6))
	var took []time.Duration
	for b.Loop() {
		f, req := draw(r), page.Request{Limit: 50}
		if deep {
			at := sqltest.Start.Add(-time.Duration(r.Int64N(int64(benchYears))))
			req.After = fmt.Sprintf("%d.%s", at.UnixMicro(), numbered(12, 0))
		}
		begin := time.Now()
		err := db.View(b.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			_, err := audit.Events(ctx, tx, f, req)
			return err
		})
		took = append(took, time.Since(begin))
		if err != nil {
			b.Fatal(err)
		}
	}
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(took[len(took)/2]), "p50-ms")
	b.ReportMetric(ms(took[len(took)*99/100]), "p99-ms")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkVerify verifies a trail of 100,000 records, or as many as
// MEDBOOK_BENCH_RECORDS says, with a checkpoint for all of them. Run it with
// -benchtime 1x.
func BenchmarkVerify(b *testing.B) {
	for _, engine := range []struct {
		name string
		url  func(testing.TB) string
	}{{"sqlite", sqltest.SQLite}, {"postgres", sqltest.Postgres}} {
		b.Run(engine.name, func(b *testing.B) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU() + 1)) // as the command does
			db := sqltest.Open(b, engine.url(b))
			n := benchRecords(b, 100_000)
			fillRecords(b, db, n)
			k, keys := keeper(b, db)
			stop(b, k)
			signed := read(b, k.File)
			for b.Loop() {
				r, err := audit.Verify(b.Context(), db, signed, keys)
				if err != nil || r.Verdict != audit.Intact || r.Covered != int64(n) {
					b.Fatalf("Verify = %+v, %v, want all intact", r, err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// fillRecords puts n records with a patient each where they wait for a place.
func fillRecords(b testing.TB, db *sqldb.DB, n int) {
	b.Helper()
	const batch = 200
	for first := 0; first < n; first += batch {
		var events, patients, waiting [][]any
		for i := first; i < min(n, first+batch); i++ {
			one, at := id.New(), sqldb.Instant(sqltest.Start)
			events = append(events, []any{
				one, at, numbered(10, i%benchActors), "practitioner", nil, "appointment.read", "appointment",
				numbered(13, i).String(), "success", 1, "care", numbered(14, i).String(), "192.0.2.1", "Firefox",
			})
			patients = append(patients, []any{numbered(11, i%benchPatients), one, at})
			waiting = append(waiting, []any{one})
		}
		err := db.Update(b.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
			for _, fill := range []struct {
				into string
				rows [][]any
			}{
				{`audit_events (id, at, actor_id, actor_role, credential_id, action, resource_type, resource_id,
					outcome, count, purpose, request_id, client_address, user_agent)`, events},
				{`audit_patients (patient_id, event_id, at)`, patients},
				{`audit_pending (event_id)`, waiting},
			} {
				groups, args := sqldb.Values(fill.rows...)
				if _, err := tx.Exec(ctx, `INSERT INTO `+fill.into+` VALUES `+groups, args...); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
