package check

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"medbook/internal/sqldb"
)

// partRows is how many rows a snapshot is used for.
const partRows = 2000

// part is some rows of a table.
type part struct {
	rows   int
	last   []any // the key of the last one; nil if the table ends there
	broken []broken
}

// broken is a row with which something is wrong: what, by its place in the list.
type broken struct {
	key  []Part
	what int
}

// part looks at the rows after a key, or at the first ones.
func (r Rows) part(ctx context.Context, tx *sqldb.Tx, after []any) (p part, err error) {
	key := "(r." + strings.Join(r.Key, ", r.") + ")"
	order := strings.Trim(key, "()")
	where := "TRUE"
	if r.Where != "" {
		where = r.Where
	}
	if after != nil {
		where += " AND " + key + " > (" + sqldb.In(1, len(after)) + ")"
	}
	from := " FROM " + r.Table + " r "
	p.last, err = sqldb.One(ctx, tx, scanAll(len(r.Key)), fmt.Sprintf(`SELECT %s%sWHERE %s ORDER BY %s LIMIT 1 OFFSET %d`,
		order, from, where, order, partRows-1), after...)
	args := after
	switch {
	case err == nil:
		p.rows = partRows
		where += " AND " + key + " <= (" + sqldb.In(len(after)+1, len(r.Key)) + ")"
		args = append(append([]any{}, after...), p.last...)
	case errors.Is(err, sqldb.ErrNoRows):
		p.last = nil
		p.rows, err = sqldb.One(ctx, tx, scanInt, `SELECT COUNT(*)`+from+`WHERE `+where, after...)
	}
	if err != nil || p.rows == 0 {
		return p, err
	}
	columns := make([]string, len(r.Key))
	for i, k := range r.Key {
		columns[i] = fmt.Sprintf("r.%s AS k%d", k, i)
	}
	p.broken, err = sqldb.All(ctx, tx, r.scanBroken, `SELECT x.* FROM (SELECT `+strings.Join(columns, ", ")+`, `+r.what()+` AS what`+
		from+r.Join+` WHERE `+where+`) x WHERE x.what IS NOT NULL`, args...)
	return p, err
}

// what is the place of what is wrong with a row in the list, NULL if nothing is.
func (r Rows) what() string {
	var b strings.Builder
	b.WriteString("CASE")
	for i, broken := range r.Broken {
		fmt.Fprintf(&b, " WHEN %s THEN %d", broken.When, i)
	}
	return b.String() + " END"
}

func (r Rows) scanBroken(row sqldb.Row) (b broken, err error) {
	values := make([]any, len(r.Key))
	targets := make([]any, 0, len(r.Key)+1)
	for i := range values {
		targets = append(targets, &values[i])
	}
	if err := row.Scan(append(targets, &b.what)...); err != nil {
		return b, err
	}
	for i, v := range values {
		b.key = append(b.key, Part{r.Key[i], text(v)})
	}
	return b, nil
}

// text writes the value of a key.
func text(v any) string {
	if b, ok := v.([]byte); ok {
		return fmt.Sprintf("%x", b)
	}
	return fmt.Sprint(v)
}

// scanAll reads n columns as they are.
func scanAll(n int) func(sqldb.Row) ([]any, error) {
	return func(row sqldb.Row) ([]any, error) {
		values, targets := make([]any, n), make([]any, n)
		for i := range values {
			targets[i] = &values[i]
		}
		return values, row.Scan(targets...)
	}
}

func scanInt(r sqldb.Row) (n int, err error) {
	err = r.Scan(&n)
	return n, err
}
