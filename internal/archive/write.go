package archive

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"

	"filippo.io/age"

	"medbook/internal/sqldb"
)

// The form of a backup: an age file, in it gzip, in it
//
//	"medbook backup\n"
//	the Header as JSON, its length before it
//	for each table of the header, in that order:
//	  'R', how many rows, their length, the rows     (blocks of about 128 KiB; there may be none)
//	  'T', how many rows in all, SHA-256 of all
//	'E', how many tables
//
// with all numbers as uvarints. age authenticates every byte of the file and its
// end; the sums are for what else there is between two databases.
const (
	magic    = "medbook backup\n"
	ofRows   = 'R'
	ofTable  = 'T'
	ofEnd    = 'E'
	fullRows = 128 << 10 // bytes of rows that make a block
)

// writer writes a backup.
type writer struct {
	to    *bufio.Writer
	work  beside // compression and encryption, which take as long as reading does
	gzip  *gzip.Writer
	age   io.WriteCloser
	block []byte // rows that were not written yet
	rows  int    // how many
}

func newWriter(to io.Writer, h Header, recipients []age.Recipient) (*writer, error) {
	if len(recipients) == 0 {
		return nil, errors.New("archive: a backup is for somebody: give a recipient")
	}
	sealed, err := age.Encrypt(to, recipients...)
	if err != nil {
		return nil, err
	}
	packed, err := gzip.NewWriterLevel(sealed, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	work := newBeside(packed)
	w := &writer{to: bufio.NewWriterSize(work, 256<<10), work: work, gzip: packed, age: sealed}
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	head := binary.AppendUvarint([]byte(magic), uint64(len(text)))
	_, err = w.to.Write(append(head, text...))
	return w, err
}

// table writes the rows that each gives, and what they come to.
func (w *writer) table(t sqldb.Table, each func(do func(row []any) error) error) (Sum, error) {
	s := newSummer(t)
	err := each(func(row []any) (err error) {
		if w.block, err = appendRow(w.block, t, row); err != nil {
			return err
		}
		if w.rows++; len(w.block) >= fullRows {
			err = w.flush(s)
		}
		return err
	})
	if err == nil {
		err = w.flush(s)
	}
	if err != nil {
		return Sum{}, err
	}
	sum := s.sum()
	end := binary.AppendUvarint([]byte{ofTable}, uint64(sum.Rows))
	_, err = w.to.Write(append(end, sum.Hash[:]...))
	return sum, err
}

// flush writes a block of rows.
func (w *writer) flush(s *summer) error {
	if w.rows == 0 {
		return nil
	}
	s.add(w.block, w.rows)
	head := binary.AppendUvarint([]byte{ofRows}, uint64(w.rows))
	head = binary.AppendUvarint(head, uint64(len(w.block)))
	if _, err := w.to.Write(head); err != nil {
		return err
	}
	_, err := w.to.Write(w.block)
	w.block, w.rows = w.block[:0], 0
	return err
}

// end writes the end. Without it the backup is none.
func (w *writer) end(tables int) error {
	_, err := w.to.Write(binary.AppendUvarint([]byte{ofEnd}, uint64(tables)))
	return errors.Join(err, w.to.Flush(), w.work.Close(), w.gzip.Close(), w.age.Close())
}

// abandon ends the work on what is no backup.
func (w *writer) abandon() { _ = w.work.Close() }
