package check

import (
	"context"
	"strings"

	"medbook/internal/sqldb"
)

// The engines' catalogues are all that they do not tell in one SQL.

// integrity returns what SQLite finds wrong with its file, at most 100 things.
func integrity(ctx context.Context, tx *sqldb.Tx) (complaints []string, err error) {
	all, err := sqldb.All(ctx, tx, scanText, `PRAGMA integrity_check(100)`)
	for _, says := range all {
		if says != "ok" {
			complaints = append(complaints, strings.TrimPrefix(says, "*** in database main ***\n"))
		}
	}
	return complaints, err
}

// doubts returns the table, kind and name of what PostgreSQL does not hold to be
// valid, and how many indexes and constraints there are.
func doubts(ctx context.Context, tx *sqldb.Tx) (doubted [][3]string, n int, err error) {
	n, err = sqldb.One(ctx, tx, scanInt, `SELECT (SELECT COUNT(*) FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid WHERE c.relnamespace = CAST(current_schema() AS regnamespace))
		+ (SELECT COUNT(*) FROM pg_constraint WHERE connamespace = CAST(current_schema() AS regnamespace))`)
	if err != nil {
		return nil, 0, err
	}
	doubted, err = sqldb.All(ctx, tx, func(r sqldb.Row) (d [3]string, err error) {
		err = r.Scan(&d[0], &d[1], &d[2])
		return d, err
	}, `SELECT CAST(c.relname AS TEXT), 'the index', CAST(i.relname AS TEXT)
			FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
			WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND NOT (x.indisvalid AND x.indisready AND x.indislive)
		UNION ALL SELECT CAST(c.relname AS TEXT), 'the constraint', CAST(k.conname AS TEXT)
			FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
			WHERE k.connamespace = CAST(current_schema() AS regnamespace) AND NOT k.convalidated
		UNION ALL SELECT CAST(c.relname AS TEXT), 'the foreign key, for a trigger is off: the constraint', CAST(k.conname AS TEXT)
			FROM pg_trigger g JOIN pg_constraint k ON k.oid = g.tgconstraint JOIN pg_class c ON c.oid = g.tgrelid
			WHERE k.connamespace = CAST(current_schema() AS regnamespace) AND g.tgenabled = 'D'
		ORDER BY 1, 2, 3`)
	return doubted, n, err
}

// readSchema reads the schema, but for the table of the migrations.
func readSchema(ctx context.Context, tx *sqldb.Tx) (schema, error) {
	q := sqliteSchema
	if tx.Engine() == sqldb.Postgres {
		q = postgresSchema
	}
	s := schema{}
	if err := q.tables(ctx, tx, s); err != nil {
		return nil, err
	}
	if err := q.readColumns(ctx, tx, s); err != nil {
		return nil, err
	}
	if err := q.readIndexes(ctx, tx, s); err != nil {
		return nil, err
	}
	return s, q.readReferences(ctx, tx, s)
}

// catalogue is where an engine tells of its schema.
type catalogue struct{ names, columns, indexes, references string }

var sqliteSchema = catalogue{
	names: `SELECT name, (length(sql) - length(replace(sql, 'CHECK (', ''))) / length('CHECK (') FROM sqlite_schema
		WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name`,
	columns: `SELECT t.name, c.name, lower(c.type), c."notnull" <> 0, c.pk FROM sqlite_schema t JOIN pragma_table_info(t.name) c
		WHERE t.type = 'table' ORDER BY t.name, c.pk, c.cid`,
	indexes: `SELECT t.name, i.name, i."unique" <> 0, i.partial <> 0, c.name FROM sqlite_schema t JOIN pragma_index_list(t.name) i JOIN pragma_index_info(i.name) c
		WHERE t.type = 'table' AND i.origin = 'c' ORDER BY t.name, i.name, c.seqno`,
	references: `SELECT t.name, CAST(f.id AS TEXT), f."table", f."from", f."to" FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) f
		WHERE t.type = 'table' ORDER BY t.name, f.id, f.seq`,
}

var postgresSchema = catalogue{
	names: `SELECT CAST(c.relname AS TEXT), (SELECT COUNT(*) FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c') FROM pg_class c
		WHERE c.relkind IN ('r', 'p') AND c.relnamespace = CAST(current_schema() AS regnamespace) ORDER BY 1`,
	columns: `SELECT CAST(c.relname AS TEXT), CAST(a.attname AS TEXT), format_type(a.atttypid, NULL), a.attnotnull,
			COALESCE((SELECT k.n FROM pg_index x, unnest(CAST(x.indkey AS int2[])) WITH ORDINALITY AS k (att, n)
				WHERE x.indrelid = c.oid AND x.indisprimary AND k.att = a.attnum), 0)
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.relkind IN ('r', 'p') AND c.relnamespace = CAST(current_schema() AS regnamespace) ORDER BY 1, 5, a.attnum`,
	indexes: `SELECT CAST(c.relname AS TEXT), CAST(i.relname AS TEXT), x.indisunique, x.indpred IS NOT NULL, CAST(a.attname AS TEXT)
		FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
			CROSS JOIN unnest(CAST(x.indkey AS int2[])) WITH ORDINALITY AS k (att, n) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.att
		WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND NOT x.indisprimary ORDER BY 1, 2, k.n`,
	references: `SELECT CAST(c.relname AS TEXT), CAST(k.conname AS TEXT), CAST(t.relname AS TEXT), CAST(a.attname AS TEXT), CAST(b.attname AS TEXT)
		FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid
			CROSS JOIN unnest(k.conkey, k.confkey) WITH ORDINALITY AS u (here, there, n)
			JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.here JOIN pg_attribute b ON b.attrelid = t.oid AND b.attnum = u.there
		WHERE k.contype = 'f' AND k.connamespace = CAST(current_schema() AS regnamespace) ORDER BY 1, 2, u.n`,
}

func (q catalogue) tables(ctx context.Context, tx *sqldb.Tx, s schema) error {
	return each(ctx, tx, q.names, func(r sqldb.Row) error {
		var name string
		var checks int
		err := r.Scan(&name, &checks)
		if name != "goose_db_version" {
			s[name] = table{columns: map[string]column{}, indexes: map[string]index{}, checks: checks}
		}
		return err
	})
}

func (q catalogue) readColumns(ctx context.Context, tx *sqldb.Tx, s schema) error {
	return each(ctx, tx, q.columns, func(r sqldb.Row) error {
		var of, name string
		var c column
		var key int
		err := r.Scan(&of, &name, &c.kind, &c.required, &key)
		if t, ok := s[of]; ok {
			c.required = c.required || key > 0
			t.columns[name] = c
			if key > 0 {
				t.key = append(t.key, name)
				s[of] = t
			}
		}
		return err
	})
}

func (q catalogue) readIndexes(ctx context.Context, tx *sqldb.Tx, s schema) error {
	return each(ctx, tx, q.indexes, func(r sqldb.Row) error {
		var of, name, column string
		var i index
		err := r.Scan(&of, &name, &i.unique, &i.partial, &column)
		if t, ok := s[of]; ok {
			i.columns = strings.TrimSpace(t.indexes[name].columns + " " + column)
			t.indexes[name] = i
		}
		return err
	})
}

func (q catalogue) readReferences(ctx context.Context, tx *sqldb.Tx, s schema) error {
	last := ""
	return each(ctx, tx, q.references, func(r sqldb.Row) error {
		var of, name, to, here, there string
		err := r.Scan(&of, &name, &to, &here, &there)
		t, ok := s[of]
		if !ok || err != nil {
			return err
		}
		if last != of+" "+name {
			t.references = append(t.references, foreignKey{table: to})
		}
		last = of + " " + name
		f := &t.references[len(t.references)-1]
		f.columns, f.to = append(f.columns, here), append(f.to, there)
		s[of] = t
		return nil
	})
}

// each calls scan for each row.
func each(ctx context.Context, tx *sqldb.Tx, query string, scan func(sqldb.Row) error) error {
	_, err := sqldb.All(ctx, tx, func(r sqldb.Row) (struct{}, error) { return struct{}{}, scan(r) }, query)
	return err
}

func scanText(r sqldb.Row) (s string, err error) {
	err = r.Scan(&s)
	return s, err
}
