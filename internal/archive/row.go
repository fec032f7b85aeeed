package archive

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"

	"github.com/google/uuid"

	"medbook/internal/sqldb"
)

// The form of a row in a backup, and in hashes: for each column 0 if it is NULL,
// else 1 and the value. Ids are 16 bytes, integers 8 with the high one first,
// booleans 1; texts and bytes have their length before them, as a uvarint. Two
// rows have the same form only if they are the same.

// appendRow appends the form of a row.
func appendRow(b []byte, t sqldb.Table, row []any) ([]byte, error) {
	for i, v := range row {
		if v == nil {
			b = append(b, 0)
			continue
		}
		b = append(b, 1)
		switch v := v.(type) {
		case uuid.UUID:
			b = append(b, v[:]...)
		case int64:
			b = binary.BigEndian.AppendUint64(b, uint64(v))
		case bool:
			if v {
				b = append(b, 1)
			} else {
				b = append(b, 0)
			}
		case string:
			b = append(binary.AppendUvarint(b, uint64(len(v))), v...)
		case []byte:
			b = append(binary.AppendUvarint(b, uint64(len(v))), v...)
		default:
			return b, fmt.Errorf("archive: %s.%s can't be a %T", t.Name, t.Columns[i].Name, v)
		}
	}
	return b, nil
}

// readRow reads a row and returns what comes after it. It returns ErrDamaged for
// what is none.
func readRow(b []byte, t sqldb.Table) (row []any, rest []byte, err error) {
	row = make([]any, len(t.Columns))
	for i, c := range t.Columns {
		if len(b) == 0 || b[0] > 1 {
			return nil, nil, ErrDamaged
		}
		known := b[0] == 1
		b = b[1:]
		if !known {
			continue
		}
		if row[i], b, err = readValue(b, c.Type); err != nil {
			return nil, nil, err
		}
	}
	return row, b, nil
}

func readValue(b []byte, kind sqldb.Type) (v any, rest []byte, err error) {
	n, width := uint64(0), 0
	switch kind {
	case sqldb.UUID:
		n = 16
	case sqldb.BigInt:
		n = 8
	case sqldb.Boolean:
		n = 1
	case sqldb.Text, sqldb.Bytea:
		if n, width = binary.Uvarint(b); width <= 0 {
			return nil, nil, ErrDamaged
		}
		b = b[width:]
	}
	if uint64(len(b)) < n {
		return nil, nil, ErrDamaged
	}
	value, rest := b[:n], b[n:]
	switch kind {
	case sqldb.UUID:
		return uuid.UUID(value), rest, nil
	case sqldb.BigInt:
		return int64(binary.BigEndian.Uint64(value)), rest, nil
	case sqldb.Boolean:
		if value[0] > 1 {
			return nil, nil, ErrDamaged
		}
		return value[0] == 1, rest, nil
	case sqldb.Text:
		return string(value), rest, nil
	case sqldb.Bytea:
		return append([]byte{}, value...), rest, nil
	}
	return nil, nil, fmt.Errorf("archive: a column can't be %s", kind)
}

// summer sums up the rows of a table.
type summer struct {
	table string
	rows  int64
	hash  hash.Hash
}

func newSummer(t sqldb.Table) *summer { return &summer{table: t.Name, hash: sha256.New()} }

// add adds rows in their form.
func (s *summer) add(b []byte, rows int) {
	s.rows += int64(rows)
	s.hash.Write(b)
}

func (s *summer) sum() Sum {
	sum := Sum{Table: s.table, Rows: s.rows}
	s.hash.Sum(sum.Hash[:0])
	return sum
}
