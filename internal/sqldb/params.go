package sqldb

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Values returns the groups and the flat arguments of an INSERT of many rows:
// "($1,$2),($3,$4)". Both engines take 30,000 arguments, SQLite in a time that
// grows with their square; a few thousand are no trouble.
func Values(rows ...[]any) (groups string, args []any) {
	var b strings.Builder
	for i, row := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		b.WriteString(params(len(args)+1, len(row)))
		b.WriteByte(')')
		args = append(args, row...)
	}
	return b.String(), args
}

// In returns the n parameters of an IN list, the first numbered from:
// "$3,$4,$5". Of none it returns "NULL", in which no value is.
func In(from, n int) string {
	if n == 0 {
		return "NULL"
	}
	return params(from, n)
}

// Among returns a condition such as " AND kind IN ($2, $3)", for "kind IN" and a
// list that it adds to args. There is none over an empty list.
func Among(args *[]any, is string, list []string) string {
	if len(list) == 0 {
		return ""
	}
	from := len(*args) + 1
	for _, v := range list {
		*args = append(*args, v)
	}
	return " AND " + is + " (" + In(from, len(list)) + ")"
}

func params(from, n int) string {
	b := make([]byte, 0, 5*n)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '$')
		b = strconv.AppendInt(b, int64(from+i), 10)
	}
	return string(b)
}

// bind turns arguments into what both engines take alike. It refuses what only
// one of them would: lists, maps, times, texts that are not text.
func bind(args []any) ([]any, error) {
	bound := make([]any, len(args))
	for i, arg := range args {
		v, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			return nil, fmt.Errorf("sqldb: $%d can't be a %T", i+1, arg)
		}
		switch v := v.(type) {
		case string:
			if !utf8.ValidString(v) || strings.IndexByte(v, 0) >= 0 {
				return nil, ErrInvalidText
			}
		case time.Time:
			return nil, errors.New("sqldb: a time is bound as an Instant")
		}
		bound[i] = v
	}
	return bound, nil
}
