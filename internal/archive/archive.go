// Package archive takes a clinic out of its database and puts it into another: as a
// backup, which is one encrypted file, or as a copy from database to database. It
// owns no table.
//
// Rules that it keeps:
//
//   - A backup is of one instant: what somebody was told before it that it is done,
//     is in the backup. Servers go on meanwhile.
//   - Nothing leaves the database but encrypted (age), and the installation's keys,
//     which open what is clinical, are in no backup.
//   - A database is filled only if there is nothing in it, and is served only once
//     every row of every table was compared with what it was made of, by count and
//     SHA-256. Whatever interrupts this leaves a database that no server opens.
//   - What the clinic sent, or may have sent, is not sent again by a restored one.
//   - Which tables there are, and in which order, is asked of the migrations. Rows
//     have one form whatever the engine.
package archive

import (
	"encoding/hex"
	"errors"
	"time"

	"github.com/google/uuid"

	"medbook/internal/sqldb"
)

// Errors that a caller may act on.
var (
	ErrNoBackup  = errors.New("this is no backup of medbook")
	ErrDamaged   = errors.New("the backup is damaged, or was cut off")
	ErrIdentity  = errors.New("none of the identities opens this backup")
	ErrNewerForm = errors.New("the backup was made by a newer version of this program: restore it with that one")
	ErrDiffers   = errors.New("what was loaded is not what there was")
	ErrTampered  = errors.New("the audit trail in the backup is not what was signed for")
)

// Header says what a backup is of.
type Header struct {
	Form    int           `json:"form"` // of the file: form
	ID      uuid.UUID     `json:"id"`
	At      time.Time     `json:"at"`      // of the snapshot, by the clock of the database
	Program string        `json:"program"` // the version that made it
	Engine  string        `json:"engine"`  // "sqlite" or "postgres"
	Schema  int64         `json:"schema"`  // the version of the tables
	Tables  []sqldb.Table `json:"tables"`  // in the order of their rows
}

// form is the version of the file's form that this program writes. It reads none
// that is newer.
const form = 1

// Sum is how many rows a table has, and the SHA-256 of all of them in the order of
// their keys.
type Sum struct {
	Table string
	Rows  int64
	Hash  [32]byte
}

// String says both in a line.
func (s Sum) String() string { return hex.EncodeToString(s.Hash[:]) }

// total counts the rows of all tables.
func total(sums []Sum) (rows int64) {
	for _, s := range sums {
		rows += s.Rows
	}
	return rows
}

// Progress is told how a long work goes on. Its methods are called from one
// goroutine.
type Progress interface {
	// Begin says what is begun, and how many rows there are to do; 0: nobody knows.
	Begin(what string, rows int64)
	// Add says that so many more are done.
	Add(rows int)
	// End says that it is over.
	End()
}

// quiet is for whoever does not want to know.
type quiet struct{}

func (quiet) Begin(string, int64) {}
func (quiet) Add(int)             {}
func (quiet) End()                {}

func orQuiet(p Progress) Progress {
	if p == nil {
		return quiet{}
	}
	return p
}
