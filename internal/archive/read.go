package archive

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"

	"medbook/internal/sqldb"
)

const (
	mostHeader = 4 << 20  // bytes of a header
	mostBlock  = 64 << 20 // and of a block of rows; one row may be long
)

// reader reads a backup.
type reader struct {
	Header

	from  *bufio.Reader
	work  *io.PipeReader // decryption, and unpacking
	block []byte
}

// close ends the work.
func (r *reader) close() { _ = r.work.Close() }

// open reads a backup's header. It returns ErrIdentity, ErrNoBackup, ErrNewerForm
// or ErrDamaged. The libraries' errors say nothing of more use.
func open(from io.Reader, identities []age.Identity) (r *reader, err error) {
	plain, err := age.Decrypt(from, identities...)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none):
		return nil, ErrIdentity
	case err != nil:
		return nil, fmt.Errorf("%w, or it was damaged", ErrNoBackup)
	}
	packed, err := gzip.NewReader(plain)
	if err != nil {
		return nil, ErrDamaged
	}
	work := readBeside(packed)
	r = &reader{from: bufio.NewReaderSize(work, 256<<10), work: work}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(r.from, head); err != nil {
		return nil, ErrDamaged
	}
	if string(head) != magic {
		return nil, ErrNoBackup
	}
	text, err := r.bytes(mostHeader)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &r.Header); err != nil {
		return nil, ErrDamaged
	}
	if r.Form > form {
		return nil, ErrNewerForm
	}
	return r, nil
}

// number reads a number of at most so much.
func (r *reader) number(most uint64) (uint64, error) {
	n, err := binary.ReadUvarint(r.from)
	if err != nil {
		return 0, ErrDamaged
	}
	if n > most {
		return 0, ErrDamaged
	}
	return n, nil
}

// bytes reads a length, and as many bytes, which are good until the next call.
func (r *reader) bytes(most uint64) ([]byte, error) {
	n, err := r.number(most)
	if err != nil {
		return nil, err
	}
	if uint64(cap(r.block)) < n {
		r.block = make([]byte, n)
	}
	r.block = r.block[:n]
	if _, err := io.ReadFull(r.from, r.block); err != nil {
		return nil, ErrDamaged
	}
	return r.block, nil
}

// table calls do for blocks of rows of a table, and returns what they come to, which
// is what they came to when they were written. It returns ErrDamaged or
// do's error.
func (r *reader) table(t sqldb.Table, do func(rows [][]any) error) (Sum, error) {
	s := newSummer(t)
	for {
		kind, err := r.from.ReadByte()
		if err != nil {
			return Sum{}, ErrDamaged
		}
		switch kind {
		case ofRows:
			rows, err := r.rows(t, s)
			if err != nil {
				return Sum{}, err
			}
			if err := do(rows); err != nil {
				return Sum{}, err
			}
		case ofTable:
			sum := s.sum()
			want := Sum{Table: t.Name}
			n, err := r.number(1 << 62)
			if err != nil {
				return Sum{}, err
			}
			want.Rows = int64(n)
			if _, err := io.ReadFull(r.from, want.Hash[:]); err != nil {
				return Sum{}, ErrDamaged
			}
			if sum != want {
				return Sum{}, ErrDamaged
			}
			return sum, nil
		default:
			return Sum{}, ErrDamaged
		}
	}
}

// rows reads a block.
func (r *reader) rows(t sqldb.Table, s *summer) ([][]any, error) {
	n, err := r.number(mostBlock)
	if err != nil {
		return nil, err
	}
	block, err := r.bytes(mostBlock)
	if err != nil {
		return nil, err
	}
	s.add(block, int(n))
	var rows [][]any
	for range n {
		var row []any
		if row, block, err = readRow(block, t); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	if len(block) > 0 {
		return nil, ErrDamaged
	}
	return rows, nil
}

// end reads the end of the backup, after which there is nothing.
func (r *reader) end() error {
	kind, err := r.from.ReadByte()
	if err != nil {
		return ErrDamaged
	}
	n, err := r.number(1 << 20)
	if err != nil {
		return err
	}
	if kind != ofEnd || n != uint64(len(r.Tables)) {
		return ErrDamaged
	}
	switch _, err := r.from.ReadByte(); {
	case err == nil:
		return ErrDamaged
	case !errors.Is(err, io.EOF):
		return ErrDamaged
	}
	return nil
}

// Inspect reads a backup to its end, and returns what it is of and what its tables
// come to. Of one that is damaged it returns the header, if that could be read,
// and the error. It needs no database.
func Inspect(from io.Reader, identities []age.Identity) (h Header, sums []Sum, err error) {
	r, err := open(from, identities)
	if err != nil {
		return h, nil, err
	}
	defer r.close()
	for _, t := range r.Tables {
		s, err := r.table(t, func([][]any) error { return nil })
		if err != nil {
			return r.Header, sums, err
		}
		sums = append(sums, s)
	}
	return r.Header, sums, r.end()
}
