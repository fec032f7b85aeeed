package directory

import (
	"context"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"medbook/internal/audit"
	"medbook/internal/auth"
	"medbook/internal/errs"
	"medbook/internal/phi"
	"medbook/internal/sqldb"
)

// MostFound is how many patients a search answers at most.
const MostFound = 50

// The shortest and the longest text that is searched for, in characters.
const (
	leastSearch = 2
	mostSearch  = 100
)

// PatientSearch says which patients are looked for: those whose name holds each
// word of Query, in whatever case and order, and those whose e-mail address or
// date of birth (YYYY-MM-DD) it is.
type PatientSearch struct {
	Query phi.Value[string]
	Limit int // 1 to MostFound; MostFound when zero
}

// FindPatients returns patients in the order of their names, as the database
// sorts them folded, then of their ids: to a practitioner of those in their care,
// to admins of all. It returns auth.ErrForbidden or ErrInvalidSearch.
func (s *Service) FindPatients(ctx context.Context, by auth.Actor, q PatientSearch) (found []Patient, err error) {
	defer errs.Wrap(&err, "search patients")
	in := by.Intends("patient.search", "patient", "")
	if !by.Is(auth.Practitioner, auth.Admin) {
		return nil, audit.Refuse(ctx, s.DB, in, auth.ErrForbidden)
	}
	wanted, err := termsOf(q.Query)
	if err != nil {
		return nil, err
	}
	if q.Limit <= 0 || q.Limit > MostFound {
		q.Limit = MostFound
	}
	return audit.Read(ctx, s.DB, in, func(ctx context.Context, tx *sqldb.Tx, seen *audit.Seen) ([]Patient, error) {
		found, err := patientsFound(ctx, tx, by, wanted, q.Limit)
		see(seen, found)
		return found, err
	})
}

// terms are a search in plain text, between the phi value and the statement.
type terms struct {
	words       []string // folded, at least one
	email, born string
}

// parseTerms reads what is searched for. The length is judged as folded too: two
// spaces would match everybody.
func parseTerms(query string) (terms, error) {
	folded := fold(query)
	if utf8.RuneCountInString(folded) < leastSearch || utf8.RuneCountInString(query) > mostSearch {
		return terms{}, ErrInvalidSearch.Field("q", "must have "+strconv.Itoa(leastSearch)+" to "+strconv.Itoa(mostSearch)+" characters, without the space around it")
	}
	return terms{words: strings.Fields(folded), email: auth.FoldEmail(query), born: strings.TrimSpace(query)}, nil
}

// indexBatch is how many patients IndexPatients looks at in one transaction.
const indexBatch = 500

// IndexPatients brings what patients are searched by in line with their names,
// where that is missing or old: who was a patient before there was a search, and
// whom a server of the version before, or another program, made or renamed. It
// may run beside any change, and run again at any time.
func IndexPatients(ctx context.Context, db *sqldb.DB) (err error) {
	defer errs.Wrap(&err, "index patients")
	after := uuid.Nil
	for {
		var entries []entry
		err := db.View(ctx, func(ctx context.Context, tx *sqldb.Tx) (err error) {
			entries, err = entriesAfter(ctx, tx, after, indexBatch)
			return err
		})
		if err != nil || len(entries) == 0 {
			return err
		}
		if err := mend(ctx, db, entries); err != nil {
			return err
		}
		after = entries[len(entries)-1].patient
	}
}

// mend writes the entries that are missing or stale, and nothing if none is.
func mend(ctx context.Context, db *sqldb.DB, entries []entry) error {
	var missing, stale []entry
	for _, e := range entries {
		switch {
		case e.missing():
			missing = append(missing, e)
		case e.stale():
			stale = append(stale, e)
		}
	}
	if len(missing)+len(stale) == 0 {
		return nil
	}
	return db.Update(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if err := insertEntries(ctx, tx, missing); err != nil {
			return err
		}
		for _, e := range stale {
			if err := renewEntry(ctx, tx, e.patient); err != nil {
				return err
			}
		}
		return nil
	})
}
